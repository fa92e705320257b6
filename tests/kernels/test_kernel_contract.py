"""Every kernel, type and shape edge against the kernel contract."""

import pytest
import torch

from ogive.testing import KERNEL_CASES, MATRIX_CHECKS, VALUE_CHECKS

SHAPES = [(1, 1, 1), (2, 7, 3), (7, 2, 2), (7, 7, 4)]

every_case = pytest.mark.parametrize("case", KERNEL_CASES, ids=str)


def name(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@every_case
@pytest.mark.parametrize("check", MATRIX_CHECKS, ids=name)
def test_matrices(check, case, dtype):
    for shape in SHAPES:
        check(case, dtype, *shape)


@every_case
@pytest.mark.parametrize("check", VALUE_CHECKS, ids=name)
def test_values(check, case):
    check(case, torch.float64, 7, 2, 3)
