"""The kernel operator against both operator contracts, over every kernel; arbitrary budgets."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidParameterError
from ogive.kernels import AdditiveSigmoid, Gaussian, Linear, Sigmoid
from ogive.operators import KernelOperator
from ogive.testing import (
    KERNEL_CASES,
    KERNEL_OPERATOR_CHECKS,
    OPERATOR_CHECKS,
    OperatorCase,
    assert_close,
    check_bit_exact,
    operator_case,
)

# Rows, columns (none: both sides are one) and features; 7 kB cuts the larger ones into tiles.
SHAPES = {
    torch.float32: [(1, 1, 1), (40, 36, 3)],
    torch.float64: [(1, 40, 3), (40, None, 2)],
}
DTYPES = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64], ids=["float32", "float64"]
)
every_case = pytest.mark.parametrize("case", KERNEL_CASES, ids=str)


def name(check):
    return check.__name__.removeprefix("check_")


@DTYPES
@every_case
@pytest.mark.parametrize("check", OPERATOR_CHECKS, ids=name)
def test_operator_contract(check, case, dtype):
    for n, m, d in SHAPES[dtype]:
        check(operator_case(case, dtype, n, m, d, memory="7 kB"))


@DTYPES
@every_case
@pytest.mark.parametrize("check", KERNEL_OPERATOR_CHECKS, ids=name)
def test_kernel_operator_contract(check, case, dtype):
    check(case, dtype)


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(3000, 40_000),
    st.booleans(),
    st.sampled_from([torch.float32, torch.float64]),
    st.sampled_from(KERNEL_CASES),
)
def test_any_shape_and_budget(n, m, memory, square, dtype, case):
    made = operator_case(case, dtype, n, None if square else m, 2, memory=memory)
    try:
        op = made.make(lambda array: array)
    except InvalidParameterError as error:
        assert f"memory={memory}" in str(error)
        return
    v = made.vectors(op.shape[1], 2)
    made.assert_product(op @ v, v, f"{op}, {memory}")


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 100),
    st.integers(0, 1000),
    st.sampled_from([256, 512]),
)
def test_inner_products_of_whole_numbers_are_exact(n, m, d, seed, levels):
    check_bit_exact(n, m, d, seed, levels)


# Large enough for the fast products to be taken, and for float32 to hold the sums.
@pytest.mark.parametrize(("width", "levels"), [(300, 256), (200, 512)])
def test_inner_products_of_many_whole_numbers_are_exact(width, levels):
    check_bit_exact(200, 150, width, levels=levels)


def test_more_rows_than_the_largest_tile():
    # Tiles have at most 2048 rows: 2100 rows take four tiles whatever the budget.
    X = np.random.default_rng(0).uniform(-1, 1, (2100, 2)).astype(np.float32)
    kernel = Sigmoid(0.5, -0.2)
    op = KernelOperator(kernel, X)
    dense = np.tanh(0.5 * X.astype(float) @ X.astype(float).T - 0.2)
    made = OperatorCase(lambda _: op, dense, torch.float32)
    v = made.vectors(2100, 2)
    made.assert_product(op @ v, v, "2100 rows")
    heights = [block.shape[0] for _, block in op.row_blocks()]
    assert heights == [2048, 52]


def test_names_of_rules_are_resolved_on_the_rows_of_x():
    X, Z = (np.random.default_rng(s).normal(size=(n, 3)) for s, n in ((0, 9), (1, 4)))
    op = KernelOperator(Sigmoid("scale", "suggest"), X, 5 * Z)
    assert op.kernel == Sigmoid("scale", "suggest").resolve(X)
    assert op.T.kernel == op.kernel


def test_one_object_on_both_sides_is_symmetric():
    X = np.ones((3, 2))
    assert KernelOperator(Linear(), X).symmetric and KernelOperator(Linear(), X, X).symmetric
    assert not KernelOperator(Linear(), X, X.copy()).symmetric
    assert not KernelOperator(AdditiveSigmoid.random(2), X).symmetric


@pytest.mark.parametrize("kernel", [Sigmoid(0.4, -0.2), Gaussian(0.5)], ids=str)
def test_no_gradient_reaches_what_needs_none(kernel):
    x = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    v = torch.rand(5, 1, dtype=torch.float64)
    op = KernelOperator(kernel, x)
    with torch.no_grad():
        assert not (op @ v).requires_grad
    assert not op.to_dense().requires_grad
    assert (op @ v).requires_grad and op.rows([0]).requires_grad and op.diagonal().requires_grad
    for _, block in op.row_blocks():
        assert not block.requires_grad


def test_a_gradient_of_a_gradient_is_refused():
    x = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    answer = KernelOperator(Sigmoid(0.3, 0.0), x) @ torch.ones(5, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(answer.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError):
        gradient.sum().backward()


def test_gradients_of_mixed_types_have_the_type_of_their_input():
    x = torch.rand(20, 2, requires_grad=True)
    v = torch.rand(20, 1, dtype=torch.float64, requires_grad=True)
    gamma = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    (KernelOperator(Sigmoid(gamma, 0.1), x) @ v).sum().backward()
    assert x.grad.dtype == torch.float32
    assert v.grad.dtype == gamma.grad.dtype == torch.float64
    xd, vd = x.detach().double().requires_grad_(), v.detach().requires_grad_()
    gd = gamma.detach().requires_grad_()
    (Sigmoid(gd, 0.1)(xd) @ vd).sum().backward()
    for mine, other in ((x.grad, xd.grad), (v.grad, vd.grad), (gamma.grad, gd.grad)):
        assert_close(mine, other, "gradient", torch.float32, size=10 + other.abs().max())


def test_a_backward_pass_without_room_says_how_much_it_needs():
    x = torch.rand(40, 2, requires_grad=True)
    op = KernelOperator(Sigmoid(0.3, 0.1), x, memory=1024)
    answer = (op @ torch.ones(40)).sum()
    with pytest.raises(InvalidParameterError, match="at least"):
        answer.backward()


def test_printed_form_names_kernel_shape_and_precision():
    op = KernelOperator(Sigmoid(0.3, 0.1), np.random.default_rng(0).normal(size=(4, 2)))
    assert repr(op) == (
        "KernelOperator(Sigmoid(gamma=0.3, coef0=0.1), shape=(4, 4), dtype=torch.float64, "
        "precision='full')"
    )


@pytest.mark.parametrize("step", [1.0, 0.37], ids=["whole numbers", "any numbers"])
@pytest.mark.parametrize("sign", [1, -1])
def test_parameters_beyond_float32_are_refused_by_name(step, sign):
    x = step * torch.arange(1.0, 13.0).reshape(4, 3)
    with pytest.raises(InvalidParameterError, match=r"1e\+300.*float32.*gamma"):
        KernelOperator(Sigmoid(sign * 1e300, 0.5), x) @ torch.ones(4)
