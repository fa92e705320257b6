"""Kernels in model files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from ogive._errors import InvalidModelError, InvalidParameterError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.kernels.additive import AdditiveSigmoid
from ogive.kernels.algebra import Product, Scaled, Sum
from ogive.kernels.base import Kernel
from ogive.kernels.gaussian import Gaussian
from ogive.kernels.linear import Linear
from ogive.kernels.polynomial import Polynomial
from ogive.kernels.sigmoid import Logistic, Sigmoid

_Form = Callable[[RecordReader, str], Any]
_DEEPEST = 50  # sums of sums of … sums: far below what recursion allows


def write_kernel(kernel: Kernel, writer: RecordWriter) -> None:
    """Write a kernel of Ogive's own; its tensors become numbers and arrays.

    Raises
    ------
    InvalidTypeError
        For a kernel that is a user's own function or class.
    InvalidParameterError
        For sums and products nested more than 50 deep.

    Examples
    --------
    >>> writer = RecordWriter()
    >>> write_kernel(2.0 * Sigmoid("scale", -1.0), writer)
    >>> read_kernel(RecordReader(writer.values, writer.arrays))
    2.0 * Sigmoid(gamma='scale', coef0=-1.0)
    """
    _write(kernel, writer, _DEEPEST)


def read_kernel(reader: RecordReader) -> Kernel:
    """Read what `write_kernel` wrote.

    Raises
    ------
    InvalidModelError
        If the record is not that of a kernel.
    InvalidParameterError, InvalidDataError
        If a parameter has a value that the kernel does not allow.
    """
    return _read(reader, _DEEPEST)


def _write(kernel: Kernel, writer: RecordWriter, levels: int) -> None:
    name = type(kernel).__name__
    if name not in _CLASSES or type(kernel) is not _CLASSES[name][0]:
        raise InvalidTypeError(
            f"kernel={kernel!r} is code of your own, which a model file does not hold: use one of "
            f"Ogive's kernels ({', '.join(_CLASSES)}), or keep the model by pickle"
        )
    if levels == 0:
        raise InvalidParameterError(
            f"the kernel is nested more than {_DEEPEST} deep, which a model file does not hold: "
            "add up fewer kernels"
        )
    writer.value("class", name)
    for parameter, value in kernel.parameters().items():
        if isinstance(value, Kernel):
            _write(value, writer.part(parameter), levels - 1)
            continue
        # Double precision holds every narrower number, and bfloat16 is unknown to numpy.
        plain = value.detach().cpu().double().numpy() if isinstance(value, Tensor) else value
        if isinstance(plain, np.ndarray) and plain.ndim > 0:
            writer.array(parameter, plain)
        else:
            writer.value(parameter, plain.item() if isinstance(plain, np.ndarray) else plain)


def _read(reader: RecordReader, levels: int) -> Kernel:
    if levels == 0:
        raise InvalidModelError(f"its kernel is nested more than {_DEEPEST} deep")
    kernel, forms = _CLASSES[reader.value("class", str, choices=_CLASSES)]
    parameters = {
        name: form(reader, name) if form else _read(reader.part(name), levels - 1)
        for name, form in forms.items()
    }
    return kernel(**parameters)


def _number(reader: RecordReader, name: str) -> Any:
    return reader.value(name, (int, float))


def _number_or_rule(reader: RecordReader, name: str) -> Any:
    return reader.value(name, (int, float, str))


def _array(reader: RecordReader, name: str) -> Any:
    return reader.array(name, None)


def _array_or_number(reader: RecordReader, name: str) -> Any:
    return _array(reader, name) if reader.has_array(name) else _number(reader, name)


def _array_or_none(reader: RecordReader, name: str) -> Any:
    return _array(reader, name) if reader.has_array(name) else reader.value(name, None)


_KERNEL: _Form | None = None  # the parameter is a kernel itself
# A new kernel is one more line: its class, and what each of its parameters may be.
_CLASSES: dict[str, tuple[type[Kernel], dict[str, _Form | None]]] = {
    "Linear": (Linear, {}),
    "Polynomial": (
        Polynomial,
        {"degree": _number, "gamma": _number_or_rule, "coef0": _number},
    ),
    "Gaussian": (Gaussian, {"gamma": _number_or_rule}),
    "Sigmoid": (Sigmoid, {"gamma": _number_or_rule, "coef0": _number_or_rule}),
    "Logistic": (Logistic, {"gamma": _number_or_rule, "coef0": _number_or_rule}),
    "AdditiveSigmoid": (
        AdditiveSigmoid,
        {
            "alpha": _array,
            "beta": _array_or_none,
            "gamma": _array_or_number,
            "weight": _array_or_number,
        },
    ),
    "Sum": (Sum, {"left": _KERNEL, "right": _KERNEL}),
    "Product": (Product, {"left": _KERNEL, "right": _KERNEL}),
    "Scaled": (Scaled, {"factor": _number, "inner": _KERNEL}),
}
