"""Logistic regression by Newton's method against scikit-learn, naive slopes and repetitions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from ogive.solvers.newton_logistic import newton_logistic
from ogive.testing import as_numpy, assert_close

generator = np.random.default_rng(0)
N = 60
X = generator.normal(size=(N, 5)) * [3.0, 1.0, 0.3, 0.1, 1.0]
SCORES = X @ generator.normal(size=(5, 3)) + generator.normal(size=(N, 3))
WEIGHT = generator.uniform(0.2, 3.0, N)
COUNTS = generator.integers(0, 4, N)

counts = pytest.mark.parametrize("count", [2, 3])
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])
alphas = pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])


def classes_of(count):
    return SCORES[:, :count].argmax(1)


def tensor(array):
    return None if array is None else torch.tensor(array, dtype=torch.float64)


def fit(count, alpha=1.0, weight=None, rows=X, classes=None, dtype=torch.float64, **options):
    classes = classes_of(count) if classes is None else classes
    return newton_logistic(
        torch.tensor(rows, dtype=dtype),
        torch.tensor(classes),
        count,
        alpha,
        weight=tensor(weight),
        **options,
    )


def naive(parameters, count, alpha, weight, rows=X):
    """Return the objective of weights (r, k) and intercepts (k,), row by row."""
    beta, intercept = parameters
    classes = classes_of(count)
    total = 0.5 * alpha * (beta**2).sum()
    for i, row in enumerate(torch.tensor(rows)):
        scores = row @ beta + intercept
        if count == 2:
            scores = torch.cat([torch.zeros(1, dtype=torch.float64), scores])
        w = 1.0 if weight is None else weight[i]
        total = total + w * (torch.logsumexp(scores, 0) - scores[classes[i]])
    return total


@alphas
@intercepts
@weights
@counts
def test_it_is_the_minimum(count, weight, fit_intercept, alpha):
    found = fit(count, alpha, weight, fit_intercept=fit_intercept)
    parameters = [found.weight.requires_grad_(), found.intercept.requires_grad_()]
    value = naive(parameters, count, alpha, weight)
    slopes = torch.autograd.grad(value, parameters)
    scale = N * np.abs(X).max()
    assert float(slopes[0].abs().max()) < 1e-6 * scale
    if fit_intercept:
        assert float(slopes[1].abs().max()) < 1e-6 * scale
    else:
        assert not found.intercept.any()
    assert found.objective == pytest.approx(float(value.detach()), rel=1e-12)
    assert found.converged and 0 < found.iterations < 20 and "Newton" in found.reason


@alphas
@weights
@counts
def test_it_is_scikit_learns(count, weight, alpha):
    found = fit(count, alpha, weight)
    theirs = LogisticRegression(C=1 / alpha, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    theirs.fit(X, classes_of(count), weight)
    np.testing.assert_allclose(found.weight.T, theirs.coef_, rtol=1e-5, atol=1e-6)
    expected = theirs.intercept_ - (theirs.intercept_.mean() if count > 2 else 0.0)
    np.testing.assert_allclose(found.intercept, expected, rtol=1e-5, atol=1e-6)


@intercepts
@counts
def test_weights_are_repetitions(count, fit_intercept):
    repeated = np.repeat(np.arange(N), COUNTS)
    one = fit(count, 0.5, COUNTS, fit_intercept=fit_intercept)
    other = fit(
        count,
        0.5,
        rows=X[repeated],
        classes=classes_of(count)[repeated],
        fit_intercept=fit_intercept,
    )
    assert_close(one.weight, other.weight, "fit", np.float64)
    assert_close(one.intercept, other.intercept, "fit", np.float64)


@counts
def test_the_order_of_rows_does_not_matter(count):
    order = np.random.default_rng(1).permutation(N)
    one = fit(count, 0.5, WEIGHT)
    other = fit(count, 0.5, WEIGHT[order], rows=X[order], classes=classes_of(count)[order])
    assert_close(one.weight, other.weight, "fit", np.float64)


@given(
    st.integers(2, 4), st.integers(1, 6), st.floats(1e-6, 1e3), st.floats(1e-3, 1e3), st.booleans()
)
def test_it_converges_whatever_the_data(count, width, alpha, scale, separable):
    local = np.random.default_rng(count * 10 + width)
    rows = scale * local.normal(size=(30, width))
    classes = np.arange(30) % count
    if separable:
        rows[:, 0] += 10 * scale * classes
    found = fit(count, alpha, rows=rows, classes=classes)
    assert found.converged and bool(torch.isfinite(found.weight).all())


@counts
def test_what_is_known_of_the_features_changes_the_way_and_not_the_end(count):
    values, _ = np.linalg.qr(X)
    rows = values * [9.0, 3.0, 1.0, 0.1, 0.01]
    size = tensor((rows**2).sum(0))
    one, other = (fit(count, 1e-2, rows=rows, **o) for o in ({}, {"size": size}))
    assert_close(one.weight, other.weight, "fit", np.float64)
    wrong = fit(count, 1e-2, rows=rows, size=torch.ones_like(size))
    assert wrong.converged
    np.testing.assert_allclose(wrong.weight, one.weight, rtol=1e-4, atol=1e-4)


@counts
def test_a_start_near_the_solution_saves_steps(count):
    one = fit(count, 1e-2)
    again = fit(count, 1e-2, start=(one.weight, one.intercept))
    assert again.iterations == 1
    assert_close(again.weight, one.weight, "fit", np.float64)
    far = fit(count, 5e-3)
    near = fit(count, 5e-3, start=(one.weight, one.intercept))
    assert near.iterations < far.iterations
    np.testing.assert_allclose(near.weight, far.weight, rtol=1e-5, atol=1e-6)


@counts
def test_float32_features_are_close_to_float64(count):
    double, single = (fit(count, 0.1, WEIGHT, dtype=t) for t in (torch.float64, torch.float32))
    assert single.converged and single.weight.dtype == torch.float64
    assert_close(single.weight, double.weight, "fit", np.float32)


def test_running_out_of_steps_is_told():
    found = fit(3, 1e-6, max_iterations=2)
    assert not found.converged and found.iterations == 2
    assert "max_iter=2" in found.reason and "alpha" in found.reason
    assert fit(3, 1e-6, max_iterations=2, tolerance=10.0).converged


def test_a_tolerance_below_rounding_ends_all_the_same():
    found = fit(3, 1.0, tolerance=1e-300, max_iterations=40)
    assert not found.converged and found.reason
    assert_close(found.weight, fit(3, 1.0).weight, "fit", np.float64, amplification=1e3)


def test_the_objective_falls_with_each_step():
    values = [fit(3, 1e-4, max_iterations=steps).objective for steps in range(1, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] < N * np.log(3)


def test_arguments_are_left_alone():
    rows, weight = tensor(X), tensor(WEIGHT)
    start = tensor(np.ones((5, 3))), tensor(np.ones(3))
    before = [t.clone() for t in (rows, weight, *start)]
    newton_logistic(rows, torch.tensor(classes_of(3)), 3, 1.0, weight=weight, start=start)
    assert all(torch.equal(t, b) for t, b in zip((rows, weight, *start), before, strict=True))


def test_digits():
    data = load_digits()
    rows, labels = data.data[:600] / 16, data.target[:600]
    found = fit(10, 1.0, rows=rows, classes=labels)
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(rows, labels)
    np.testing.assert_allclose(found.weight.T, theirs.coef_, atol=1e-4)
    scores = data.data[600:] / 16 @ as_numpy(found.weight) + as_numpy(found.intercept)
    assert (scores.argmax(1) == data.target[600:]).mean() > 0.9
