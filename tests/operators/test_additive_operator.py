"""The additive operator against a naive oracle, its error bound, and its laws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.kernels import AdditiveSigmoid, Logistic
from ogive.operators.additive_operator import AdditiveOperator
from ogive.operators.chebyshev import (
    chebyshev_nodes,
    choose_plan,
    coefficient_matrix,
    interpolation_bound,
    signed_basis,
)


def oracle(alpha, beta, gamma, weight, X, Z):
    """Return Σ_h w_h / (1 + exp(-(a + b))) in float64, one head and one row at a time."""
    X, Z = np.asarray(X, np.float64), np.asarray(Z, np.float64)
    K = np.zeros((len(X), len(Z)))
    with np.errstate(over="ignore"):  # exp(-z) may overflow: 1 / inf is the right 0
        for h in range(len(alpha)):
            for i, x in enumerate(X):
                a = float(np.dot(alpha[h], x)) + gamma[h]
                K[i] += weight[h] / (1.0 + np.exp(-(a + Z @ beta[h])))
    return K


def axes(heads, weight):
    """Return a kernel whose projections are the features themselves, hence free of rounding."""
    return AdditiveSigmoid(np.eye(heads), np.eye(heads), np.zeros(heads), weight)


def axes_oracle(heads, weight, X, Z):
    return oracle(np.eye(heads), np.eye(heads), np.zeros(heads), weight, X, Z)


def normal(*shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=shape)


def random_case(heads=3, d=4, seed=0):
    alpha, beta = normal(heads, d, seed=seed), normal(heads, d, seed=seed + 1)
    gamma, weight = normal(heads, seed=seed + 2), normal(heads, seed=seed + 3)
    return alpha, beta, gamma, weight


# The error bound --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    heads=st.integers(1, 3),
    scale=st.floats(1e-3, 200.0),
    shift=st.floats(-100.0, 100.0),
    exponent=st.floats(-14.0, -1.0),
    single=st.booleans(),
    rows=st.integers(1, 300),
    columns=st.integers(1, 60),
    seed=st.integers(0, 10**6),
)
def test_every_error_is_within_the_bound(
    heads, scale, shift, exponent, single, rows, columns, seed
):
    dtype = np.float32 if single else np.float64
    tolerance = max(10.0**exponent, 1.5e-7 if single else 0.0)
    X = (shift + normal(rows, heads, seed=seed, scale=scale)).astype(dtype)
    Z = normal(columns, heads, seed=seed + 1, scale=scale).astype(dtype)
    weight = normal(heads, seed=seed + 2).astype(dtype)
    op = AdditiveOperator(axes(heads, weight), X, Z, tolerance=tolerance)
    K = axes_oracle(heads, weight.astype(np.float64), X, Z)
    for V in (np.eye(columns, dtype=dtype), normal(columns, 3, seed=seed + 3).astype(dtype)):
        answer = op @ V
        assert answer.dtype == dtype
        assert (np.abs(answer - K @ V.astype(np.float64)) <= op.error_bound(V)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pieces", ["one", "many"])
def test_bound_covers_rounding_of_long_sums(dtype, pieces):
    X = normal(2000, 1, scale=0.5 if pieces == "one" else 30.0).astype(dtype)
    Z = normal(20_000, 1, seed=1, scale=3.0).astype(dtype)
    V = np.abs(normal(20_000, 2, seed=2)).astype(dtype)  # no cancellation: errors are largest
    op = AdditiveOperator(axes(1, [1.0]), X, Z, tolerance=float(np.finfo(dtype).eps))
    assert (op.plans[0].pieces == 1) == (pieces == "one")
    exact = axes_oracle(1, [1.0], X[:50], Z) @ V.astype(np.float64)
    assert (np.abs((op @ V)[:50] - exact) <= op.error_bound(V)).all()


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("scale", [0.3, 3.0, 30.0])
def test_bound_is_not_loose(tolerance, scale):
    X = np.linspace(-scale, scale, 800)[:, None]
    op = AdditiveOperator(axes(1, [1.0]), X, tolerance=tolerance)
    error = np.abs(op @ np.eye(800) - axes_oracle(1, [1.0], X, X)).max()
    assert error <= op.entry_bound <= 1e4 * error
    assert tolerance / 30 < op.plans[0].bound <= tolerance  # no more nodes than needed, either


def test_bound_and_error_decrease_with_tolerance():
    X = normal(400, 2, scale=5.0)
    V, K = np.eye(400), axes_oracle(2, [1.0, -2.0], X, X)
    bounds, errors = [], []
    for tolerance in (1e-2, 1e-5, 1e-8, 1e-11):
        op = AdditiveOperator(axes(2, [1.0, -2.0]), X, tolerance=tolerance)
        assert op.entry_bound <= 3.0 * tolerance + 1e-11
        bounds.append(op.entry_bound)
        errors.append(np.abs(op @ V - K).max())
    assert bounds == sorted(bounds, reverse=True)
    assert errors == sorted(errors, reverse=True)


def test_error_bound_is_the_entry_bound_times_the_column_norms():
    op = AdditiveOperator(axes(1, [1.0]), normal(5, 1))
    V = normal(5, 3)
    np.testing.assert_allclose(op.error_bound(V), op.entry_bound * np.abs(V).sum(0))
    assert op.error_bound(torch.from_numpy(V)).shape == (3,)
    assert op.error_bound(V[:, 0]).shape == ()


# The mathematics underneath ---------------------------------------------------------------------


def test_basis_is_the_chebyshev_polynomials_up_to_the_stated_signs():
    x = np.linspace(-1, 1, 101)
    sign = np.where(np.arange(12) % 4 < 2, 1.0, -1.0)[:, None]
    expected = sign * np.cos(np.arange(12)[:, None] * np.arccos(x))
    out = torch.empty(12, 101, dtype=torch.float64)
    for basis in (
        signed_basis(torch.from_numpy(x), 12),
        signed_basis(torch.from_numpy(x), 12, out),
    ):
        np.testing.assert_allclose(basis.numpy(), expected, atol=1e-13)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_interpolation_reproduces_the_values_at_the_nodes(count):
    nodes = chebyshev_nodes(count)
    values = normal(count)
    basis = signed_basis(torch.from_numpy(nodes), count).numpy()
    np.testing.assert_allclose(basis.T @ (coefficient_matrix(count) @ values), values, atol=1e-13)


@settings(max_examples=50, deadline=None)
@given(width=st.floats(0.0, 1e4), centre=st.floats(-1e4, 1e4), exponent=st.floats(-15.0, -0.5))
def test_plan_meets_its_tolerance_with_the_fewest_nodes(width, centre, exponent):
    plan = choose_plan(centre - width, centre + width, 10_000, 10_000, 10.0**exponent)
    assert plan.low <= centre - width and plan.high >= centre + width
    assert plan.bound <= 10.0**exponent * (1 + 1e-9)
    if plan.nodes > 1:
        assert interpolation_bound(plan.half, plan.nodes - 1) > 10.0**exponent


def test_cost_is_linear_counted_in_nodes():
    X = np.linspace(-10, 10, 40_000)[:, None]
    ranks = [AdditiveOperator(axes(1, [1.0]), X[:: 40_000 // n]).rank for n in (400, 4000, 40_000)]
    assert max(ranks) < 1.3 * min(ranks)  # evaluations are rank · m + nodes · n
    assert max(ranks) < 200


def test_pieces_without_rows_have_no_nodes():
    rows = np.concatenate([normal(3000, 1), np.full((1, 1), 1000.0)])
    op = AdditiveOperator(axes(1, [1.0]), rows)
    assert op.plans[0].pieces > 4
    assert op.rank < op.plans[0].nodes * op.plans[0].pieces / 2


# Laws ---------------------------------------------------------------------------------------------


def test_random_heads_agree_with_the_oracle():
    case = random_case()
    X, Z = normal(120, 4, seed=5), normal(90, 4, seed=6)
    kernel, V = AdditiveSigmoid(*case), normal(90, 4, seed=7)
    op = AdditiveOperator(kernel, X, Z, tolerance=1e-10)
    K = oracle(*case, X, Z)
    assert (np.abs(op @ V - K @ V) <= op.error_bound(V)).all()
    np.testing.assert_allclose(op @ V[:, 0], (op @ V)[:, 0], atol=1e-12)
    W = normal(120, 2, seed=8)
    assert (np.abs(op.T @ W - K.T @ W) <= op.T.error_bound(W)).all()
    assert op.T.shape == (90, 120)


def test_adjoint_and_tied_symmetry_hold_within_the_bounds():
    X = normal(150, 4)
    tied = AdditiveOperator(AdditiveSigmoid(normal(3, 4, seed=1), gamma=[0.5, 0.0, -1.0]), X)
    assert tied.kernel.symmetric
    a, b = normal(150, seed=2), normal(150, seed=3)
    room = tied.entry_bound * np.abs(a).sum() * np.abs(b).sum()
    assert abs(a @ (tied @ b) - (tied.T @ a) @ b) <= 2 * room
    dense = tied @ np.eye(150)
    assert np.abs(dense - dense.T).max() <= 2 * tied.entry_bound


def test_diagonal_rows_and_dense_are_not_interpolated():
    case = random_case()
    X = normal(40, 4)
    op = AdditiveOperator(AdditiveSigmoid(*case), X, tolerance=0.1)
    K = oracle(*case, X, X)
    np.testing.assert_allclose(op.to_dense(), K, atol=1e-13)
    np.testing.assert_allclose(op.diagonal(), np.diag(K), atol=1e-13)
    np.testing.assert_allclose(op.rows([3, -1]), K[[3, -1]], atol=1e-13)
    assert np.abs(op @ np.eye(40) - K).max() > 1e-6  # and the product is


@pytest.mark.parametrize("n, m", [(1, 1), (1, 50), (50, 1)])
def test_one_row_one_column(n, m):
    X, Z = normal(n, 2, scale=4.0), normal(m, 2, seed=1, scale=4.0)
    op = AdditiveOperator(axes(2, [1.0, 0.5]), X, Z)
    K = axes_oracle(2, [1.0, 0.5], X, Z)
    assert np.abs(op @ np.eye(m) - K).max() <= op.entry_bound
    assert np.abs(op.T @ np.eye(n) - K.T).max() <= op.T.entry_bound
    assert (op @ np.ones((m, 0))).shape == (n, 0)


def test_constant_projections():
    X = np.full((200, 1), 2.5)
    op = AdditiveOperator(axes(1, [1.0]), X, normal(30, 1))
    K = axes_oracle(1, [1.0], X, normal(30, 1))
    assert np.abs(op @ np.eye(30) - K).max() <= op.entry_bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_very_wide_ranges_saturate(dtype):
    X = np.linspace(-1e4, 1e4, 3001, dtype=dtype)[:, None]
    Z = normal(20, 1).astype(dtype)
    op = AdditiveOperator(axes(1, [1.0]), X, Z)
    assert op.plans[0].high - op.plans[0].low < 90  # clamped: not 20,000
    error = np.abs(op @ np.eye(20, dtype=dtype) - axes_oracle(1, [1.0], X, Z))
    assert error.max() <= op.entry_bound
    wide = AdditiveOperator(axes(1, [1.0]), Z, X)  # here v is wide and u narrow
    error = np.abs(wide @ np.eye(3001, dtype=dtype) - axes_oracle(1, [1.0], Z, X))
    assert error.max() <= wide.entry_bound
    both = AdditiveOperator(axes(1, [1.0]), X, X[::50])
    error = np.abs(both @ np.eye(61, dtype=dtype) - axes_oracle(1, [1.0], X, X[::50]))
    assert error.max() <= both.entry_bound


def test_types_in_types_out():
    X = normal(30, 2)
    kernel, V = axes(2, [1.0, 1.0]), normal(30, 3)
    op = AdditiveOperator(kernel, X)
    assert isinstance(op @ V, np.ndarray) and isinstance(op.T.diagonal(), np.ndarray)
    tensors = AdditiveOperator(kernel, torch.from_numpy(X))
    np.testing.assert_allclose((tensors @ torch.from_numpy(V)).numpy(), op @ V, atol=1e-14)
    assert isinstance(tensors.rows(0), torch.Tensor)
    narrow = AdditiveOperator(kernel, X.astype(np.float32))
    assert narrow.dtype == torch.float32
    assert (narrow @ V).dtype == np.float64
    assert np.abs(narrow @ V - op @ V).max() < 1e-5
    thin = AdditiveOperator(kernel, sparse.csr_matrix(X))
    np.testing.assert_allclose(thin @ V, op @ V, atol=1e-13)
    np.testing.assert_allclose(thin.rows([1]), op.rows([1]), atol=1e-13)


def test_repr_tells_rank_and_bound():
    op = AdditiveOperator(axes(1, [1.0]), normal(30, 1))
    assert f"rank={op.rank}" in repr(op) and "entry_bound=" in repr(op)


# Memory -------------------------------------------------------------------------------------------


def test_small_budgets_give_the_same_answer_in_smaller_steps():
    case = random_case()
    kernel, X, V = AdditiveSigmoid(*case), normal(700, 4, scale=3.0), normal(700, 33)
    full = AdditiveOperator(kernel, X)
    with pytest.raises(InvalidParameterError, match=r"memory=1000 .* at least (\d+)") as caught:
        AdditiveOperator(kernel, X, memory=1000)
    minimum = int(str(caught.value).split("at least ")[1].split()[0])
    for budget in (minimum, 2 * minimum, 10 * minimum):
        op = AdditiveOperator(kernel, X, memory=budget)
        assert op._steps(33, torch.float64).bytes <= budget
        np.testing.assert_allclose(op @ V, full @ V, atol=1e-10)
    with pytest.raises(InvalidParameterError, match="memory"):
        AdditiveOperator(kernel, X, memory=minimum - 1)


# Gradients ----------------------------------------------------------------------------------------


def leaf(*shape, seed, scale=1.0):
    return torch.from_numpy(normal(*shape, seed=seed, scale=scale)).requires_grad_()


@pytest.mark.parametrize("n, m, scale", [(7, 5, 1.0), (1, 3, 1.0), (6, 4, 40.0)])
def test_gradcheck_in_every_input(n, m, scale):
    def product(alpha, beta, gamma, weight, X, Z, V):
        kernel = AdditiveSigmoid(alpha, beta, gamma, weight)
        return AdditiveOperator(kernel, X, Z, tolerance=1e-13) @ V

    inputs = [leaf(2, 3, seed=0), leaf(2, 3, seed=1), leaf(2, seed=2), leaf(2, seed=3)]
    inputs += [leaf(n, 3, seed=4, scale=scale), leaf(m, 3, seed=5), leaf(m, 2, seed=6)]
    assert torch.autograd.gradcheck(product, inputs, atol=1e-6)


def test_gradients_are_those_of_the_dense_kernel_over_several_pieces():
    X, V = leaf(400, 2, seed=0, scale=20.0), leaf(400, 3, seed=1)
    alpha = leaf(2, 2, seed=2)
    op = AdditiveOperator(AdditiveSigmoid(alpha), X, tolerance=1e-12)
    assert op.plans[0].pieces > 1
    upstream = torch.from_numpy(normal(400, 3, seed=3))
    leaves = [X, V, alpha]
    expected = torch.autograd.grad(op.kernel(X) @ V, leaves, upstream)
    for _ in range(2):  # an operator may be differentiated more than once
        found = torch.autograd.grad(op @ V, leaves, upstream)
        for mine, theirs in zip(found, expected, strict=True):
            assert (mine - theirs).abs().max() < 1e-7 * theirs.abs().max()
    with torch.no_grad():
        assert not (op @ V).requires_grad
    assert (op.transpose() @ V).requires_grad


def test_gradients_of_sparse_data_are_refused():
    op = AdditiveOperator(AdditiveSigmoid(leaf(2, 3, seed=0)), sparse.csr_matrix(normal(6, 3)))
    with pytest.raises(InvalidTypeError, match="toarray"):
        op @ torch.ones(6)


# What is refused ----------------------------------------------------------------------------------


def test_other_kernels_are_refused_with_the_cure():
    with pytest.raises(InvalidTypeError, match="KernelOperator"):
        AdditiveOperator(Logistic(1.0, 0.0), normal(4, 2))
    with pytest.raises(InvalidTypeError, match="KernelOperator"):
        AdditiveOperator(2.0 * axes(2, [1.0, 1.0]), normal(4, 2))


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1.0, 1e-17, float("nan")])
def test_impossible_tolerances_are_refused(tolerance):
    with pytest.raises(InvalidParameterError, match="tolerance"):
        AdditiveOperator(axes(2, [1.0, 1.0]), normal(4, 2), tolerance=tolerance)


def test_bad_data_are_refused():
    kernel = axes(2, [1.0, 1.0])
    with pytest.raises(InvalidDataError, match="NaN"):
        AdditiveOperator(kernel, np.array([[0.0, np.nan]]))
    with pytest.raises(InvalidDataError, match="features"):
        AdditiveOperator(kernel, normal(4, 2), normal(4, 3))
    with pytest.raises(InvalidDataError, match="not finite"):
        AdditiveOperator(AdditiveSigmoid([[1e300, 0.0]]), np.full((2, 2), 1e300))
