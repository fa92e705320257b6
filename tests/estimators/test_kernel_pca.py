"""Kernel principal components against scikit-learn where it is right, and the signature beyond."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import decomposition
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ogive._errors import DataWarning, InvalidDataError, InvalidParameterError
from ogive.estimators.factorization import Factorization
from ogive.estimators.kernel_pca import KernelPCA
from ogive.kernels import Gaussian, Linear, Polynomial, Sigmoid

INDEFINITE = Sigmoid(0.2, 0.3)
generator = np.random.default_rng(0)
X = generator.normal(size=(80, 6)) + 1.0
NEW = generator.normal(size=(15, 6))
WEIGHT = generator.integers(0, 4, 80).astype(float)
LANDMARKS = {"approximation": "nystroem", "n_landmarks": 25}

forms = pytest.mark.parametrize("form", [{}, LANDMARKS], ids=["exact", "landmarks"])


def centred(kernel, left, right=X, training=X):
    """Return products of rows less the mean of the training rows, in the space of the kernel."""
    share = np.full(len(training), 1 / len(training))
    cross, inner = kernel(left, right), kernel(training)
    means = kernel(training, right).T @ share
    return cross - (kernel(left, training) @ share)[:, None] - means + share @ inner @ share


@pytest.mark.parametrize(
    "kernel, name, parameters",
    [
        (Linear(), "linear", {}),
        (Gaussian(0.05), "rbf", {"gamma": 0.05}),
        (Polynomial(2, 0.1, 1.0), "poly", {"gamma": 0.1, "degree": 2, "coef0": 1.0}),
    ],
)
def test_equals_scikit_learn_on_definite_kernels(kernel, name, parameters):
    theirs = decomposition.KernelPCA(5, kernel=name, eigen_solver="dense", **parameters).fit(X)
    for model in (KernelPCA(5, kernel=kernel), KernelPCA(5, kernel=name, **parameters)):
        model.fit(X)
        np.testing.assert_allclose(model.eigenvalues_, theirs.eigenvalues_, rtol=1e-9)
        for rows in (X, NEW):
            np.testing.assert_allclose(model.transform(rows), theirs.transform(rows), atol=1e-7)
        assert set(model.signature_) == {1.0} and model.negative_mass_ < 1e-12


def test_all_components_of_a_linear_kernel_are_those_of_the_data():
    model = KernelPCA().fit(X)
    theirs = decomposition.PCA().fit(X)
    assert model.transform(NEW).shape == (15, 6)
    np.testing.assert_allclose(model.eigenvalues_, theirs.explained_variance_ * 79, rtol=1e-9)
    np.testing.assert_allclose(
        np.abs(model.transform(NEW)), np.abs(theirs.transform(NEW)), atol=1e-8
    )


def test_an_indefinite_kernel_is_the_signed_product_of_coordinates():
    model = KernelPCA(kernel=INDEFINITE).fit(X)
    Z, new = model.transform(X), model.transform(NEW)
    np.testing.assert_allclose(Z * model.signature_ @ Z.T, centred(INDEFINITE, X), atol=1e-8)
    np.testing.assert_allclose(new * model.signature_ @ Z.T, centred(INDEFINITE, NEW), atol=1e-6)
    assert (model.signature_ < 0).sum() > 20 and model.negative_mass_ > 0.01
    np.testing.assert_array_equal(model.signature_, np.sign(model.eigenvalues_))
    with pytest.raises(ValueError, match="negative eigenvalues"):
        decomposition.KernelPCA(kernel="sigmoid", gamma=0.2, coef0=0.3, eigen_solver="dense").fit(X)


@forms
def test_the_largest_in_absolute_value_come_first_and_point_upwards(form):
    model = KernelPCA(10, kernel=INDEFINITE, **form).fit(X)
    Z = model.transform(X)
    assert (np.diff(np.abs(model.eigenvalues_)) <= 0).all()
    assert (Z.max(0) > -Z.min(0)).all()
    np.testing.assert_allclose((Z**2).sum(0), np.abs(model.eigenvalues_), rtol=1e-6)
    np.testing.assert_allclose(Z.mean(0), 0, atol=1e-9)
    whole = KernelPCA(kernel=INDEFINITE, **form).fit(X)
    np.testing.assert_allclose(whole.transform(NEW)[:, :10], model.transform(NEW), atol=1e-9)
    assert whole.negative_mass_ == pytest.approx(model.negative_mass_)


@forms
def test_weights_are_repetitions_in_any_order(form):
    repeats = WEIGHT.astype(int)
    rows = generator.permutation(np.repeat(np.arange(80), repeats))
    weighted = KernelPCA(6, kernel=INDEFINITE, **form).fit(X, sample_weight=WEIGHT)
    repeated = KernelPCA(6, kernel=INDEFINITE, **form).fit(X[rows])
    np.testing.assert_allclose(weighted.eigenvalues_, repeated.eigenvalues_, rtol=1e-8)
    np.testing.assert_allclose(weighted.transform(NEW), repeated.transform(NEW), atol=1e-7)


def test_all_rows_as_landmarks_are_exact():
    exact = KernelPCA(20, kernel=INDEFINITE).fit(X)
    found = KernelPCA(20, kernel=INDEFINITE, approximation="nystroem", n_landmarks=80).fit(X)
    np.testing.assert_allclose(found.eigenvalues_, exact.eigenvalues_, rtol=1e-7)
    np.testing.assert_allclose(found.transform(NEW), exact.transform(NEW), atol=1e-6)
    assert found.plan_.approximation == "nystroem" and exact.plan_.approximation == "exact"


def test_landmarks_find_the_leading_components_of_digits():
    rows = (load_digits().data / 16).astype(np.float32)
    kernel = Sigmoid("suggest", "suggest").resolve(rows)
    exact = KernelPCA(8, kernel=kernel).fit(rows.astype(np.float64))
    found = KernelPCA(8, kernel=kernel, approximation="nystroem", n_landmarks=300, memory="2 MB")
    found.fit(rows)
    np.testing.assert_allclose(found.eigenvalues_, exact.eigenvalues_, rtol=5e-3)
    mine, other = found.transform(rows), exact.transform(rows)
    assert mine.dtype == np.float32
    assert np.abs(mine - other).max() < 0.05 * np.abs(other).max()


def test_works_in_a_pipeline():
    rows, y = load_digits(return_X_y=True)
    pipeline = make_pipeline(
        KernelPCA(40, kernel="sigmoid", gamma="suggest", coef0="suggest", n_landmarks=100),
        LogisticRegression(C=100.0, max_iter=1000),
    )
    assert pipeline.fit(rows[:600] / 16, y[:600]).score(rows[600:] / 16, y[600:]) > 0.9
    model = KernelPCA(3).fit(pd.DataFrame(X, columns=list("abcdef")))
    assert list(model.get_feature_names_out()) == ["kernelpca0", "kernelpca1", "kernelpca2"]
    assert list(model.feature_names_in_) == list("abcdef")


@forms
def test_sparse_precomputed_and_types(form):
    rows = np.where(np.abs(X) < 0.6, 0.0, X)
    dense = KernelPCA(4, kernel=INDEFINITE, **form).fit(rows)
    found = KernelPCA(4, kernel=INDEFINITE, **form).fit(sparse.csr_matrix(rows))
    np.testing.assert_allclose(
        np.abs(found.eigenvalues_), np.abs(dense.eigenvalues_), rtol=1e-6
    ) if not form else None
    assert found.transform(sparse.csr_matrix(rows)).shape == (80, 4)
    if not form:
        np.testing.assert_allclose(found.transform(rows), dense.transform(rows), atol=1e-7)
        matrix = KernelPCA(4, kernel="precomputed").fit(INDEFINITE(rows))
        np.testing.assert_allclose(
            matrix.transform(INDEFINITE(NEW, rows)), dense.transform(NEW), atol=1e-7
        )
    assert found.transform(rows.astype(np.float32)).dtype == np.float32


# Back to rows -------------------------------------------------------------------------------------


def test_without_a_penalty_all_linear_components_give_the_rows_back():
    model = KernelPCA(fit_inverse_transform=True, alpha=0.0).fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(NEW)), NEW, atol=1e-8)
    theirs = decomposition.PCA(3).fit(X)
    model = KernelPCA(3, fit_inverse_transform=True, alpha=0.0).fit(X)
    expected = theirs.inverse_transform(theirs.transform(NEW))
    np.testing.assert_allclose(model.inverse_transform(model.transform(NEW)), expected, atol=1e-8)


@forms
def test_it_is_ridge_regression_of_rows_on_coordinates(form):
    rows = np.where(np.abs(X) < 0.6, 0.0, X)
    for given in (rows, sparse.csr_matrix(rows)):
        model = KernelPCA(7, kernel=INDEFINITE, fit_inverse_transform=True, alpha=0.3, **form)
        Z = model.fit(given, sample_weight=WEIGHT).transform(rows)
        middle = WEIGHT @ rows / WEIGHT.sum()
        gram = Z.T @ (WEIGHT[:, None] * Z) + 0.3 * np.eye(7)
        coefficients = np.linalg.solve(gram, Z.T @ (WEIGHT[:, None] * (rows - middle)))
        np.testing.assert_allclose(model.inverse_transform(Z), Z @ coefficients + middle, atol=1e-7)


# Refusals -----------------------------------------------------------------------------------------


def test_fewer_components_than_asked_for_are_told():
    with pytest.warns(
        DataWarning, match="n_components=50 and the centred kernel matrix has rank 6"
    ):
        model = KernelPCA(50).fit(X)
    assert model.transform(X).shape == (80, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KernelPCA(6).fit(X)


def test_back_to_rows_is_asked_for_beforehand():
    with pytest.raises(NotFittedError, match="fit_inverse_transform parameter was not set to True"):
        KernelPCA(2).fit(X).inverse_transform(X[:, :2])
    with pytest.raises(NotFittedError):
        KernelPCA(2, fit_inverse_transform=True).inverse_transform(X[:, :2])
    model = KernelPCA(2, fit_inverse_transform=True)
    with pytest.raises(InvalidDataError, match="3 columns and there are 2 components"):
        model.fit(X).inverse_transform(X[:, :3])
    with pytest.raises(InvalidParameterError, match="precomputed kernel; give the rows"):
        KernelPCA(2, kernel="precomputed", fit_inverse_transform=True).fit(X @ X.T)
    with pytest.raises(InvalidParameterError, match="factorization; give the rows"):
        model.fit(Factorization.of("linear", X))


@pytest.mark.parametrize(
    "parameters, error, words",
    [
        ({"n_components": 0}, InvalidParameterError, "n_components=0"),
        ({"n_components": 2.5}, InvalidParameterError, "whole number"),
        ({"alpha": -1.0}, InvalidParameterError, "alpha=-1"),
        ({"alpha": "auto"}, InvalidParameterError, "alpha='auto'"),
        ({"kernel": "sigmod"}, InvalidParameterError, "did you mean 'sigmoid'"),
        ({"approximation": "none"}, InvalidParameterError, "approximation='none'"),
        ({"approximation": "nystroem", "n_landmarks": 0}, InvalidParameterError, "n_landmarks=0"),
        ({"approximation": "nystroem", "landmarks": "best"}, InvalidParameterError, "k-means"),
        ({"device": "cuda:99"}, InvalidParameterError, "device='cuda:99'"),
        ({"kernel": Sigmoid(0.0, 0.3)}, InvalidDataError, "is gamma 0"),
        ({"kernel": "precomputed"}, InvalidDataError, "square"),
    ],
)
def test_bad_parameters_name_value_and_cure(parameters, error, words):
    with pytest.raises(error, match=words):
        KernelPCA(**parameters).fit(X)


def test_bad_data():
    with pytest.raises(InvalidDataError, match="are all rows equal"):
        KernelPCA().fit(np.ones((5, 2)))
    with pytest.raises(NotFittedError):
        KernelPCA().transform(X)
    with pytest.raises(ValueError, match="NaN"):
        KernelPCA().fit(X * np.nan)
