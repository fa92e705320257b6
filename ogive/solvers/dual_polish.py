"""Solutions of small dual problems to rounding error, from approximate ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ogive.solvers.dual import DualProblem

_ROUNDS = 100
_ROUNDING = 64 * np.finfo(np.float64).eps


def polish(
    matrix: np.ndarray, problem: DualProblem, coefficient: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients that meet the optimality conditions to rounding error, and their slopes.

    By turns: the coefficients between their bounds are solved for as if there were no bounds, as
    far as the first bound on the way; and a few steps of pairs let others leave theirs.

    Parameters
    ----------
    matrix : float64 array of shape (v, v)
        The kernel matrix of the variables.
    problem : DualProblem
    coefficient : float64 array of shape (v,)
        Near the solution.

    Returns
    -------
    coefficient, slope : float64 arrays of shape (v,)
        The best that was found: never worse than what was given.
    """
    from ogive.solvers.dual_loops import descend

    diagonal = np.diagonal(matrix).copy()
    ranges = (0, len(matrix)), (0, 0)
    given = coefficient
    scale = float(np.abs(problem.linear).max() + np.abs(matrix).max() * np.abs(coefficient).sum())
    current = coefficient.copy()
    best, least = given, np.inf
    for _ in range(_ROUNDS):
        current = _between_bounds(matrix, problem, current)
        slope = problem.linear - matrix @ current
        violation = _violation(problem, current, slope)
        if violation < least:
            best, least = current.copy(), violation
        if violation <= _ROUNDING * scale:
            break
        before = current.copy()
        descend(
            matrix, diagonal, *ranges, problem.lower, problem.upper, 0.1 * violation,
            len(matrix), current, slope,
        )  # fmt: skip
        if np.array_equal(current, before):
            break
    if _violation(problem, given, problem.linear - matrix @ given) < least:
        best = given
    return best, problem.linear - matrix @ best


def _between_bounds(
    matrix: np.ndarray, problem: DualProblem, coefficient: np.ndarray
) -> np.ndarray:
    """Solve for what is between its bounds; what meets one on the way stays there."""
    current = coefficient.copy()
    for _ in range(len(current)):
        free = np.flatnonzero((current > problem.lower) & (current < problem.upper))
        if len(free) < 2:
            break
        change = _unbounded_change(matrix, problem, current, free)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(change > 0, problem.upper[free] - current[free], 0.0)
            room = np.where(change < 0, problem.lower[free] - current[free], room)
            shares = np.where(change != 0, room / change, np.inf)
        share = min(1.0, float(shares.min()))
        current[free] += share * change
        if share == 1.0:
            break
        met = free[shares <= share]
        upward = change[shares <= share] > 0
        current[met] = np.where(upward, problem.upper[met], problem.lower[met])
        # Rounding of the step that met the bound must not accumulate in the sum.
        rest = (current > problem.lower) & (current < problem.upper)
        if rest.any():
            current[rest] -= current.sum() / rest.sum()
            np.clip(current, problem.lower, problem.upper, out=current)
    return current


def _unbounded_change(
    matrix: np.ndarray, problem: DualProblem, current: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """Return the change of the free coefficients that makes their slopes equal, summing to 0."""
    slope = problem.linear[free] - matrix[free] @ current
    size = len(free)
    system = np.ones((size + 1, size + 1))
    system[:size, :size] = matrix[np.ix_(free, free)]
    system[size, size] = 0.0
    # Equal rows make it singular: of all changes the smallest is taken.
    change: np.ndarray = np.linalg.lstsq(system, np.append(slope, -current.sum()), rcond=1e-13)[0]
    return change[:size]


def _violation(problem: DualProblem, coefficient: np.ndarray, slope: np.ndarray) -> float:
    top = np.max(slope, where=coefficient < problem.upper, initial=-np.inf)
    bottom = np.min(slope, where=coefficient > problem.lower, initial=np.inf)
    return max(float(top - bottom), 0.0)
