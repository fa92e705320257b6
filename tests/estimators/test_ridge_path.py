"""Ridge regression for many strengths from one factorization, and errors of rows left out."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.preprocessing import StandardScaler

from ogive._errors import InvalidParameterError, InvalidTypeError
from ogive.estimators import KernelRidge, KernelRidgeClassifier
from ogive.estimators.factorization import Factorization
from ogive.estimators.ridge_path import ridge_path
from ogive.kernels import Gaussian, Sigmoid
from ogive.solvers import feature_ridge

INDEFINITE = Sigmoid(0.1, 0.2)
DEFINITE = Gaussian(0.05)
ALPHAS = [1e-2, 10.0, 1.0]
X, y = load_diabetes(return_X_y=True)
X, y = StandardScaler().fit_transform(X)[:60], (y[:60] - y[:60].mean()) / y[:60].std()
Y = np.stack([y, X[:, 0] ** 2], 1)
WEIGHT = np.random.default_rng(0).integers(0, 4, 60).astype(float)

kernels = pytest.mark.parametrize("kernel", [INDEFINITE, DEFINITE], ids=str)
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])


@kernels
@weights
@intercepts
@pytest.mark.parametrize("targets", [y, Y], ids=["one", "two"])
def test_a_path_is_the_fits_of_its_strengths(kernel, weight, fit_intercept, targets):
    found = Factorization.of(kernel, X, sample_weight=weight, fit_intercept=fit_intercept)
    path = ridge_path(found, targets, ALPHAS)
    assert list(path.alphas) == ALPHAS
    assert path.dual_coef.shape == (3, len(found.rows), *targets.shape[1:])
    assert path.intercept.shape == (3, *targets.shape[1:])
    for alpha, dual, intercept in zip(ALPHAS, path.dual_coef, path.intercept, strict=True):
        model = KernelRidge(alpha, kernel=kernel, fit_intercept=fit_intercept)
        model.fit(X, targets, weight)
        values = kernel(X, found.rows) @ dual + intercept
        np.testing.assert_allclose(values, model.predict(X), atol=1e-7)
    assert path.best == ALPHAS[path.leave_one_out_error.argmin()]


@weights
@intercepts
def test_errors_of_a_definite_kernel_are_those_of_refits(weight, fit_intercept):
    found = Factorization.of(DEFINITE, X, sample_weight=weight, fit_intercept=fit_intercept)
    path = ridge_path(found, Y, ALPHAS)
    w = np.ones(60) if weight is None else weight
    counted = w > 0
    for alpha, error in zip(ALPHAS, path.leave_one_out_error, strict=True):
        model = KernelRidge(alpha, kernel=DEFINITE, fit_intercept=fit_intercept)
        left_out = cross_val_predict(
            model, X[counted], Y[counted], cv=LeaveOneOut(), params={"sample_weight": w[counted]}
        )
        expected = w[counted] @ ((Y[counted] - left_out) ** 2) / w.sum()
        assert error == pytest.approx(expected.mean(), rel=1e-7)


@kernels
def test_errors_are_those_of_refits_in_fixed_features(kernel):
    found = Factorization.of(kernel, X)
    error = ridge_path(found, y, [0.5]).leave_one_out_error[0]
    left_out = cross_val_predict(KernelRidge(0.5), found, y, cv=LeaveOneOut())
    assert error == pytest.approx(((y - left_out) ** 2).mean(), rel=1e-7)


def test_errors_by_landmarks_are_those_of_refits_in_fixed_features():
    found = Factorization.of(INDEFINITE, X, approximation="nystroem", n_components=15)
    error = ridge_path(found, y, [0.5]).leave_one_out_error[0]
    left_out = cross_val_predict(KernelRidge(0.5), found, y, cv=LeaveOneOut())
    assert error == pytest.approx(((y - left_out) ** 2).mean(), rel=1e-7)
    assert KernelRidge(0.5).fit(found, y).leave_one_out_error_ == pytest.approx(error)


@kernels
@intercepts
def test_weights_are_repetitions(kernel, fit_intercept):
    rows = np.repeat(np.arange(60), WEIGHT.astype(int))
    weighted = ridge_path(
        Factorization.of(kernel, X, sample_weight=WEIGHT, fit_intercept=fit_intercept), y, ALPHAS
    )
    repeated = ridge_path(
        Factorization.of(kernel, X[rows], fit_intercept=fit_intercept), y[rows], ALPHAS
    )
    np.testing.assert_allclose(weighted.intercept, repeated.intercept, atol=1e-8)
    np.testing.assert_allclose(
        weighted.leave_one_out_error, repeated.leave_one_out_error, rtol=1e-7
    )


@weights
def test_a_view_and_other_weights(weight):
    found = Factorization.of(DEFINITE, X)
    some = np.arange(10, 50)
    w = None if weight is None else weight[some]
    path = ridge_path(found[some], y[some], ALPHAS, sample_weight=w)
    for alpha, dual, intercept in zip(ALPHAS, path.dual_coef, path.intercept, strict=True):
        model = KernelRidge(alpha, kernel=DEFINITE).fit(X[some], y[some], w)
        np.testing.assert_allclose(DEFINITE(X) @ dual + intercept, model.predict(X), atol=1e-7)


def test_strengths_after_the_first_cost_no_decomposition(monkeypatch):
    found = Factorization.of(INDEFINITE, X)
    monkeypatch.setattr(feature_ridge, "_decomposed", None)
    path = ridge_path(found, y, np.logspace(-6, 6, 50))
    assert np.isfinite(path.leave_one_out_error).all()


def test_without_a_penalty_no_row_can_be_judged():
    path = ridge_path(Factorization.of(DEFINITE, X), y, [0.0, 1.0])
    assert path.leave_one_out_error[0] == np.inf and path.best == 1.0


def test_bad_arguments():
    found = Factorization.of(INDEFINITE, X)
    with pytest.raises(InvalidTypeError, match=r"give Factorization\.of\(kernel, X\)"):
        ridge_path(X, y, [1.0])
    for alphas in ([], "auto", None, 1.0, [-1.0], ["a"], [1.0, np.inf], [None]):
        with pytest.raises(InvalidParameterError, match="alphas="):
            ridge_path(found, y, alphas)
    with pytest.raises(ValueError, match="inconsistent"):
        ridge_path(found, y[:5], [1.0])
    with pytest.raises(ValueError, match="NaN"):
        ridge_path(found, y * np.nan, [1.0])


# leave_one_out_error_ of the estimators -----------------------------------------------------------


@weights
@pytest.mark.parametrize("alpha", [0.5, "auto"])
def test_the_estimator_tells_the_error_of_its_strength(weight, alpha):
    model = KernelRidge(alpha, kernel=INDEFINITE).fit(X, Y, weight)
    path = ridge_path(Factorization.of(INDEFINITE, X, sample_weight=weight), Y, [model.alpha_])
    assert model.leave_one_out_error_ == pytest.approx(path.leave_one_out_error[0], rel=1e-7)
    matrix = KernelRidge(alpha, kernel="precomputed").fit(INDEFINITE(X), Y, weight)
    assert matrix.leave_one_out_error_ == pytest.approx(model.leave_one_out_error_, rel=1e-6)


def test_it_is_not_told_where_it_is_not_known():
    for model in (
        KernelRidge(0.5, kernel=DEFINITE),
        KernelRidge(0.5, kernel=INDEFINITE, approximation="nystroem", n_components=9),
        KernelRidge(0.5, kernel=INDEFINITE, penalty="coefficients"),
        KernelRidge(0.0, kernel=INDEFINITE),
    ):
        assert model.fit(X, y).leave_one_out_error_ is None
    assert KernelRidge("auto", kernel=DEFINITE).fit(X, y).leave_one_out_error_ > 0


def test_a_classifier_tells_it_of_its_targets():
    labels = np.digitize(y, [-0.5, 0.5])
    model = KernelRidgeClassifier(0.5, kernel=INDEFINITE).fit(X, labels)
    codes = 2.0 * (labels[:, None] == np.arange(3)) - 1
    expected = KernelRidge(0.5, kernel=INDEFINITE).fit(X, codes).leave_one_out_error_
    assert model.leave_one_out_error_ == pytest.approx(expected)
