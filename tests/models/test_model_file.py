"""Estimators in files: what is loaded is what was saved, and what does not fit is refused."""

import inspect
import io
import json
import math
import pickle
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import ogive
from ogive._container import read_container, write_container
from ogive._errors import DataNotFoundError, InvalidModelError, InvalidTypeError, OutputError
from ogive._record import RecordWriter
from ogive.estimators import KernelRidge, KernelRidgeClassifier, Nystroem
from ogive.estimators.parameter_record import PARAMETERS
from ogive.estimators.record import ESTIMATORS, write_estimator
from ogive.kernels import AdditiveSigmoid, Gaussian, Linear, Logistic, Polynomial, Sigmoid
from ogive.models import load, read_header, save

N, D = 60, 7
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(N, D)) * (GENERATOR.random((N, D)) < 0.6)
Q = GENERATOR.normal(size=(23, D))
Y = np.sin(X[:, 0]) + X[:, 1] ** 2
NAMES = np.array(["ash", "birch", "cedar"])[np.digitize(Y, [0.2, 1.0])]
TWO = (Y > 0.5).astype(int)

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


@pytest.fixture
def file(memory):
    return memory / "model.ogive"


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
    if isinstance(model, Nystroem):
        return [model.transform(queries)]
    if isinstance(model, KernelRidgeClassifier):
        return [model.predict(queries), model.decision_function(queries)]
    return [model.predict(queries)]


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


# Round trips ---------------------------------------------------------------------------------


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
@pytest.mark.parametrize("estimator", ESTIMATORS)
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
    model = KernelRidgeClassifier(kernel="rbf").fit(X, y)
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
@pytest.mark.parametrize("target", [Y, NAMES])
def test_precomputed_kernels_survive(file, form, weight, target):
    estimator = KernelRidge if target is Y else KernelRidgeClassifier
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


# What is not saved ---------------------------------------------------------------------------


class Own(KernelRidge):
    pass


@pytest.mark.parametrize(
    "model",
    [3, None, Ridge(), Ridge, KernelRidge, Own(), make_pipeline(Nystroem(), Ridge()), Sigmoid(0.1)],
    ids=lambda model: type(model).__name__,
)
def test_other_objects_are_not_saved(file, model):
    with pytest.raises(InvalidTypeError, match=r"cannot be saved; .*KernelRidge.*Nystroem.*pickle"):
        save(model, file)
    assert not file.exists()


@pytest.mark.parametrize("model", [Ridge(), type("KernelRidge", (KernelRidge,), {})()])
def test_other_estimators_are_not_written(model):
    with pytest.raises(InvalidTypeError, match=r"which a model file does not hold; .*Nystroem"):
        write_estimator(model.fit(X, Y), RecordWriter())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_unfitted_estimator_is_not_saved(file, estimator):
    with pytest.raises(NotFittedError, match=f"{estimator.__name__} is not fitted.*call fit"):
        save(estimator(), file)
    assert not file.exists()


def smallest_common(left, right):
    return np.minimum(left[:, None], right[None]).sum(2)


class OwnKernel(Sigmoid):
    pass


@pytest.mark.parametrize("kernel", [smallest_common, OwnKernel(0.1), Linear() + OwnKernel(0.1)])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_kernels_of_the_users_own_are_not_saved(file, estimator, kernel):
    fit = (abs(X),) if estimator is Nystroem else (abs(X), TWO)
    model = estimator(kernel=kernel).fit(*fit)
    with pytest.raises(
        InvalidTypeError, match=r"kernel=.*code of your own.*Ogive's kernels.*pickle"
    ):
        save(model, file)
    assert not file.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.set_params(kernel="precomputed"),
        lambda model: model.set_params(kernel="rgb"),
        lambda model: setattr(model, "dual_coef_", model.dual_coef_[1:]),
        lambda model: setattr(model, "X_fit_", model.X_fit_ * math.nan),
        lambda model: setattr(model, "n_features_in_", 3),
    ],
)
def test_a_model_that_could_not_be_loaded_is_not_saved(file, change):
    model = KernelRidge().fit(X, Y)
    change(model)
    with pytest.raises(InvalidModelError, match=r"cannot be saved.*fit it again"):
        save(model, file)
    assert not file.exists()


def test_a_failed_save_leaves_the_old_file(file, monkeypatch):
    import os

    save(KernelRidge(2.0).fit(X, Y), file)
    before = file.read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="disk is full"):
        save(KernelRidge(3.0).fit(X, Y), file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


# What the file says --------------------------------------------------------------------------


def test_header(file):
    save(KernelRidgeClassifier(0.5, kernel=Sigmoid(0.25, -1.0)).fit(X, NAMES), file)
    header = read_header(file)
    assert (header["format"], header["version"], header["kind"]) == ("ogive model", 1, "estimator")
    assert header["libraries"]["ogive"] == ogive.__version__
    assert header["libraries"].keys() == {"ogive", "python", "numpy", "torch", "scikit-learn"}
    assert header["model"]["class"] == "KernelRidgeClassifier"
    assert header["model"]["parameters"]["alpha"] == 0.5
    assert header["model"]["parameters"]["kernel"] == {
        "class": "Sigmoid",
        "gamma": 0.25,
        "coef0": -1.0,
    }
    assert header["model"]["fitted"]["classes_"]["texts"] == ["ash", "birch", "cedar"]
    json.dumps(header)


def test_reading_a_header_needs_no_torch(file):
    save(KernelRidge().fit(X, Y), file)
    code = f"import sys; from ogive.models.file import read_header; read_header({str(file)!r}); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"torch", "sklearn", "scipy"} & set(done.stdout.split())


# Damage --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the contents of a file for each estimator: values and arrays."""
    folder = tmp_path_factory.mktemp("saved")
    models = {
        "dense": KernelRidge(kernel=Sigmoid(0.1, 0.3)).fit(X[:20], np.stack([Y, -Y], 1)[:20]),
        "sparse": KernelRidgeClassifier(kernel=AdditiveSigmoid.random(D, tied=True)).fit(
            sparse.csr_matrix(X[:20]), NAMES[:20]
        ),
        "precomputed": KernelRidge(kernel="precomputed").fit(X[:20] @ X[:20].T, Y[:20]),
        "features": Nystroem(Sigmoid(0.1, 0.3), n_components=8).fit(X[:20]),
        "names": KernelRidge().fit(pd.DataFrame(X[:20], columns=list("abcdefg")), Y[:20]),
    }
    return {name: read_container(save(model, folder / name)) for name, model in models.items()}


MODELS = ["dense", "sparse", "precomputed", "features", "names"]


def damaged(saved, name):
    """Return copies of values and arrays, to be changed."""
    values, arrays = saved[name]
    return json.loads(json.dumps(values)), {key: array.copy() for key, array in arrays.items()}


def check_refused(file, values, arrays, *words):
    write_container(file, values, arrays)
    with pytest.raises(InvalidModelError) as caught:
        load(file)
    message = str(caught.value)
    assert str(file) in message and "; " in message
    for word in words:
        assert word in message, message


def test_cut_short_at_every_length(file, saved):
    write_container(file, *saved["names"])
    data = file.read_bytes()
    assert len(data) < 5000
    for length in range(len(data)):
        file.write_bytes(data[:length])
        with pytest.raises(InvalidModelError):
            load(file)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_undamaged_loads(file, saved, model):
    write_container(file, *damaged(saved, model))
    load(file)


@pytest.mark.parametrize("model", MODELS)
def test_missing_arrays(file, saved, model):
    for name in saved[model][1]:
        values, arrays = damaged(saved, model)
        del arrays[name]
        if name != "model.fitted.component_indices_" or model == "precomputed":
            check_refused(file, values, arrays)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "extra", ["more", "model.more", "model.fitted.more", "../../etc/passwd", "", "model.fitted."]
)
def test_extra_arrays(file, saved, model, extra):
    values, arrays = damaged(saved, model)
    check_refused(file, values, arrays | {extra: np.zeros(2)}, repr(extra), "means nothing")
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[1:],
        lambda array: array[:0],
        lambda array: array[None],
        lambda array: array.reshape(-1)[: array.size // 2],
        lambda array: np.concatenate([array, array]) if array.ndim else array[None],
        lambda array: array.astype(np.float16),
        lambda array: array.astype(np.int8),
        lambda array: array.astype(bool),
        lambda array: array.astype(np.uint32),
        lambda array: np.full(array.shape, np.nan),
        lambda array: np.full(array.shape, -np.inf),
    ],
)
def test_wrong_shapes_and_dtypes(file, saved, model, change):
    for name, array in saved[model][1].items():
        values, arrays = damaged(saved, model)
        if array.ndim == 0 and array[None].shape == change(array[None]).shape:
            arrays[name] = change(array[None])[0]
        else:
            arrays[name] = change(array) if array.ndim else array[None]
        # Offsets of any shape, and whole numbers of any width, mean the same.
        flexible = name.endswith((".gamma", ".indices", ".indptr"))
        if not (flexible and np.array_equal(arrays[name].ravel(), array.ravel())):
            check_refused(file, values, arrays)


def leaves(values, path=()):
    """Yield the path of every value and every object in nested values."""
    for key, value in values.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


def parent(values, path):
    for key in path[:-1]:
        values = values[key]
    return values


@pytest.mark.parametrize("model", MODELS)
def test_missing_and_extra_values(file, saved, model):
    for path in leaves(saved[model][0]):
        values, arrays = damaged(saved, model)
        where = parent(values, path)
        value = where.pop(path[-1])
        if path[0] == "libraries" and len(path) > 1:
            continue  # names and versions, as many as there are
        if path[-1] != "feature_names_in_":
            check_refused(file, values, arrays)
        where[path[-1]] = value
        if isinstance(value, dict) and path[0] == "model":
            value["more"] = None
            check_refused(file, values, arrays, "more")


@pytest.mark.parametrize(
    ("model", "path", "value"),
    [
        ("dense", "format", "other"),
        ("dense", "format", 1),
        ("dense", "more", 1),
        ("dense", "version", 0),
        ("dense", "version", "1"),
        ("dense", "version", True),
        ("dense", "kind", "Estimator"),
        ("dense", "kind", "builtins.print"),
        ("dense", "libraries", []),
        ("dense", "model", None),
        ("dense", "model.class", "Nystroem"),
        ("dense", "model.class", "os.system"),
        ("dense", "model.parameters.alpha", [1]),
        ("dense", "model.parameters.kernel", "linear"),
        ("dense", "model.parameters.kernel", {"name": "precomputed"}),
        ("dense", "model.parameters.kernel", {"name": "rgb"}),
        ("dense", "model.parameters.landmarks", {"method": "best"}),
        ("dense", "model.fitted.kernel_", {"name": "rbf"}),
        ("dense", "model.fitted.kernel_.gamma", "scale"),
        ("dense", "model.fitted.kernel_.gamma", math.inf),
        ("dense", "model.fitted.n_features_in_", 8),
        ("dense", "model.fitted.n_features_in_", 7.0),
        ("dense", "model.fitted.n_features_in_", -7),
        ("dense", "model.fitted.single_target", True),
        ("dense", "model.fitted.plan_.treatment", "magic"),
        ("dense", "model.fitted.plan_.landmarks", 0.5),
        ("dense", "model.fitted.X_fit_.layout", "columns"),
        ("dense", "model.fitted.X_fit_.layout", "csr_matrix"),
        ("sparse", "model.class", "KernelRidge"),
        ("sparse", "model.fitted.X_fit_.shape", [20, 8]),
        ("sparse", "model.fitted.X_fit_.shape", [21, 7]),
        ("sparse", "model.fitted.X_fit_.layout", "coo_matrix"),
        ("sparse", "model.fitted.classes_.texts", ["ash", "birch"]),
        ("sparse", "model.fitted.classes_.texts", ["ash"]),
        ("sparse", "model.fitted.classes_.texts", ["ash", "birch", 3]),
        ("sparse", "model.fitted.classes_.width", 2),
        ("sparse", "model.parameters.class_weight", [1]),
        ("sparse", "model.parameters.class_weight", [[[], 1]]),
        ("precomputed", "model.parameters.kernel.name", "rbf"),
        ("precomputed", "model.fitted.kernel_.name", "rbf"),
        ("precomputed", "model.fitted.n_features_in_", 19),
        ("features", "model.class", "KernelRidge"),
        ("names", "model.fitted.feature_names_in_", list("abcdef")),
        ("names", "model.fitted.feature_names_in_", [*"abcdef", 1]),
    ],
)
def test_values_that_do_not_fit(file, saved, model, path, value):
    values, arrays = damaged(saved, model)
    keys = path.split(".")
    parent(values, keys)[keys[-1]] = value
    check_refused(file, values, arrays)


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("sparse", "model.fitted.X_fit_.indices", 7),
        ("sparse", "model.fitted.X_fit_.indices", -1),
        ("sparse", "model.fitted.X_fit_.indptr", 10_000),
        ("sparse", "model.fitted.X_fit_.indptr", -1),
        ("dense", "model.fitted.component_indices_", -1),
        ("precomputed", "model.fitted.component_indices_", 20),
        ("features", "model.fitted.signature_", 0.5),
        ("features", "model.fitted.normalization_", np.inf),
        ("dense", "model.fitted.dual_coef_", np.nan),
    ],
)
@pytest.mark.parametrize("place", [0, 1, -1])
def test_numbers_that_do_not_fit(file, saved, model, name, value, place):
    values, arrays = damaged(saved, model)
    arrays[name][place] = value
    check_refused(file, values, arrays, name)


def test_a_single_class(file, saved):
    values, arrays = damaged(saved, "sparse")
    values["model"]["fitted"]["classes_"] = {"texts": ["ash"], "width": 5}
    for name in ("dual_coef_", "intercept_"):
        arrays[f"model.fitted.{name}"] = arrays[f"model.fitted.{name}"][..., :1]
    check_refused(file, values, arrays, "classes_ holds 1 labels")


def test_a_kernel_that_is_not_symmetric(file, saved):
    values, arrays = damaged(saved, "sparse")
    kernel = values["model"]["fitted"]["kernel_"]
    del kernel["beta"]
    alpha = arrays["model.fitted.kernel_.alpha"]
    check_refused(file, values, arrays | {"model.fitted.kernel_.beta": 2 * alpha}, "kernel_")


def test_a_kernel_for_other_columns(file, saved):
    values, arrays = damaged(saved, "sparse")
    name = "model.fitted.kernel_.alpha"
    check_refused(file, values, arrays | {name: arrays[name][:, 1:]}, "has 6 for 'd'")


@pytest.mark.parametrize("width", [2**31, 2**61])
def test_a_width_that_is_claimed_costs_nothing(file, saved, width):
    values, arrays = damaged(saved, "sparse")
    fitted = values["model"]["fitted"]
    fitted["n_features_in_"] = fitted["X_fit_"]["shape"][1] = width
    fitted["kernel_"] = {"class": "Sigmoid", "gamma": 0.1, "coef0": 0.0}
    arrays = {name: array for name, array in arrays.items() if "kernel_" not in name}
    write_container(file, values, arrays)
    tracemalloc.start()
    assert load(file).n_features_in_ == width
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


@pytest.mark.parametrize("reader", [load, read_header])
def test_a_newer_format(file, saved, reader):
    values, arrays = damaged(saved, "dense")
    values["version"], values["libraries"]["ogive"], values["more"] = 2, "7.8.9", {}
    write_container(file, values, arrays)
    with pytest.raises(InvalidModelError) as caught:
        reader(file)
    message = str(caught.value)
    for word in (str(file), "7.8.9", "version 2", ogive.__version__, "install --upgrade"):
        assert word in message


@pytest.mark.parametrize("reader", [load, read_header])
def test_files_that_are_no_models(file, reader):
    with pytest.raises(DataNotFoundError, match="check the path"):
        reader(file)
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(3)}, buffer)
    file.write_bytes(buffer.getvalue())
    with pytest.raises(InvalidModelError, match="zip archive"):
        reader(file)
    write_container(file, {"a": 1}, {})
    with pytest.raises(InvalidModelError, match="format is missing"):
        reader(file)


# Killed while saving -------------------------------------------------------------------------

KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from ogive.estimators import KernelRidge
from ogive.models import load, save

path, random = Path(sys.argv[1]), random.Random(0)
X = np.random.default_rng(0).normal(size=(300, 400))
models = [KernelRidge(alpha).fit(X, X[:, 0]) for alpha in (1.0, 2.0)]
answers = {model.alpha: model.predict(X[:5]).tolist() for model in models}
save(models[0], path)
for _ in range(30):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"x")
        while True:
            for model in models:
                save(model, path)
    os.read(reading, 1)
    time.sleep(random.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading), os.close(writing)
    loaded = load(path)
    assert loaded.predict(X[:5]).tolist() == answers[loaded.alpha]
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_killed_while_saving(tmp_path):
    """The file is whole at any moment; a killed process leaves at most one temporary file."""
    file = tmp_path / "model.ogive"
    subprocess.run([sys.executable, "-c", KILLED, str(file)], check=True, timeout=120)
    left = sorted(path.name for path in file.parent.iterdir() if path != file)
    assert len(left) <= 30
    assert all(re.fullmatch(r"\.ogive-[0-9a-f]{16}\.tmp", name) for name in left)
