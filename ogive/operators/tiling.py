"""How a large matrix is cut into tiles that fit a memory budget, and the buffers they reuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._errors import InvalidParameterError

# Tiles of about this many entries stay within the second-level cache of two cores (8 MB of
# float32) and are large enough for the matrix product to run at full speed.
_LARGEST_SIDE = 2048
_SMALLEST_SIDE = 8


@dataclass(frozen=True)
class TilePlan:
    """Which tiles cover an n × m matrix.

    Attributes
    ----------
    rows, columns : int
        Shape of one tile.
    bytes : int
        Memory of all buffers that the tiles need.
    """

    rows: int
    columns: int
    bytes: int

    def row_slices(self, n: int) -> Iterator[slice]:
        """Cut n rows."""
        return (slice(i, min(i + self.rows, n)) for i in range(0, n, self.rows))

    def column_slices(self, m: int) -> Iterator[slice]:
        """Cut m columns."""
        return (slice(j, min(j + self.columns, m)) for j in range(0, m, self.columns))


def plan_tiles(
    n: int,
    m: int,
    *,
    entry_bytes: int,
    side_bytes: int,
    memory: int,
    square: bool,
    largest: int = _LARGEST_SIDE,
) -> TilePlan:
    """Return the largest tiles, up to a size that suits the caches, whose buffers fit ``memory``.

    Parameters
    ----------
    n, m : int
        Shape of the matrix.
    entry_bytes : int
        Bytes that one entry of a tile needs in all its buffers.
    side_bytes : int
        Bytes that one row or column needs for a prepared copy of its data; both sides' copies
        have the size of the larger one.
    memory : int
        Budget in bytes.
    square : bool
        Whether rows and columns must be cut alike.
    largest : int, default 2048
        Longest side of a tile.

    Raises
    ------
    InvalidParameterError
        If not even the smallest tile fits.
    """

    def needed(rows: int, columns: int) -> int:
        return rows * columns * entry_bytes + 2 * max(rows, columns) * side_bytes

    side = largest
    while side > _SMALLEST_SIDE and needed(min(side, n), min(side, m)) > memory:
        side = max(_SMALLEST_SIDE, side // 2)
    rows, columns = min(side, n), min(side, m)
    if needed(rows, columns) > memory:
        raise InvalidParameterError(
            f"memory={memory} bytes is less than one tile of {rows} × {columns} needs; "
            f"give at least {needed(rows, columns)} bytes"
        )
    # Between two powers of two: widen the columns as far as the budget goes.
    if not square:
        room = memory // (rows * entry_bytes + 2 * side_bytes)
        columns = min(m, largest, max(columns, room))
    return TilePlan(rows, columns, needed(rows, columns))


class Buffers:
    """A few flat allocations that successive tiles reuse, whatever their shape.

    Large fresh allocations cost more than the arithmetic on them (the system clears their pages).
    """

    def __init__(self, entries: int, dtype: torch.dtype, device: torch.device) -> None:
        self.entries, self.dtype, self.device = entries, dtype, device
        self._memory: list[Tensor] = []
        self._taken = 0

    def take(self, rows: int, columns: int) -> Tensor:
        """Return the next free buffer as a matrix of that shape, with undefined contents."""
        if self._taken == len(self._memory):
            self._memory.append(torch.empty(self.entries, dtype=self.dtype, device=self.device))
        self._taken += 1
        return self._memory[self._taken - 1][: rows * columns].view(rows, columns)

    def release(self) -> None:
        """Make all buffers free again: the next tile begins."""
        self._taken = 0
