"""What support vector machines say of parameters and data that they cannot take."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from ogive._errors import InvalidDataError, InvalidParameterError, SaturationWarning
from ogive.estimators import KernelRidge, KernelRidgeClassifier, KernelSVC, KernelSVR
from ogive.kernels import Gaussian, Sigmoid


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.mark.parametrize(
    "parameters",
    [
        {"C": 0},
        {"C": -1.0},
        {"C": np.nan},
        {"C": "1"},
        {"tol": 0},
        {"max_iter": 0},
        {"treatment": "flip"},
        {"approximation": "fast"},
        {"n_components": 0, "approximation": "nystroem"},
        {"decision_function_shape": "all"},
        {"break_ties": True, "decision_function_shape": "ovo"},
        {"memory": "0 MB"},
        {"memory": "1 kB"},
        {"kernel": "gauss"},
        {"kernel": Gaussian(1.0), "gamma": 2.0},
        {"device": "cuda:99"},
    ],
)
def test_parameters_out_of_range(iris, parameters):
    with pytest.raises(InvalidParameterError):
        KernelSVC(**parameters).fit(*iris)


def test_data_that_cannot_be_fitted(iris):
    X, y = iris
    with pytest.raises(InvalidDataError, match="at least two"):
        KernelSVC().fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="weights"):
        KernelSVC().fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(InvalidDataError, match="square"):
        KernelSVC(kernel="precomputed").fit(X, y)
    matrix = np.random.default_rng(0).normal(size=(150, 150))
    with pytest.raises(InvalidDataError, match="symmetric"):
        KernelSVC(kernel="precomputed").fit(matrix, y)
    with pytest.raises(InvalidParameterError, match="epsilon"):
        KernelSVR(epsilon=-1).fit(X, y)


@pytest.mark.parametrize("kernel", [Sigmoid(0.0, 0.5), "rbf"])
def test_constant_kernels_predict_one_class(kernel):
    X, y = np.ones((20, 3)), np.repeat([0, 1], [15, 5])
    with pytest.warns(SaturationWarning, match=r"same for all pairs.*columns that vary"):
        model = KernelSVC(kernel=kernel).fit(X, y)
    assert (model.predict(X) == 0).all()


@pytest.mark.parametrize("machine", [KernelSVC, KernelSVR, KernelRidge, KernelRidgeClassifier])
def test_kernels_that_tell_nothing_apart_are_told(iris, machine):
    X, y = iris
    with pytest.warns(SaturationWarning, match=r"Sigmoid\(gamma=0.0.* is gamma 0"):
        machine(kernel=Sigmoid(0.0, 0.0)).fit(X, y)
    with pytest.warns(SaturationWarning, match="limits"):
        machine(kernel=Sigmoid(0.2, 0.0)).fit(X, y)


def test_kernels_that_tell_rows_apart_are_no_matter_for_a_warning(iris):
    X, y = iris
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KernelSVC(kernel=Sigmoid(1e-9, 0.5)).fit(X, y)
        KernelSVC(kernel=Sigmoid(0.1, -12.0)).fit(X / 10, y)


def test_saturation_is_told():
    X, y = load_digits(return_X_y=True)
    with pytest.warns(SaturationWarning, match=r"1\d\d %|9\d %"):
        KernelSVC(kernel=Sigmoid(10.0, 0.0), treatment="none").fit(X[:200] / 16 + 1, y[:200])


def test_unscaled_data_end_with_a_warning():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(300, 5)) * [1, 10, 1e3, 1e4, 1e5]
    y = (X[:, 0] + generator.normal(size=300) > 0).astype(int)
    with pytest.warns(ConvergenceWarning, match="StandardScaler"):
        model = KernelSVC(kernel="linear", C=1e3, max_iter=2000).fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()


def test_a_class_of_weight_zero_is_none(iris):
    X, y = iris
    model = KernelSVC().fit(X, y, sample_weight=(y != 1).astype(float))
    np.testing.assert_array_equal(model.classes_, [0, 2])
