"""A fitted object in one file, and back."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ogive import __version__
from ogive._container import path_text, read_container, write_container
from ogive._errors import InvalidModelError, InvalidTypeError, OgiveError, nearest_name
from ogive._record import RecordReader, RecordWriter
from ogive._writing import PathLike

_FORMAT, _VERSION = "ogive model", 1
_CURE = "save the model again with ogive.save"


@dataclass(frozen=True)
class Kind:
    """A kind of object that files can hold.

    Attributes
    ----------
    classes : tuple of type
        Exactly these: a subclass may keep what its base does not write.
    write : callable(object, RecordWriter)
    read : callable(RecordReader) -> object
    """

    classes: tuple[type, ...]
    write: Callable[[Any, RecordWriter], None]
    read: Callable[[RecordReader], Any]


def _kinds() -> dict[str, Kind]:
    # Imported when a model is at hand: the header of a file is read without torch.
    from ogive.estimators.record import ESTIMATORS
    from ogive.images.estimator_record import (
        PICTURE_ESTIMATORS,
        read_any_estimator,
        write_any_estimator,
    )
    from ogive.images.generation import PictureGenerator
    from ogive.models.model import Model

    return {
        "estimator": Kind(
            (*ESTIMATORS, *PICTURE_ESTIMATORS), write_any_estimator, read_any_estimator
        ),
        "model": Kind((Model,), Model.write, Model.read),
        "generator": Kind((PictureGenerator,), PictureGenerator.write, PictureGenerator.read),
    }


def save(model: Any, path: PathLike) -> Path:
    """Write a fitted model to one file, whole or not at all.

    The file holds numbers and text only, in the safetensors format: reading it runs nothing, so
    one from elsewhere may be read. What is read predicts as before, to the last bit on the same
    machine. Parameters that are generators are kept as None, tensors as numbers, priors as a list;
    of a `Factorization` that a model was fitted on, what the model needs for other rows is kept.

    Parameters
    ----------
    model : object
        Fitted, of one of these classes: KernelRidge, KernelRidgeClassifier, KernelLogistic,
        KernelDiscriminant, KernelSVC, KernelSVR, KernelPCA, Nystroem, PatchKernelFeatures,
        PatchKernelClassifier, NetworkClassifier, BlendedClassifier, Model, PictureGenerator.
    path : path
        Used as given; ``.ogive`` is the customary ending.

    Returns
    -------
    Path

    Raises
    ------
    InvalidTypeError
        If it is nothing that can be saved, or its kernel is a user's own function or class.
    NotFittedError
        If it is not fitted.
    InvalidModelError
        If it was changed since it was fitted, so that its parts no longer fit together.
    OutputError
        If the file cannot be written; the one that was there is untouched.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ogive.estimators import KernelRidge
    >>> from ogive.kernels import Sigmoid
    >>> X = np.linspace(-2, 2, 50).reshape(-1, 1)
    >>> model = KernelRidge(alpha=0.01, kernel=Sigmoid(1.0, 0.5)).fit(X, X[:, 0] ** 2)
    >>> file = save(model, Path(tempfile.mkdtemp()) / "square.ogive")
    >>> bool((load(file).predict(X) == model.predict(X)).all())
    True
    """
    name, kind = _kind_of(model)
    writer = RecordWriter()
    writer.value("format", _FORMAT)
    writer.value("version", _VERSION)
    writer.value("kind", name)
    writer.value("libraries", _libraries())
    kind.write(model, writer.part("model"))
    try:
        _built(writer.values, writer.arrays)  # nothing is written that could not be loaded
    except InvalidModelError as error:
        raise InvalidModelError(
            f"this {type(model).__name__} cannot be saved, for its parts do not fit together: "
            f"{error}; fit it again"
        ) from error
    return write_container(path, writer.values, writer.arrays)


def load(path: PathLike) -> Any:
    """Return the model that `save` wrote.

    Nothing that the file says is run. A checksum tells damage; it does not tell who wrote the
    file, and a model made in bad faith may predict anything.

    Parameters
    ----------
    path : path

    Returns
    -------
    object
        Of the type that was saved.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidModelError
        If it is no model file, is damaged, or comes from a newer Ogive.
    """
    return _read(path, _built)


def read_header(path: PathLike) -> dict[str, Any]:
    """Return what a model file says about itself, without building the model.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        "format", "version", "kind", "libraries" (names and versions that wrote it), and "model"
        (its values, without arrays).

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidModelError
        If it is no model file, is damaged, or comes from a newer Ogive.
    """
    return _read(path, _checked_values)


def describe_file(path: PathLike) -> dict[str, Any]:
    """Return what a model file holds, in plain values, without building the model.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        path, bytes, kind, format_version, libraries; for a model of ``ogive fit`` also target
        (None for a transformer), classes, preprocessing (lines of text) and summary; for a bare
        estimator its class and
        parameters, and for a generator of pictures its class, classes and summary as parameters.

    Raises
    ------
    DataNotFoundError, InvalidModelError
        As `read_header`.
    """
    header = read_header(path)
    content = RecordReader(header, {}).part("model")
    found: dict[str, Any] = {
        "path": str(path),
        "bytes": Path(path).expanduser().stat().st_size,
        "kind": header["kind"],
        "format_version": header["version"],
        "libraries": header["libraries"],
    }
    try:
        if header["kind"] == "generator":
            told = {"classes": list(content.strings("classes")), **content.value("summary", dict)}
            return found | {"class": "PictureGenerator", "parameters": told}
        if header["kind"] != "model":
            return found | {
                "class": content.value("class", str),
                "parameters": content.value("parameters", dict),
            }
        return found | {
            "target": content.value("target", (str, None)),
            "classes": list(content.strings("classes")),
            "preprocessing": list(content.strings("preprocesses")),
            "summary": content.value("summary", dict),
        }
    except InvalidModelError as error:
        raise InvalidModelError(f"{path} cannot be described: {error}; {_CURE}") from error


def _kind_of(model: Any) -> tuple[str, Kind]:
    kinds = _kinds()
    for name, kind in kinds.items():
        if type(model) in kind.classes:
            return name, kind
    known = ", ".join(cls.__name__ for kind in kinds.values() for cls in kind.classes)
    raise InvalidTypeError(
        f"model is a {type(model).__name__}, which cannot be saved; what can be: {known}. Others "
        "are kept by pickle, which runs code when it is loaded"
    )


def _read(path: PathLike, make: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Any:
    """Return what ``make`` finds in the values and arrays of a file; a refusal names the file."""
    values, arrays = read_container(path)
    try:
        return make(values, arrays)
    except InvalidModelError as error:
        version = values.get("version")
        newer = isinstance(version, int) and version > _VERSION
        cure = "pip install --upgrade ogive" if newer else _CURE
        raise InvalidModelError(f"{path_text(path)} cannot be loaded: {error}; {cure}") from error


def _checked_values(values: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    _check_root(RecordReader(values, arrays))
    return values


def _built(values: dict[str, Any], arrays: dict[str, Any]) -> Any:
    root = RecordReader(values, arrays)
    name = _check_root(root)
    kinds = _kinds()
    if name not in kinds:
        raise InvalidModelError(f"its kind {name!r:.40} is unknown; {nearest_name(name, kinds)}")
    try:
        model = kinds[name].read(root.part("model"))
    except OgiveError as error:  # of other types too: a kernel refuses its parameters, say
        raise InvalidModelError(str(error)) from error
    root.finish()
    return model


def _check_root(root: RecordReader) -> str:
    """Return the name of the kind of object that a file holds."""
    form, version = root.value("format", str), root.value("version", int)
    if form != _FORMAT or version < 1:
        raise InvalidModelError(f"it is of format {form!r:.40}, version {version}")
    writer = root.value("libraries", dict).get("ogive")
    if version > _VERSION:
        raise InvalidModelError(
            f"it was written by Ogive {writer!r:.40} in version {version} of the format, and this "
            f"Ogive {__version__!r} reads up to version {_VERSION}"
        )
    return root.value("kind", str)


def _libraries() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("numpy", "torch", "scikit-learn")}
    return {"ogive": __version__, "python": platform.python_version(), **versions}
