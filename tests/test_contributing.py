"""The guide's example of a new kernel is taken from the page and run through the contracts."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

from ogive.estimators import KernelRidge
from ogive.testing import (
    KERNEL_OPERATOR_CHECKS,
    OPERATOR_CHECKS,
    KernelCase,
    check_kernel,
    operator_case,
)

GUIDE = Path(__file__).parent.parent / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    module_code, line = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    path = tmp_path_factory.mktemp("guide") / "cauchy_of_the_guide.py"
    path.write_text(module_code)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # pickling looks it up there
    spec.loader.exec_module(module)
    yield eval(line, {"KernelCase": KernelCase, "Cauchy": module.Cauchy})
    del sys.modules[path.stem]


def test_new_kernel_passes_the_kernel_contract(case):
    check_kernel(case)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_new_kernel_passes_the_operator_contract(case, dtype):
    for check in OPERATOR_CHECKS:
        check(operator_case(case, dtype, 7, 5, 3, memory="1 MB"))
    for check in KERNEL_OPERATOR_CHECKS:
        check(case, dtype)


def test_new_kernel_works_in_an_estimator(case):
    X = case.rows(30, 2, torch.float64)
    model = KernelRidge(1e-6, kernel=case.kernel).fit(X, X[:, 0] * X[:, 1])
    assert model.score(X, X[:, 0] * X[:, 1]) > 0.99
