"""Unit vectors with integer ids, and the nearest of them by inner product, exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ogive._checks import check_count, memory_bytes
from ogive._errors import InvalidParameterError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.images.unit_rows import chunks, unit_rows

# Queries that share a tile: enough for the matrix product to run at full speed.
_QUERIES = 256
_NORM_TOLERANCE = 1e-4  # of vectors in a file; rounding to float32 gives 1e-7


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest vectors of each query, nearest first; of equally near ones the smallest id first.

    Attributes
    ----------
    ids : ndarray or Tensor of shape (q, k)
        int64.
    products : ndarray or Tensor of shape (q, k)
        float64 inner products of the float32 unit vectors, -1 to 1 but for rounding.
    """

    ids: Any
    products: Any


class VectorIndex(ABC):
    """Unit-normalised float32 vectors with integer ids, searched by inner product."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Length d of the vectors."""

    @property
    @abstractmethod
    def ids(self) -> np.ndarray:
        """The ids, int64 of shape (n,), ascending."""

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def add(self, vectors: npt.ArrayLike | Tensor, ids: npt.ArrayLike | None = None) -> np.ndarray:
        """Add vectors, scaled to length one, and return their ids.

        Parameters
        ----------
        vectors : array_like or Tensor of shape (m, d)
            Finite; none of length zero.
        ids : array_like of shape (m,), optional
            Different integers from 0 that are not in use. By default they go on where the largest
            id ever used ends, so that an id of something removed never names something else.

        Returns
        -------
        ndarray of shape (m,)
            int64.

        Raises
        ------
        InvalidDataError
            If the vectors have another width, are not finite, or one has length zero.
        InvalidParameterError
            If an id is negative, in use, or there twice.
        """

    @abstractmethod
    def remove(self, ids: npt.ArrayLike) -> None:
        """Remove vectors.

        Raises
        ------
        InvalidParameterError
            If an id is not there; then nothing is removed.
        """

    @abstractmethod
    def vectors(self, ids: npt.ArrayLike) -> np.ndarray:
        """Return the vectors of some ids, float32 of shape (m, d).

        Raises
        ------
        InvalidParameterError
            If an id is not there.
        """

    @abstractmethod
    def search(
        self, queries: npt.ArrayLike | Tensor, k: int = 10, *, memory: int | str = "64 MB"
    ) -> Neighbours:
        """Return the k vectors of largest inner product with each query.

        Parameters
        ----------
        queries : array_like or Tensor of shape (q, d)
            Scaled to length one.
        k : int, default 10
            Where there are fewer vectors, all are returned.
        memory : int or str
            Budget of a tile of products.

        Returns
        -------
        Neighbours
            Tensors on the device of the queries if they are a tensor, else arrays.

        Raises
        ------
        InvalidDataError
            As for `add`.
        InvalidParameterError
            If k is no whole number of at least 1.
        """

    @abstractmethod
    def write(self, writer: RecordWriter) -> None:
        """Write the index into a record."""

    @classmethod
    @abstractmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""


class ExactIndex(VectorIndex):
    """All inner products, tile by tile: the answer is exact, and the same whatever the tiles.

    float32 products only choose candidates: every vector within their rounding error of the k-th
    is computed again in float64, and the order is by that and then by id. So equal pictures tie
    exactly, and an answer depends on neither the tiles nor the other queries.

    Parameters
    ----------
    width : int
        Length d of the vectors.

    Examples
    --------
    >>> index = ExactIndex(2)
    >>> index.add([[1, 0], [0, 2], [3, 3]])
    array([0, 1, 2])
    >>> found = index.search([[1, 0.1]], k=2)
    >>> found.ids, found.products.round(3)
    (array([[0, 2]]), array([[0.995, 0.774]]))
    """

    def __init__(self, width: int) -> None:
        self._rows = np.empty((0, check_count(width, "width")), dtype=np.float32)
        self._ids = np.empty(0, dtype=np.int64)
        self._count = 0
        self._next = 0

    @property
    def width(self) -> int:
        """Length d of the vectors."""
        return self._rows.shape[1]

    @property
    def ids(self) -> np.ndarray:
        """The ids, int64 of shape (n,), ascending."""
        return self._ids[: self._count]

    def add(self, vectors: npt.ArrayLike | Tensor, ids: npt.ArrayLike | None = None) -> np.ndarray:
        """Add vectors, scaled to length one, and return their ids; see `VectorIndex.add`."""
        rows = unit_rows(vectors, self.width)
        wanted = self._new_ids(len(rows), ids)
        end = self._count + len(rows)
        self._reserve(end)
        self._rows[self._count : end], self._ids[self._count : end] = rows, wanted
        ascending = len(wanted) == 0 or (
            bool((np.diff(wanted) > 0).all())
            and (self._count == 0 or wanted[0] > self._ids[self._count - 1])
        )
        self._next = max(self._next, int(wanted.max(initial=-1)) + 1)
        self._count = end
        if not ascending:
            order = np.argsort(self.ids)
            self._rows[:end], self._ids[:end] = self._rows[order], self._ids[order]
        return wanted

    def remove(self, ids: npt.ArrayLike) -> None:
        """Remove vectors; see `VectorIndex.remove`."""
        keep = np.ones(self._count, dtype=bool)
        keep[self._places(ids)] = False
        rest = int(keep.sum())
        self._rows[:rest], self._ids[:rest] = self._rows[: self._count][keep], self.ids[keep]
        self._count = rest

    def vectors(self, ids: npt.ArrayLike) -> np.ndarray:
        """Return the vectors of some ids; see `VectorIndex.vectors`."""
        return self._rows[self._places(ids)]

    def search(
        self, queries: npt.ArrayLike | Tensor, k: int = 10, *, memory: int | str = "64 MB"
    ) -> Neighbours:
        """Return the k vectors of largest inner product; see `VectorIndex.search`."""
        wanted = min(check_count(k, "k"), self._count)
        rows, budget = unit_rows(queries, self.width, "queries"), memory_bytes(memory)
        ids = np.empty((len(rows), wanted), dtype=np.int64)
        products = np.empty((len(rows), wanted))
        for start in range(0, len(rows) if wanted else 0, _QUERIES):
            block = slice(start, start + _QUERIES)
            ids[block], products[block] = self._nearest(rows[block], wanted, budget)
        return neighbours_like(queries, ids, products)

    def write(self, writer: RecordWriter) -> None:
        """Write the index into a record."""
        writer.value("next", self._next)
        writer.array("ids", self.ids)
        writer.array("vectors", self._rows[: self._count])

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        ids = reader.array("ids", ("vectors",), "int64")
        rows = reader.array("vectors", ("vectors", "width"), "float32")
        following = reader.value("next", int)
        if rows.shape[1] < 1:
            reader.fail("vectors", "has no columns")
        ascending = bool((ids[1:] > ids[:-1]).all())
        if len(ids) and not (ids[0] >= 0 and ascending and ids[-1] < following < 2**62):
            reader.fail("ids", f"must ascend from 0 at least to below {following}")
        for part in chunks(len(rows)):
            lengths = np.linalg.norm(rows[part].astype(np.float64), axis=1)
            if np.abs(lengths - 1).max(initial=0) > _NORM_TOLERANCE:
                reader.fail("vectors", "has rows whose length is not one")
        index = cls(rows.shape[1])
        index._rows, index._ids, index._count, index._next = rows, ids, len(ids), following
        return index

    def rescored(
        self, queries: np.ndarray, query: np.ndarray, place: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the k best among candidates, at least k a query, by float64 products.

        Parameters
        ----------
        queries : ndarray of shape (q, d)
            Unit rows.
        query, place : ndarray of shape (c,)
            Each candidate's query, and its position among `ids`.

        Returns
        -------
        ids, products : ndarray of shape (q, k)
        """
        products = np.empty(len(query))
        for part in chunks(len(query)):
            left = queries[query[part]].astype(np.float64)
            # Not a matrix product: the order of this sum depends on nothing but the width.
            products[part] = np.multiply(left, self._rows[place[part]], out=left).sum(axis=1)
        order = np.lexsort((place, -products, query))
        starts = np.searchsorted(query[order], np.arange(len(queries)))
        best = order[starts[:, None] + np.arange(k)]
        return self.ids[place[best]], products[best]

    def _nearest(self, queries: np.ndarray, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ids and products of the k nearest of a block of queries."""
        step = max(k, budget // (4 * len(queries)), 1)
        tile = np.empty(len(queries) * min(step, self._count), dtype=np.float32)
        # A float32 sum of d products of unit vectors is off by at most d / 2^24, in any order;
        # two are compared. (Summed by numpy, whose products no setting makes less precise.)
        margin = 2.001 * (self.width + 2) * 2.0**-24
        ids = products = np.empty((len(queries), 0))
        for start in range(0, self._count, step):
            stop = min(start + step, self._count)
            shape = (len(queries), stop - start)
            found = tile[: shape[0] * shape[1]].reshape(shape)
            np.matmul(queries, self._rows[start:stop].T, out=found)
            if start:
                least: np.ndarray = products[:, -1]
            else:
                least = np.partition(found, shape[1] - k, axis=1)[:, shape[1] - k]
            query, column = np.nonzero(found >= (least - margin).astype(np.float32)[:, None])
            if start:  # what was found so far competes again
                held = np.searchsorted(self.ids, ids)
                query = np.concatenate([np.repeat(np.arange(len(queries)), k), query])
                column = np.concatenate([held.ravel() - start, column])
            ids, products = self.rescored(queries, query, column + start, k)
        return ids, products

    def _new_ids(self, count: int, ids: npt.ArrayLike | None) -> np.ndarray:
        if ids is None:
            return np.arange(self._next, self._next + count, dtype=np.int64)
        wanted = _integers(ids)
        if len(wanted) != count:
            raise InvalidParameterError(f"{len(wanted)} ids for {count} vectors; give one each")
        if count and (wanted.min() < 0 or wanted.max() >= 2**62):
            raise InvalidParameterError(f"ids from {wanted.min()} to {wanted.max()}; from 0 on")
        taken = wanted[np.isin(wanted, self.ids)]
        if len(taken):
            raise InvalidParameterError(f"id {taken[0]} is in use; remove it first")
        if len(np.unique(wanted)) < count:
            raise InvalidParameterError("ids hold one twice; each vector needs its own")
        return wanted

    def _places(self, ids: npt.ArrayLike) -> np.ndarray:
        wanted = _integers(ids)
        places = np.searchsorted(self.ids, wanted)
        there = places < self._count
        there[there] = self.ids[places[there]] == wanted[there]
        if not there.all():
            raise InvalidParameterError(
                f"id {wanted[~there][0]} is not in the index; those that are: index.ids"
            )
        return places

    def _reserve(self, count: int) -> None:
        if count > len(self._rows):
            size = max(count, 2 * len(self._rows), 64)  # doubled: adding one by one stays linear
            rows, ids = np.empty((size, self.width), np.float32), np.empty(size, np.int64)
            rows[: self._count], ids[: self._count] = self._rows[: self._count], self.ids
            self._rows, self._ids = rows, ids


def neighbours_like(queries: Any, ids: np.ndarray, products: np.ndarray) -> Neighbours:
    """Return the answer as tensors if the queries are one."""
    if not isinstance(queries, Tensor):
        return Neighbours(ids, products)
    device = queries.device
    return Neighbours(
        torch.from_numpy(ids).to(device),
        torch.from_numpy(products).to(device),
    )


def _integers(ids: npt.ArrayLike) -> np.ndarray:
    array = np.atleast_1d(np.asarray(ids))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidTypeError(
            f"ids have dtype {array.dtype} and shape {array.shape}; give a list of integers"
        )
    return array.astype(np.int64)
