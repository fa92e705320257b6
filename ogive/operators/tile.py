"""One tile of a kernel matrix: the pairings between a block of rows and a block of columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows
from ogive._typing import Number
from ogive._whole_numbers import whole_product
from ogive.kernels import Kernel
from ogive.kernels.pairing import Products, affine, dot_products, held_by, squared_norms
from ogive.operators.precision import Lattice, Precision, exact_products
from ogive.operators.tiling import Buffers

_CHUNK = 512  # rows whose coordinates are made at once


class Side:
    """The rows of one side of a matrix, and what their products need of them.

    Parameters
    ----------
    rows : Tensor or csr_matrix of shape (n, d)
    precision : Precision
    kept : bool, default False
        Whether 8-bit coordinates of all rows are kept, once some were asked for.
    """

    def __init__(self, rows: Rows, precision: Precision, *, kept: bool = False) -> None:
        self.rows = rows
        self.lattice = precision.lattice
        self._kept = kept
        self._all: Tensor | None = None
        self._norms: Tensor | None = None
        self._correction: Tensor | None = None

    @property
    def norms(self) -> Tensor:
        """‖x‖², or with whole numbers ‖p‖² in units of the step, of shape (n,)."""
        if self._norms is None:
            lattice = self.lattice
            if lattice is None:
                self._norms = squared_norms(self.rows)
            else:
                whole = self._by_chunk(lattice, lambda p: p.square().sum(1))
                self._norms = whole.int() if lattice.eight_bits else whole.float()
        return self._norms

    @property
    def correction(self) -> Tensor:
        """What ⟨x, z⟩ has beyond step²⟨p, q⟩ because of this side: step⟨p, origin⟩ + ½‖origin‖²."""
        if self._correction is None:
            assert self.lattice is not None  # only products of whole numbers are corrected
            origin, step = self.lattice.origin.double(), self.lattice.step
            half = 0.5 * float(origin @ origin)
            found = self._by_chunk(self.lattice, lambda p: step * (p @ origin) + half)
            self._correction = found.float()
        return self._correction

    def coordinates(self, part: slice, single: Tensor, small: Tensor) -> Tensor:
        """Return the whole numbers of some rows.

        Parameters
        ----------
        part : slice
        single, small : Tensors of at least so many rows, and d columns
            Memory for them in float32 and in int8; not needed where coordinates are kept.
        """
        if not self._kept:
            return self._coordinates_of(part, single, small)
        if self._all is None:
            assert isinstance(self.rows, Tensor)
            found = torch.empty(self.rows.shape, dtype=torch.int8)
            single = torch.empty(_CHUNK, found.shape[1])
            for start in range(0, len(found), _CHUNK):
                some = slice(start, min(start + _CHUNK, len(found)))
                self._coordinates_of(some, single, found[some])
            self._all = found
        return self._all[part]

    def _coordinates_of(self, part: slice, single: Tensor, small: Tensor) -> Tensor:
        assert self.lattice is not None and isinstance(self.rows, Tensor)
        rows = self.rows.detach()[part]
        found = self.lattice.coordinates(rows, single[: len(rows)])
        return small[: len(rows)].copy_(found) if self.lattice.eight_bits else found

    def _by_chunk(self, lattice: Lattice, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what a function makes of float64 coordinates, chunk by chunk."""
        assert isinstance(self.rows, Tensor)
        return torch.cat(
            [
                reduce(lattice.coordinates(chunk, torch.empty_like(chunk)).double())
                for chunk in self.rows.detach().split(_CHUNK)
            ]
        )


class WholeBuffers:
    """The memory that tiles of whole numbers need beside their values.

    Parameters
    ----------
    rows, columns : int
        Of a tile.
    width : int
        d.
    eight_bits : bool
        Whether coordinates are 8-bit integers.
    kept : bool
        Whether both sides keep theirs.
    """

    def __init__(
        self, rows: int, columns: int, width: int, *, eight_bits: bool, kept: bool
    ) -> None:
        sides = (0, 0) if kept else (rows, columns)
        self.left, self.right = (
            (torch.empty(side, width), torch.empty(side * eight_bits, width, dtype=torch.int8))
            for side in sides
        )
        self._products = torch.empty(rows * columns * eight_bits, dtype=torch.int32)

    def products(self, rows: int, columns: int) -> Tensor:
        """Return memory for products of 8-bit integers."""
        return self._products[: rows * columns].view(rows, columns)


class Tile(Products):
    """The pairings of some rows with some columns, in reused buffers.

    Parameters
    ----------
    left, right : Side
    buffers : Buffers
        For tiles.
    whole : WholeBuffers, optional
        For whole numbers.
    """

    in_place = True

    def __init__(
        self, left: Side, right: Side, buffers: Buffers, whole: WholeBuffers | None
    ) -> None:
        self.left, self.right = left, right
        self._buffers, self._whole = buffers, whole
        self._left_slice = self._right_slice = slice(0, 0)
        self._left_block: Tensor | None = None
        self._right_block: Tensor | None = None

    def values(self, kernel: Kernel, rows: slice, columns: slice) -> Tensor:
        """Return that block of the kernel matrix; it stays valid until the next call."""
        self._buffers.release()
        if rows != self._left_slice:
            self._left_block, self._left_slice = None, rows
        if columns != self._right_slice:
            self._right_block, self._right_slice = None, columns
        return kernel.evaluate(self)

    def dot(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ⟨x, z⟩ + shift of the tile."""
        lattice = self.left.lattice
        if lattice is None:
            return affine(self._native_product(), scale, shift, in_place=True)
        scale = held_by(lattice.origin.dtype, scale)
        shift = held_by(lattice.origin.dtype, shift)
        # scale step² P + (scale correction_i + shift) + scale correction_j, in at most two passes.
        row = self.left.correction[self._left_slice] * scale + shift
        column = self.right.correction[self._right_slice] * scale
        unit = scale * lattice.step**2
        product = self._whole_product(lattice)
        if not lattice.eight_bits:
            return torch.add(row[:, None], product, alpha=unit, out=product).add_(column)
        from ogive.operators.whole_loops import sums

        out = self._buffers.take(*product.shape)
        sums(product.numpy(), row.numpy(), column.numpy(), np.float32(unit), out.numpy())
        return out

    def squared_distance(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ‖x - z‖² + shift; of whole numbers the distance itself is exact."""
        lattice = self.left.lattice
        row, column = self.left.norms[self._left_slice], self.right.norms[self._right_slice]
        unit = float(scale) * (1.0 if lattice is None else lattice.step**2)
        product = self._native_product() if lattice is None else self._whole_product(lattice)
        if lattice is not None and lattice.eight_bits:
            from ogive.operators.whole_loops import squared_distances

            numbers = (np.float32(held_by(torch.float32, number)) for number in (unit, shift))
            out = self._buffers.take(*product.shape)
            arrays = (tensor.numpy() for tensor in (product, row, column))
            squared_distances(*arrays, *numbers, out.numpy())
            return out
        torch.add(row[:, None], product, alpha=-2, out=product)
        product.add_(column).clamp_(min=0)
        if self.left is self.right and self._left_slice == self._right_slice:
            product.fill_diagonal_(0)
        return affine(product, unit, shift, in_place=True)

    def outer_sum(self, left: Tensor, right: Tensor) -> Tensor:
        """Return left_i + right_j of the tile."""
        out = self._buffers.take(len(left), len(right))
        return torch.add(left[:, None], right[None, :], out=out)

    def sides(self) -> tuple[Rows, Rows]:
        """Return the rows of the tile's two sides."""
        return self.left.rows[self._left_slice], self.right.rows[self._right_slice]

    def _native_product(self) -> Tensor:
        x, z = self.sides()
        if isinstance(x, Tensor) and isinstance(z, Tensor):
            return torch.mm(x, z.T, out=self._buffers.take(x.shape[0], z.shape[0]))
        return dot_products(x, z)

    def _whole_product(self, lattice: Lattice) -> Tensor:
        """Return the products of coordinates: int32 if these are 8-bit integers, else float32."""
        assert self._whole is not None
        # The row block is prepared once for all its tiles; the column block for each tile.
        if self._left_block is None:
            self._left_block = self.left.coordinates(self._left_slice, *self._whole.left)
        if self._right_block is None:
            self._right_block = self.right.coordinates(self._right_slice, *self._whole.right)
        left, right = self._left_block, self._right_block.T
        if lattice.eight_bits:
            return whole_product(left, right, self._whole.products(len(left), right.shape[1]))
        with exact_products():
            return torch.mm(left, right, out=self._buffers.take(len(left), right.shape[1]))
