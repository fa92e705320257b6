"""A graph of usearch as plain arrays: checked here before usearch, which trusts its input, sees it.

usearch writes (little-endian): the number of rows and their bytes (2 × 32 bits); the rows; a head
of 64 bytes; size, connectivity, connectivity at the bottom, top level, entry slot (5 × 64 bits);
the level of each slot (16 bits); then for each slot its key (64 bits), its level (16), and for
each level from the bottom a list of neighbours: their count (32) and places for them (32 each).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ogive._errors import InvalidModelError

_HEAD = 64
_COUNT_AT = 17  # magic 7, version 3 × 2, four kinds: then the number of vectors, 64 bits
_KEY, _LEVEL, _SLOT = 8, 2, 4
_TALLEST = 64
_CHUNK = 65536


@dataclass(frozen=True, eq=False)
class Graph:
    """Who is linked with whom.

    Attributes
    ----------
    keys : ndarray of shape (slots,)
        int64; the key of each slot.
    levels : ndarray of shape (slots,)
        int16; the highest level that each slot is on, from 0.
    links : ndarray of shape (slots + sum of levels, 1 + places)
        uint32; for each slot the list at the bottom, and then, slot by slot, those above it: a
        count and as many slots, in two widths, flat.
    entry : int
        The slot where searches begin.
    connectivity, connectivity_base : int
        Places in a list above the bottom, and at it.
    """

    keys: np.ndarray
    levels: np.ndarray
    links: np.ndarray
    entry: int
    connectivity: int
    connectivity_base: int

    def __len__(self) -> int:
        return len(self.keys)

    def check(self) -> None:
        """Raise InvalidModelError unless following the links can never leave the graph."""
        slots, levels = len(self.keys), self.levels.astype(np.int64)
        if not 0 < self.connectivity <= 2048 or self.connectivity_base != 2 * self.connectivity:
            raise InvalidModelError("the graph's connectivity is out of bounds")
        if len(levels) != slots or (slots and not 0 <= levels.min() <= levels.max() < _TALLEST):
            raise InvalidModelError("the graph's levels are out of bounds")
        if len(self.links) != slots * self._bottom + int(levels.sum()) * self._above:
            raise InvalidModelError("the graph's links do not fit its levels")
        top = int(levels.max(initial=0))
        if slots and not (0 <= self.entry < slots and levels[self.entry] == top):
            raise InvalidModelError("the graph's entry is not on its top level")
        if len(np.unique(self.keys)) < slots or (slots and self.keys.min() < 0):
            raise InvalidModelError("the graph holds a key twice, or below 0")
        bottom = self.links[: slots * self._bottom].reshape(slots, self._bottom)
        above = self.links[slots * self._bottom :].reshape(-1, self._above)
        self._check_lists(bottom, np.zeros(slots, dtype=np.int64))
        starts = np.repeat(np.cumsum(levels) - levels, levels)
        self._check_lists(above, np.arange(len(above)) - starts + 1)

    def _check_lists(self, lists: np.ndarray, level: np.ndarray) -> None:
        for start in range(0, len(lists), _CHUNK):
            part = lists[start : start + _CHUNK].astype(np.int64)
            count, slots = part[:, 0], part[:, 1:]
            if count.max(initial=0) > slots.shape[1]:
                raise InvalidModelError("a list of the graph is longer than its place")
            used = np.arange(slots.shape[1]) < count[:, None]
            linked = np.where(used, slots, 0)
            if linked.max(initial=0) >= len(self.keys):
                raise InvalidModelError("the graph links to a slot that is not there")
            # A neighbour that does not reach a level has no list there: its memory ends before.
            if (used & (self.levels[linked] < level[start : start + _CHUNK, None])).any():
                raise InvalidModelError("the graph links to a slot above its level")

    @property
    def _bottom(self) -> int:
        return 1 + self.connectivity_base

    @property
    def _above(self) -> int:
        return 1 + self.connectivity


def graph_of(index: Any) -> tuple[Graph, np.ndarray] | None:
    """Return the graph and the float32 rows of its slots, of a usearch index of such rows.

    None if this usearch writes in a way that is not known here.
    """
    data = np.frombuffer(index.save(), dtype=np.uint8)
    rows, row_bytes = (int(n) for n in data[:8].view("<u4"))
    at = 8 + rows * row_bytes
    vectors = data[8:at].copy().view("<f4").reshape(rows, -1)
    head = data[at : at + _HEAD]
    if not rows or len(head) < _HEAD or head[:7].tobytes() != b"usearch" or rows != len(index):
        return None
    at += _HEAD
    slots, connectivity, base, top, entry = (int(n) for n in data[at : at + 40].copy().view("<u8"))
    levels = data[at + 40 : at + 40 + 2 * slots].copy().view("<i2")
    tape = data[at + 40 + 2 * slots :]
    fits = slots == rows and len(levels) == slots and base < 4096 and connectivity < 4096
    if not fits or len(tape) != _tape_bytes(levels, connectivity, base):
        return None
    graph = _unpacked(tape, levels, entry, connectivity, base)
    try:
        graph.check()
    except InvalidModelError:
        return None
    return (graph, vectors) if int(levels.max(initial=0)) == top else None


def restored(empty: Any, graph: Graph, rows: np.ndarray) -> Any | None:
    """Return a usearch index of checked links; None if this usearch does not take them.

    Parameters
    ----------
    empty : usearch.index.Index
        Of the wanted settings; it is filled.
    graph : Graph
        That was checked.
    rows : ndarray of shape (slots, d)
        float32; the vector of each slot.
    """
    probe = np.frombuffer(empty.save(), dtype=np.uint8)
    if len(probe) < 8 + _HEAD or probe[8:15].tobytes() != b"usearch":
        return None
    head = probe[8 : 8 + _HEAD].copy()
    if head[_COUNT_AT : _COUNT_AT + 8].any():
        return None  # an empty index counts 0 here, or the head has changed
    head[_COUNT_AT : _COUNT_AT + 8] = _bytes(np.array([len(graph)], "<u8"))
    top = int(graph.levels.max(initial=0))
    numbers = [len(graph), graph.connectivity, graph.connectivity_base, top, graph.entry]
    shape = np.array([len(rows), rows.shape[1] * rows.itemsize], "<u4")
    parts = (shape, rows, head, np.array(numbers, "<u8"), graph.levels.astype("<i2"))
    data = np.concatenate([*map(_bytes, parts), _packed(graph)])
    try:
        empty.load(memoryview(data.tobytes()))
    except (RuntimeError, ValueError, TypeError):
        return None
    return empty if len(empty) == len(graph) else None


def _sizes(levels: np.ndarray, connectivity: int, base: int) -> np.ndarray:
    above = levels.astype(np.int64) * (_SLOT * (1 + connectivity))
    return _KEY + _LEVEL + _SLOT * (1 + base) + above


def _tape_bytes(levels: np.ndarray, connectivity: int, base: int) -> int:
    return int(_sizes(levels, connectivity, base).sum())


def _pieces(levels: np.ndarray, connectivity: int, base: int) -> Any:
    """Yield (slots, first bytes) in chunks, then what is above the bottom of each tall slot."""
    sizes = _sizes(levels, connectivity, base)
    begins = np.cumsum(sizes) - sizes
    for start in range(0, len(levels), _CHUNK):
        yield slice(start, start + _CHUNK), begins[start : start + _CHUNK]


def _unpacked(
    tape: np.ndarray, levels: np.ndarray, entry: int, connectivity: int, base: int
) -> Graph:
    bottom_bytes = _SLOT * (1 + base)
    keys = np.empty(len(levels), dtype=np.int64)
    bottom = np.empty((len(levels), bottom_bytes), dtype=np.uint8)
    for slots, begins in _pieces(levels, connectivity, base):
        keys[slots] = _gather(tape, begins, _KEY).view("<i8")[:, 0]
        bottom[slots] = _gather(tape, begins + _KEY + _LEVEL, bottom_bytes)
    above = _gather(tape, _above_places(levels, connectivity, base), _SLOT * (1 + connectivity))
    links = np.concatenate([bottom.reshape(-1), above.reshape(-1)]).view("<u4")
    return Graph(keys, levels.astype(np.int16), links, entry, connectivity, base)


def _packed(graph: Graph) -> np.ndarray:
    levels, connectivity, base = graph.levels, graph.connectivity, graph.connectivity_base
    tape = np.empty(_tape_bytes(levels, connectivity, base), dtype=np.uint8)
    bottom_bytes = _SLOT * (1 + base)
    split = len(levels) * (1 + base)
    bottom = _bytes(graph.links[:split]).reshape(-1, bottom_bytes)
    above = _bytes(graph.links[split:]).reshape(-1, _SLOT * (1 + connectivity))
    keys = _bytes(graph.keys.astype("<i8")).reshape(-1, _KEY)
    heights = _bytes(levels.astype("<i2")).reshape(-1, _LEVEL)
    for slots, begins in _pieces(levels, connectivity, base):
        start = np.concatenate([keys[slots], heights[slots], bottom[slots]], axis=1)
        tape[begins[:, None] + np.arange(start.shape[1])] = start
    places = _above_places(levels, connectivity, base)
    tape[places[:, None] + np.arange(above.shape[1])] = above
    return tape


def _above_places(levels: np.ndarray, connectivity: int, base: int) -> np.ndarray:
    """Return where the list of each level above the bottom begins, slot by slot."""
    heights = levels.astype(np.int64)
    sizes = _sizes(levels, connectivity, base)
    first = np.cumsum(sizes) - sizes + _KEY + _LEVEL + _SLOT * (1 + base)
    within = np.arange(int(heights.sum())) - np.repeat(np.cumsum(heights) - heights, heights)
    return np.repeat(first, heights) + within * (_SLOT * (1 + connectivity))


def _gather(tape: np.ndarray, begins: np.ndarray, length: int) -> np.ndarray:
    return np.ascontiguousarray(tape[begins[:, None] + np.arange(length)])


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
