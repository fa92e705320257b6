"""Attention by tiles: matrix product, epilogue in place, matrix product; no n × m matrix.

A row of weights needs no maximum and no sum over all its keys, so tiles may come in any order and
each leaves only what it adds to the result. The backward pass computes the weights again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ogive._threads import scratch
from ogive._typing import Bool, Float
from ogive.nn.attention_keys import Keys
from ogive.nn.attention_scores import AttentionKernel, hidden_by

# A tile of so many entries stays in one core's second cache with the blocks of its products. Tall
# and narrow was fastest: the rows' block is read once for many tiles.
_ROWS, _COLUMNS = 1024, 256
_FEWEST_ROWS = 256
# For a single query a product adds up one term after another, which loses digits in long sums.
_LONGEST_SUM = 2048
_ON_DEVICES = 8  # times as many each way where launching a kernel costs more than a cache miss


@dataclass(frozen=True)
class Problem:
    """Heads that see the same keys; query heads that share a key head are its members.

    Attributes
    ----------
    scores : AttentionKernel
    query : Tensor of shape (heads, members, n, d)
    scale : Tensor of shape (heads, members)
    shift : Tensor of shape (heads, members, n)
        What is added to a query's scores.
    divisor : Tensor of shape (heads, members, n), optional
        What a query's answer is divided by.
    keys : Keys
        Of the heads.
    visible : int64 array of shape (n,)
        How many of the keys, from the first, each query may see; never falls.
    mask : Tensor of shape (heads, members, n, m), optional
        Hides where it is True, or is added.
    padding : bool Tensor of shape (m,), optional
        Hides keys, where there is a mask; otherwise such keys are left out beforehand.
    """

    scores: AttentionKernel
    query: Float[Tensor, "heads members n d"]
    scale: Float[Tensor, "heads members"]
    shift: Float[Tensor, "heads members n"]
    divisor: Float[Tensor, "heads members n"] | None
    keys: Keys
    visible: np.ndarray
    mask: Tensor | None
    padding: Bool[Tensor, "..."] | None


@dataclass(frozen=True)
class Cut:
    """How a problem is cut: heads computed together, rows of a block, columns of a tile."""

    heads: int
    rows: int
    columns: int

    @classmethod
    def of(cls, problem: Problem, threads: int, *, buffers: int) -> Cut:
        """Choose tiles that suit the caches, and give every thread two blocks of rows at least.

        With one thread, torch's operations have threads of their own: each takes some of the heads.

        Parameters
        ----------
        problem : Problem
        threads : int
        buffers : int
            How many tiles are in use at once.
        """
        heads, members, n, _ = problem.query.shape
        m = problem.keys.key.shape[1]
        larger = 1 if problem.query.device.type == "cpu" else _ON_DEVICES
        narrowest = _COLUMNS * larger // buffers
        entries = _ROWS * larger * narrowest
        rows = min(n, _ROWS * larger)
        columns = max(1, min(m, max(narrowest, min(_LONGEST_SUM, entries // rows))))
        together = max(1, entries // (rows * columns))
        if threads == 1:
            together *= torch.get_num_threads()
        together = min(heads, together)
        tasks = -(-heads // together) * members
        while threads > 1 and rows > _FEWEST_ROWS and tasks * -(-n // rows) < 2 * threads:
            rows = -(-rows // 2)
        return cls(together, rows, columns)

    def head_slices(self, heads: int) -> list[slice]:
        """Cut the heads."""
        return [slice(h, min(h + self.heads, heads)) for h in range(0, heads, self.heads)]

    def row_slices(self, n: int) -> list[slice]:
        """Cut the queries; those at the end, which may see more keys, come first."""
        return [slice(i, min(i + self.rows, n)) for i in range(0, n, self.rows)][::-1]


@dataclass(frozen=True)
class Tile:
    """Rows from ``first`` of a block (from its start), and columns; see `Block.tiles`.

    The first ``ragged`` of these rows do not see all of the columns.
    """

    first: int
    left: int
    right: int
    ragged: int


class Block:
    """A block of rows of the weights: some heads, one member of each, some queries.

    Tensors of one head are matrices, because the product of two matrices is faster than that of
    two batches of one.

    Parameters
    ----------
    problem : Problem
    cut : Cut
    heads : slice
    member : int
    rows : slice
    """

    def __init__(
        self, problem: Problem, cut: Cut, heads: slice, *, member: int, rows: slice
    ) -> None:
        self.problem, self.cut, self.member, self.rows = problem, cut, member, rows
        self.heads: slice | int = heads if heads.stop - heads.start > 1 else heads.start
        self.batch = () if isinstance(self.heads, int) else (heads.stop - heads.start,)
        self.where = (self.heads, member, rows)
        problem.keys.prepare(heads)
        self.key, self.value = problem.keys.key[self.heads], problem.keys.value[self.heads]
        self.queries = self.memory(0, rows.stop - rows.start, self.key.shape[-1])
        scale = problem.scale[self.heads, member][..., None, None]
        torch.mul(problem.query[self.where], scale, out=self.queries[..., :-1])
        self.queries[..., -1] = problem.shift[self.where]

    def memory(self, place: int, rows: int, columns: int) -> Tensor:
        """Return this thread's memory number ``place`` as a matrix for each head."""
        shape = (*self.batch, rows, columns)
        return scratch(place, shape, self.key)

    def tiles(self) -> Iterator[Tile]:
        """Cut the part of the block that is not hidden by the order of keys."""
        visible = self.problem.visible[self.rows]
        end = int(visible[-1])
        for left in range(0, end, self.cut.columns):
            right = min(left + self.cut.columns, end)
            first = int(visible.searchsorted(left, "right"))
            ragged = int(visible.searchsorted(right, "left"))
            yield Tile(first, left, right, max(0, ragged - first))

    def of_rows(self, tile: Tile, tensor: Tensor) -> Tensor:
        """Return a tile's rows of a tensor of this block."""
        if tile.first == 0:
            return tensor
        return tensor[:, tile.first :] if self.batch else tensor[tile.first :]

    def of_columns(self, tile: Tile, tensor: Tensor) -> Tensor:
        """Return a tile's columns of a tensor of all keys."""
        columns = slice(tile.left, tile.right)
        return tensor[:, columns] if self.batch else tensor[columns]

    def multiply(self, left: Tensor, right: Tensor, out: Tensor) -> Tensor:
        """Return the product of two matrices, or of those of each head."""
        return (torch.bmm if self.batch else torch.mm)(left, right, out=out)

    def accumulate(self, total: Tensor, left: Tensor, right: Tensor) -> None:
        """Add the product of two matrices, or of those of each head, to a total."""
        if total.shape[-2] == 1:
            # Added to the total one by one, small terms would be rounded as its digits are.
            total.add_(torch.matmul(left, right))
        elif self.batch:
            total.baddbmm_(left, right)
        else:
            total.addmm_(left, right)

    def weights(self, tile: Tile) -> Tensor | None:
        """Return φ(z) of a tile, or None if all of it is hidden."""
        mask = self._masked(tile)
        hidden = self._hidden(tile, mask)
        if hidden is not None and bool(hidden.all()):
            return None
        queries, keys = self.of_rows(tile, self.queries), self.of_columns(tile, self.key)
        out = self.memory(1, queries.shape[-2], keys.shape[-2])
        z = self.multiply(queries, keys.mT, out)
        if mask is not None and mask.dtype != torch.bool:
            z.add_(mask)
        return self._hide(tile, self.problem.scores.epilogue.overwrite(z), hidden)

    def score_gradients(self, tile: Tile, gradient: Tensor, weights: Tensor) -> Tensor:
        """Overwrite the gradient of a tile's weights φ(z) by that of its scores z."""
        self.problem.scores.overwrite_gradient(gradient, weights)
        # Where a weight was overwritten by zero, φ'(z) computed from it need not be zero.
        return self._hide(tile, gradient, self._hidden(tile, self._masked(tile)))

    def _masked(self, tile: Tile) -> Tensor | None:
        if self.problem.mask is None:
            return None
        rows = slice(self.rows.start + tile.first, self.rows.stop)
        return self.problem.mask[self.heads, self.member, rows, tile.left : tile.right]

    def _hidden(self, tile: Tile, mask: Tensor | None) -> Tensor | None:
        """Return what masks hide of a tile."""
        if mask is None:
            return None
        padding = self.problem.padding
        hidden = hidden_by(mask)
        return hidden if padding is None else hidden | padding[tile.left : tile.right]

    def _hide(self, tile: Tile, entries: Tensor, hidden: Tensor | None) -> Tensor:
        """Overwrite by zero what is hidden by masks or by the order of keys."""
        if hidden is not None:
            entries.masked_fill_(hidden, 0)
        if tile.ragged:
            first = self.rows.start + tile.first
            seen = self.problem.visible[first : first + tile.ragged]
            _hide_later(entries.narrow(-2, 0, tile.ragged), seen - tile.left)
        return entries


def _hide_later(entries: Tensor, seen: np.ndarray) -> None:
    """Overwrite by zero all but the first so many entries of each row."""
    if seen[-1] - seen[0] == len(seen) - 1 and (np.diff(seen) == 1).all():
        entries.tril_(int(seen[0]) - 1)
        return
    last = torch.from_numpy(seen).to(entries.device)[:, None]
    columns = torch.arange(entries.shape[-1], device=entries.device)
    entries.masked_fill_(columns >= last, 0)


def count_visible(
    mask: Tensor, visible: np.ndarray, padding: Bool[Tensor, "..."] | None
) -> Float[Tensor, "heads n"]:
    """Return how many keys each query may see, by the order of keys and by masks.

    Parameters
    ----------
    mask : Tensor of shape (heads, n, m)
        Expanded, so that it may take less memory.
    visible : int64 array of shape (n,)
    padding : bool Tensor of shape (m,), optional
    """
    heads, n, m = mask.shape
    found = torch.zeros(heads, n, device=mask.device, dtype=torch.float64)
    columns = torch.arange(m, device=mask.device)
    step = max(1, _ROWS * _COLUMNS // max(1, heads * m))
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        seen = columns < torch.from_numpy(visible[rows]).to(mask.device)[:, None]
        if padding is not None:
            seen &= ~padding
        found[:, rows] = (seen & ~hidden_by(mask[:, rows])).sum(-1).double()
    return found
