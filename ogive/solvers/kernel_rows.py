"""Rows of a kernel matrix that is too large to keep: computed when asked for, some of them kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from ogive._errors import InvalidParameterError

Compute = Callable[[np.ndarray], np.ndarray]
_FEWEST = 2  # one step needs the rows of both its variables


class KernelRows:
    """Rows of an n × n kernel matrix, the latest of them kept within a memory budget.

    Parameters
    ----------
    compute : callable(indices) -> array of shape (len(indices), n)
        Computes rows.
    size : int
        n.
    dtype : numpy dtype
        float32 or float64.
    memory : int
        Bytes for the rows that are kept.

    Attributes
    ----------
    capacity : int
        How many rows fit.
    computed : int
        How many rows have been computed.

    Examples
    --------
    >>> matrix = np.eye(3)
    >>> rows = KernelRows(lambda indices: matrix[indices], 3, np.dtype("float64"), memory=48)
    >>> rows.take(np.array([1, 2]))[0]
    array([0., 1., 0.])
    >>> rows.take(np.array([2])).shape, rows.computed
    ((1, 3), 2)
    """

    def __init__(self, compute: Compute, size: int, dtype: np.dtype, *, memory: int) -> None:
        row = size * dtype.itemsize
        if memory < _FEWEST * row:
            raise InvalidParameterError(
                f"memory={memory} bytes does not hold two rows of a kernel matrix of {size:,} "
                f"rows; give at least {_FEWEST * row} bytes"
            )
        self._compute = compute
        self.capacity = min(size, memory // row)
        self._rows = np.empty((self.capacity, size), dtype)  # pages are taken when first written
        self._places: OrderedDict[int, int] = OrderedDict()  # the latest asked for last
        self.computed = 0

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Return the rows of distinct indices, at most ``capacity``; valid until the next call."""
        missing = []
        for index in indices.tolist():
            if index in self._places:
                self._places.move_to_end(index)
            else:
                missing.append(index)
        if missing:
            found = self._compute(np.array(missing))
            self.computed += len(missing)
            places = [self._place(index) for index in missing]
            self._rows[places] = found
        return self._rows[[self._places[index] for index in indices.tolist()]]

    def _place(self, index: int) -> int:
        """Return a free place for a row, or that of the row not asked for longest."""
        used = len(self._places)
        place = used if used < self.capacity else self._places.popitem(last=False)[1]
        self._places[index] = place
        return place
