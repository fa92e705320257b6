"""The nearest unit vectors by a graph (usearch): for sets too large for all inner products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ogive._checks import check_count
from ogive._errors import InvalidModelError, MissingDependencyError
from ogive._record import RecordReader, RecordWriter
from ogive.images.graph import Graph, graph_of, restored
from ogive.images.unit_rows import unit_rows
from ogive.images.vectors import ExactIndex, Neighbours, VectorIndex, neighbours_like

Progress = Callable[[int, int], None]

# Candidates that are looked at: 256 find .99 of the ten nearest where vectors of one class lie
# close together, as those of a trained embedding do; 128 found .986 of 60,000 there.
_CONNECTIVITY, _LINKING, _SEARCHING = 16, 128, 256
_BEGINNING = 1024  # vectors linked by one thread
_STEP = 8192  # vectors linked between two reports of progress
_MOST_REMOVED = 0.25  # of a graph, before it is built anew


class ApproximateIndex(VectorIndex):
    """A navigable graph finds candidates, which are ranked by their exact products.

    Some of the k nearest may be missing; what is found has the products and the order of
    `ExactIndex`. Vectors are linked into the graph at the first search after they were added, or
    by `link`. The links are made in several threads, and so differ from run to run.

    Parameters
    ----------
    width : int
        Length d of the vectors.

    Raises
    ------
    MissingDependencyError
        If usearch is not installed.

    Notes
    -----
    Malkov and Yashunin, Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs, IEEE TPAMI 42(4), 2020.

    Examples
    --------
    >>> index = ApproximateIndex(2)
    >>> index.add([[1, 0], [0, 2], [3, 3]])
    array([0, 1, 2])
    >>> index.search([[1, 0.1]], k=2).ids
    array([[0, 2]])
    """

    _graph: Any
    _linked: np.ndarray  # the ids in the graph, removed ones too

    def __init__(self, width: int) -> None:
        self._wrap(ExactIndex(width))

    @classmethod
    def of(cls, exact: ExactIndex) -> Self:
        """Return an approximate index of the same vectors, which it takes over."""
        index = cls.__new__(cls)
        index._wrap(exact)
        return index

    @property
    def exact(self) -> ExactIndex:
        """The vectors themselves, searched exactly; add to them and remove from them here only."""
        return self._exact

    @property
    def width(self) -> int:
        """Length d of the vectors."""
        return self._exact.width

    @property
    def ids(self) -> np.ndarray:
        """The ids, int64 of shape (n,), ascending."""
        return self._exact.ids

    def add(self, vectors: npt.ArrayLike | Tensor, ids: npt.ArrayLike | None = None) -> np.ndarray:
        """Add vectors, scaled to length one, and return their ids; see `VectorIndex.add`."""
        added = self._exact.add(vectors, ids)
        if ids is not None and np.isin(added, self._linked).any():
            self._forget_graph()  # a removed vector stands in the graph under an id of a new one
        return added

    def remove(self, ids: npt.ArrayLike) -> None:
        """Remove vectors; see `VectorIndex.remove`."""
        self._exact.remove(ids)
        removed = len(self._linked) - int(np.isin(self._linked, self.ids).sum())
        if removed > _MOST_REMOVED * len(self._linked):
            self._forget_graph()

    def vectors(self, ids: npt.ArrayLike) -> np.ndarray:
        """Return the vectors of some ids; see `VectorIndex.vectors`."""
        return self._exact.vectors(ids)

    def link(self, progress: Progress | None = None) -> None:
        """Link the vectors that are not in the graph yet.

        Parameters
        ----------
        progress : callable(int, int), optional
            Told how many vectors are linked, and of how many.
        """
        missing = self.ids[~np.isin(self.ids, self._linked)]
        done = 0
        while done < len(missing):
            # Threads that begin a graph together hardly see one another's vectors, and some of
            # those are never found.
            begun = len(self._linked) >= _BEGINNING
            part = missing[done : done + (_STEP if begun else _BEGINNING)]
            self._graph.add(part, self._exact.vectors(part), threads=0 if begun else 1)
            self._linked = np.concatenate([self._linked, part])
            done += len(part)
            if progress is not None:
                progress(done, len(missing))

    def search(
        self, queries: npt.ArrayLike | Tensor, k: int = 10, *, memory: int | str = "64 MB"
    ) -> Neighbours:
        """Return nearly the k vectors of largest inner product; see `VectorIndex.search`."""
        wanted = min(check_count(k, "k"), len(self))
        rows = unit_rows(queries, self.width, "queries")
        # Some of what the graph finds was removed. And asking for much of a set, all is as fast.
        count = 2 * wanted + 16
        if 4 * count >= len(self) or len(rows) == 0:
            return self._exact.search(queries, k, memory=memory)
        self.link()
        ids, products = np.empty((len(rows), wanted), np.int64), np.empty((len(rows), wanted))
        places, alive = self._candidates(rows, count)
        enough = alive.sum(axis=1) >= wanted
        found = np.flatnonzero(enough)
        if len(found):
            query, column = np.nonzero(alive[found])
            place = places[found][query, column]
            ids[found], products[found] = self._exact.rescored(rows[found], query, place, wanted)
        if len(found) < len(rows):
            rest = self._exact.search(rows[~enough], wanted, memory=memory)
            ids[~enough], products[~enough] = rest.ids, rest.products
        return neighbours_like(queries, ids, products)

    def write(self, writer: RecordWriter) -> None:
        """Write the index into a record, with its graph if usearch tells it."""
        self._exact.write(writer)
        known = graph_of(self._graph) if len(self._linked) else None
        writer.value("linked", known is not None)
        if known is None:
            return
        graph, rows = known
        part = writer.part("graph")
        part.array("keys", graph.keys)
        part.array("levels", graph.levels)
        part.array("links", graph.links)
        for name in ("entry", "connectivity", "connectivity_base"):
            part.value(name, getattr(graph, name))
        # Those of the others are there already: usearch holds the same numbers.
        part.array("removed", rows[~np.isin(graph.keys, self.ids)])

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        exact = ExactIndex.read(reader)
        graph = _read_graph(reader, exact)
        index = cls.of(exact)
        if graph is not None:
            index._restore(*graph)
        return index

    def _wrap(self, exact: ExactIndex) -> None:
        self._exact = exact
        self._forget_graph()

    def _forget_graph(self) -> None:
        self._graph = _empty_graph(self.width)
        self._linked = np.empty(0, dtype=np.int64)

    def _restore(self, graph: Graph, rows: np.ndarray) -> None:
        found = restored(self._graph, graph, rows)
        if found is None:  # another usearch: the graph is built again when it is needed
            self._forget_graph()
        else:
            self._graph, self._linked = found, graph.keys

    def _candidates(self, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return positions among the ids, and whether something is there; each (q, count)."""
        self._graph.expansion_search = max(_SEARCHING, 2 * count)
        matches = self._graph.search(rows, min(count, len(self._linked)))
        keys = np.asarray(matches.keys).astype(np.int64).reshape(len(rows), -1)
        counts = np.asarray(getattr(matches, "counts", keys.shape[1])).reshape(-1, 1)
        places = np.minimum(np.searchsorted(self.ids, keys), len(self) - 1)
        alive = (np.arange(keys.shape[1]) < counts) & (self.ids[places] == keys)
        return places, alive


def have_usearch() -> bool:
    """Return whether the package for approximate search is installed."""
    from importlib.util import find_spec

    return find_spec("usearch") is not None


def _empty_graph(width: int) -> Any:
    try:
        from usearch.index import Index
    except ImportError as error:
        raise MissingDependencyError.for_extra("usearch", "search", "Approximate search") from error
    return Index(
        ndim=width,
        metric="ip",
        dtype="f32",
        connectivity=_CONNECTIVITY,
        expansion_add=_LINKING,
        expansion_search=_SEARCHING,
    )


def write_vectors(index: VectorIndex, writer: RecordWriter) -> None:
    """Write either index into a record."""
    writer.value("kind", "approximate" if isinstance(index, ApproximateIndex) else "exact")
    index.write(writer.part("index"))


def read_vectors(reader: RecordReader) -> VectorIndex:
    """Return what `write_vectors` wrote; an exact index where usearch is not installed."""
    kind = reader.value("kind", str, choices=("exact", "approximate"))
    part = reader.part("index")
    if kind == "exact":
        return ExactIndex.read(part)
    if have_usearch():
        return ApproximateIndex.read(part)
    exact = ExactIndex.read(part)
    _read_graph(part, exact)
    return exact


def _read_graph(reader: RecordReader, index: ExactIndex) -> tuple[Graph, np.ndarray] | None:
    """Return the graph of a record, checked, and the vector of each of its slots."""
    if not reader.value("linked", bool):
        return None
    part = reader.part("graph")
    graph = Graph(
        part.array("keys", ("slots",), "int64"),
        part.array("levels", ("slots",), "int16"),
        part.array("links", ("links",), "uint32"),
        part.value("entry", int),
        part.value("connectivity", int),
        part.value("connectivity_base", int),
    )
    graph.check()
    there = np.isin(graph.keys, index.ids)
    removed = part.array("removed", (int((~there).sum()), index.width), "float32")
    if not np.isin(graph.keys, index.ids).any():
        raise InvalidModelError("the graph links none of the vectors")
    rows = np.empty((len(graph), index.width), dtype=np.float32)
    rows[there], rows[~there] = index.vectors(graph.keys[there]), removed
    return graph, rows
