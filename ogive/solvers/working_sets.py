"""The dual problem of support vector machines where the kernel matrix does not fit in memory."""

from __future__ import annotations

import numpy as np

from ogive.solvers.dual import DualProblem, DualSolution
from ogive.solvers.kernel_rows import KernelRows

_SIZE = 512  # variables in a working set: as many rows as one matrix product makes well
_INNER = 0.1  # of the violation at its start is left by the steps within one working set


def solve_dual_by_sets(
    rows: KernelRows,
    diagonal: np.ndarray,
    problem: DualProblem,
    *,
    tolerance: float = 1e-3,
    most: int = 1_000_000,
) -> DualSolution:
    """Solve the problem from rows of the kernel matrix that are computed when they are needed.

    The variables that violate the optimality conditions most, and half of those before them, form
    a working set; the problem is solved in these, and the slopes of all others follow by one
    matrix product.

    Parameters
    ----------
    rows : KernelRows
        With room for as many rows as possible.
    diagonal : float64 array of shape (n,)
        Of the kernel matrix.
    problem : DualProblem
    tolerance, most
        As in `solve_dual`.

    Returns
    -------
    DualSolution
        The one of `solve_dual`, within the tolerance.

    References
    ----------
    Joachims, Making large-scale support vector machine learning practical, 1999; Wen and others,
    ThunderSVM, JMLR 2018, for keeping half of the set.
    """
    from ogive.solvers.dual_loops import descend

    columns = problem.columns
    coefficient, slope = np.zeros(len(columns)), problem.linear.astype(np.float64)
    size = min(len(columns), _SIZE, rows.capacity)
    chosen = np.empty(0, dtype=np.int64)
    steps = 0
    while steps < most:
        rising, falling = coefficient < problem.upper, coefficient > problem.lower
        top = np.max(slope, where=rising, initial=-np.inf)
        violation = top - np.min(slope, where=falling, initial=np.inf)
        if not violation > tolerance:
            break
        chosen = _working_set(slope, rising, falling, chosen, size)
        different, place = np.unique(columns[chosen], return_inverse=True)
        found = rows.take(different)
        local = np.ascontiguousarray(found[:, columns[chosen]][place])
        inner, inner_slope = coefficient[chosen], slope[chosen]
        taken, _ = descend(
            local, diagonal[columns[chosen]], (0, len(chosen)), (0, 0),
            problem.lower[chosen], problem.upper[chosen], max(tolerance / 2, _INNER * violation),
            most - steps, inner, inner_slope,
        )  # fmt: skip
        if not taken:
            break
        steps += taken
        change = np.zeros(len(different))
        np.add.at(change, place, inner - coefficient[chosen])
        # In the rows' own type: a float64 product would first copy them all.
        shift = (change.astype(found.dtype) @ found).astype(np.float64)
        slope -= shift[columns]
        coefficient[chosen] = inner
    return DualSolution.of(problem, coefficient, slope, steps, tolerance)


def _working_set(
    slope: np.ndarray, rising: np.ndarray, falling: np.ndarray, before: np.ndarray, size: int
) -> np.ndarray:
    """Return half of the set before, and as many of the worst violators of either side."""
    kept = before[len(before) - min(len(before), size // 2) :]
    fresh = np.ones(len(slope), dtype=bool)
    fresh[kept] = False
    wanted = size - len(kept)
    highest = _largest(slope, fresh & rising, max(1, wanted // 2))
    fresh[highest] = False
    lowest = _largest(-slope, fresh & falling, max(1, wanted - len(highest)))
    # The worst violators must be in it, or no step may be possible.
    worst = [np.flatnonzero(rising)[slope[rising].argmax()]]
    worst.append(np.flatnonzero(falling)[slope[falling].argmin()])
    chosen = np.concatenate([kept, highest, lowest, worst])
    _, first = np.unique(chosen[::-1], return_index=True)  # the latest mention counts
    return chosen[::-1][np.sort(first)][::-1][-size:]


def _largest(values: np.ndarray, where: np.ndarray, count: int) -> np.ndarray:
    candidates = np.flatnonzero(where)
    if len(candidates) <= count:
        return candidates
    return candidates[np.argpartition(values[candidates], -count)[-count:]]
