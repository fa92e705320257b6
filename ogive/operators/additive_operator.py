"""The additive sigmoid kernel as an operator of linear cost, with an error bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_same_width, memory_bytes
from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive._typing import Float, Matrix
from ogive.kernels import AdditiveSigmoid, Kernel
from ogive.kernels.base import same_dtype
from ogive.kernels.pairing import RowwiseProducts
from ogive.operators.base import Operator
from ogive.operators.chebyshev import (
    ChebyshevPlan,
    Piece,
    Steps,
    choose_plan,
    cut_pieces,
    fit_steps,
    rounding_bound,
    signed_basis,
)

_DEFAULT_TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-8}


class AdditiveOperator(Operator):
    """The matrix K_ij = Σ_h w_h σ(u_ih + v_jh) of an additive sigmoid kernel, in linear time.

    For each head σ(u + v) is interpolated in u at r Chebyshev nodes t_k, on one piece or several
    of the range of u: (K V)_i ≈ Σ_k ℓ_k(u_i) Σ_j σ(t_k + v_j) V_j. A product with p columns costs
    O((n + m pieces) r p) per head, and its error is
    bounded by Trefethen, Approximation Theory and Approximation Practice (2013), theorem 8.2.

    Gradients flow through ``op @ v`` into v, X, Z and the kernel's tensors; their graph keeps
    about m · rank + n · nodes numbers, whatever the memory budget. In u they are the
    interpolant's, less accurate than values by a factor of about nodes² / half a piece's length.

    Parameters
    ----------
    kernel : AdditiveSigmoid
    X : array, Tensor or sparse matrix of shape (n, d)
    Z : the same of shape (m, d), optional
        X itself if left out.
    tolerance : float, optional
        Largest interpolation error of an entry, relative to the largest possible entry Σ_h |w_h|;
        1e-8 in float64 and 1e-6 in float32, whose rounding is of that size, if left out.
    memory : int or str, default "256 MB"
        Budget of the working buffers, beside data, their projections and the answer.

    Attributes
    ----------
    plans : tuple of ChebyshevPlan
        Nodes, pieces and range of each head.
    rank : int
        Number of nodes in all pieces that hold a row: the rank of the matrix that is multiplied.
    entry_bound : float
        Bound on the error of any entry: interpolation and, to first order, rounding. It is about
        the projections u, v as computed in the operator's type; their own rounding is the data's.

    Raises
    ------
    InvalidTypeError
        If the kernel is not an `AdditiveSigmoid`.
    InvalidDataError
        If data are empty, not finite, or differ in width.
    InvalidParameterError
        If ``tolerance`` is not within [machine epsilon, 1), or ``memory`` is below one step.

    Examples
    --------
    >>> import numpy as np
    >>> kernel = AdditiveSigmoid.random(5, heads=2, scale=2.0)
    >>> X, V = np.random.default_rng(0).normal(size=(500, 5)), np.ones((500, 3))
    >>> op = AdditiveOperator(kernel, X)
    >>> bool((abs(op @ V - kernel(X) @ V) <= op.error_bound(V)).all())
    True
    >>> op.entry_bound < 2e-8, op.rank < 100
    (True, True)
    """

    def __init__(
        self,
        kernel: Kernel,
        X: Matrix,
        Z: Matrix | None = None,
        *,
        tolerance: float | None = None,
        memory: int | float | str = "256 MB",
    ) -> None:
        if not isinstance(kernel, AdditiveSigmoid):
            raise InvalidTypeError(
                f"kernel={kernel!r} is no AdditiveSigmoid, and only sums of σ(u + v) can be "
                "interpolated in one variable; for other kernels use KernelOperator"
            )
        x = as_rows(X, "X")
        z = x if Z is None or Z is X else as_rows(Z, "Z")
        check_same_width(x, z, "X", "Z")
        x, z = same_dtype(x, z)
        self._build(kernel, x, z, tolerance, memory_bytes(memory))
        self.returns_numpy = not isinstance(X, Tensor)

    @torch.no_grad()
    def _build(
        self, kernel: AdditiveSigmoid, x: Rows, z: Rows, tolerance: float | None, memory: int
    ) -> None:
        self.kernel, self.memory = kernel, memory
        self._x, self._z = x, z
        self.shape = (x.shape[0], z.shape[0])
        u, v, self._weight = kernel.projections(x, z)
        if not all(bool(torch.isfinite(side).all()) for side in (u, v)):
            raise InvalidDataError("alpha x or beta z is not finite; scale the kernel or X, Z down")
        self.dtype, self.device = u.dtype, u.device
        self.tolerance = _checked_tolerance(tolerance, self.dtype)
        self._v = v.T.contiguous()
        # Beyond this argument σ is 0 or 1 to rounding. Where that holds for every v, u is clamped,
        # which keeps the range to be interpolated near that of -v however wide the data are.
        epsilon = torch.finfo(self.dtype).eps
        margin = -math.log(epsilon / 8)
        self._limits = -self._v.amax(1) - margin, -self._v.amin(1) + margin
        plans: list[ChebyshevPlan] = []
        pieces: list[Piece] = []
        bound = 0.0
        for head, weight in enumerate(self._weight.abs().tolist()):
            row = u[:, head].clamp(*(limit[head] for limit in self._limits))
            low, high = row.aminmax()
            plan = choose_plan(float(low), float(high), *self.shape, self.tolerance)
            terms = self.shape[1] + u.shape[1]
            bound += weight * (plan.bound + rounding_bound(plan, terms, epsilon) + epsilon / 8)
            plans.append(plan)
            pieces += cut_pieces(head, plan, row)
        self.plans, self._pieces, self.entry_bound = tuple(plans), pieces, bound
        self.rank = sum(len(piece.nodes) for piece in pieces)
        self._transposed: AdditiveOperator | None = None
        self._steps(1, torch.float64)  # an impossible budget is told now, not at the first product

    def transpose(self) -> AdditiveOperator:
        """Return the operator of Kᵀ, interpolated in the other variable; no data are copied."""
        if self._transposed is None:
            other = object.__new__(AdditiveOperator)
            kernel = self.kernel.transposed()
            other._build(kernel, self._z, self._x, self.tolerance, self.memory)
            other.returns_numpy = self.returns_numpy
            self._transposed = other
        return self._transposed

    def error_bound(self, V: Any) -> Any:
        """Return a bound on the error of each column of ``op @ V``: entry_bound · ‖V‖₁.

        Parameters
        ----------
        V : array or Tensor of shape (m, p) or (m,)

        Returns
        -------
        ndarray or Tensor of shape (p,) or ()
        """
        block: Any = V.detach() if isinstance(V, Tensor) else np.asarray(V)
        return abs(block).sum(0) * self.entry_bound

    def product(self, v: Float[Tensor, "m p"]) -> Float[Tensor, "n p"]:
        """Return K v, differentiable where an input asks for gradients."""
        inputs = [v, self._x, self._z, *self.kernel.tensors()]
        tracked = any(isinstance(t, Tensor) and t.requires_grad for t in inputs)
        if torch.is_grad_enabled() and tracked:
            return self._differentiable_product(v)
        return self._forward_product(v)

    def _differentiable_product(self, v: Tensor) -> Tensor:
        if not (isinstance(self._x, Tensor) and isinstance(self._z, Tensor)):
            raise InvalidTypeError(
                "gradients need dense data, and X or Z is sparse; convert it with .toarray(), or "
                "detach the right-hand side and the kernel's parameters"
            )
        # Formed again, so that every product has a graph of its own and may be differentiated.
        left, right, weight = self.kernel.projections(self._x, self._z)
        dtype = torch.promote_types(self.dtype, v.dtype)
        left, right, weight, v = (t.to(dtype) for t in (left, right, weight, v))
        low, high = (limit.to(dtype) for limit in self._limits)
        out = v.new_zeros(self.shape[0], v.shape[1])
        for piece in self._pieces:
            h = piece.head
            u = left[:, h].clamp(low[h], high[h])
            u = u if piece.rows is None else u[piece.rows]
            sampled = torch.sigmoid(piece.nodes.to(dtype)[:, None] + right[:, h]) @ v
            basis = signed_basis((u - piece.centre) / piece.half, len(piece.nodes))
            part = basis.T @ (piece.transform.to(dtype) @ sampled * weight[h])
            out = out + part if piece.rows is None else out.index_add_(0, piece.rows, part)
        return out

    @torch.no_grad()
    def _forward_product(self, v: Tensor) -> Tensor:
        dtype = torch.promote_types(self.dtype, v.dtype)
        v = v.to(dtype)
        out = torch.zeros(self.shape[0], v.shape[1], dtype=dtype, device=self.device)
        if v.shape[1] == 0:
            return out
        steps = self._steps(v.shape[1], dtype)
        buffer = torch.empty(steps.entries, dtype=dtype, device=self.device)
        for columns in _slices(v.shape[1], steps.width):
            for batch in self._batches(steps.nodes):
                sampled = self._sampled(batch, v[:, columns], steps, buffer)
                for piece, values in zip(batch, sampled, strict=True):
                    coefficients = piece.transform.to(dtype) @ values
                    coefficients *= self._weight[piece.head]
                    _add_piece(out[:, columns], piece, coefficients, steps, buffer)
        return out

    def _sampled(
        self, batch: list[Piece], v: Tensor, steps: Steps, buffer: Tensor
    ) -> tuple[Tensor, ...]:
        """Return Σ_j σ(t_k + v_j) V_j at the nodes t of each piece, (nodes, p) each."""
        counts = [len(piece.nodes) for piece in batch]
        sums = v.new_zeros(sum(counts), v.shape[1])
        for columns in _slices(len(v), steps.length):
            size = columns.stop - columns.start
            tile = buffer[: len(sums) * size].view(-1, size)
            for piece, part in zip(batch, tile.split(counts), strict=True):
                shift = self._v[piece.head, columns].to(v.dtype)
                torch.add(piece.nodes.to(v.dtype)[:, None], shift, out=part)
            sums.addmm_(tile.sigmoid_(), v[columns])
        return sums.split(counts)

    def _batches(self, nodes: int) -> Iterator[list[Piece]]:
        """Group consecutive pieces, at most so many nodes together."""
        batch: list[Piece] = []
        for piece in self._pieces:
            if batch and sum(len(p.nodes) for p in batch) + len(piece.nodes) > nodes:
                yield batch
                batch = []
            batch.append(piece)
        yield batch

    def _steps(self, width: int, dtype: torch.dtype) -> Steps:
        largest = max(plan.nodes for plan in self.plans)
        first = Steps(largest, max(largest, self.rank), max(self.shape), width, dtype.itemsize)
        return fit_steps(first, self.memory)

    def diagonal_tensor(self) -> Tensor:
        """Return k(X_i, Z_i), not interpolated."""
        return self.kernel.evaluate(RowwiseProducts(self._x, self._z))

    def dense_tensor(self) -> Tensor:
        """Return the whole kernel matrix, not interpolated."""
        return self.kernel.matrix(self._x, self._z)

    def rows_tensor(self, index: Tensor) -> Tensor:
        """Return the kernel of the chosen rows with all columns, not interpolated."""
        chosen = self._x[index] if isinstance(self._x, Tensor) else self._x[index.numpy()]
        return self.kernel.matrix(chosen, self._z)

    def __repr__(self) -> str:
        return (
            f"AdditiveOperator({self.kernel!r}, shape={self.shape}, dtype={self.dtype}, "
            f"rank={self.rank}, entry_bound={self.entry_bound:.1e})"
        )


def _add_piece(
    out: Tensor, piece: Piece, coefficients: Tensor, steps: Steps, buffer: Tensor
) -> None:
    """Add a piece's interpolant, given by its coefficients (nodes, p), to its rows of ``out``."""
    count, width = coefficients.shape
    for part in _slices(len(piece.local), steps.length):
        size = part.stop - part.start
        basis = buffer[: count * size].view(count, size)
        signed_basis(piece.local[part].to(out.dtype), count, basis)
        if piece.rows is None:
            out[part].addmm_(basis.T, coefficients)
        else:
            values = buffer[count * size : (count + width) * size].view(size, width)
            torch.mm(basis.T, coefficients, out=values)
            out.index_add_(0, piece.rows[part], values)


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(i, min(i + step, count)) for i in range(0, count, step))


def _checked_tolerance(tolerance: float | None, dtype: torch.dtype) -> float:
    if tolerance is None:
        return _DEFAULT_TOLERANCE[dtype]
    epsilon = torch.finfo(dtype).eps
    if not epsilon <= tolerance < 1:
        raise InvalidParameterError(
            f"tolerance={tolerance!r}; it must be at least {epsilon:.1e}, the rounding of "
            f"{dtype}, and below 1"
        )
    return float(tolerance)
