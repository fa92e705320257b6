"""Ridge solvers against explicit least squares, one another, and repetitions of rows."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ogive._errors import InvalidDataError
from ogive.kernels import Gaussian, Linear, Sigmoid
from ogive.operators import KernelOperator
from ogive.solvers import coefficient_ridge, definite_ridge, krein_ridge, landmark_ridge
from ogive.testing import as_numpy, assert_close, ridge_oracles

generator = np.random.default_rng(0)
N = 30
X = generator.normal(size=(N, 8))
Y = generator.normal(size=(N, 2)) + X[:, :2]
NEW = generator.normal(size=(11, 8))
WEIGHT = generator.uniform(0.3, 3.0, N)
COUNTS = generator.integers(1, 4, N)
INDEFINITE = Sigmoid(0.4, -0.2)
DEFINITE = Gaussian(0.1)

kernels = pytest.mark.parametrize("kernel", [INDEFINITE, DEFINITE, -1.0 * DEFINITE], ids=str)
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])
alphas = pytest.mark.parametrize("alpha", [1e-2, 1.0, 100.0])


def tensor(array):
    return None if array is None else torch.tensor(array, dtype=torch.float64)


def values(solution, matrix):
    """f + b where the kernel of rows against the coefficients' rows is the matrix."""
    return matrix @ as_numpy(solution.value) + as_numpy(solution.intercept)


def direct(kernel, alpha, weight=None, fit_intercept=True, solver=krein_ridge, rows=X, targets=Y):
    return solver(
        tensor(kernel(rows)),
        tensor(targets),
        alpha,
        weight=tensor(weight),
        fit_intercept=fit_intercept,
    )


@alphas
@intercepts
@weights
@kernels
def test_krein_ridge_is_the_explicit_least_squares(kernel, weight, fit_intercept, alpha):
    matrix = kernel(X)
    found = direct(kernel, alpha, weight, fit_intercept)
    oracle = ridge_oracles.krein_ridge(matrix, Y, alpha, weight, fit_intercept=fit_intercept)
    assert_close(values(found, matrix), oracle.fitted, "fit", np.float64)
    assert_close(found.intercept, oracle.intercept, "fit", np.float64)
    new = kernel(NEW, X)
    assert_close(
        values(found, new), new @ oracle.coefficients + oracle.intercept, "fit", np.float64
    )
    assert found.converged and found.iterations == 0 and "eigen" in found.reason
    if not fit_intercept:
        assert (found.intercept == 0).all()


@intercepts
@weights
def test_krein_ridge_is_a_minimum(weight, fit_intercept):
    matrix, alpha = INDEFINITE(X), 0.3
    found = direct(INDEFINITE, alpha, weight, fit_intercept)
    root = np.ones(N) if weight is None else np.sqrt(weight)

    def objective(c, b):
        return ridge_oracles.krein_objective(
            matrix, Y, alpha, c, b, weight=weight, fit_intercept=fit_intercept
        )

    c, b = as_numpy(found.value), as_numpy(found.intercept)
    lowest = objective(c, b)
    oracle = ridge_oracles.krein_ridge(matrix, Y, alpha, weight, fit_intercept=fit_intercept)
    assert np.allclose(lowest, oracle.minimum, rtol=1e-10)
    for seed in range(20):
        step = np.random.default_rng(seed).normal(size=(N, 2))
        if fit_intercept:  # coefficients have the form S P t
            step = root[:, None] * (step - np.outer(root, root @ step) / (root @ root))
        for size in (1e-3, -1e-3):
            assert (objective(c + size * step, b) > lowest).all()
            assert (
                objective(c, b + size * fit_intercept + (1e-12 * (1 - fit_intercept)))
                >= lowest - 1e-9
            ).all()


@intercepts
@weights
@alphas
def test_definite_ridge_is_krein_ridge_where_the_kernel_is_definite(alpha, weight, fit_intercept):
    found = direct(DEFINITE, alpha, weight, fit_intercept, definite_ridge)
    other = direct(DEFINITE, alpha, weight, fit_intercept)
    assert_close(found.value, other.value, "fit", np.float64)
    assert_close(found.intercept, other.intercept, "fit", np.float64)
    assert found.converged and "Cholesky" in found.reason


def test_definite_ridge_refuses_an_indefinite_kernel():
    assert direct(INDEFINITE, 1e-3, solver=definite_ridge) is None
    assert direct(-1.0 * DEFINITE, 1e-3, solver=definite_ridge) is None


def test_conditionally_definite_is_enough_with_an_intercept():
    distance = -((X[:, None] - X[None]) ** 2).sum(2)
    found = definite_ridge(tensor(distance), tensor(Y), 0.1)
    oracle = ridge_oracles.krein_ridge(distance, Y, 0.1)
    assert_close(values(found, distance), oracle.fitted, "fit", np.float64)
    assert definite_ridge(tensor(distance), tensor(Y), 0.1, fit_intercept=False) is None


def landmark(
    kernel, landmarks, alpha, weight=None, fit_intercept=True, dtype=np.float64, **options
):
    rows = options.pop("rows", X)
    targets = options.pop("targets", Y)
    landmark_weight = options.pop("landmark_weight", None)
    operator = KernelOperator(kernel, rows.astype(dtype), landmarks.astype(dtype), **options)
    return landmark_ridge(
        operator,
        tensor(targets),
        alpha,
        weight=tensor(weight),
        landmark_weight=tensor(landmark_weight),
        fit_intercept=fit_intercept,
    )


@alphas
@intercepts
@weights
@kernels
@pytest.mark.parametrize("landmark_weight", [None, 3 * WEIGHT[:10]], ids=["alike", "unlike"])
def test_landmark_ridge_is_the_explicit_least_squares(
    kernel, weight, fit_intercept, alpha, landmark_weight
):
    marks = X[::3]
    found = landmark(
        kernel,
        marks,
        alpha,
        weight,
        fit_intercept,
        memory="2 kB",
        landmark_weight=landmark_weight,
    )
    cross = kernel(X, marks)
    oracle = ridge_oracles.landmark_ridge(
        cross, Y, alpha, weight, landmark_weight, fit_intercept=fit_intercept
    )
    assert_close(values(found, cross), oracle.fitted, "fit", np.float64)
    new = kernel(NEW, marks)
    assert_close(
        values(found, new), new @ oracle.coefficients + oracle.intercept, "fit", np.float64
    )
    assert found.value.shape == (len(marks), 2) and found.converged
    assert found.reason.startswith(f"10 landmarks, rank {10 - fit_intercept};")


@alphas
@intercepts
@weights
@kernels
def test_all_rows_as_landmarks_are_the_direct_solution(kernel, weight, fit_intercept, alpha):
    matrix = kernel(X)
    found = landmark(kernel, X, alpha, weight, fit_intercept, landmark_weight=weight)
    expected = direct(kernel, alpha, weight, fit_intercept)
    for rows in (matrix, kernel(NEW, X)):
        assert_close(values(found, rows), values(expected, rows), "fit", np.float64)


@pytest.mark.parametrize("solver", [krein_ridge, definite_ridge])
@intercepts
def test_weights_are_repetitions(solver, fit_intercept):
    kernel = INDEFINITE if solver is krein_ridge else DEFINITE
    weighted = direct(kernel, 0.5, COUNTS, fit_intercept, solver)
    rows, targets = np.repeat(X, COUNTS, axis=0), np.repeat(Y, COUNTS, axis=0)
    repeated = direct(kernel, 0.5, None, fit_intercept, solver, rows, targets)
    for new in (X, NEW):
        mine, other = values(weighted, kernel(new, X)), values(repeated, kernel(new, rows))
        assert_close(mine, other, "fit", np.float64)


@intercepts
def test_weights_are_repetitions_for_landmarks(fit_intercept):
    marks = X[::3]
    weighted = landmark(INDEFINITE, marks, 0.5, COUNTS, fit_intercept)
    rows, targets = np.repeat(X, COUNTS, axis=0), np.repeat(Y, COUNTS, axis=0)
    repeated = landmark(INDEFINITE, marks, 0.5, None, fit_intercept, rows=rows, targets=targets)
    new = INDEFINITE(NEW, marks)
    assert_close(values(weighted, new), values(repeated, new), "fit", np.float64)


def test_a_constant_in_the_kernel_changes_nothing_with_an_intercept():
    plain = direct(INDEFINITE, 0.5, WEIGHT)
    shifted = krein_ridge(tensor(INDEFINITE(X) + 50.0), tensor(Y), 0.5, weight=tensor(WEIGHT))
    new = INDEFINITE(NEW, X)
    mine, other = values(shifted, new + 50.0), values(plain, new)
    assert_close(mine, other, "fit", np.float64)
    # Without an intercept it does.
    free = [
        krein_ridge(tensor(INDEFINITE(X) + c), tensor(Y), 0.5, fit_intercept=False)
        for c in (0.0, 50.0)
    ]
    difference = values(free[0], new) - values(free[1], new + 50.0)
    assert np.abs(difference).max() > 1e-2


@pytest.mark.parametrize("solver", [krein_ridge, definite_ridge])
def test_with_an_intercept_coefficients_sum_to_zero_however_small_the_penalty(solver):
    # The direction of the constant is singular: only the penalty, 1e-10, holds it.
    matrix = tensor(DEFINITE(X) + 1e3)
    found = solver(matrix, tensor(Y), 1e-10, weight=tensor(WEIGHT))
    assert float(found.value.sum(0).abs().max()) <= 1e-13 * float(found.value.abs().max())


def test_precise_form_of_the_sigmoid_gives_the_same_model():
    kernel = Sigmoid(0.1, -3.0)
    one, other = (direct(k, 1e-3) for k in (kernel, kernel.up_to_constant()))
    mine = values(one, kernel(NEW, X))
    assert_close(mine, values(other, kernel.up_to_constant()(NEW, X)), "fit", np.float64)


@intercepts
@weights
@pytest.mark.parametrize("alpha", [0.3, 3.0])
def test_coefficient_ridge_is_its_normal_equations(alpha, weight, fit_intercept):
    matrix = INDEFINITE(X)
    oracle = ridge_oracles.coefficient_ridge(matrix, Y, alpha, weight, fit_intercept=fit_intercept)
    found = coefficient_ridge(
        KernelOperator(INDEFINITE, X),
        tensor(Y),
        alpha,
        weight=tensor(weight),
        fit_intercept=fit_intercept,
        tolerance=1e-12,
    )
    assert found.converged and 0 < found.iterations <= 1000 and "LSMR" in found.reason
    assert_close(found.value, oracle.coefficients, "iterative", np.float64)
    assert_close(found.intercept, oracle.intercept, "iterative", np.float64)


def test_coefficient_ridge_with_other_columns_than_rows():
    marks = X[:7]
    oracle = ridge_oracles.coefficient_ridge(INDEFINITE(X, marks), Y, 0.5, WEIGHT)
    op = KernelOperator(INDEFINITE, X, marks)
    found = coefficient_ridge(op, tensor(Y), 0.5, weight=tensor(WEIGHT), tolerance=1e-12)
    assert_close(found.value, oracle.coefficients, "iterative", np.float64)


def test_coefficient_ridge_out_of_iterations_says_so():
    op = KernelOperator(INDEFINITE, X)
    found = coefficient_ridge(op, tensor(Y), 1e-3, max_iterations=2)
    assert not found.converged and found.iterations == 2
    assert "max_iterations=2" in found.reason and "alpha" in found.reason
    assert found.value.shape == (N, 2) and bool(torch.isfinite(found.value).all())
    # One target out of two is enough.
    easy = np.stack([np.zeros(N), Y[:, 0]], axis=1)
    assert not coefficient_ridge(op, tensor(easy), 1e-3, max_iterations=2).converged


def test_coefficient_ridge_is_another_model():
    krein = direct(INDEFINITE, 1.0, fit_intercept=False)
    other = coefficient_ridge(KernelOperator(INDEFINITE, X), tensor(Y), 1.0, fit_intercept=False)
    assert np.abs(as_numpy(krein.value - other.value)).max() > 1e-3


@intercepts
@weights
def test_without_a_penalty_the_targets_are_met(weight, fit_intercept):
    matrix = INDEFINITE(X)
    for found in (
        direct(INDEFINITE, 0.0, weight, fit_intercept),
        landmark(INDEFINITE, X, 0.0, weight, fit_intercept),
    ):
        assert_close(values(found, matrix), Y, "fit", np.float64, amplification=100)


@intercepts
def test_without_a_penalty_and_with_dependent_rows_the_least_squares_are_met(fit_intercept):
    # A linear kernel of 8 features: rank 8 of 30.
    matrix = Linear()(X)
    columns = np.hstack([X, np.ones((N, 1))]) if fit_intercept else X
    expected = columns @ np.linalg.lstsq(columns, Y)[0]
    solutions = [direct(Linear(), 0.0, None, fit_intercept)]
    cholesky = direct(Linear(), 0.0, None, fit_intercept, definite_ridge)
    if cholesky is not None:
        solutions.append(cholesky)
    for found in solutions:
        assert_close(values(found, matrix), expected, "fit", np.float64)
        assert bool(torch.isfinite(found.value).all())


@intercepts
def test_definite_ridge_without_a_penalty(fit_intercept):
    found = direct(DEFINITE, 0.0, None, fit_intercept, definite_ridge)
    if found is not None:  # a singular matrix may be refused, but not answered wrongly
        assert_close(values(found, DEFINITE(X)), Y, "fit", np.float64, amplification=100)


def test_dependent_features_without_a_penalty_take_the_pseudo_inverse():
    # Fewer rows than landmark features: infinitely many coefficients meet the targets.
    rows, targets = X[:6], Y[:6]
    found = landmark(INDEFINITE, X[:20], 0.0, rows=rows, targets=targets)
    assert "20 landmarks, rank 5" in found.reason
    fitted = values(found, INDEFINITE(rows, X[:20]))
    assert_close(fitted, targets, "fit", np.float64, amplification=100)


@intercepts
@weights
def test_a_float32_operator_is_close_to_float64(weight, fit_intercept):
    marks = X[::3]
    single = landmark(INDEFINITE, marks, 1.0, weight, fit_intercept, np.float32)
    double = landmark(INDEFINITE, marks, 1.0, weight, fit_intercept)
    cross = INDEFINITE(NEW, marks)
    assert single.value.dtype == torch.float64
    assert_close(values(single, cross), values(double, cross), "fit", np.float32)
    op = KernelOperator(INDEFINITE, X.astype(np.float32))
    found = coefficient_ridge(op, tensor(Y), 1.0, weight=tensor(weight))
    exact = coefficient_ridge(KernelOperator(INDEFINITE, X), tensor(Y), 1.0, weight=tensor(weight))
    assert found.converged and found.value.dtype == torch.float64
    assert_close(
        values(found, INDEFINITE(NEW, X)), values(exact, INDEFINITE(NEW, X)), "fit", np.float32
    )


def test_progress_is_told_block_by_block():
    told = []
    op = KernelOperator(INDEFINITE, X, X[:10], memory=1300)
    landmark_ridge(
        op, tensor(Y), 1.0, fit_intercept=False, progress=lambda *state: told.append(state)
    )
    assert len(told) > 1 and told[-1] == (N, N) and told == sorted(told)
    assert {total for _, total in told} == {N}


def test_solvers_leave_their_arguments_alone():
    matrix, targets, weight = tensor(INDEFINITE(X)), tensor(Y), tensor(WEIGHT)
    before = [t.clone() for t in (matrix, targets, weight)]
    for fit_intercept in (True, False):
        krein_ridge(matrix, targets, 1.0, weight=weight, fit_intercept=fit_intercept)
        definite_ridge(matrix, targets, 1.0, weight=weight, fit_intercept=fit_intercept)
    op = KernelOperator(INDEFINITE, X)
    landmark_ridge(op, targets, 1.0, weight=weight, landmark_weight=weight)
    coefficient_ridge(op, targets, 1.0, weight=weight)
    assert all(torch.equal(t, b) for t, b in zip((matrix, targets, weight), before, strict=True))


def test_an_indefinite_kernel_on_real_digits():
    data = load_digits()
    rows, labels = data.data / 16, data.target
    train, test = slice(0, 300), slice(300, 700)
    targets = np.eye(10)[labels[train]]

    def accuracy(solution, kernel, marks):
        return (values(solution, kernel(rows[test], marks)).argmax(1) == labels[test]).mean()

    kernel = Sigmoid(0.05, 0.0)
    mass = kernel.definiteness(rows[train]).centred.negative_mass
    assert mass > 0.01, "the test is about an indefinite kernel"
    matrix = kernel(rows[train])
    solution = krein_ridge(tensor(matrix), tensor(targets), 1e-2)
    oracle = ridge_oracles.krein_ridge(matrix, targets, 1e-2)
    assert_close(values(solution, matrix), oracle.fitted, "fit", np.float64, amplification=10)
    linear = krein_ridge(tensor(Linear()(rows[train])), tensor(targets), 1.0)
    rival = accuracy(linear, Linear(), rows[train])
    assert accuracy(solution, kernel, rows[train]) > rival + 0.1
    marks = rows[:150]
    pixels = torch.tensor(rows[train], dtype=torch.float32)
    op = KernelOperator(kernel, pixels, torch.tensor(marks, dtype=torch.float32))
    few = landmark_ridge(op, tensor(targets), 1e-2)
    assert accuracy(few, kernel, marks) > rival + 0.05


@pytest.mark.parametrize("alpha", [1.0, "auto"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kernel", "rows"),
    [(Sigmoid(0.4, 50.0), X), (Gaussian(0.1), np.repeat(X[:1], N, axis=0))],
    ids=["saturated", "equal rows"],
)
def test_landmarks_that_tell_no_rows_apart_are_refused(kernel, rows, dtype, alpha):
    with pytest.raises(InvalidDataError, match=r"tell them apart; is gamma 0"):
        landmark(kernel, rows[::3], alpha, dtype=dtype, rows=rows)
