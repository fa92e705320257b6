"""One tile of a kernel matrix: the pairings between a block of rows and a block of columns."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ogive._checks import Rows
from ogive._typing import Number
from ogive.kernels import Kernel
from ogive.kernels.pairing import Products, affine, dot_products, held_by, squared_norms
from ogive.operators.precision import Lattice, Precision, exact_products
from ogive.operators.tiling import Buffers


class Side:
    """The rows of one side of a matrix, and what their products need of them.

    Parameters
    ----------
    rows : Tensor or csr_matrix of shape (n, d)
    precision : Precision
    """

    def __init__(self, rows: Rows, precision: Precision) -> None:
        self.rows = rows
        self.lattice = precision.lattice
        self._norms: Tensor | None = None
        self._correction: Tensor | None = None

    @property
    def norms(self) -> Tensor:
        """‖x‖², or with whole numbers ‖p‖² in units of the step, of shape (n,)."""
        if self._norms is None:
            lattice = self.lattice
            self._norms = (
                squared_norms(self.rows)
                if lattice is None
                else self._by_chunk(lattice, lambda p: p.square().sum(1))
            )
        return self._norms

    @property
    def correction(self) -> Tensor:
        """What ⟨x, z⟩ has beyond step²⟨p, q⟩ because of this side: step⟨p, origin⟩ + ½‖origin‖²."""
        if self._correction is None:
            assert self.lattice is not None  # only products of whole numbers are corrected
            origin, step = self.lattice.origin.double(), self.lattice.step
            half = 0.5 * float(origin @ origin)
            self._correction = self._by_chunk(
                self.lattice, lambda p: step * (p.double() @ origin) + half
            )
        return self._correction

    def _by_chunk(self, lattice: Lattice, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        assert isinstance(self.rows, Tensor)
        found = [reduce(lattice.coordinates(c, torch.empty_like(c))) for c in self.rows.split(512)]
        return torch.cat(found).to(self.rows.dtype)


class Tile(Products):
    """The pairings of some rows with some columns, in reused buffers.

    Parameters
    ----------
    left, right : Side
    buffers : Buffers
        For tiles.
    side_buffers : Buffers
        For the whole-number coordinates of both sides.
    """

    in_place = True

    def __init__(self, left: Side, right: Side, buffers: Buffers, side_buffers: Buffers) -> None:
        self.left, self.right = left, right
        self._buffers, self._side_buffers = buffers, side_buffers
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
        # scale step² P + (scale correction_i + shift) + scale correction_j, in two passes.
        row = self.left.correction[self._left_slice, None] * scale + shift
        column = self.right.correction[None, self._right_slice] * scale
        product = self._whole_product()
        return torch.add(row, product, alpha=scale * lattice.step**2, out=product).add_(column)

    def squared_distance(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ‖x - z‖² + shift; of whole numbers the distance itself is exact."""
        lattice = self.left.lattice
        product = self._native_product() if lattice is None else self._whole_product()
        row = self.left.norms[self._left_slice, None]
        torch.add(row, product, alpha=-2, out=product)
        product.add_(self.right.norms[None, self._right_slice]).clamp_(min=0)
        if self.left is self.right and self._left_slice == self._right_slice:
            product.fill_diagonal_(0)
        unit = 1.0 if lattice is None else lattice.step**2
        return affine(product, float(scale) * unit, shift, in_place=True)

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

    def _whole_product(self) -> Tensor:
        p, q = self._coordinates()
        out = self._buffers.take(p.shape[0], q.shape[0])
        with exact_products():
            return torch.mm(p, q.T, out=out)

    def _coordinates(self) -> tuple[Tensor, Tensor]:
        # The row block is prepared once for all its tiles; the column block for each tile.
        lattice = self.left.lattice
        assert lattice is not None
        x, z = self.sides()
        assert isinstance(x, Tensor) and isinstance(z, Tensor)
        self._side_buffers.release()
        left = self._side_buffers.take(*x.shape)
        right = self._side_buffers.take(*z.shape)
        if self._left_block is None:
            self._left_block = lattice.coordinates(x, left)
        if self._right_block is None:
            self._right_block = lattice.coordinates(z, right)
        return self._left_block, self._right_block
