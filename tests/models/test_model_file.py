"""Estimators in files: what is loaded is what was saved, to the last bit."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone

import ogive
from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    KernelSVC,
    KernelSVR,
    Nystroem,
)
from ogive.estimators.parameter_record import PARAMETERS
from ogive.estimators.record import ESTIMATORS
from ogive.kernels import AdditiveSigmoid, Gaussian, Linear, Logistic, Polynomial, Sigmoid
from ogive.models import load, save
from tests.models.rows import KERNEL_MACHINES, NAMES, TWO, D, N, Q, X, Y

KERNELS = [
    "linear",
    "rbf",
    "additive",
    Linear(),
    Polynomial(3, 0.1, 1.0),
    Polynomial(2, "suggest"),
    Gaussian("scale"),
    Gaussian(torch.tensor(0.1)),
    Sigmoid("suggest", "suggest"),
    Sigmoid(torch.tensor(0.1, dtype=torch.float64), -9.0),
    Logistic(0.2, 1.0),
    AdditiveSigmoid.random(D, heads=3, tied=True),
    AdditiveSigmoid(torch.ones(2, D), gamma=torch.tensor([0.1, 0.2])),
    Sigmoid(0.1, 0.2) + 0.5 * Gaussian(0.1),
    Linear() * Sigmoid(0.1, 0.3),
]


def rows(array, dtype=np.float64, form=np.asarray):
    return form(array.astype(dtype))


def same(left, right):
    """Return whether two attributes or parameters are the same, to the last bit."""
    if sparse.issparse(left):
        pieces = ("data", "indices", "indptr")
        return type(left) is type(right) and all(
            same(getattr(left, piece), getattr(right, piece)) for piece in pieces
        )
    if isinstance(left, np.ndarray):
        return (
            isinstance(right, np.ndarray)
            and left.dtype == right.dtype
            and left.shape == right.shape
            and left.tolist() == right.tolist()
        )
    if isinstance(left, ogive.Kernel) and left.tensors():
        return plain(left) == right
    return type(left) is type(right) and left == right


def plain(kernel):
    """Return a kernel with its tensors as numbers and arrays."""

    def number(value):
        return value.double().item() if value.ndim == 0 else value.double().numpy()

    found = kernel.parameters().items()
    return kernel.replace(**{n: number(v) for n, v in found if isinstance(v, torch.Tensor)})


def answers(model, queries):
    names = ("predict", "decision_function", "predict_proba", "transform")
    found = [getattr(model, name)(queries) for name in names if hasattr(model, name)]
    if isinstance(model, KernelPCA) and model.fit_inverse_transform:
        found.append(model.inverse_transform(found[-1]))
    assert found
    return found


def check_round_trip(model, file, queries):
    assert save(model, file) == file
    loaded = load(file)
    assert type(loaded) is type(model)
    assert vars(loaded).keys() == vars(model).keys()
    for name, value in vars(model).items():
        assert same(value, getattr(loaded, name)), name
    for mine, theirs in zip(answers(model, queries), answers(loaded, queries), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    copy = clone(loaded)
    assert copy.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    again = pickle.loads(pickle.dumps(loaded))
    for mine, theirs in zip(answers(model, queries), answers(again, queries), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    before = file.read_bytes()
    save(loaded, file)
    assert file.read_bytes() == before
    return loaded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "form", [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csr_array]
)
@pytest.mark.parametrize(
    ("model", "target"),
    [
        (KernelRidge(0.1, kernel=Sigmoid(0.1, 0.3)), Y),
        (KernelRidge(0.1, kernel=Sigmoid(0.1, 0.3)), np.stack([Y, -Y, Y**2], 1)),
        (KernelRidge(0.1, kernel=Sigmoid(0.1, 0.3)), Y[:, None]),
        (KernelRidge("auto", kernel=Sigmoid(0.1, 0.3), fit_intercept=False), Y),
        (KernelRidge(0.1, kernel="rbf", approximation="nystroem", n_components=20), Y),
        (KernelRidge(1, kernel=Sigmoid(0.1), penalty="coefficients"), Y),
        (KernelRidgeClassifier(0.1, kernel=Sigmoid(0.1, 0.3)), NAMES),
        (KernelRidgeClassifier(0.1, kernel=Sigmoid(0.1, 0.3)), TWO),
        (KernelRidgeClassifier(0.1, kernel="rbf", approximation="nystroem", n_components=9), NAMES),
        (KernelLogistic(0.1, kernel=Sigmoid(0.1, 0.3)), NAMES),
        (KernelLogistic(0.1, kernel=Sigmoid(0.1, 0.3), fit_intercept=False), TWO),
        (KernelLogistic(0.1, approximation="nystroem", n_components=9), NAMES),
        (KernelDiscriminant(kernel=Sigmoid(0.1, 0.3)), NAMES),
        (KernelDiscriminant(kernel=Sigmoid(0.1, 0.3), priors=[0.25, 0.75]), TWO),
        (KernelDiscriminant(approximation="nystroem", n_components=9, n_components_out=1), NAMES),
        (KernelPCA(kernel=Sigmoid(0.1, 0.3)), None),
        (KernelPCA(3, kernel=Sigmoid(0.1, 0.3), fit_inverse_transform=True), None),
        (KernelPCA(3, kernel="rbf", approximation="nystroem", n_landmarks=9), None),
        (KernelSVC(kernel=Sigmoid(0.1, 0.3)), NAMES),
        (KernelSVC(C=5, probability=True), NAMES),
        (KernelSVC(kernel=Sigmoid(0.1, 0.3), treatment="none", max_iter=10**6), TWO),
        (KernelSVC(kernel=Sigmoid(0.1, 0.3), approximation="nystroem", n_components=9), NAMES),
        (KernelSVR(kernel=Sigmoid(0.1, 0.3), epsilon=0.01), Y),
        (KernelSVR(C=10, memory="4 kB"), Y),
        (Nystroem(Sigmoid(0.1, 0.3), n_components=20), None),
        (Nystroem("rbf", n_components=20, landmarks="k-means++", tolerance=1e-9), None),
    ],
)
def test_estimators_survive(file, model, target, form, dtype):
    given = rows(X, dtype, form)
    model = clone(model).fit(given) if target is None else clone(model).fit(given, target)
    check_round_trip(model, file, rows(Q, dtype, form))
    check_round_trip(model, file, rows(Q, np.float64))


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("estimator", KERNEL_MACHINES)
def test_kernels_survive(file, kernel, estimator):
    fit = (X,) if estimator is Nystroem else (X, TWO)
    check_round_trip(estimator(kernel=kernel).fit(*fit), file, Q)


@pytest.mark.parametrize(
    "classes",
    [
        np.array([3, -5, 8]),
        np.array([3, 5, 200], np.uint8),
        np.array([0.0, 1.0, 2.0], np.float32),
        np.array(["ä", "b\0c", "🌲"]),
        np.array(["a", "b", "c"], "U30"),
        np.array(["ash", "birch", "cedar"], object),
        np.array([False, True]),
    ],
)
def test_classes_survive(file, classes):
    y = classes[np.arange(N) % len(classes)]
    for estimator in (KernelRidgeClassifier, KernelLogistic, KernelDiscriminant):
        model = estimator(kernel="rbf").fit(X, y)
        loaded = check_round_trip(model, file, Q)
        assert loaded.classes_.dtype == classes.dtype


@pytest.mark.parametrize(
    "parameters",
    [
        {"class_weight": "balanced"},
        {"class_weight": {"ash": 1, "birch": np.float32(2.5), "cedar": 0.1}},
        {"landmarks": Q[:9], "approximation": "nystroem"},
        {"landmarks": sparse.csr_array(Q[:9]), "approximation": "nystroem"},
        {"landmarks": np.eye(D, dtype=np.uint8), "approximation": "nystroem"},
        {"landmarks": np.asfortranarray(Q[:9]), "approximation": "nystroem"},
        {"gamma": 0.1, "coef0": -1, "degree": 2, "kernel": "poly"},
        {"memory": 10_000_000, "verbose": True, "random_state": None},
        {"memory": 1e7, "random_state": np.int64(3), "alpha": np.float64(0.3)},
        {"kernel": "sigmoid", "gamma": torch.tensor(0.25), "coef0": torch.tensor(0.5)},
    ],
    ids=str,
)
def test_parameters_survive(file, parameters):
    model = KernelRidgeClassifier(**parameters).fit(X, NAMES)
    save(model, file)
    loaded = load(file)
    for name, value in model.get_params().items():
        found = loaded.get_params()[name]
        if isinstance(value, np.ndarray) or sparse.issparse(value):
            assert same(value, found)
        else:
            assert found == value
    for mine, theirs in zip(answers(model, Q), answers(loaded, Q), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    refitted = clone(loaded).fit(X, NAMES)
    np.testing.assert_array_equal(refitted.predict(Q), model.predict(Q))


def test_classes_that_are_numbers_keep_their_weights(file):
    y = np.arange(N) % 3
    model = KernelRidgeClassifier(class_weight={0: 1.0, np.int64(1): 2.0, 2: 3.0}).fit(X, y)
    save(model, file)
    assert load(file).class_weight == {0: 1.0, 1: 2.0, 2: 3.0}


def test_tensor_landmarks_become_an_array(file):
    model = Nystroem("rbf", landmarks=torch.from_numpy(Q[:5])).fit(X)
    save(model, file)
    np.testing.assert_array_equal(load(file).landmarks, Q[:5])
    np.testing.assert_array_equal(load(file).transform(Q), model.transform(Q))


@pytest.mark.parametrize("state", [np.random.RandomState(3), np.random])
def test_generators_become_none(file, state):
    model = KernelRidge(approximation="nystroem", n_components=9, random_state=state).fit(X, Y)
    save(model, file)
    assert load(file).random_state is None
    np.testing.assert_array_equal(load(file).predict(Q), model.predict(Q))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("weight", [None, (np.arange(N) > 4).astype(float)])
@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (KernelRidge, Y),
        (KernelRidgeClassifier, NAMES),
        (KernelLogistic, NAMES),
        (KernelDiscriminant, NAMES),
        (KernelPCA, None),
    ],
)
def test_precomputed_kernels_survive(file, form, weight, estimator, target):
    kernel = Gaussian(0.1)
    model = estimator(kernel="precomputed").fit(form(kernel(X)), target, weight)
    loaded = check_round_trip(model, file, form(kernel(Q, X)))
    assert loaded.X_fit_ is None


def test_feature_names_survive(file):
    names = ["a", "ö", "c d", "", "e\n", "🌲", "g"]
    frame = pd.DataFrame(X, columns=names)
    model = KernelRidge().fit(frame, Y)
    loaded = check_round_trip(model, file, pd.DataFrame(Q, columns=names))
    assert loaded.feature_names_in_.dtype == object
    assert all(type(name) is str for name in loaded.feature_names_in_)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(pd.DataFrame(Q, columns=list("abcdefg")))
    assert check_round_trip(KernelPCA(2).fit(frame), file, frame).get_feature_names_out()[1] == (
        "kernelpca1"
    )
    features = Nystroem(n_components=5).fit(frame)
    assert check_round_trip(features, file, frame).get_feature_names_out()[0] == "nystroem0"


def test_queries_far_from_the_rows(file):
    """Predictions agree to the last bit for many numbers of rows, features and targets."""
    generator = np.random.default_rng(1)
    for _ in range(15):
        n, d, k, q = generator.integers(2, (300, 60, 8, 200))
        data = generator.normal(size=(n, d)).astype(generator.choice([np.float32, np.float64]))
        model = KernelRidge(0.1, kernel=Sigmoid("suggest", "suggest"))
        model.fit(np.asfortranarray(data), generator.normal(size=(n, k)))
        save(model, file)
        queries = generator.normal(size=(q, d))
        np.testing.assert_array_equal(load(file).predict(queries), model.predict(queries))


def test_every_parameter_of_every_estimator_has_a_form():
    for estimator in ESTIMATORS:
        parameters = set(inspect.signature(estimator).parameters)
        assert parameters <= set(PARAMETERS), estimator


def test_public_names(file):
    model = KernelRidge().fit(X, Y)
    ogive.save(model, str(file))
    np.testing.assert_array_equal(ogive.load(str(file)).predict(Q), model.predict(Q))


def test_the_path_is_used_as_given(tmp_path, monkeypatch):
    model = KernelRidge().fit(X, Y)
    assert save(model, tmp_path / "a" / "höhe.bin") == tmp_path / "a" / "höhe.bin"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["höhe.bin"]
    monkeypatch.setenv("HOME", str(tmp_path))
    save(model, "~/x.ogive")
    assert load("~/x.ogive").alpha == 1.0
