"""The kernel matrix as an operator: tiles are formed, used and dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_same_width, memory_bytes
from ogive._errors import InvalidParameterError
from ogive._threads import run_tasks
from ogive._typing import Float, Matrix
from ogive.kernels import CallableKernel, Kernel
from ogive.kernels.base import same_dtype, torch_dtype
from ogive.operators.base import Operator
from ogive.operators.precision import Precision, choose_precision, exact_products
from ogive.operators.tile import Side, Tile, WholeBuffers
from ogive.operators.tiling import Buffers, TilePlan, plan_tiles

DEFAULT_MEMORY = "256 MB"
# Tiles that are copied into a matrix, and transposed: smaller ones are still in the caches then.
_COPIED_SIDE = 768
_LARGEST_SHARE_OF_COPIES = 0.25  # of the memory
_LEAST_DIVIDED = 2**22  # entries of a matrix below which threads do not pay

_Work = Callable[[Tile, Buffers | None, slice, slice], None]


class KernelOperator(Operator):
    """The kernel matrix K_ij = k(X_i, Z_j), multiplied tile by tile and never stored.

    Each tile is one matrix product and the kernel's epilogue in its place, in buffers that are
    reused; of a symmetric matrix only half of the tiles are formed. Gradients flow through
    ``op @ v`` into v, X, Z and the kernel's tensors; the backward pass forms the tiles again.

    Parameters
    ----------
    kernel : Kernel
        Parameters that name a rule are resolved on X.
    X : array, Tensor or sparse matrix of shape (n, d)
    Z : the same of shape (m, d), optional
        X itself if left out.
    memory : int or str, default "256 MB"
        Budget of the working buffers, in bytes or as "64 MB": what is used beside data and
        answer. The libraries below keep small workspaces of their own.
    precision : {"auto", "full", "exact"}, default "auto"
        "auto" takes the exact fast product for float32 data on a common lattice (pixels, counts)
        where the processor has one; ``op.precision`` tells what was chosen and why.

    Raises
    ------
    InvalidDataError
        If data are empty, not finite, or differ in width.
    InvalidParameterError
        If ``memory`` is below one tile, or "exact" is impossible.

    Examples
    --------
    >>> import numpy as np
    >>> from ogive.kernels import Sigmoid
    >>> X = np.random.default_rng(0).normal(size=(1000, 20))
    >>> op = KernelOperator(Sigmoid(0.05, -1.0), X, memory="4 MB")
    >>> v = np.ones(1000)
    >>> bool(np.allclose(op @ v, Sigmoid(0.05, -1.0)(X) @ v))
    True
    """

    def __init__(
        self,
        kernel: Kernel,
        X: Matrix,
        Z: Matrix | None = None,
        *,
        memory: int | float | str = DEFAULT_MEMORY,
        precision: str = "auto",
    ) -> None:
        x = as_rows(X, "X")
        z = x if Z is None or Z is X else as_rows(Z, "Z")
        check_same_width(x, z, "X", "Z")
        x, z = same_dtype(x, z)
        self._build(
            kernel.resolve(x), x, z, memory_bytes(memory), choose_precision(x, z, precision)
        )
        self.returns_numpy = not isinstance(X, Tensor)

    def _build(self, kernel: Kernel, x: Rows, z: Rows, memory: int, precision: Precision) -> None:
        self.kernel, self.memory, self.precision = kernel, memory, precision
        self.shape = (x.shape[0], z.shape[0])
        self.device = x.device if isinstance(x, Tensor) else torch.device("cpu")
        self.dtype = torch_dtype(x)
        self.symmetric = x is z and kernel.symmetric
        # 8-bit copies of all rows are kept if they are a small part of the budget.
        eight_bits = precision.lattice is not None and precision.lattice.eight_bits
        copies = (x.shape[0] + (x is not z) * z.shape[0]) * x.shape[1] * eight_bits
        self._copies = copies if copies <= memory * _LARGEST_SHARE_OF_COPIES else 0
        self._left = Side(x, precision, kept=self._copies > 0)
        self._right = self._left if x is z else Side(z, precision, kept=self._copies > 0)
        self._plan(self.dtype)  # an impossible budget is told now, not at the first product

    def transpose(self) -> KernelOperator:
        """Return the operator of Kᵀ; no data are copied."""
        other = object.__new__(KernelOperator)
        other._build(
            self.kernel.transposed(), self._right.rows, self._left.rows, self.memory, self.precision
        )
        other.returns_numpy = self.returns_numpy
        return other

    def product(self, v: Float[Tensor, "m p"]) -> Float[Tensor, "n p"]:
        """Return K v, differentiable where an input asks for gradients."""
        inputs = [v, *self._data_tensors(), *self.kernel.tensors()]
        if torch.is_grad_enabled() and any(t.requires_grad for t in inputs):
            from ogive.operators.gradient import differentiable_product

            return differentiable_product(self, v)
        return self.forward_product(v)

    @torch.no_grad()
    def forward_product(self, v: Float[Tensor, "m p"]) -> Float[Tensor, "n p"]:
        """Return K v without a graph."""
        dtype = torch.promote_types(self.dtype, v.dtype)
        v = v.to(dtype)
        out = torch.zeros(self.shape[0], v.shape[1], dtype=dtype, device=self.device)
        if self.symmetric:
            for rows, columns, tile in self._tiles(dtype):
                out[rows].addmm_(tile, v[columns])
                if rows != columns:
                    out[columns].addmm_(tile.T, v[rows])
            return out

        def add(tile: Tile, converted: Buffers | None, rows: slice, columns: slice) -> None:
            out[rows].addmm_(
                _in_type(tile.values(self.kernel, rows, columns), converted), v[columns]
            )

        self._divide(add, dtype, by_rows=True)
        return out

    @torch.no_grad()
    def row_blocks(self, dtype: torch.dtype | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Yield (rows, block) from top to bottom, each block dense and valid until the next.

        Parameters
        ----------
        dtype : torch.dtype, optional
            Type of the blocks; the operator's own if left out. Blocks take m numbers a row and
            are as tall as half of the memory budget allows (and at most 2,048 rows); the other
            half is for the tiles that fill them.
        """
        dtype = dtype or self.dtype
        n, m = self.shape
        height = max(1, min(n, 2048, self._free // 2 // (m * dtype.itemsize)))
        try:
            plan = self._plan(self.dtype, self._free // 2)
        except InvalidParameterError:
            plan = self._plan(self.dtype)  # half of a tiny budget: one tile must fit all the same
        block = torch.empty(height, m, dtype=dtype, device=self.device)
        tile = self._new_tile(plan)
        for start in range(0, n, height):
            part = block[: min(height, n - start)]
            for inner in range(0, len(part), plan.rows):
                stop = min(inner + plan.rows, len(part))
                rows = slice(start + inner, start + stop)
                for columns in plan.column_slices(m):
                    part[inner:stop, columns] = tile.values(self.kernel, rows, columns)
            yield slice(start, start + len(part)), part

    @torch.no_grad()
    def dense_tensor(self) -> Tensor:
        """Return the whole kernel matrix."""
        out = torch.empty(self.shape, dtype=self.dtype, device=self.device)

        def keep(tile: Tile, converted: Buffers | None, rows: slice, columns: slice) -> None:
            values = tile.values(self.kernel, rows, columns)
            out[rows, columns] = values
            if self.symmetric and rows != columns:
                out[columns, rows] = values.T

        self._divide(keep, self.dtype, by_rows=False)
        return out

    def diagonal_tensor(self) -> Tensor:
        """Return k(X_i, Z_i)."""
        from ogive.kernels.pairing import RowwiseProducts

        return self.kernel.evaluate(RowwiseProducts(self._left.rows, self._right.rows))

    def rows_tensor(self, index: Tensor) -> Tensor:
        """Return the kernel of the chosen rows with all columns."""
        rows = self._left.rows
        chosen = rows[index] if isinstance(rows, Tensor) else rows[index.numpy()]
        return self.kernel.matrix(chosen, self._right.rows)

    def sides(self) -> tuple[Rows, Rows]:
        """Return the rows of both sides."""
        return self._left.rows, self._right.rows

    def __repr__(self) -> str:
        return (
            f"KernelOperator({self.kernel!r}, shape={self.shape}, dtype={self.dtype}, "
            f"precision={self.precision.name!r})"
        )

    @torch.no_grad()
    def _tiles(self, dtype: torch.dtype) -> Iterator[tuple[slice, slice, Tensor]]:
        """Yield the tiles, of a symmetric matrix those on and above the diagonal."""
        plan = self._plan(dtype)
        tile, converted = self._new_tile(plan), self._new_converted(plan, dtype)
        for rows in self._strips(plan):
            for columns in self._columns(plan, rows):
                yield rows, columns, _in_type(tile.values(self.kernel, rows, columns), converted)

    def _divide(self, work: _Work, dtype: torch.dtype, *, by_rows: bool) -> None:
        """Have several threads work on the tiles; ``by_rows``: on all of some rows by turns."""
        threads, side = self._threads(), {} if by_rows else {"largest": _COPIED_SIDE}
        try:
            plan = self._plan(dtype, self._free // threads, **side)
        except InvalidParameterError:  # the budget is that of one tile
            threads, plan = 1, self._plan(dtype, **side)
        if threads > 1 and not self.symmetric:
            # Several strips for each thread, so that none is left with a whole one at the end.
            plan = replace(plan, rows=min(plan.rows, -(-self.shape[0] // (4 * threads))))
        idle = [(self._new_tile(plan), self._new_converted(plan, dtype)) for _ in range(threads)]
        # What both sides keep for all tiles is made here, not by whichever thread comes first.
        idle[0][0].values(self.kernel, slice(0, 1), slice(0, 1))

        def form(rows: slice, some: Sequence[slice]) -> None:
            mine = idle.pop()
            for columns in some:
                work(*mine, rows, columns)
            idle.append(mine)

        strips = [(rows, list(self._columns(plan, rows))) for rows in self._strips(plan)]
        if not by_rows:
            strips = [(rows, [columns]) for rows, some in strips for columns in some]
        lattice = self.precision.lattice
        switched = lattice is not None and not lattice.eight_bits
        with exact_products() if switched else nullcontext():
            run_tasks([partial(form, *strip) for strip in strips], threads=threads)

    def _strips(self, plan: TilePlan) -> Iterator[slice]:
        return plan.row_slices(self.shape[0])

    def _columns(self, plan: TilePlan, rows: slice) -> Iterator[slice]:
        for columns in plan.column_slices(self.shape[1]):
            if not self.symmetric or columns.start >= rows.start:
                yield columns

    def _new_converted(self, plan: TilePlan, dtype: torch.dtype) -> Buffers | None:
        if dtype == self.dtype:
            return None
        return Buffers(plan.rows * plan.columns, dtype, self.device)

    @property
    def _free(self) -> int:
        """What the budget leaves for tiles."""
        return self.memory - self._copies

    def _threads(self) -> int:
        """Return how many tiles may be formed at once."""
        tensors = all(
            isinstance(rows, Tensor) and rows.device.type == "cpu" for rows in self.sides()
        )
        many = self.shape[0] * self.shape[1] >= _LEAST_DIVIDED
        return torch.get_num_threads() if many and tensors and not _is_users_own(self.kernel) else 1

    def _new_tile(self, plan: TilePlan) -> Tile:
        buffers = Buffers(plan.rows * plan.columns, self.dtype, self.device)
        lattice, kept = self.precision.lattice, self._copies > 0
        whole = None
        if lattice is not None:
            shape = plan.rows, plan.columns, len(lattice.origin)
            whole = WholeBuffers(*shape, eight_bits=lattice.eight_bits, kept=kept)
        return Tile(self._left, self._right, buffers, whole)

    def _plan(self, dtype: torch.dtype, memory: int | None = None, **limits: int) -> TilePlan:
        extra = 0 if dtype == self.dtype else dtype.itemsize
        lattice, side = self.precision.lattice, 0
        if lattice is not None:
            extra += lattice.eight_bits * 4  # int32 products
            each = self.dtype.itemsize + lattice.eight_bits
            side = 0 if self._copies else len(lattice.origin) * each
        return plan_tiles(
            *self.shape,
            entry_bytes=self.kernel.leaves * self.dtype.itemsize + extra,
            side_bytes=side,
            memory=self._free if memory is None else memory,
            square=self.symmetric,
            **limits,
        )

    def _data_tensors(self) -> list[Any]:
        return [r for r in (self._left.rows, self._right.rows) if isinstance(r, Tensor)]


def _in_type(values: Tensor, converted: Buffers | None) -> Tensor:
    """Return the values of a tile in the type of a product, in the buffers for it."""
    if converted is None:
        return values
    converted.release()
    return converted.take(*values.shape).copy_(values)


def _is_users_own(kernel: Kernel) -> bool:
    """Whether a function of the user's is in it, which may not bear several threads."""
    parts = [part for part in kernel.parameters().values() if isinstance(part, Kernel)]
    return isinstance(kernel, CallableKernel) or any(map(_is_users_own, parts))
