"""Kernel logistic regression against scikit-learn's linear one, laws, and paths of strengths."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.estimators.factorization import Factorization
from ogive.estimators.kernel_logistic import KernelLogistic
from ogive.estimators.logistic_path import logistic_path
from ogive.kernels import Gaussian, Sigmoid

INDEFINITE = Sigmoid("suggest", "suggest")
LANDMARKS = {"approximation": "nystroem", "n_components": 40}
forms = pytest.mark.parametrize("form", [{}, LANDMARKS], ids=["exact", "landmarks"])


def two_classes():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X)[:200, :8], y[:200]


def three_classes():
    return load_iris(return_X_y=True)


datas = pytest.mark.parametrize("data", [two_classes, three_classes])


@datas
@pytest.mark.parametrize("alpha", [0.05, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_linear_kernel_is_logistic_regression(data, alpha, fit_intercept, class_weight):
    X, y = data()
    X, y = X[10:], y[10:]  # classes of different sizes
    common = {"fit_intercept": fit_intercept, "class_weight": class_weight}
    theirs = LogisticRegression(C=1 / alpha, solver="newton-cholesky", tol=1e-12, **common)
    theirs.fit(X, y)
    model = KernelLogistic(alpha, kernel="linear", **common).fit(X, y)
    np.testing.assert_allclose((X.T @ model.dual_coef_).T, theirs.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    mine, expected = model.decision_function(X), theirs.decision_function(X)
    if expected.ndim == 2:  # up to a number for all
        mine, expected = (scores - scores[:, :1] for scores in (mine, expected))
    np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), theirs.predict(X))


@forms
@datas
@pytest.mark.parametrize("kernel", [INDEFINITE, Gaussian("scale")], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_weights_are_repetitions_in_any_order(data, kernel, form, fit_intercept):
    X, y = data()
    generator = np.random.default_rng(0)
    repeats = generator.integers(0, 4, len(y))
    rows = generator.permutation(np.repeat(np.arange(len(y)), repeats))
    model = KernelLogistic(0.1, kernel=kernel, fit_intercept=fit_intercept, **form)
    weighted, repeated = clone(model).fit(X, y, repeats), clone(model).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


@datas
def test_it_is_the_minimum_in_krein_space(data):
    # With K = Z diag(signs) Zᵀ the problem is ordinary logistic regression in Z.
    X, y = data()
    kernel = INDEFINITE.resolve(X)
    matrix = kernel(X)
    matrix = matrix - matrix.mean(0) - matrix.mean(1)[:, None] + matrix.mean()
    values, vectors = np.linalg.eigh(matrix)
    assert values.min() < -1e-3
    Z = vectors * np.sqrt(np.abs(values))
    theirs = LogisticRegression(C=10.0, tol=1e-10, max_iter=100_000).fit(Z, y)
    model = KernelLogistic(0.1, kernel=kernel).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(Z), atol=1e-5)


def test_all_rows_as_landmarks_are_exact():
    X, y = three_classes()
    exact, found = (
        KernelLogistic(0.1, kernel=INDEFINITE, approximation=name, n_components=150).fit(X, y)
        for name in ("exact", "nystroem")
    )
    np.testing.assert_allclose(found.predict_proba(X), exact.predict_proba(X), atol=1e-5)


@forms
@datas
def test_what_is_kept_gives_the_scores(data, form):
    X, y = data()
    model = KernelLogistic(0.1, kernel=INDEFINITE, **form).fit(X, y)
    by_hand = model.kernel_(X, model.X_fit_) @ model.dual_coef_ + model.intercept_
    found = model.decision_function(X)
    np.testing.assert_allclose(found.reshape(by_hand.shape), by_hand, atol=1e-6)
    chance = model.predict_proba(X)
    np.testing.assert_allclose(chance.sum(1), 1)
    np.testing.assert_array_equal(model.classes_[chance.argmax(1)], model.predict(X))
    np.testing.assert_allclose(np.log(chance), model.predict_log_proba(X))
    assert model.n_iter_ > 1 and "Newton" in model.solution_
    np.testing.assert_array_equal(model.X_fit_, X[model.component_indices_])


def test_probabilities_of_extreme_scores_stay_finite():
    X = np.linspace(-1, 1, 40)[:, None]
    model = KernelLogistic(1e-7, kernel="rbf", gamma=10.0).fit(X, X[:, 0] > 0)
    assert np.isfinite(model.predict_log_proba(1e3 * X)).all()
    np.testing.assert_allclose(model.predict_proba(X).sum(1), 1)


def test_digits_with_an_indefinite_kernel():
    X, y = load_digits(return_X_y=True)
    X, train, test = X / 16, slice(700), slice(700, None)
    linear = LogisticRegression(max_iter=1000).fit(X[train], y[train]).score(X[test], y[test])
    for rows, form in ((X, {}), (X.astype(np.float32), LANDMARKS | {"n_components": 200})):
        model = KernelLogistic(1e-2, kernel=INDEFINITE, **form).fit(rows[train], y[train])
        assert model.plan_.negative_mass > 0.01
        assert model.score(rows[test], y[test]) > linear + 0.005


def test_sparse_precomputed_and_types():
    X, y = three_classes()
    kernel = INDEFINITE.resolve(X)
    expected = KernelLogistic(0.1, kernel=kernel).fit(X, y).predict_proba(X)
    for model, rows in (
        (KernelLogistic(0.1, kernel=kernel), sparse.csr_matrix(X)),
        (KernelLogistic(0.1, kernel="precomputed"), kernel(X)),
        (KernelLogistic(0.1, kernel=kernel), X.astype(np.float32)),
        (KernelLogistic(0.1, kernel=kernel.__call__), X),
    ):
        np.testing.assert_allclose(model.fit(rows, y).predict_proba(rows), expected, atol=1e-4)


def test_a_class_of_no_weight_is_no_class():
    X, y = three_classes()
    model = KernelLogistic().fit(X, y, (y != 0).astype(float))
    assert list(model.classes_) == [1, 2]


# Paths --------------------------------------------------------------------------------------------


@datas
@pytest.mark.parametrize("view", [False, True])
def test_a_path_is_the_fits_of_its_strengths(data, view):
    X, y = data()
    found = Factorization.of(INDEFINITE, X)
    rows = np.arange(0, len(y), 2) if view else slice(None)
    part = found[rows] if view else found
    alphas = [1.0, 1e-2, 10.0]
    path = logistic_path(part, y[rows], alphas)
    assert list(path.alphas) == alphas and path.converged.all()
    assert list(path.classes) == list(np.unique(y))
    cross = found.kernel(X, found.rows)
    for alpha, dual, intercept in zip(alphas, path.dual_coef, path.intercept, strict=True):
        model = KernelLogistic(alpha).fit(part, y[rows])
        scores = cross @ dual + intercept
        expected = model.decision_function(X)
        np.testing.assert_allclose(scores.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)


def test_warm_starts_save_steps_and_weights_are_taken():
    X, y = three_classes()
    found = Factorization.of(INDEFINITE, X)
    alphas = np.logspace(1, -3, 9)
    path = logistic_path(found, y, alphas, class_weight="balanced", sample_weight=y + 1.0)
    alone = [
        KernelLogistic(alpha, class_weight="balanced").fit(found, y, y + 1.0) for alpha in alphas
    ]
    assert path.iterations.sum() < sum(model.n_iter_ for model in alone)
    np.testing.assert_allclose(path.intercept[4], alone[4].intercept_, rtol=1e-4, atol=1e-4)


# Refusals -----------------------------------------------------------------------------------------


def test_not_converging_is_a_warning():
    X, y = three_classes()
    with pytest.warns(ConvergenceWarning, match="max_iter=1 "):
        model = KernelLogistic(1e-5, kernel=INDEFINITE, max_iter=1).fit(X, y)
    assert model.n_iter_ == 1 and np.isfinite(model.predict_proba(X)).all()
    found = Factorization.of(INDEFINITE, X)
    with pytest.warns(ConvergenceWarning, match="alpha=1e-05: .*max_iter=1 "):
        path = logistic_path(found, y, [1e-5, 1e5], max_iter=1)
    assert not path.converged[0]


@pytest.mark.parametrize(
    "parameters, error, words",
    [
        ({"alpha": 0.0}, InvalidParameterError, r"alpha=0\.0; .* above 0"),
        ({"alpha": "auto"}, InvalidParameterError, "alpha='auto'"),
        ({"alpha": float("inf")}, InvalidParameterError, "alpha=inf"),
        ({"tol": 0}, InvalidParameterError, "tol=0"),
        ({"max_iter": 0}, InvalidParameterError, "max_iter=0"),
        ({"max_iter": 2.5}, InvalidParameterError, "max_iter=2.5"),
        ({"kernel": "rgb"}, InvalidParameterError, "did you mean 'rbf'"),
        ({"class_weight": {0: 0.0, 1: 1.0, 2: 1.0}}, InvalidParameterError, "class 0 the total"),
        ({"kernel": Sigmoid(0.0, 0.3)}, InvalidDataError, "is gamma 0"),
        ({"kernel": "precomputed"}, InvalidDataError, "square"),
        ({"device": "cuda:99"}, InvalidParameterError, "device='cuda:99'"),
    ],
)
def test_bad_parameters_name_value_and_cure(parameters, error, words):
    with pytest.raises(error, match=words):
        KernelLogistic(**parameters).fit(*three_classes())


def test_bad_data():
    X, y = three_classes()
    with pytest.raises(InvalidDataError, match="1 class"):
        KernelLogistic().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="Unknown label type"):
        KernelLogistic().fit(X, y + 0.5)
    with pytest.raises(NotFittedError):
        KernelLogistic().predict(X)
    found = Factorization.of(INDEFINITE, X)
    with pytest.raises(InvalidTypeError, match="factorization is a ndarray"):
        logistic_path(X, y, [1.0])
    for alphas in ([], [0.0], "auto", 1.0, [-1.0], [1.0, float("nan")]):
        with pytest.raises(InvalidParameterError, match="alphas="):
            logistic_path(found, y, alphas)
    with pytest.raises(ValueError, match="inconsistent"):
        logistic_path(found, y[:5], [1.0])
