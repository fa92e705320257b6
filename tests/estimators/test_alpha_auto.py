"""alpha="auto": what it sets, what it follows, and how near the best it comes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from ogive._errors import InvalidParameterError
from ogive.estimators import KernelRidge, KernelRidgeClassifier, ridge_fit
from ogive.kernels import Gaussian, Linear, Sigmoid
from ogive.solvers import landmark_ridge
from ogive.solvers.penalty import AUTO

SUGGESTED = Sigmoid("suggest", "suggest")
LANDMARKS = {"approximation": "nystroem", "n_components": 40}
forms = pytest.mark.parametrize("form", [{}, LANDMARKS], ids=["exact", "landmarks"])


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X)[:200], StandardScaler().fit_transform(y[:200, None])


def cross_validated(auto, X, y, alphas, **options):
    """Return the score of a choice for each fold, and those of one strength for all."""
    scores = [
        cross_val_score(clone(auto).set_params(alpha=alpha), X, y, **options).mean()
        for alpha in alphas
    ]
    assert max(scores) - min(scores) > 0.1, "the choice does not matter here"
    return cross_val_score(auto, X, y, **options).mean(), scores


@forms
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kernel", [SUGGESTED, Gaussian(0.05), "linear"], ids=str)
def test_the_fit_is_the_one_with_the_strength_it_tells(diabetes, kernel, fit_intercept, form):
    X, y = diabetes[0], diabetes[1].ravel()
    weight = np.random.default_rng(0).uniform(0, 2, len(y)).round()
    auto = KernelRidge(AUTO, kernel=kernel, fit_intercept=fit_intercept, **form).fit(X, y, weight)
    assert type(auto.alpha_) is float and auto.alpha_ > 0 and auto.alpha == AUTO
    assert f"alpha {auto.alpha_:.2g} " in auto.solution_
    given = clone(auto).set_params(alpha=auto.alpha_).fit(X, y, weight)
    assert given.alpha_ == auto.alpha_
    # Cholesky's way and that of eigenvalues, or two sums of the halves.
    np.testing.assert_allclose(given.predict(X), auto.predict(X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("penalty", ["function", "coefficients"])
def test_a_number_is_kept(diabetes, penalty):
    model = KernelRidge(0.25, penalty=penalty).fit(*diabetes)
    assert model.alpha_ == 0.25


@forms
@pytest.mark.parametrize("factor", [1e-4, 30.0])
def test_a_larger_kernel_gets_a_larger_penalty(diabetes, factor, form):
    X, y = diabetes
    one = KernelRidge(AUTO, kernel=Sigmoid(0.1, -0.5), **form).fit(X, y)
    other = KernelRidge(AUTO, kernel=factor * Sigmoid(0.1, -0.5), **form).fit(X, y)
    assert other.alpha_ == pytest.approx(factor * one.alpha_, rel=1e-6)
    np.testing.assert_allclose(other.predict(X), one.predict(X), rtol=1e-6, atol=1e-8)


@forms
def test_the_size_of_targets_and_their_number_change_nothing(diabetes, form):
    X, y = diabetes
    alphas = [
        KernelRidge(AUTO, kernel=SUGGESTED, **form).fit(X, targets).alpha_
        for targets in (y, y.ravel(), 1e6 * y - 5, -y, np.hstack([y, y]))
    ]
    assert alphas == pytest.approx([alphas[0]] * 5, rel=1e-12)


@forms
def test_order_and_repetitions_change_nothing(diabetes, form):
    X, y = diabetes
    generator = np.random.default_rng(0)
    count = generator.integers(0, 4, len(y))
    rows = generator.permutation(np.repeat(np.arange(len(y)), count))
    model = KernelRidge(AUTO, kernel=Gaussian(0.05), **form)
    weighted, repeated = clone(model).fit(X, y, count), clone(model).fit(X[rows], y[rows])
    assert repeated.alpha_ == pytest.approx(weighted.alpha_, rel=1e-9)
    np.testing.assert_allclose(repeated.predict(X), weighted.predict(X), rtol=1e-5, atol=1e-6)


def test_rows_are_numbered_without_gaps_whatever_the_landmarks(diabetes, monkeypatch):
    # The first number is held out: it must be that of a row, and not of a landmark of the user's.
    X, y = np.repeat(diabetes[0][:9], 2, axis=0), np.repeat(diabetes[1][:9], 2)
    seen = []

    def spy(*arguments, **keywords):
        seen.append(keywords["group"].numpy())
        return landmark_ridge(*arguments, **keywords)

    monkeypatch.setattr(ridge_fit, "landmark_ridge", spy)
    for landmarks in (diabetes[0][50:90], diabetes[0][5:50]):
        KernelRidge(AUTO, approximation="nystroem", landmarks=landmarks).fit(X, y)
    for group in seen:
        assert np.unique(group).tolist() == list(range(9))
        np.testing.assert_array_equal(group[0::2], group[1::2])


@forms
def test_rows_that_are_there_twice_do_not_judge_one_another(diabetes, form):
    # Each row twice, and targets that are noise: memory of the twin is worth nothing.
    X = diabetes[0]
    y = np.random.default_rng(0).normal(size=len(X))
    model = KernelRidge(AUTO, kernel=Gaussian(1.0), **form)
    model.fit(np.vstack([X, X]), np.concatenate([y, y]))
    assert np.abs(model.predict(X)).max() < 0.5 * np.abs(y).max()


@pytest.mark.parametrize("kernel", [SUGGESTED, Gaussian("scale")], ids=["sigmoid", "gaussian"])
@forms
def test_values_are_predicted_nearly_as_well_as_with_the_best_of_a_grid(kernel, form):
    X, y = load_diabetes(return_X_y=True)
    X, auto = StandardScaler().fit_transform(X), KernelRidge(AUTO, kernel=kernel, **form)
    y = (y - y.mean()) / y.std()
    found, scores = cross_validated(auto, X, y, 10.0 ** np.arange(-4, 4))
    assert found > max(scores) - 0.03  # of 442 rows R² is known to a few hundredths


@pytest.mark.parametrize(
    ("rows", "form"), [(600, {}), (1797, {"approximation": "nystroem", "n_components": 200})]
)
def test_digits_are_told_nearly_as_well_as_with_the_best_of_a_grid(rows, form):
    X, y = load_digits(return_X_y=True)
    auto = KernelRidgeClassifier(AUTO, kernel=SUGGESTED, **form)
    alphas = 10.0 ** np.arange(-5, 4, 2)
    found, scores = cross_validated(auto, X[:rows] / 16, y[:rows], alphas, cv=3)
    assert found > max(scores) - 0.01


def test_precomputed_and_sparse_rows_choose_alike(diabetes):
    X, y = diabetes
    X = np.vstack([X[:100], X[:30]])  # with repetitions
    y = np.vstack([y[:100], y[100:130]])
    kernel = Sigmoid(0.1, -0.5)
    object_given = KernelRidge(AUTO, kernel=kernel).fit(X, y)
    matrix = KernelRidge(AUTO, kernel="precomputed").fit(kernel(X), y)
    rows = KernelRidge(AUTO, kernel=kernel).fit(sparse.csr_matrix(X), y)
    assert matrix.alpha_ == pytest.approx(object_given.alpha_, rel=1e-9)
    assert rows.alpha_ == pytest.approx(object_given.alpha_, rel=1e-9)
    np.testing.assert_allclose(matrix.predict(kernel(X)), object_given.predict(X), rtol=1e-6)


def test_a_definite_kernel_is_solved_and_judged_by_its_eigenvalues(diabetes):
    model = KernelRidge(AUTO, kernel=Linear()).fit(*diabetes)
    assert "eigendecomposition" in model.solution_ and "leave-one-out" in model.solution_


@pytest.mark.parametrize("alpha", ["Auto", "", "1.0", -1.0, math.inf, math.nan, None, [1.0]])
@pytest.mark.parametrize("kernel", ["linear", "precomputed"])
def test_other_alphas_are_refused(diabetes, alpha, kernel):
    X = diabetes[0]
    rows = X @ X.T if kernel == "precomputed" else X
    words = r"alpha=.*; it must be a finite number of at least 0, or 'auto'"
    with pytest.raises(InvalidParameterError, match=words):
        KernelRidge(alpha, kernel=kernel).fit(rows, diabetes[1])


def test_penalties_that_do_not_fit(diabetes):
    X, y = diabetes
    with pytest.raises(InvalidParameterError, match=r"alpha='auto' with penalty='coefficients'"):
        KernelRidge(AUTO, penalty="coefficients").fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"penalty='coefficients' with kernel='precom"):
        KernelRidge(1.0, penalty="coefficients", kernel="precomputed").fit(X @ X.T, y)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cpu:0", "", None, 0])
def test_unknown_devices(diabetes, device):
    with pytest.raises(InvalidParameterError, match=r"device=.* is unknown; it must be 'cpu', "):
        KernelRidge(device=device).fit(*diabetes)


def test_a_device_that_is_not_there(diabetes):
    with pytest.raises(InvalidParameterError, match=r"device='cuda:99': torch .* sees "):
        KernelRidge(device="cuda:99").fit(*diabetes)
    model = KernelRidge(device="cpu").fit(*diabetes)
    with pytest.raises(InvalidParameterError, match="device='cuda:99'"):
        model.set_params(device="cuda:99").predict(diabetes[0])


@forms
def test_whatever_device_there_is_gives_the_same(diabetes, form):
    X, y = diabetes
    here, there = (
        KernelRidge(AUTO, kernel=SUGGESTED, device=device, **form).fit(X, y)
        for device in ("cpu", "auto")
    )
    assert there.alpha_ == pytest.approx(here.alpha_, rel=1e-6)
    np.testing.assert_allclose(there.predict(X), here.predict(X), rtol=1e-5, atol=1e-6)
    assert isinstance(there.dual_coef_, np.ndarray) and isinstance(there.X_fit_, np.ndarray)
