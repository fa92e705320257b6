"""Model files that are damaged, or whose values and arrays do not fit: all are refused."""

import io
import json
import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import ogive
from ogive._container import read_container, write_container
from ogive._errors import DataNotFoundError, InvalidModelError
from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    Nystroem,
)
from ogive.kernels import AdditiveSigmoid, Sigmoid
from ogive.models import load, read_header, save
from tests.models.rows import NAMES, D, X, Y


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
        "logistic": KernelLogistic(kernel=Sigmoid(0.1, 0.3)).fit(X[:20], NAMES[:20]),
        "discriminant": KernelDiscriminant(kernel="precomputed", priors=[0.2, 0.3, 0.5]).fit(
            X[:20] @ X[:20].T, NAMES[:20]
        ),
        "components": KernelPCA(3, kernel=Sigmoid(0.1, 0.3), fit_inverse_transform=True).fit(
            X[:20]
        ),
        "names": KernelRidge().fit(pd.DataFrame(X[:20], columns=list("abcdefg")), Y[:20]),
    }
    return {name: read_container(save(model, folder / name)) for name, model in models.items()}


MODELS = ["dense", "sparse", "precomputed", "features", "names"]
MODELS += ["logistic", "discriminant", "components"]


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
        if path[-1] not in ("feature_names_in_", "leave_one_out_error_"):  # not all have them
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
        ("logistic", "model.class", "KernelRidgeClassifier"),
        ("logistic", "model.class", "KernelDiscriminant"),
        ("logistic", "model.parameters.kernel", {"name": "precomputed"}),
        ("logistic", "model.fitted.n_iter_", 1.5),
        ("logistic", "model.fitted.n_features_in_", 8),
        ("logistic", "model.fitted.classes_.texts", ["ash", "birch"]),
        ("logistic", "model.fitted.plan_.approximation", "magic"),
        ("discriminant", "model.parameters.priors", 0.5),
        ("discriminant", "model.parameters.priors", ["0.2", 0.3, 0.5]),
        ("discriminant", "model.parameters.priors", [True, 0.3, 0.5]),
        ("discriminant", "model.parameters.mu", None),
        ("discriminant", "model.parameters.n_components_out", "1"),
        ("discriminant", "model.fitted.n_features_in_", 19),
        ("discriminant", "model.fitted.kernel_.name", "rbf"),
        ("components", "model.class", "Nystroem"),
        ("components", "model.parameters.fit_inverse_transform", False),
        ("components", "model.parameters.fit_inverse_transform", "yes"),
        ("components", "model.parameters.n_landmarks", "all"),
        ("components", "model.fitted.negative_mass_", None),
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
        ("logistic", "model.fitted.dual_coef_", np.inf),
        ("discriminant", "model.fitted.component_indices_", 20),
        ("discriminant", "model.fitted.priors_", -0.5),
        ("components", "model.fitted.eigenvalues_", 0.0),
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


def test_coordinates_that_classes_do_not_have(file, saved):
    values, arrays = damaged(saved, "discriminant")
    for name in ("scalings_", "offset_", "scatter_ratio_"):
        array = arrays[f"model.fitted.{name}"]
        arrays[f"model.fitted.{name}"] = np.concatenate([array, array], axis=-1)
    check_refused(file, values, arrays, "scatter_ratio_ is of 4 coordinates for 3 classes")
    for name in ("scalings_", "offset_", "scatter_ratio_"):
        arrays[f"model.fitted.{name}"] = arrays[f"model.fitted.{name}"][..., :0]
    check_refused(file, values, arrays, "0 coordinates")


@pytest.mark.parametrize(
    ("model", "names", "words"),
    [
        ("logistic", ["dual_coef_"], "dual_coef_ is empty"),
        ("components", ["projection_"], "projection_ is empty"),
    ],
)
def test_no_rows_of_a_precomputed_kernel(file, saved, model, names, words):
    values, arrays = damaged(saved, model)
    values["model"]["parameters"]["kernel"] = {"name": "precomputed"}
    fitted = values["model"]["fitted"]
    fitted["kernel_"] = {"name": "precomputed"}
    del fitted["X_fit_"], arrays["model.fitted.X_fit_.data"]
    for name in (*names, "component_indices_"):
        arrays[f"model.fitted.{name}"] = arrays[f"model.fitted.{name}"][:0]
    check_refused(file, values, arrays, words)


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
