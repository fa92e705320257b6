"""The guide's examples are taken from the page and run through the contracts."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

from ogive.estimators import KernelRidge
from ogive.testing import (
    KERNEL_OPERATOR_CHECKS,
    LAYER_CHECKS,
    OPERATOR_CHECKS,
    KernelCase,
    LayerCase,
    check_kernel,
    operator_case,
)

GUIDE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def blocks():
    """Return the page's Python: a module and a line for a kernel, and the same for a layer."""
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def imported(code, name, folder):
    path = folder / f"{name}.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickling looks it up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    code, line, _, _ = blocks()
    module = imported(code, "cauchy_of_the_guide", tmp_path_factory.mktemp("guide"))
    yield eval(line, {"KernelCase": KernelCase, "Cauchy": module.Cauchy})
    del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def layer_case(tmp_path_factory):
    _, _, code, line = blocks()
    module = imported(code, "cosine_linear_of_the_guide", tmp_path_factory.mktemp("guide"))
    yield eval(line, {"LayerCase": LayerCase, "torch": torch, **vars(module)})
    del sys.modules[module.__name__]


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


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
def test_new_layer_passes_the_layer_contract(layer_case, check):
    check(layer_case)


def test_new_layer_sees_directions_only(layer_case):
    layer, x = layer_case.make(torch.float64), torch.randn(5, 4, dtype=torch.float64)
    assert torch.allclose(layer(x), layer(3 * x))
    assert not torch.allclose(layer(x), layer(-x))
