"""Support vector machines against scikit-learn's for definite kernels, and beyond for others."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from ogive._errors import (
    SaturationWarning,
)
from ogive.estimators import KernelSVC, KernelSVR
from ogive.kernels import Gaussian, Polynomial, Sigmoid
from ogive.solvers.svm_selection import select_svm_solver


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=600, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def different():
    """Iris without repetitions, whose coefficients are not unique."""
    X, y = load_iris(return_X_y=True)
    rows = np.sort(np.unique(X, axis=0, return_index=True)[1])
    return X[rows], y[rows]


class TestScikitLearns:
    @pytest.mark.parametrize(
        "parameters",
        [
            {"kernel": "rbf", "C": 10},
            {"kernel": "linear", "C": 0.1},
            {"kernel": "poly", "degree": 2, "coef0": 1},
            {"kernel": "rbf", "gamma": "auto", "C": 0.1, "class_weight": "balanced"},
        ],
    )
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_same_answers_for_definite_kernels(self, digits, parameters, dtype):
        X, X_test, y, _ = digits
        # Values of pairs: a vote is a whole number, and a value near 0 may turn it.
        parameters = {**parameters, "tol": 1e-4, "decision_function_shape": "ovo"}
        ours, theirs = KernelSVC(**parameters).fit(X.astype(dtype), y), SVC(**parameters).fit(X, y)
        assert ours.treatment_ == "definite"
        assert (ours.predict(X_test.astype(dtype)) == theirs.predict(X_test)).mean() >= 0.998
        np.testing.assert_allclose(
            ours.decision_function(X_test.astype(dtype)),
            theirs.decision_function(X_test),
            atol=5e-3,
        )

    def test_fitted_attributes_are_scikit_learns(self, different):
        X, y = different
        ours, theirs = KernelSVC(C=3).fit(X, y), SVC(C=3, tol=1e-10).fit(X, y)
        np.testing.assert_array_equal(ours.support_, theirs.support_)
        np.testing.assert_array_equal(ours.n_support_, theirs.n_support_)
        np.testing.assert_allclose(ours.support_vectors_, theirs.support_vectors_)
        # LIBSVM stops a little before the solution, whatever its tolerance.
        np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-5)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)

    def test_two_classes(self, different):
        X, y = different
        X, y = X[y > 0], np.array(["a", "b"])[y[y > 0] - 1]
        ours, theirs = KernelSVC().fit(X, y), SVC(tol=1e-10).fit(X, y)
        np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-5)
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=1e-6
        )
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))

    @pytest.mark.parametrize("shape", ["ovr", "ovo"])
    def test_decision_shapes(self, iris, shape):
        X, y = iris
        ours = KernelSVC(decision_function_shape=shape).fit(X, y)
        theirs = SVC(decision_function_shape=shape, tol=1e-10).fit(X, y)
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=1e-5
        )

    @pytest.mark.parametrize("classes", [2, 3])
    def test_linear_weights(self, iris, classes):
        X, y = iris
        X, y = X[y < classes], y[y < classes]
        ours = KernelSVC(kernel="linear").fit(X, y)
        theirs = SVC(kernel="linear", tol=1e-10).fit(X, y)
        # LIBSVM stops early; see above.
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
        with pytest.raises(AttributeError, match="kernel='linear'"):
            _ = KernelSVC().fit(X, y).coef_

    def test_sample_weights(self, iris):
        X, y = iris
        weight = np.random.default_rng(0).uniform(0, 2, len(y))
        ours = KernelSVC(gamma=0.3).fit(X, y, sample_weight=weight)
        theirs = SVC(gamma=0.3, tol=1e-10).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=1e-6
        )

    def test_precomputed_and_callable(self, digits):
        X, X_test, y, _ = digits
        kernel = Gaussian(0.02)
        whole = KernelSVC(kernel=kernel).fit(X, y)
        given = KernelSVC(kernel="precomputed").fit(kernel(X), y)
        called = KernelSVC(kernel=kernel).fit(X, y)
        expected = whole.decision_function(X_test)
        np.testing.assert_allclose(given.decision_function(kernel(X_test, X)), expected, atol=1e-9)
        np.testing.assert_allclose(called.decision_function(X_test), expected, atol=1e-9)

    def test_regression(self):
        generator = np.random.default_rng(0)
        X = generator.normal(size=(300, 3))
        y = np.sin(X[:, 0]) + 0.3 * X[:, 1]
        ours, theirs = KernelSVR(C=5).fit(X, y), SVR(C=5, tol=1e-9).fit(X, y)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-6)
        np.testing.assert_array_equal(ours.support_, theirs.support_)
        np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-5)


class TestIndefinite:
    @pytest.mark.parametrize("gamma", [0.05, 0.1])
    def test_krein_is_better_than_none_clip_and_shift_on_digits(self, digits, gamma):
        X, X_test, y, y_test = digits
        score = {
            treatment: max(
                KernelSVC(kernel=Sigmoid(gamma, 0.0), C=C, treatment=treatment)
                .fit(X, y)
                .score(X_test, y_test)
                for C in (1, 100)
            )
            for treatment in ("krein", "none", "clip", "shift")
        }
        assert score["krein"] > 0.97
        assert score["krein"] >= max(score.values())
        assert score["krein"] > score["none"] + 0.01

    def test_solution_is_that_of_the_flipped_kernel_mapped_back(self, iris):
        X, y = iris
        X, y = X[y > 0], y[y > 0]
        kernel = Sigmoid(0.05, 0.3)
        n = len(X)
        centring = np.eye(n) - 1 / n
        values, vectors = np.linalg.eigh(centring @ kernel(X) @ centring)
        flipped = vectors * np.abs(values) @ vectors.T
        peer = SVC(kernel="precomputed", C=2, tol=1e-12).fit(flipped, y)
        ours = KernelSVC(kernel=kernel, C=2, treatment="krein").fit(X, y)
        np.testing.assert_allclose(
            ours.decision_function(X), peer.decision_function(flipped), atol=1e-6
        )
        # And the same function by the original kernel, on new rows too.
        beta = np.zeros(n)
        beta[peer.support_] = peer.dual_coef_[0]
        signs = np.where(np.abs(values) > 1e-12 * np.abs(values).max(), np.sign(values), 0)
        alpha = centring @ (vectors * signs @ vectors.T @ beta)
        new = X[:20] + 0.1
        constant = peer.intercept_[0] - (kernel(X) @ alpha).mean()
        np.testing.assert_allclose(
            ours.decision_function(new), kernel(new, X) @ alpha + constant, atol=1e-6
        )

    def test_clip_keeps_the_positive_part(self, iris):
        X, y = iris
        X, y = X[y > 0], y[y > 0]
        kernel = Sigmoid(0.05, 0.3)
        centring = np.eye(len(X)) - 1 / len(X)
        values, vectors = np.linalg.eigh(centring @ kernel(X) @ centring)
        clipped = vectors * np.maximum(values, 0) @ vectors.T
        peer = SVC(kernel="precomputed", tol=1e-12).fit(clipped, y)
        ours = KernelSVC(kernel=kernel, treatment="clip").fit(X, y)
        np.testing.assert_allclose(
            ours.decision_function(X), peer.decision_function(clipped), atol=1e-6
        )

    def test_landmarks_that_are_all_rows_are_exact(self, digits):
        X, X_test, y, _y_test = digits
        X, y = X[:300], y[:300]
        kernel = Sigmoid(0.05, 0.0)
        exact = KernelSVC(kernel=kernel, C=10, tol=1e-5).fit(X, y)
        few = KernelSVC(
            kernel=kernel, C=10, tol=1e-5, approximation="nystroem", n_components=300
        ).fit(X, y)
        assert exact.treatment_ == few.treatment_ == "krein"
        np.testing.assert_allclose(
            few.decision_function(X_test), exact.decision_function(X_test), atol=1e-3
        )

    def test_landmarks_are_near(self, digits):
        X, X_test, y, y_test = digits
        model = KernelSVC(
            kernel=Sigmoid(0.05, 0.0), C=10, approximation="nystroem", n_components=200
        ).fit(X, y)
        assert model.support_vectors_.shape[0] == 200
        assert model.score(X_test, y_test) > 0.95

    def test_nearly_definite_takes_the_ordinary_way(self, digits):
        X, X_test, y, y_test = digits
        model = KernelSVC(kernel=Sigmoid(0.02, -3.0), C=1000).fit(X, y)
        assert model.treatment_ == "definite"
        assert model.plan_.negative_mass < 1e-3
        assert model.score(X_test, y_test) > 0.97

    def test_regression(self):
        X = np.random.default_rng(0).normal(size=(200, 2))
        y = X[:, 0] * X[:, 1]
        krein = KernelSVR(kernel=Sigmoid(0.5, 0.3), C=100).fit(X, y)
        assert krein.treatment_ == "krein"
        assert krein.score(X, y) > 0.9


class TestLaws:
    def test_row_order_does_not_matter(self, digits):
        X, X_test, y, _ = digits
        order = np.random.default_rng(0).permutation(len(y))
        for kernel in (Gaussian(0.05), Sigmoid(0.05, 0.0)):
            one = KernelSVC(kernel=kernel, tol=1e-6).fit(X, y)
            two = KernelSVC(kernel=kernel, tol=1e-6).fit(X[order], y[order])
            np.testing.assert_allclose(
                one.decision_function(X_test), two.decision_function(X_test), atol=1e-4
            )

    @pytest.mark.parametrize("kernel", [Gaussian(0.05), Sigmoid(0.05, 0.3)])
    def test_weights_are_repetitions(self, iris, kernel):
        X, y = iris
        weight = np.random.default_rng(1).integers(0, 3, len(y))
        one = KernelSVC(kernel=kernel, C=3).fit(X, y, sample_weight=weight)
        two = KernelSVC(kernel=kernel, C=3).fit(X.repeat(weight, 0), y.repeat(weight))
        np.testing.assert_allclose(one.decision_function(X), two.decision_function(X), atol=1e-6)

    @pytest.mark.parametrize("kernel", [Gaussian(0.05), Sigmoid(0.05, 0.0)])
    def test_sparse_is_dense(self, digits, kernel):
        X, X_test, y, _ = digits
        X, y = X[:400], y[:400]
        one = KernelSVC(kernel=kernel).fit(X, y)
        two = KernelSVC(kernel=kernel).fit(sparse.csr_matrix(X), y)
        np.testing.assert_allclose(
            one.decision_function(X_test),
            two.decision_function(sparse.csr_matrix(X_test)),
            atol=1e-8,
        )

    def test_rows_as_needed_is_the_whole_matrix(self, digits):
        X, X_test, y, _ = digits
        X = X.astype(np.float32)
        whole = KernelSVC(C=10, tol=1e-5).fit(X, y)
        rows = KernelSVC(C=10, tol=1e-5, memory="200 kB").fit(X, y)
        assert whole.plan_.whole and not rows.plan_.whole
        np.testing.assert_allclose(
            whole.decision_function(X_test), rows.decision_function(X_test), atol=1e-3
        )
        assert (whole.predict(X_test) == rows.predict(X_test)).mean() >= 0.998

    def test_float32_is_near_the_float64_oracle(self, digits):
        X, X_test, y, _ = digits
        kernel = Sigmoid(0.05, 0.0)
        one = KernelSVC(kernel=kernel, C=10, tol=1e-5).fit(X, y)
        two = KernelSVC(kernel=kernel, C=10, tol=1e-5).fit(X.astype(np.float32), y)
        assert two.support_vectors_.dtype == np.float32
        np.testing.assert_allclose(
            one.decision_function(X_test), two.decision_function(X_test.astype(np.float32)),
            atol=1e-3,
        )  # fmt: skip


class TestProbabilities:
    @pytest.mark.parametrize("kernel", ["rbf", Sigmoid(0.05, 0.0)])
    def test_agree_with_predict_and_are_calibrated(self, digits, kernel):
        X, X_test, y, y_test = digits
        X, y = X[:600], y[:600]
        model = KernelSVC(kernel=kernel, C=10, probability=True).fit(X, y)
        found = model.predict_proba(X_test)
        np.testing.assert_allclose(found.sum(1), 1)
        np.testing.assert_array_equal(model.classes_[found.argmax(1)], model.predict(X_test))
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X_test)), found)
        loss = -np.log(found[np.arange(len(y_test)), y_test]).mean()
        assert loss < 0.25
        assert abs(found.max(1).mean() - model.score(X_test, y_test)) < 0.08

    def test_two_classes(self):
        X, y = load_breast_cancer(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        model = KernelSVC(probability=True).fit(X, y)
        found = model.predict_proba(X)
        np.testing.assert_array_equal(found.argmax(1), model.predict(X))
        assert abs(found.max(1).mean() - model.score(X, y)) < 0.05

    def test_are_told_to_be_asked_for(self, iris):
        model = KernelSVC().fit(*iris)
        assert not hasattr(model, "predict_proba")

    def test_row_order_and_repetitions_do_not_matter(self, iris):
        X, y = iris
        order = np.random.default_rng(0).permutation(len(y))
        model = KernelSVC(probability=True)
        one = clone(model).fit(X, y).temperature_
        assert clone(model).fit(X[order], y[order]).temperature_ == pytest.approx(one, rel=1e-4)
        twice = clone(model).fit(X, y, sample_weight=np.full(len(y), 2)).temperature_
        repeated = clone(model).fit(np.tile(X, (2, 1)), np.tile(y, 2)).temperature_
        assert twice == pytest.approx(repeated, rel=1e-4)


class TestPlan:
    def test_says_what_will_run(self, digits):
        X = digits[0].astype(np.float32)
        import torch

        x = torch.from_numpy(X)
        definite = select_svm_solver(Gaussian(0.1), x)
        assert (definite.treatment, definite.whole, definite.spectral) == ("definite", True, False)
        rows = select_svm_solver(Gaussian(0.1), x, memory="1 MB")
        assert not rows.whole and "rows as needed" in rows.reason
        indefinite = select_svm_solver(Sigmoid(0.1, 0.0), x)
        assert indefinite.treatment == "krein" and indefinite.spectral
        assert indefinite.negative_mass > 0.05

    def test_many_rows_of_an_indefinite_kernel_take_landmarks(self):
        import torch

        x = torch.from_numpy(np.random.default_rng(0).normal(size=(5001, 3)))
        plan = select_svm_solver(Sigmoid(0.5, 0.5), x)
        assert (plan.approximation, plan.landmarks) == ("nystroem", 2000)
        assert select_svm_solver(Gaussian(0.5), x).approximation == "exact"


def test_a_program_for_scikit_learn_runs_unchanged(digits):
    X, X_test, y, y_test = digits
    for name in ("rbf", "sigmoid", "poly", "linear"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SaturationWarning)
            model = KernelSVC(
                C=1.0, kernel=name, degree=3, gamma="scale", coef0=0.0, shrinking=True,
                probability=False, tol=0.001, cache_size=200, class_weight=None, verbose=False,
                max_iter=-1, decision_function_shape="ovr", break_ties=False, random_state=None,
            ).fit(X, y)  # fmt: skip
        assert model.score(X_test, y_test) > 0.9


def test_polynomials_without_offset_are_as_definite_as_they_are(digits):
    X, _, y, _ = digits
    assert KernelSVC(kernel=Polynomial(3, 0.1, 0.0)).fit(X[:200], y[:200]).treatment_ == "definite"
