"""Constructor parameters of estimators in model files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ogive._record import RecordReader, RecordWriter
from ogive.estimators.kernel_names import KERNEL_NAMES
from ogive.features.landmarks import LANDMARK_METHODS
from ogive.kernels import CallableKernel, Kernel
from ogive.kernels.record import read_kernel, write_kernel


def write_kernel_parameter(writer: RecordWriter, name: str, kernel: Any) -> None:
    """Write a kernel, or the name of one; a callable is refused as code of the user's own."""
    part = writer.part(name)
    if isinstance(kernel, str):
        part.value("name", kernel)
    else:
        write_kernel(kernel if isinstance(kernel, Kernel) else CallableKernel(kernel), part)


def read_kernel_parameter(reader: RecordReader, name: str) -> Kernel | str:
    """Read what `write_kernel_parameter` wrote."""
    part = reader.part(name)
    return part.value("name", str, choices=KERNEL_NAMES) if part.has("name") else read_kernel(part)


def _write_plain(writer: RecordWriter, name: str, value: Any) -> None:
    writer.value(name, value.item() if isinstance(value, Tensor) else value)


def _write_landmarks(writer: RecordWriter, name: str, value: Any) -> None:
    part = writer.part(name)
    if isinstance(value, str):
        part.value("method", value)
    elif isinstance(value, Tensor):
        part.rows("rows", value.detach().cpu().numpy())
    else:
        part.rows("rows", value)


def _read_landmarks(reader: RecordReader, name: str) -> Any:
    part = reader.part(name)
    if part.has("method"):
        return part.value("method", str, choices=LANDMARK_METHODS)
    return part.rows("rows", ("m", "d"), "biuf")


def _write_class_weight(writer: RecordWriter, name: str, value: Any) -> None:
    # JSON's own dicts have strings for keys, and classes may be numbers.
    writer.value(name, list(value.items()) if isinstance(value, dict) else value)


def _read_class_weight(reader: RecordReader, name: str) -> Any:
    value = reader.value(name, (str, list, None))
    if not isinstance(value, list):
        return value
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or isinstance(pair[0], list | dict):
            reader.fail(name, f"holds {pair!r:.60}; it must hold pairs")
    return dict(value)


def _write_image_shape(writer: RecordWriter, name: str, value: Any) -> None:
    writer.value(name, None if value is None else [int(side) for side in value])


def _read_image_shape(reader: RecordReader, name: str) -> Any:
    value = reader.value(name, (list, None))
    if value is None:
        return None
    if len(value) != 3 or not all(type(side) is int and side > 0 for side in value):
        reader.fail(name, f"is {value!r:.60}; it must be three numbers above 0")
    return tuple(value)


def _write_priors(writer: RecordWriter, name: str, value: Any) -> None:
    writer.value(name, None if value is None else np.asarray(value).tolist())


def _read_priors(reader: RecordReader, name: str) -> Any:
    value = reader.value(name, (list, None))
    for prior in value or ():
        if type(prior) not in (int, float):
            reader.fail(name, f"holds {prior!r:.60}; it must hold numbers only")
    return value


def _write_random_state(writer: RecordWriter, name: str, value: Any) -> None:
    writer.value(name, value if isinstance(value, int | np.integer) else None)


@dataclass(frozen=True)
class Parameter:
    """How a parameter is read and written."""

    read: Callable[[RecordReader, str], Any]
    write: Callable[[RecordWriter, str, Any], None] = _write_plain


def _one_of(*kinds: type | None) -> Parameter:
    return Parameter(lambda reader, name: reader.value(name, kinds))


# A parameter of a new estimator is one more line.
PARAMETERS = {
    "alpha": _one_of(int, float, str),
    "kernel": Parameter(read_kernel_parameter, write_kernel_parameter),
    "gamma": _one_of(int, float, str, None),
    "coef0": _one_of(int, float, str, None),
    "degree": _one_of(int, float, None),
    "fit_intercept": _one_of(bool, int),
    "approximation": _one_of(str),
    "n_components": _one_of(int, float, None),
    "landmarks": Parameter(_read_landmarks, _write_landmarks),
    "penalty": _one_of(str),
    "tolerance": _one_of(int, float, str),
    "memory": _one_of(int, float, str),
    "device": _one_of(str),
    "class_weight": Parameter(_read_class_weight, _write_class_weight),
    "random_state": Parameter(_one_of(int, None).read, _write_random_state),
    "verbose": _one_of(bool, int, float),
    "mu": _one_of(int, float),
    "priors": Parameter(_read_priors, _write_priors),
    "n_components_out": _one_of(int, None),
    "n_landmarks": _one_of(int, float, None),
    "fit_inverse_transform": _one_of(bool, int),
    "C": _one_of(int, float),
    "tol": _one_of(int, float),
    "epsilon": _one_of(int, float),
    "max_iter": _one_of(int),
    "shrinking": _one_of(bool, int),
    "cache_size": _one_of(int, float),
    "probability": _one_of(bool, int),
    "decision_function_shape": _one_of(str),
    "break_ties": _one_of(bool, int),
    "treatment": _one_of(str),
    "n_filters": _one_of(int),
    "patch_size": _one_of(int),
    "grid": _one_of(int),
    "both_signs": _one_of(bool),
    "mirror": _one_of(bool),
    "n_first_filters": _one_of(int),
    "whitening": _one_of(int, float),
    "gain": _one_of(int, float),
    "quantile": _one_of(int, float),
    "smooth": _one_of(int, float),
    "logistic_steps": _one_of(int),
    "image_shape": Parameter(_read_image_shape, _write_image_shape),
    "progress": Parameter(
        lambda reader, name: reader.value(name, (None,)),
        lambda writer, name, value: writer.value(name, None),
    ),
}
