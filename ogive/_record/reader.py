"""What an object reads of itself from a model file: it believes nothing unchecked."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ogive._errors import InvalidModelError, nearest_name
from ogive._record.writer import LAYOUTS, MOST_CHARACTERS, SEPARATOR

if TYPE_CHECKING:
    from ogive._record.writer import NumericRows

Shape = tuple[int | str, ...]


class RecordReader:
    """Reads what a `RecordWriter` wrote.

    Each method raises `InvalidModelError` if the name is missing or stands for something else.

    Parameters
    ----------
    values : dict
    arrays : dict of ndarray

    Examples
    --------
    >>> reader = RecordReader({"alpha": 0.5, "inner": {}}, {"inner.weight": np.zeros(2)})
    >>> reader.value("alpha", float), reader.part("inner").array("weight", ("n",))
    (0.5, array([0., 0.]))
    >>> reader.finish()
    """

    def __init__(self, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self._values, self._arrays, self._prefix = values, arrays, ""
        self._values_read: set[str] = set()
        self._arrays_read: set[str] = set()
        self._parts: list[RecordReader] = []
        self._dimensions: dict[str, int] = {}

    def has(self, name: str) -> bool:
        """Return whether there is a value, an array or a part of that name."""
        return name in self._values or self._prefix + name in self._arrays

    def has_array(self, name: str) -> bool:
        """Return whether there is an array of that name."""
        return self._prefix + name in self._arrays

    def value(self, name: str, kind: Any, *, choices: Collection[Any] | None = None) -> Any:
        """Return a value.

        Parameters
        ----------
        name : str
        kind : type, None or tuple of them
            Of str, int, float, bool, list and dict. A boolean is no integer; an integer will do
            for a float, and becomes one where integers are not allowed too.
        choices : collection, optional
            The values that are allowed.
        """
        value = self._value(name)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        allowed = [type(None) if one is None else one for one in kinds]
        if type(value) is int and float in allowed and int not in allowed:
            value = float(value)
        if type(value) not in allowed:
            names = " or ".join("null" if one is None else one.__name__ for one in kinds)
            self.fail(name, f"is {_shown(value)}; it must be {names}")
        if choices is not None and value not in choices:
            known = nearest_name(str(value), map(str, choices))
            self.fail(name, f"is {_shown(value)}, which is unknown; {known}")
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        strings = self.value(name, list)
        for value in strings:
            if not isinstance(value, str):
                self.fail(name, f"holds {_shown(value)}; it must hold strings only")
        return tuple(strings)

    def array(self, name: str, shape: Shape | None, kind: str = "f") -> np.ndarray:
        """Return an array.

        Parameters
        ----------
        name : str
        shape : tuple of int or str, or None for any
            A name stands for one length: that of its first use in this reader, or of `bind`.
        kind : str, default "f"
            Letters of the numpy kinds that are allowed (b, i, u, f), or one dtype ("float64").
            "f" alone means 32 or 64 bits. Floats are finite.
        """
        full = self._prefix + name
        if full not in self._arrays:
            self.fail(name, "is missing")
        self._arrays_read.add(full)
        array = self._arrays[full]
        if not _is_of_kind(array.dtype, kind):
            self.fail(name, f"has dtype {array.dtype}; it must be {kind!r}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            self.fail(name, "holds NaN or infinity; every number must be finite")
        if shape is not None:
            self._compare(name, array.shape, shape)
        return array

    def rows(self, name: str, shape: Shape, kind: str = "f") -> NumericRows:
        """Return a matrix, dense or CSR, with shape and kind as in `array`."""
        part = self.part(name)
        layout = part.value("layout", str, choices=LAYOUTS)
        matrix: NumericRows
        if layout in ("rows", "columns"):
            data = part.array("data", ("rows", "columns"), kind)
            matrix = data.T if layout == "columns" else data
        else:
            matrix = _csr(part, layout, kind)
        self._compare(name, matrix.shape, shape)
        return matrix

    def labels(self, name: str, length: int | str) -> np.ndarray:
        """Return a vector of integers, floats, booleans or strings."""
        part = self.part(name)
        numeric = part.has("numbers")
        labels = part.array("numbers", ("labels",), "biuf") if numeric else _texts(part)
        self._compare(name, labels.shape, (length,))
        return labels

    def part(self, name: str) -> RecordReader:
        """Return the reader of an object within this one; names of lengths are its own."""
        values = self._value(name)
        if not isinstance(values, dict):
            self.fail(name, f"is {_shown(values)}; it must be an object")
        part = RecordReader(values, self._arrays)
        part._prefix = self._prefix + name + SEPARATOR
        self._parts.append(part)
        return part

    def dimension(self, name: str) -> int:
        """Return the length that a name stands for."""
        return self._dimensions[name]

    def bind(self, name: str, length: int) -> None:
        """Let a name stand for a length, or raise if it stands for another."""
        known = self._dimensions.setdefault(name, length)
        if known != length:
            raise InvalidModelError(
                f"{self._prefix.removesuffix(SEPARATOR) or 'the model'} has {length} for {name!r}, "
                f"which is {known} elsewhere in it"
            )

    def fail(self, name: str, what: str) -> NoReturn:
        """Raise, with the full name of something that was read: "X_fit_.indptr" is wrong."""
        raise InvalidModelError(f"{self._prefix}{name} {what}")

    def finish(self) -> None:
        """Raise if something was never read, here or in a part: it would be lost unnoticed."""
        for part in self._parts:
            part.finish()
        parts = tuple(part._prefix for part in self._parts)
        mine = {n for n in self._arrays if n.startswith(self._prefix) and not n.startswith(parts)}
        values = {self._prefix + name for name in self._values.keys() - self._values_read}
        for name in sorted(values | (mine - self._arrays_read)):
            raise InvalidModelError(f"{name!r:.80} is there and means nothing")

    def _value(self, name: str) -> Any:
        if name not in self._values:
            self.fail(name, "is missing")
        self._values_read.add(name)
        return self._values[name]

    def _compare(self, name: str, found: tuple[int, ...], shape: Shape) -> None:
        known = tuple(self._dimensions.get(n, n) if isinstance(n, str) else n for n in shape)
        fits = (isinstance(k, str) or k == n for k, n in zip(known, found, strict=False))
        if len(found) != len(known) or not all(fits):
            rule = str(known).replace("'", "")
            self.fail(name, f"has shape {found}; it must be {rule}")
        for axis, length in zip(shape, found, strict=True):
            if isinstance(axis, str):
                self.bind(axis, length)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_of_kind(dtype: np.dtype, kind: str) -> bool:
    if kind == "f":
        return dtype.name in ("float32", "float64")
    return dtype.kind in kind if kind.isalpha() else dtype.name == kind


def _csr(part: RecordReader, layout: str, kind: str) -> NumericRows:
    from scipy import sparse

    shape = part.value("shape", list)
    if len(shape) != 2 or not all(type(n) is int and 0 <= n < 2**62 for n in shape):
        part.fail("shape", f"is {_shown(shape)}; it must be two whole numbers")
    data = part.array("data", ("entries",), kind)
    indices = part.array("indices", ("entries",), "i")
    pointers = part.array("indptr", (shape[0] + 1,), "i")
    # scipy's compiled code trusts these. Its own check takes differences, which overflow.
    ordered = bool((pointers[1:] >= pointers[:-1]).all())
    if pointers[0] != 0 or pointers[-1] != len(data) or not ordered:
        part.fail("indptr", "does not divide the entries into rows")
    if len(indices) and (indices.min() < 0 or indices.max() >= shape[1]):
        part.fail("indices", f"names columns outside 0 to {shape[1] - 1}")
    form = sparse.csr_array if layout == "csr_array" else sparse.csr_matrix
    return form((data, indices, pointers), shape=tuple(shape))


def _texts(part: RecordReader) -> np.ndarray:
    texts = part.strings("texts")
    width = part.value("width", (int, None))
    if width is None:
        return np.array(texts, dtype=object)
    longest = max(map(len, texts), default=0)
    if not max(1, longest) <= width <= MOST_CHARACTERS // max(1, len(texts)):
        part.fail("width", f"is {width} for {len(texts)} labels of up to {longest}")
    return np.array(texts, dtype=f"U{width}")
