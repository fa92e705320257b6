"""Signed components against explicit matrices, one another, and repetitions of rows."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ogive._errors import InvalidDataError
from ogive.features.nystrom import APPROXIMATION_CUT
from ogive.kernels import Gaussian, Linear, Sigmoid
from ogive.operators import KernelOperator
from ogive.solvers.components import exact_components, feature_components
from ogive.solvers.landmark_components import landmark_components, landmark_root
from ogive.testing import as_numpy, assert_close

generator = np.random.default_rng(0)
N = 26
X = generator.normal(size=(N, 6))
NEW = generator.normal(size=(9, 6))
WEIGHT = generator.uniform(0.3, 3.0, N)
COUNTS = generator.integers(1, 4, N)
INDEFINITE = Sigmoid(0.4, -0.2)
DEFINITE = Gaussian(0.1)

kernels = pytest.mark.parametrize("kernel", [INDEFINITE, DEFINITE, -1.0 * DEFINITE], ids=str)
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])


def tensor(array):
    return None if array is None else torch.tensor(array, dtype=torch.float64)


def centred_cross(kernel, new, weight, fit_intercept):
    """Return ⟨φ(x) - m, φ(z) - m⟩ for new x and training rows z, m the weighted mean."""
    cross, inner = kernel(new, X), kernel(X)
    if not fit_intercept:
        return cross
    share = np.ones(N) if weight is None else np.asarray(weight, float)
    share = share / share.sum()
    return cross - (cross @ share)[:, None] - share @ inner + share @ inner @ share


def exact(kernel, weight=None, fit_intercept=True, rows=X):
    return exact_components(tensor(kernel(rows)), tensor(weight), fit_intercept=fit_intercept)


def by_landmarks(kernel, marks, weight=None, fit_intercept=True, *, rows=X, **options):
    dtype = options.pop("dtype", np.float64)
    complete = options.pop("complete", False)
    memory = options.pop("memory", "3 kB")
    operator = KernelOperator(kernel, rows.astype(dtype), marks.astype(dtype), memory=memory)
    root = landmark_root(
        tensor(kernel(marks)), operator.dtype, fit_intercept=fit_intercept, complete=complete
    )
    return landmark_components(
        operator, root, tensor(weight), fit_intercept=fit_intercept, **options
    )


def mapped(found, matrix):
    """Return features of rows whose kernel with the components' rows is the matrix."""
    return matrix @ as_numpy(found.projection) + as_numpy(found.offset)


def signed(left, found, right):
    """Return signed inner products of features."""
    return left * as_numpy(found.signature) @ right.T


@weights
@intercepts
@kernels
def test_exact_components_are_the_kernel(kernel, weight, fit_intercept):
    found = exact(kernel, weight, fit_intercept)
    values = as_numpy(found.values)
    expected = centred_cross(kernel, X, weight, fit_intercept)
    assert_close(signed(values, found, values), expected, "root", np.float64)
    w = np.ones(N) if weight is None else weight
    gram = values.T @ (w[:, None] * values)
    assert_close(gram, np.diag(np.abs(as_numpy(found.eigenvalues))), "root", np.float64)
    if fit_intercept:
        assert_close(w @ values, np.zeros(found.rank), "root", np.float64)
    root = np.sqrt(w)
    whole = np.linalg.eigvalsh(root[:, None] * expected * root)
    whole = whole[np.argsort(-np.abs(whole))][: found.rank]
    assert_close(found.eigenvalues, whole, "root", np.float64)
    negative = np.abs(whole[whole < 0]).sum() / np.abs(whole).sum()
    assert found.negative_mass == pytest.approx(negative, abs=1e-12)
    assert (found.signature == found.eigenvalues.sign()).all()


@weights
@intercepts
@kernels
def test_new_rows_are_mapped_as_the_training_rows_are(kernel, weight, fit_intercept):
    found = exact(kernel, weight, fit_intercept)
    values = as_numpy(found.values)
    assert_close(mapped(found, kernel(X)), values, "fit", np.float64)
    new = mapped(found, kernel(NEW, X))
    expected = centred_cross(kernel, NEW, weight, fit_intercept)
    assert_close(signed(new, found, values), expected, "fit", np.float64)


@weights
@intercepts
def test_all_rows_as_landmarks_are_the_exact_components(weight, fit_intercept):
    for kernel in (INDEFINITE, DEFINITE):
        whole = exact(kernel, weight, fit_intercept)
        found = by_landmarks(kernel, X, weight, fit_intercept, complete=True)
        assert found.rank == whole.rank == N - fit_intercept
        assert_close(found.eigenvalues, whole.eigenvalues, "fit", np.float64)
        assert_close(found.values, whole.values, "fit", np.float64, amplification=100)
        for rows in (X, NEW):
            mine, other = (mapped(f, kernel(rows, X)) for f in (found, whole))
            assert_close(mine, other, "fit", np.float64, amplification=100)


@weights
@intercepts
def test_a_few_landmarks_give_the_kernel_that_they_span(weight, fit_intercept):
    marks = X[::3]
    found = by_landmarks(DEFINITE, marks, weight, fit_intercept)
    w = np.ones(N) if weight is None else weight
    inner, cross = DEFINITE(marks), DEFINITE(X, marks)
    if fit_intercept:
        cross = cross - cross.mean(1, keepdims=True)
        inner = inner - inner.mean(0) - inner.mean(1)[:, None] + inner.mean()
        cross = cross - w @ cross / w.sum()
    values = as_numpy(found.values)
    expected = cross @ np.linalg.pinv(inner, hermitian=True) @ cross.T
    assert_close(signed(values, found, values), expected, "fit", np.float64)
    gram = values.T @ (w[:, None] * values)
    assert_close(gram, np.diag(np.abs(as_numpy(found.eigenvalues))), "fit", np.float64)
    assert_close(mapped(found, DEFINITE(X, marks)), values, "fit", np.float64)
    assert found.projection.shape == (len(marks), len(marks) - fit_intercept)


@intercepts
@kernels
@pytest.mark.parametrize("landmarks", [False, True])
def test_weights_are_repetitions(kernel, fit_intercept, landmarks):
    repeated_rows = np.repeat(X, COUNTS, axis=0)
    if landmarks:
        marks = X[::2]
        weighted = by_landmarks(kernel, marks, COUNTS, fit_intercept)
        repeated = by_landmarks(kernel, marks, None, fit_intercept, rows=repeated_rows)
        sides = marks, marks
    else:
        weighted = exact(kernel, COUNTS, fit_intercept)
        repeated = exact(kernel, None, fit_intercept, repeated_rows)
        sides = X, repeated_rows
    assert_close(weighted.eigenvalues, repeated.eigenvalues, "fit", np.float64)
    for rows in (X, NEW):
        mine, other = (
            mapped(found, kernel(rows, side))
            for found, side in zip((weighted, repeated), sides, strict=True)
        )
        assert_close(mine, other, "fit", np.float64, amplification=100)


@intercepts
@pytest.mark.parametrize("landmarks", [False, True])
def test_the_order_of_rows_does_not_matter(fit_intercept, landmarks):
    order = np.random.default_rng(1).permutation(N)
    found, other = (
        by_landmarks(INDEFINITE, X[::2], w, fit_intercept, rows=rows)
        if landmarks
        else exact(INDEFINITE, w, fit_intercept, rows)
        for rows, w in ((X, WEIGHT), (X[order], WEIGHT[order]))
    )
    assert_close(other.values, as_numpy(found.values)[order], "fit", np.float64)


@intercepts
def test_rows_of_no_weight_have_features_and_no_say(fit_intercept):
    marks, weight = X[:8], WEIGHT.copy()
    weight[10:20] = 0
    counted = weight > 0
    found = by_landmarks(INDEFINITE, marks, weight, fit_intercept)
    without = by_landmarks(INDEFINITE, marks, weight[counted], fit_intercept, rows=X[counted])
    assert_close(found.projection, without.projection, "fit", np.float64)
    assert_close(as_numpy(found.values)[counted], without.values, "fit", np.float64)
    assert_close(found.values, mapped(found, INDEFINITE(X, marks)), "fit", np.float64)


@intercepts
def test_float32_landmarks_are_close_to_float64(fit_intercept):
    double, single = (
        by_landmarks(INDEFINITE, X[::2], WEIGHT, fit_intercept, dtype=dtype)
        for dtype in (np.float64, np.float32)
    )
    assert single.values.dtype == torch.float32 and single.projection.dtype == torch.float64
    count = int((double.eigenvalues.abs() > 1e-3 * double.eigenvalues.abs().max()).sum())
    mine, other = single.leading(count), double.leading(count)
    assert_close(mine.eigenvalues, other.eigenvalues, "fit", np.float32)
    assert_close(mine.values, other.values, "fit", np.float32)


@intercepts
@pytest.mark.parametrize("kernel", [Gaussian(0.05), Sigmoid(0.03, 0.5)], ids=str)
def test_float32_components_of_many_landmarks_are_orthogonal(kernel, fit_intercept):
    pixels = load_digits().data / 16
    found, double = (
        by_landmarks(
            kernel, pixels[::6], None, fit_intercept, rows=pixels, dtype=dtype, memory="1 MB"
        )
        for dtype in (np.float32, np.float64)
    )
    values, size = as_numpy(found.values).astype(np.float64), as_numpy(found.eigenvalues.abs())
    assert found.rank > 50  # of an indefinite kernel the small ones are left out
    cosines = values.T @ values / np.sqrt(np.outer(size, size))
    # Kernel values of float32 pixels are off by 1e-7, and small components amplify that.
    np.testing.assert_allclose(cosines, np.eye(found.rank), atol=2e-4)
    mine, other = (
        signed(as_numpy(f.values).astype(np.float64), f, as_numpy(f.values))
        for f in (found, double)
    )
    assert np.abs(mine - other).max() < 2e-5 * np.abs(other).max()


@weights
def test_components_of_some_rows_of_features_are_those_of_their_kernel(weight):
    some = np.arange(N)[4:20]
    whole = exact(INDEFINITE)
    part_weight = None if weight is None else weight[some]
    found = feature_components(
        whole.values[torch.tensor(some)], whole.signature, tensor(part_weight)
    )
    expected = exact(INDEFINITE, part_weight, rows=X[some])
    assert_close(found.eigenvalues, expected.eigenvalues, "fit", np.float64)
    assert_close(found.values, expected.values, "fit", np.float64, amplification=10)
    features = mapped(whole, INDEFINITE(NEW, X))
    mine, other = mapped(found, features), mapped(expected, INDEFINITE(NEW, X[some]))
    assert_close(mine, other, "fit", np.float64, amplification=10)


def test_columns_are_turned_to_their_largest_entry():
    for found in (exact(INDEFINITE, WEIGHT), by_landmarks(INDEFINITE, X[::2])):
        values = as_numpy(found.values)
        assert (values.max(0) > -values.min(0)).all()


@pytest.mark.parametrize("landmarks", [False, True])
def test_leading_components_are_the_first_ones(landmarks):
    make = (lambda **o: by_landmarks(INDEFINITE, X[::2], **o)) if landmarks else None
    whole = make() if make else exact(INDEFINITE)
    few = whole.leading(3)
    assert few.rank == 3 and few.values.shape == (N, 3) and few.offset.shape == (3,)
    assert few.negative_mass == whole.negative_mass
    assert torch.equal(few.projection, whole.projection[:, :3])
    assert (whole.eigenvalues.abs().diff() <= 0).all()
    assert whole.leading(1000).rank == whole.rank
    if make:
        assert_close(make(count=3).values, few.values, "fit", np.float64)


def test_a_constant_in_the_kernel_does_not_matter():
    plain, shifted = (
        exact_components(tensor(INDEFINITE(X) + c), tensor(WEIGHT)) for c in (0.0, 7.0)
    )
    assert_close(shifted.eigenvalues, plain.eigenvalues, "fit", np.float64)
    assert_close(
        mapped(shifted, INDEFINITE(NEW, X) + 7.0),
        mapped(plain, INDEFINITE(NEW, X)),
        "fit",
        np.float64,
        amplification=10,
    )
    found = by_landmarks(INDEFINITE, X[::2], WEIGHT)
    assert float(found.projection.sum(0).abs().max()) < 1e-10


# The landmarks' own matrix ------------------------------------------------------------------------


def root_of(values, dtype=torch.float64, **options):
    """Return the root of a matrix with those eigenvalues."""
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(len(values), len(values))))
    options = {"fit_intercept": False, "complete": False} | options
    return landmark_root(tensor(turn * values @ turn.T), dtype, **options)


def test_small_eigenvalues_of_an_indefinite_matrix_are_dropped():
    values = np.array([1.0, 0.5, 3e-4, 3e-5, -0.2, -2e-4, -5e-6])
    kept = sorted(as_numpy(root_of(values).eigenvalues))
    assert kept == pytest.approx([-0.2, -2e-4, 3e-4, 0.5, 1.0])
    assert min(map(abs, kept)) > APPROXIMATION_CUT
    assert len(root_of(values, complete=True).eigenvalues) == len(values)


def test_those_of_a_definite_matrix_and_of_a_nearly_definite_one_are_kept():
    values = np.array([1.0, 1e-3, 1e-6, 1e-9])
    assert len(root_of(values).eigenvalues) == 4
    assert len(root_of(-values).eigenvalues) == 4
    assert len(root_of(values, torch.float32).eigenvalues) == 3
    nearly = np.array([1.0, 1e-3, 1e-6, 1e-9, -1e-8])
    assert as_numpy(root_of(nearly).eigenvalues) == pytest.approx([1.0, 1e-3, 1e-6])


def test_a_single_landmark_is_not_centred():
    root = landmark_root(tensor([[2.0]]), torch.float64, fit_intercept=True, complete=False)
    assert as_numpy(root.eigenvalues) == pytest.approx([2.0])
    found = by_landmarks(DEFINITE, X[:1])
    assert found.rank == 1


def test_more_landmarks_come_closer_to_an_indefinite_kernel():
    rows = load_digits().data[:500] / 16
    kernel = Sigmoid(0.1, 0.0)
    matrix = kernel(rows)
    centred = matrix - matrix.mean(0) - matrix.mean(1)[:, None] + matrix.mean()

    def error(count):
        found = by_landmarks(kernel, rows[:count], rows=rows)
        values = as_numpy(found.values)
        return np.linalg.norm(signed(values, found, values) - centred) / np.linalg.norm(centred)

    errors = [error(count) for count in (30, 100, 300)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.02


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [Sigmoid(0.0, 0.5), Sigmoid(0.4, 60.0), Linear()], ids=str)
@pytest.mark.parametrize("landmarks", [False, True])
def test_a_kernel_that_tells_no_rows_apart_is_refused(kernel, landmarks):
    rows = np.repeat(X[:1], N, axis=0) if isinstance(kernel, Linear) else X
    with pytest.raises(InvalidDataError, match="so it cannot tell them apart; is gamma 0"):
        if landmarks:
            by_landmarks(kernel, rows[::3], WEIGHT, rows=rows)
        else:
            exact(kernel, WEIGHT, rows=rows)


def test_one_row_has_no_components():
    with pytest.raises(InvalidDataError, match="n_samples = 1"):
        exact(DEFINITE, rows=X[:1])
    assert exact(DEFINITE, fit_intercept=False, rows=X[:1]).rank == 1


def test_arguments_are_left_alone():
    matrix, weight = tensor(INDEFINITE(X)), tensor(WEIGHT)
    before = matrix.clone(), weight.clone()
    found = exact_components(matrix, weight)
    features = found.values.clone()
    feature_components(found.values, found.signature, weight)
    assert torch.equal(matrix, before[0]) and torch.equal(weight, before[1])
    assert torch.equal(found.values, features)
