"""From targets as found in files to class codes 0..k-1 and class names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError

# Above this a float64 no longer holds every integer, so "integer-valued" means nothing.
_LAST_EXACT_INTEGER = 2.0**53

Encoded = tuple[np.ndarray, tuple[str, ...]]


def encode_distinct(values: Sequence[Any]) -> Encoded:
    """Return int64 codes into the sorted distinct values, and the names of these.

    A dictionary rather than `np.unique`: an array of strings takes rows × longest label.

    Examples
    --------
    >>> encode_distinct(["dog", "cat", "dog"])
    (array([1, 0, 1]), ('cat', 'dog'))
    """
    distinct = sorted(set(values))
    code = {value: index for index, value in enumerate(distinct)}
    codes = np.fromiter((code[value] for value in values), dtype=np.int64, count=len(values))
    return codes, tuple(str(value) for value in distinct)


def encode_text(cells: Sequence[str]) -> Encoded:
    """Encode a text column: as integers if all are, else as numbers if all are, else as names.

    Examples
    --------
    >>> encode_text(["10", "9"])
    (array([1, 0]), ('9', '10'))
    >>> encode_text(["0.5", "2"])
    (array([0.5, 2. ]), ())
    >>> encode_text(["01", "1"])
    (array([0, 1]), ('01', '1'))
    """
    if not all(map(_written_as_number, cells)):
        return encode_distinct(cells)
    try:
        return encode_distinct([int(cell) for cell in cells])
    except ValueError:
        pass
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        return encode_distinct(cells)
    return _encode_floats(numbers) if np.isfinite(numbers).all() else encode_distinct(cells)


def _written_as_number(cell: str) -> bool:
    """Tell codes such as 007 and 1_0 from numbers, which `int` takes them for."""
    digits = cell.lstrip("+-")
    return "_" not in cell and not (digits[:1] == "0" and digits[1:2].isdigit())


def encode_array(y: np.ndarray, origin: str, others: Sequence[np.ndarray] = ()) -> Encoded:
    """Encode a target array; `others` are targets of other splits, for classes in common.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, 1)
        Booleans, integers, floats, or strings.
    origin : str
        What to call the array in an error message.
    others : sequence of ndarray
        Targets whose values count as classes too, present in `y` or not.

    Raises
    ------
    InvalidDataError
        If an array is not one-dimensional, not finite, or of another kind than the others.
    """
    columns = [_column(array, origin) for array in (y, *others)]
    if len({column.dtype.kind in "US" for column in columns}) > 1:
        raise InvalidDataError(
            f"{origin}: the targets are text in one split and numbers in the other: save both alike"
        )
    rows = len(columns[0])
    merged = columns[0] if len(columns) == 1 else np.concatenate(columns)
    if merged.dtype.kind == "f":
        codes, classes = _encode_floats(merged)
    elif merged.dtype.kind in "biu":
        distinct, inverse = np.unique(merged, return_inverse=True)
        codes, classes = inverse.astype(np.int64), tuple(str(v) for v in distinct.tolist())
    else:
        codes, classes = encode_distinct([_as_text(value) for value in merged.tolist()])
    return codes[:rows], classes


def _encode_floats(numbers: np.ndarray) -> Encoded:
    if np.all(numbers == np.floor(numbers)) and np.all(np.abs(numbers) < _LAST_EXACT_INTEGER):
        distinct, inverse = np.unique(numbers.astype(np.int64), return_inverse=True)
        return inverse.astype(np.int64), tuple(str(value) for value in distinct.tolist())
    return numbers.astype(np.float64), ()


def _column(array: np.ndarray, origin: str) -> np.ndarray:
    if array.ndim == 0 or math.prod(array.shape[1:]) != 1:
        raise InvalidDataError(
            f"{origin}: the target has shape {array.shape} where (n,) is expected: "
            "for one-hot targets save y.argmax(axis=1)"
        )
    if array.dtype.kind not in "biufUS":
        raise InvalidDataError(
            f"{origin}: the target has dtype {array.dtype} where integers, floats or strings are "
            "expected: convert it first"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array.ravel())))
        raise InvalidDataError(
            f"{origin}: the target of row {row} is {array.ravel()[row]}: fill in or remove the row"
        )
    return array.ravel()


def _as_text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
