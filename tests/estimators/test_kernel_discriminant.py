"""Kernel discriminant analysis against scikit-learn's linear one, and laws beyond."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.estimators.factorization import Factorization
from ogive.estimators.kernel_discriminant import KernelDiscriminant
from ogive.kernels import Gaussian, Sigmoid

INDEFINITE = Sigmoid("suggest", "suggest")
LANDMARKS = {"approximation": "nystroem", "n_components": 40}
forms = pytest.mark.parametrize("form", [{}, LANDMARKS], ids=["exact", "landmarks"])


def centred_iris():
    X, y = load_iris(return_X_y=True)
    return X - X.mean(0), y


def two_classes():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:200, :8]
    return X - X.mean(0), y[:200]


@pytest.mark.parametrize("data", [centred_iris, two_classes])
@pytest.mark.parametrize("priors", [None, "given"])
def test_without_a_ridge_it_is_linear_discriminant_analysis(data, priors):
    X, y = data()
    if priors is not None:
        priors = [0.6, 0.3, 0.1][: len(np.unique(y))]
        priors = np.array(priors) / sum(priors)
    theirs = LinearDiscriminantAnalysis(solver="eigen", priors=priors).fit(X, y)
    model = KernelDiscriminant(0.0, kernel="linear", priors=priors).fit(X, y)
    mine, expected = model.decision_function(X), theirs.decision_function(X)
    if expected.ndim == 2:  # up to a number for each row
        mine, expected = (scores - scores[:, :1] for scores in (mine, expected))
    np.testing.assert_allclose(mine, expected, atol=1e-7)
    np.testing.assert_array_equal(model.predict(X), theirs.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-8)
    np.testing.assert_allclose(model.priors_, theirs.priors_)


@pytest.mark.parametrize("data", [centred_iris, two_classes])
def test_coordinates_and_scores_are_scikit_learns_on_centred_data(data):
    X, y = data()
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(X, y)
    model = KernelDiscriminant(0.0, kernel="linear").fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), theirs.decision_function(X), atol=1e-7)
    np.testing.assert_allclose(np.abs(model.transform(X)), np.abs(theirs.transform(X)), atol=1e-7)
    share = model.scatter_ratio_ / model.scatter_ratio_.sum()
    np.testing.assert_allclose(share, theirs.explained_variance_ratio_, rtol=1e-8)
    assert list(model.get_feature_names_out()) == [
        f"kerneldiscriminant{i}" for i in range(len(model.classes_) - 1)
    ]


def test_the_ridge_is_told_in_units_of_the_kernel():
    X, y = load_iris(return_X_y=True)
    one = KernelDiscriminant(1e-2, kernel=Sigmoid(0.02, 0.1)).fit(X, y)
    other = KernelDiscriminant(1e-2, kernel=1e3 * Sigmoid(0.02, 0.1)).fit(X, y)
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-7)
    np.testing.assert_allclose(one.transform(X), other.transform(X), atol=1e-6)


@forms
@pytest.mark.parametrize("kernel", [INDEFINITE, Gaussian("scale")], ids=str)
@pytest.mark.parametrize("priors", [None, [0.2, 0.3, 0.5]])
def test_weights_are_repetitions_in_any_order(kernel, form, priors):
    X, y = load_iris(return_X_y=True)
    generator = np.random.default_rng(0)
    repeats = generator.integers(0, 4, len(y))
    rows = generator.permutation(np.repeat(np.arange(len(y)), repeats))
    model = KernelDiscriminant(1e-3, kernel=kernel, priors=priors, **form)
    weighted, repeated = clone(model).fit(X, y, repeats), clone(model).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-5)


def test_all_rows_as_landmarks_are_exact():
    X, y = load_iris(return_X_y=True)
    exact = KernelDiscriminant(1e-3, kernel=INDEFINITE).fit(X, y)
    found = KernelDiscriminant(
        1e-3, kernel=INDEFINITE, approximation="nystroem", n_components=150
    ).fit(X, y)
    np.testing.assert_allclose(found.predict_proba(X), exact.predict_proba(X), atol=1e-5)


def test_coordinates_have_no_mean_and_the_covariance_within_is_at_most_one():
    X, y = load_iris(return_X_y=True)
    Z = KernelDiscriminant(1e-3, kernel=INDEFINITE).fit_transform(X, y)
    np.testing.assert_allclose(Z.mean(0), 0, atol=1e-8)
    means = np.stack([Z[y == c].mean(0) for c in range(3)])
    within = (Z - means[y]).T @ (Z - means[y]) / len(y)
    assert np.linalg.eigvalsh(within).max() < 1 and np.abs(within[0, 1]) < 0.2
    between = means.T @ means / 3
    np.testing.assert_allclose(between - np.diag(np.diag(between)), 0, atol=1e-8)
    assert (means.max(0) > -means.min(0)).all()


@forms
def test_probabilities_scores_and_predictions_agree(form):
    for X, y in (load_iris(return_X_y=True), two_classes()):
        model = KernelDiscriminant(1e-2, kernel=INDEFINITE, **form).fit(X, y)
        chance = model.predict_proba(X)
        np.testing.assert_allclose(chance.sum(1), 1)
        np.testing.assert_allclose(np.log(chance), model.predict_log_proba(X), atol=1e-9)
        np.testing.assert_array_equal(model.classes_[chance.argmax(1)], model.predict(X))
        by_hand = model.kernel_(X, model.X_fit_) @ model.dual_coef_ + model.intercept_
        shape = (len(X), -1) if by_hand.shape[1] > 1 else -1
        np.testing.assert_allclose(model.decision_function(X), by_hand.reshape(shape), atol=1e-6)
        coordinates = model.kernel_(X, model.X_fit_) @ model.scalings_ + model.offset_
        np.testing.assert_allclose(model.transform(X), coordinates, atol=1e-6)


def test_the_sigmoid_kernel_on_digits_beats_linear_analysis():
    X, y = load_digits(return_X_y=True)
    X, train, test = X / 16, slice(900), slice(900, None)
    linear = LinearDiscriminantAnalysis().fit(X[train], y[train]).score(X[test], y[test])
    scores = []
    for rows, form in ((X, {}), (X.astype(np.float32), LANDMARKS | {"n_components": 300})):
        model = KernelDiscriminant(1e-4, kernel=INDEFINITE, **form)
        scores.append(model.fit(rows[train], y[train]).score(rows[test], y[test]))
        assert model.transform(rows[test]).shape == (897, 9)
        assert model.plan_.negative_mass > 0.01
    assert min(scores) > linear + 0.02


def test_sparse_precomputed_types_and_names_of_classes():
    X, y = load_iris(return_X_y=True)
    kernel = INDEFINITE.resolve(X)
    names = np.array(["ash", "birch", "cedar"])[y]
    expected = KernelDiscriminant(1e-2, kernel=kernel).fit(X, names)
    found = KernelDiscriminant(1e-2, kernel=kernel).fit(sparse.csr_matrix(X), names)
    matrix = KernelDiscriminant(1e-2, kernel="precomputed").fit(kernel(X), names)
    single = KernelDiscriminant(1e-2, kernel=kernel).fit(X.astype(np.float32), names)
    assert single.transform(X.astype(np.float32)).dtype == np.float32
    chance = expected.predict_proba(X)
    for model, rows in ((found, sparse.csr_matrix(X)), (matrix, kernel(X)), (single, X)):
        np.testing.assert_allclose(model.predict_proba(rows), chance, atol=1e-4)
        assert set(model.predict(rows)) == {"ash", "birch", "cedar"}
    assert cross_val_score(matrix, kernel(X), names, cv=3).mean() > 0.9


def test_fewer_coordinates():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    model = KernelDiscriminant(n_components_out=2).fit(X, y)
    assert model.transform(X).shape == (300, 2) and len(model.scatter_ratio_) == 2
    whole = KernelDiscriminant().fit(X, y)
    np.testing.assert_allclose(whole.transform(X)[:, :2], model.transform(X), atol=1e-9)
    with pytest.raises(InvalidParameterError, match="at most 9 directions"):
        KernelDiscriminant(n_components_out=10).fit(X, y)


def test_a_class_of_no_weight_is_no_class():
    X, y = load_iris(return_X_y=True)
    model = KernelDiscriminant().fit(X, y, (y != 2).astype(float))
    assert list(model.classes_) == [0, 1] and model.decision_function(X).shape == (150,)


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, error, words",
    [
        ({"mu": -1.0}, InvalidParameterError, "mu=-1"),
        ({"mu": float("nan")}, InvalidParameterError, "mu=nan"),
        ({"mu": "auto"}, InvalidParameterError, "mu='auto'"),
        ({"mu": 0.0}, InvalidParameterError, r"mu=0\.0 is too small"),
        ({"priors": [0.5, 0.5]}, InvalidParameterError, "priors has shape"),
        ({"priors": [0.5, 0.7, -0.2]}, InvalidParameterError, "at least 0"),
        ({"priors": [0, 0, 0]}, InvalidParameterError, "not all 0"),
        ({"n_components_out": 0}, InvalidParameterError, "n_components_out=0"),
        ({"kernel": "rgb"}, InvalidParameterError, "did you mean 'rbf'"),
        ({"kernel": Sigmoid(0.0, 0.3)}, InvalidDataError, "is gamma 0"),
        ({"kernel": "precomputed"}, InvalidDataError, "square"),
        ({"device": "cuda:99"}, InvalidParameterError, "device='cuda:99'"),
    ],
)
def test_bad_parameters_name_value_and_cure(parameters, error, words):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(error, match=words):
        KernelDiscriminant(**{"kernel": Gaussian(5.0)} | parameters).fit(
            np.unique(X, axis=0)[:, :4], y[: len(np.unique(X, axis=0))]
        )


def test_bad_data():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(InvalidDataError, match="1 class"):
        KernelDiscriminant().fit(X, np.zeros(150))
    with pytest.raises(InvalidDataError, match="1 class"):
        KernelDiscriminant().fit(X, y, (y == 1).astype(float))
    with pytest.raises(InvalidDataError, match="are all rows equal"):
        KernelDiscriminant().fit(np.ones((150, 2)), y)
    with pytest.raises(NotFittedError):
        KernelDiscriminant().predict(X)
    with pytest.warns(UserWarning, match="do not sum to 1"):
        model = KernelDiscriminant(priors=[1, 1, 2]).fit(X, y)
    np.testing.assert_allclose(model.priors_, [0.25, 0.25, 0.5])
    with pytest.raises(InvalidParameterError, match="needs one with fit_intercept=True"):
        KernelDiscriminant().fit(Factorization.of("rbf", X, fit_intercept=False), y)
