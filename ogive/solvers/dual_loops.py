"""Sequential minimal optimisation on rows of a kernel matrix, compiled.

An iteration moves two coefficients. It reads two rows of the kernel matrix and the slopes, so what
counts is that both passes over them run in vector instructions: the largest of numbers is found
in lanes, each with its own largest so far, because a single one would have to be waited for.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numba
import numpy as np

LANES = 16
_TAU = 1e-12  # in the place of a curvature that is not positive (Fan, Chen and Lin 2005)


# Without numpy's error model a division could raise, and stop vector instructions.
def _compiled(function: Any) -> Any:
    settings: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
    return numba.njit(nogil=True, cache=True, **settings)(function)


@_compiled
def _advance(  # noqa: PLR0917 - compiled
    slope: np.ndarray,
    barred_up: np.ndarray,
    barred_down: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    step: float,
    begin: int,
    highest: np.ndarray,
    highest_at: np.ndarray,
    lowest: np.ndarray,
) -> None:
    """Take step · (one - other) off the slopes; find the highest and lowest that may move."""
    whole = slope.shape[0] // LANES * LANES
    for start in range(0, whole, LANES):
        s, up = slope[start : start + LANES], barred_up[start : start + LANES]
        down = barred_down[start : start + LANES]
        a, b = one[start : start + LANES], other[start : start + LANES]
        at = begin + start
        for lane in range(LANES):
            value = s[lane] - step * (a[lane] - b[lane])
            s[lane] = value
            raised = value + up[lane]
            better = raised > highest[lane]
            highest[lane] = raised if better else highest[lane]
            highest_at[lane] = at + lane if better else highest_at[lane]
            lowered = value + down[lane]
            lowest[lane] = lowered if lowered < lowest[lane] else lowest[lane]
    for k in range(whole, slope.shape[0]):
        value = slope[k] - step * (one[k] - other[k])
        slope[k] = value
        if value + barred_up[k] > highest[0]:
            highest[0], highest_at[0] = value + barred_up[k], begin + k
        lowest[0] = min(lowest[0], value + barred_down[k])


@_compiled
def _gains(  # noqa: PLR0917 - compiled
    slope: np.ndarray,
    barred_down: np.ndarray,
    row: np.ndarray,
    diagonal: np.ndarray,
    top: float,
    own: float,
    begin: int,
    best: np.ndarray,
    best_at: np.ndarray,
) -> None:
    """Find the partner with which a step gains most: (top - slope)² / curvature."""
    whole = slope.shape[0] // LANES * LANES
    for start in range(0, whole, LANES):
        s, down = slope[start : start + LANES], barred_down[start : start + LANES]
        k, d = row[start : start + LANES], diagonal[start : start + LANES]
        at = begin + start
        for lane in range(LANES):
            gap = top - (s[lane] + down[lane])
            gap = gap if gap > 0.0 else 0.0
            curvature = own + d[lane] - 2.0 * k[lane]
            curvature = curvature if curvature > _TAU else _TAU
            gain = gap * gap / curvature
            better = gain > best[lane]
            best[lane] = gain if better else best[lane]
            best_at[lane] = at + lane if better else best_at[lane]
    for j in range(whole, slope.shape[0]):
        gap = top - (slope[j] + barred_down[j])
        if gap > 0.0:
            gain = gap * gap / max(own + diagonal[j] - 2.0 * row[j], _TAU)
            if gain > best[0]:
                best[0], best_at[0] = gain, begin + j


@_compiled
def _first_of_largest(values: np.ndarray, places: np.ndarray) -> int:
    """Return the place of the largest lane, the first of equals: so that order is defined."""
    lane = 0
    for other in range(1, LANES):
        larger = values[other] > values[lane]
        if larger or (values[other] == values[lane] and places[other] < places[lane]):
            lane = other
    return places[lane]


@_compiled
def descend(  # noqa: PLR0917 - compiled
    kernel: np.ndarray,
    diagonal: np.ndarray,
    first: tuple[int, int],
    second: tuple[int, int],
    lower: np.ndarray,
    upper: np.ndarray,
    tolerance: float,
    most: int,
    coefficient: np.ndarray,
    slope: np.ndarray,
) -> tuple[int, float]:
    """Minimise ½ βᵀKβ - pᵀβ over lower ≤ β ≤ upper with the sum of β as it is at the start.

    Variables are the columns first[0] … first[1] - 1 of the kernel matrix and then those from
    second[0] to second[1] - 1; the two ranges may overlap. The pair with the largest second-order
    gain moves (Fan, Chen and Lin, Working set selection using second order information for
    training support vector machines, JMLR 2005).

    Parameters
    ----------
    kernel : array of shape (n, n)
        Row after row in memory; symmetric.
    diagonal : float64 array of shape (n,)
        Its diagonal.
    first, second : tuple of two int
    lower, upper : float64 arrays of shape (v,)
    tolerance : float
        Ends when no slope that may rise is more than this above one that may fall.
    most : int
        Ends after so many steps.
    coefficient : float64 array of shape (v,)
        β; changed in place.
    slope : float64 array of shape (v,)
        p - Kβ; changed in place.

    Returns
    -------
    steps : int
    violation : float
        The difference of slopes that was left.
    """
    count = first[1] - first[0]
    barred_up = np.where(coefficient < upper, 0.0, -np.inf)
    barred_down = np.where(coefficient > lower, 0.0, np.inf)
    highest, lowest, best = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    highest_at, best_at = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    highest[:], lowest[:], highest_at[:] = -np.inf, np.inf, 0
    rows = ((first, 0, count), (second, count, slope.shape[0]))
    for columns, begin, end in rows:
        some = kernel[0, columns[0] : columns[1]]
        _advance(
            slope[begin:end], barred_up[begin:end], barred_down[begin:end], some, some, 0.0, begin,
            highest, highest_at, lowest,
        )  # fmt: skip
    steps = 0
    while True:
        top, violation = highest.max(), highest.max() - lowest.min()
        if not violation > tolerance or steps == most:
            return steps, violation
        i = _first_of_largest(highest, highest_at)
        column = first[0] + i if i < count else second[0] + i - count
        row, own = kernel[column], diagonal[column]
        best[:], best_at[:] = 0.0, 0
        for columns, begin, end in rows:
            _gains(
                slope[begin:end], barred_down[begin:end], row[columns[0] : columns[1]],
                diagonal[columns[0] : columns[1]], top, own, begin, best, best_at,
            )  # fmt: skip
        if not best.max() > 0:  # the squares of the gaps are below the smallest number
            return steps, violation
        j = _first_of_largest(best, best_at)
        partner = first[0] + j if j < count else second[0] + j - count
        curvature = max(own + diagonal[partner] - 2.0 * row[partner], _TAU)
        room_up, room_down = upper[i] - coefficient[i], coefficient[j] - lower[j]
        step = min((top - slope[j]) / curvature, room_up, room_down)
        # What reaches a bound is put exactly on it.
        coefficient[i] = upper[i] if step == room_up else coefficient[i] + step
        coefficient[j] = lower[j] if step == room_down else coefficient[j] - step
        barred_up[i] = 0.0 if coefficient[i] < upper[i] else -np.inf
        barred_down[i] = 0.0 if coefficient[i] > lower[i] else np.inf
        barred_up[j] = 0.0 if coefficient[j] < upper[j] else -np.inf
        barred_down[j] = 0.0 if coefficient[j] > lower[j] else np.inf
        highest[:], lowest[:] = -np.inf, np.inf
        against = kernel[partner]
        for columns, begin, end in rows:
            _advance(
                slope[begin:end], barred_up[begin:end], barred_down[begin:end],
                row[columns[0] : columns[1]], against[columns[0] : columns[1]], step, begin,
                highest, highest_at, lowest,
            )  # fmt: skip
        steps += 1
