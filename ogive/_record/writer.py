"""What an object writes of itself into a model file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ogive._errors import InvalidParameterError, InvalidTypeError

if TYPE_CHECKING:
    from scipy import sparse

    NumericRows = np.ndarray | sparse.csr_matrix | sparse.csr_array

SEPARATOR = "."  # between the name of a part and a name within it
LAYOUTS = ("rows", "columns", "csr_matrix", "csr_array")
# The largest array of labels that a short text may ask for: 64 MB.
MOST_CHARACTERS = 2**24


class RecordWriter:
    """Values and arrays that an object is made of, nested by name.

    Attributes
    ----------
    values : dict
        Of this object and its parts, as JSON can hold them.
    arrays : dict of ndarray
        Of the whole model, by dotted name.

    Examples
    --------
    >>> writer = RecordWriter()
    >>> writer.value("alpha", np.float64(0.5))
    >>> writer.part("inner").array("weight", np.zeros(2))
    >>> writer.values, writer.arrays
    ({'alpha': 0.5, 'inner': {}}, {'inner.weight': array([0., 0.])})
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self._prefix = ""

    def value(self, name: str, value: Any) -> None:
        """Write a string, a boolean, a number (not NaN), None, or lists and dicts of them."""
        self._claim(name)
        self.values[name] = _plain(value, self._prefix + name)

    def array(self, name: str, array: np.ndarray) -> None:
        """Write an array of booleans, integers or floats; text is written by `labels`."""
        self._claim(name)
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise InvalidTypeError(
                f"{self._prefix}{name} has dtype {array.dtype}; a model file holds arrays of "
                "booleans, integers and floats: convert it with astype"
            )
        self.arrays[self._prefix + name] = array

    def rows(self, name: str, rows: NumericRows) -> None:
        """Write a matrix, dense or CSR, such that products with it round as before."""
        from scipy import sparse

        part = self.part(name)
        if sparse.issparse(rows):
            csr: Any = rows.tocsr()
            part.value("layout", "csr_array" if isinstance(csr, sparse.sparray) else "csr_matrix")
            part.value("shape", csr.shape)
            for piece in ("data", "indices", "indptr"):
                part.array(piece, getattr(csr, piece))
            return
        dense = np.asarray(rows)
        by_columns = dense.flags.f_contiguous and not dense.flags.c_contiguous
        part.value("layout", "columns" if by_columns else "rows")
        part.array("data", dense.T if by_columns else dense)

    def labels(self, name: str, labels: np.ndarray) -> None:
        """Write a vector of integers, floats, booleans or strings; its dtype survives."""
        part = self.part(name)
        if labels.dtype.kind in "biuf":
            part.array("numbers", labels)
            return
        texts = labels.tolist()
        if labels.dtype.kind not in "UO" or not all(isinstance(text, str) for text in texts):
            raise InvalidTypeError(
                f"{self._prefix}{name} has dtype {labels.dtype}; a model file holds labels that "
                "are integers, floats, booleans or strings: convert them before fit"
            )
        width = labels.dtype.itemsize // 4 if labels.dtype.kind == "U" else None
        if width is not None and width * len(texts) > MOST_CHARACTERS:
            raise InvalidParameterError(
                f"{self._prefix}{name} has dtype {labels.dtype} for {len(texts):,} labels; a model "
                f"file holds at most {MOST_CHARACTERS:,} characters of them: shorten them"
            )
        part.value("texts", texts)
        part.value("width", width)

    def part(self, name: str) -> RecordWriter:
        """Return the writer of an object within this one."""
        self._claim(name)
        part = RecordWriter()
        part.arrays, part._prefix = self.arrays, self._prefix + name + SEPARATOR
        self.values[name] = part.values
        return part

    def _claim(self, name: str) -> None:
        assert SEPARATOR not in name, f"{name!r} holds the separator of names"
        taken = name in self.values or self._prefix + name in self.arrays
        assert not taken, f"{self._prefix}{name} is written twice"


def _plain(value: Any, name: str) -> Any:
    """Return a value as JSON's own types."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise InvalidParameterError(f"{name}={value!r}; a model file holds no NaN: give None")
        return float(value)
    for kind in (int, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{name}[{place}]") for place, inner in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {str(key): _plain(inner, f"{name}[{key!r}]") for key, inner in value.items()}
    raise InvalidTypeError(
        f"{name}={value!r:.80} is a {type(value).__name__}; a model file holds strings, numbers, "
        "booleans, None, and lists and dicts (by strings) of them"
    )
