"""Landmark features against scikit-learn's for definite kernels, and the signature beyond."""

import numpy as np
import pytest
from sklearn import kernel_approximation
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.estimators import Nystroem
from ogive.kernels import Gaussian, Sigmoid


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def test_inner_products_equal_scikit_learns_on_the_same_landmarks(digits):
    X, _ = digits
    ours = Nystroem(Gaussian(0.1), n_components=50).fit(X)
    theirs = kernel_approximation.Nystroem(kernel="rbf", gamma=0.1, n_components=50)
    theirs.fit(ours.components_)  # with as many components as rows, all are landmarks
    L, M = ours.transform(X), theirs.transform(X)
    assert set(ours.signature_) == {1.0}
    np.testing.assert_allclose(L @ L.T, M @ M.T, atol=1e-8)


def test_indefinite_kernel_is_approximated_where_scikit_learn_gives_its_absolute_value(digits):
    X, _ = digits
    kernel = Sigmoid(0.2, -0.5)
    K = kernel(X)
    features = Nystroem(kernel, n_components=len(X), tolerance=1e-12).fit(X)
    L = features.transform(X)
    theirs = kernel_approximation.Nystroem(
        kernel="sigmoid", gamma=0.2, coef0=-0.5, n_components=len(X)
    ).fit_transform(X)
    ours_error = np.linalg.norm(L * features.signature_ @ L.T - K) / np.linalg.norm(K)
    theirs_error = np.linalg.norm(theirs @ theirs.T - K) / np.linalg.norm(K)
    assert ours_error < 1e-8
    assert theirs_error > 0.03
    assert (features.signature_ < 0).sum() > 50


def test_dropping_small_eigenvalues_approximates_an_indefinite_kernel_better(digits):
    X, _ = digits
    kernel = Sigmoid(0.2, -0.5)

    def error(tolerance):
        features = Nystroem(kernel, n_components=60, tolerance=tolerance).fit(X)
        L = features.transform(X)
        return np.linalg.norm(L * features.signature_ @ L.T - kernel(X))

    assert error("auto") < error(1e-12)


def test_works_in_a_pipeline_with_names_and_float32(digits):
    X, y = digits
    pipeline = make_pipeline(
        Nystroem("sigmoid", gamma="suggest", n_components=80), RidgeClassifier()
    )
    assert pipeline.fit(X, y).score(X, y) > 0.95
    features = Nystroem(n_components=10).fit(X.astype(np.float32))
    assert features.transform(X.astype(np.float32)).dtype == np.float32
    assert list(features.get_feature_names_out()[:2]) == ["nystroem0", "nystroem1"]


@pytest.mark.parametrize("method", ["uniform", "k-means++", "leverage"])
def test_repeated_rows_change_nothing(digits, method):
    X, _ = digits
    repeated = np.concatenate([X, X[:100], X[:7]])[np.random.default_rng(0).permutation(407)]
    kernel = Sigmoid(0.1, 0.2)
    once = Nystroem(kernel, n_components=30, landmarks=method).fit(X)
    often = Nystroem(kernel, n_components=30, landmarks=method).fit(repeated)
    np.testing.assert_array_equal(once.components_, often.components_)


def test_own_landmarks_and_refusals(digits):
    X, _ = digits
    features = Nystroem(Gaussian(0.1), landmarks=X[:12]).fit(X)
    assert features.component_indices_ is None and features.transform(X).shape == (300, 12)
    with pytest.raises(InvalidParameterError, match="precomputed"):
        Nystroem("precomputed").fit(X)
    with pytest.raises(InvalidParameterError, match="tolerance"):
        Nystroem(tolerance=-1.0).fit(X)
    with pytest.raises(InvalidDataError, match="same number"):
        Nystroem(landmarks=X[:5, :3]).fit(X).transform(X)
    with pytest.raises(InvalidDataError, match="constant on the landmarks"):
        Nystroem(Sigmoid(0.0, 0.0), n_components=5).fit(X)
