"""Chebyshev interpolation of the logistic function on an interval: nodes, basis, bounds, plan.

Facts and constants are those of L. N. Trefethen, Approximation Theory and Approximation Practice
(SIAM 2013), chapters 3, 4, 8 and 15.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ogive._errors import InvalidParameterError
from ogive._typing import Float

# The poles of the logistic function nearest to the real line are ±iπ. Heights of the ellipses
# that are tried, dense towards the pole, where long intervals have their optimum.
_POLE_HEIGHT = math.pi
_HEIGHTS = _POLE_HEIGHT * (1.0 - np.geomspace(0.7, 1e-3, 96))

# No piece is shorter than this on either side of its centre. Values alone would allow a single
# node where all u agree, but gradients are those of the interpolant: it needs a slope as well.
_SMALLEST_HALF = 0.5

# Cost in units of one multiply-add of a matrix product, measured on two AVX-512 cores with float64.
_SIGMOID_COST = 50  # one logistic value
_BASIS_COST = 30  # one basis value
_SCATTER_COST = 50  # adding one number to a row of the answer that is found by its index
_PIECE_COST = 1_000_000  # the calls that handle one piece, about 30 microseconds
_WIDTH = 32  # columns of the right-hand side, which the plan does not know

# Nodes, and rows or columns, in one step: its buffer stays about within the second-level caches.
_NODES_AT_ONCE = 512
_LARGEST_STEP, _SMALLEST_STEP = 8192, 64


@dataclass(frozen=True)
class ChebyshevPlan:
    """How the logistic function is interpolated in u on [low, high].

    Attributes
    ----------
    nodes : int
        Nodes in each piece; the interpolant has degree nodes - 1.
    pieces : int
        Pieces of equal length that [low, high] is cut into.
    low, high : float
        The interval.
    bound : float
        Bound on |σ(u + v) - interpolant|, for every u in the interval and every real v, before
        rounding.
    """

    nodes: int
    pieces: int
    low: float
    high: float
    bound: float

    @property
    def half(self) -> float:
        """Half of the length of one piece."""
        return (self.high - self.low) / (2 * self.pieces)

    def centre(self, piece: int) -> float:
        """Return the centre of a piece."""
        return self.low + (2 * piece + 1) * self.half


def chebyshev_nodes(count: int) -> np.ndarray:
    """Return the zeros of T_count, cos((2k + 1) π / (2 count)), of shape (count,)."""
    return np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))


def coefficient_matrix(count: int) -> np.ndarray:
    """Return the matrix from values at the nodes to coefficients in `signed_basis`.

    The discrete cosine transform c_j = (2 - [j = 0]) / r · Σ_k f_k cos(j (2k + 1) π / (2r)) with
    the signs of `signed_basis`; of shape (r, r).
    """
    degree = np.arange(count)[:, None]
    angle = (2 * np.arange(count)[None, :] + 1) * np.pi / (2 * count)
    scale = np.where(degree == 0, 1.0, 2.0) / count
    sign = np.where(degree % 4 < 2, 1.0, -1.0)
    return sign * scale * np.cos(degree * angle)


def signed_basis(
    x: Float[Tensor, " n"], count: int, out: Float[Tensor, "count n"] | None = None
) -> Float[Tensor, "count n"]:
    """Return the Chebyshev polynomials ±T_k(x), k < count, in rows.

    The signs + + - - + + - - … turn T_k = 2x T_{k-1} - T_{k-2} into S_k = S_{k-2} ± 2x S_{k-1},
    which is one fused operation. Differentiable if ``out`` is left out.
    """
    first = torch.ones_like(x) if out is None else out[0].fill_(1.0)
    rows = [first, x if out is None or count == 1 else out[1].copy_(x)]
    twice = 2 * x
    for k in range(2, count):
        target = None if out is None else out[k]
        sign = 1 if k % 2 else -1
        rows.append(torch.addcmul(rows[k - 2], twice, rows[k - 1], value=sign, out=target))
    return torch.stack(rows[:count]) if out is None else out


def interpolation_bound(half: float, nodes: int) -> float:
    """Return a bound on the error of interpolating u ↦ σ(u + v), for every real v.

    The interval is 2 · half long and has r = nodes points.
    With f analytic and at most M in the ellipse of parameter ρ, the interpolant of degree r - 1
    is off by at most 4 M ρ^(1-r) / (ρ - 1) (Trefethen, theorem 8.2; the proof counts aliases, which
    are the same for the zeros of T_r, used here, as for its extrema). The best ellipse of a grid is
    taken; constants are interpolated exactly, so f is σ - 1/2.

    Examples
    --------
    >>> f"{interpolation_bound(3.0, 10):.1e} {interpolation_bound(3.0, 20):.1e}"
    '4.9e-03 1.0e-06'
    """
    rho, front = _ellipses(np.array([half]))
    return float((front * rho ** (1.0 - nodes)).min())


def rounding_bound(plan: ChebyshevPlan, terms: int, epsilon: float) -> float:
    """Return a bound on what rounding adds to an entry of one head of unit weight.

    ``terms`` is how many numbers an entry of the answer sums, columns and heads; ``epsilon`` the
    distance from 1 to the next number.
    """
    # In units of u = epsilon / 2 and for a column of V of unit 1-norm:
    #   5        a logistic value, and the rounding of its argument's sum (|z| σ'(z) < 1/4);
    #   largest  a node and a row's place in its piece are off by up to 4 u |u|; σ' is at most 1/4;
    #   √terms   sums of that many numbers: rounding errors cancel like a random walk (Higham and
    #            Mary, SIAM J. Sci. Comput. 41 (2019), theorem 2.4); the certain but useless bound
    #            has `terms`;
    # all of them enlarged by interpolation (its Lebesgue constant, Trefethen theorem 15.2), then
    #   4 nodes  the transform and the basis: each of `nodes` coefficients is at most 2 in size and
    #            the recurrence for T_k loses about k u.
    lebesgue = 1.0 + 2.0 / math.pi * math.log(plan.nodes)
    largest = max(abs(plan.low), abs(plan.high))
    units = lebesgue * (5.0 + largest + math.sqrt(terms)) + 4.0 * plan.nodes
    return units * epsilon / 2


def choose_plan(
    low: float, high: float, rows: int, columns: int, tolerance: float
) -> ChebyshevPlan:
    """Return the cheapest plan whose interpolation bound is at most ``tolerance``.

    The cost of r nodes on each of q pieces, in multiply-adds for a right-hand side w wide, is

        q r m (w + sigmoid) + r n (w + basis) + [q > 1] n w scatter + q · calls.

    Parameters
    ----------
    low, high : float
        Range of u; widened if it is very short.
    rows, columns : int
        n and m.
    tolerance : float

    Examples
    --------
    >>> plan = choose_plan(-12.0, 12.0, 50_000, 50_000, 1e-8)
    >>> plan.pieces, plan.nodes, plan.bound < 1e-8
    (4, 26, True)
    """
    centre, half = (low + high) / 2, max((high - low) / 2, _SMALLEST_HALF)
    most = math.ceil(half / _SMALLEST_HALF)
    pieces = np.unique(np.geomspace(1, most, 96).round().astype(np.int64))
    nodes = _sufficient_nodes(half / pieces, tolerance)
    cost = (
        pieces * nodes * float(columns) * (_WIDTH + _SIGMOID_COST)
        + nodes * float(rows) * (_WIDTH + _BASIS_COST)
        + (pieces > 1) * float(rows) * _WIDTH * _SCATTER_COST
        + pieces * float(_PIECE_COST)
    )
    best = int(cost.argmin())
    count, cut = int(nodes[best]), int(pieces[best])
    bound = interpolation_bound(half / cut, count)
    return ChebyshevPlan(count, cut, min(low, centre - half), max(high, centre + half), bound)


@dataclass(frozen=True, eq=False)
class Piece:
    """The rows of one head whose u lie in one piece of its range.

    ``rows`` holds their indices (None: all rows, in their order) and ``local`` their u mapped to
    [-1, 1]; ``transform`` is the `coefficient_matrix` of the nodes.
    """

    head: int
    centre: float
    half: float
    nodes: Float[Tensor, " r"]
    transform: Float[Tensor, "r r"]
    rows: Tensor | None
    local: Float[Tensor, " k"]


def cut_pieces(head: int, plan: ChebyshevPlan, u: Float[Tensor, " n"]) -> Iterator[Piece]:
    """Yield the pieces that hold a row; no row moves, they are named by their indices."""
    points = torch.from_numpy(chebyshev_nodes(plan.nodes)).to(u.device)
    transform = torch.from_numpy(coefficient_matrix(plan.nodes)).to(u.device)
    half = plan.half
    number = ((u - plan.low) / (2 * half)).clamp_(0, plan.pieces - 1).to(torch.int32)
    counts = number.bincount(minlength=plan.pieces).tolist()
    parts = number.argsort().split(counts) if plan.pieces > 1 else [None]
    for index, rows in enumerate(parts):
        if counts[index]:
            centre = plan.centre(index)
            local = ((u if rows is None else u[rows]) - centre) / half
            yield Piece(head, centre, half, centre + half * points, transform, rows, local)


@dataclass(frozen=True)
class Steps:
    """How many nodes, rows (or columns of K) and columns of V are handled at once.

    ``largest`` is the number of nodes of the largest piece, ``itemsize`` the bytes of a number.
    """

    largest: int
    nodes: int
    length: int
    width: int
    itemsize: int

    @property
    def entries(self) -> int:
        """Size of the one buffer: a tile of samples, or a basis and its product."""
        return max(self.nodes, self.largest + self.width) * self.length

    @property
    def bytes(self) -> int:
        """All that lives at once: also sums at nodes, coefficients, transform, some vectors."""
        beside = (self.nodes + self.largest) * self.width + self.largest**2 + 4 * self.length
        return (self.entries + beside) * self.itemsize


def fit_steps(steps: Steps, memory: int) -> Steps:
    """Return the largest steps, up to a size that suits the caches, that fit ``memory`` bytes.

    Raises
    ------
    InvalidParameterError
        If not even the smallest fit.
    """
    least = min(steps.length, _SMALLEST_STEP)
    steps = replace(
        steps,
        nodes=max(steps.largest, min(steps.nodes, _NODES_AT_ONCE)),
        length=min(steps.length, _LARGEST_STEP),
    )
    while steps.bytes > memory:
        if steps.length > least:
            steps = replace(steps, length=max(least, steps.length // 2))
        elif steps.nodes > steps.largest:
            steps = replace(steps, nodes=max(steps.largest, steps.nodes // 2))
        elif steps.width > 1:
            steps = replace(steps, width=steps.width // 2)
        else:
            raise InvalidParameterError(
                f"memory={memory} bytes is less than one step of {steps.nodes} nodes and "
                f"{steps.length} rows needs; give at least {steps.bytes} bytes"
            )
    return steps


def _sufficient_nodes(halves: np.ndarray, tolerance: float) -> np.ndarray:
    """Return for each interval the smallest number of nodes whose bound is within tolerance."""
    rho, front = _ellipses(halves)
    # The grid's best ellipse depends on the number of nodes, so solve for it on each and compare.
    degree = np.log(np.maximum(front / tolerance, 1.0)) / np.log(rho)
    return 1 + np.ceil(degree.min(axis=0)).astype(np.int64)


def _ellipses(halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ρ and 4 M / (ρ - 1) of the ellipses about each interval, both (heights, intervals).

    |σ(x + iy) - 1/2| = |tanh((x + iy) / 2)| / 2 is at most 1/2 for |y| ≤ π/2 and at most
    tan(|y| / 2) / 2, its value at x = 0, beyond.
    """
    aspect = _HEIGHTS[:, None] / halves[None, :]
    rho = aspect + np.sqrt(1.0 + aspect**2)
    largest = np.maximum(0.5, 0.5 * np.tan(_HEIGHTS / 2))[:, None]
    # ρ - 1 without cancellation for long intervals: √(1 + a²) - 1 = a² / (1 + √(1 + a²)).
    excess = aspect + aspect**2 / (1.0 + np.sqrt(1.0 + aspect**2))
    return rho, 4.0 * largest / excess
