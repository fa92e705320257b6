"""One support vector machine for every pair of classes, several at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from ogive._threads import run_tasks
from ogive.solvers.dual import DualProblem, DualSolution, solve_dual

Progress = Callable[[int, int], None]
SolvePair = Callable[[DualProblem, np.ndarray], DualSolution]


@dataclass(frozen=True)
class PairSolutions:
    """The solutions for every pair of classes, on rows that are sorted by class.

    Attributes
    ----------
    bounds : tuple of int
        The rows of class c are bounds[c] … bounds[c + 1] - 1.
    coefficient : float64 array of shape (classes - 1, n)
        As scikit-learn and LIBSVM keep them: of a row of class i, row j - 1 is its coefficient
        against class j > i, and row j that against class j < i. A pair's function is positive for
        the first of its classes.
    intercept : float64 array of shape (pairs,)
        Pairs in the order (0, 1), (0, 2), …, (1, 2), …
    solutions : list of DualSolution
    """

    bounds: tuple[int, ...]
    coefficient: np.ndarray
    intercept: np.ndarray
    solutions: list[DualSolution]

    @property
    def steps(self) -> np.ndarray:
        """The number of steps that each pair took."""
        return np.array([solution.steps for solution in self.solutions], dtype=np.int64)

    @property
    def unsolved(self) -> int:
        """The number of pairs that did not converge."""
        return sum(not solution.converged for solution in self.solutions)


def class_pairs(classes: int) -> list[tuple[int, int]]:
    """Return the pairs of classes in their order."""
    return list(combinations(range(classes), 2))


def solve_pairs(
    bounds: tuple[int, ...],
    box: np.ndarray,
    solve: SolvePair,
    *,
    threads: int,
    progress: Progress | None = None,
) -> PairSolutions:
    """Solve the problem of every pair of classes.

    Parameters
    ----------
    bounds : tuple of int
        Where each class begins among the rows, and where the last ends.
    box : float64 array of shape (n,)
        Largest absolute coefficient of each row.
    solve : callable(problem, rows) -> DualSolution
        Solves the problem on the columns of two classes; ``rows`` are their numbers.
    threads : int
        How many pairs are solved at once.
    progress : callable(done, total), optional
        Called after each pair.

    Returns
    -------
    PairSolutions
    """
    classes = len(bounds) - 1
    pairs = class_pairs(classes)
    solutions: list[DualSolution | None] = [None] * len(pairs)
    done: list[int] = []

    def work(number: int) -> None:
        first, second = ((bounds[c], bounds[c + 1]) for c in pairs[number])
        rows = np.concatenate([np.arange(*first), np.arange(*second)])
        problem = DualProblem.between_classes(first, second, box[rows])
        solutions[number] = solve(problem, rows)
        done.append(number)
        if progress is not None:
            progress(len(done), len(pairs))

    # The largest first: so that no thread is left with one of them at the end.
    largest = sorted(range(len(pairs)), key=lambda k: -sum(np.diff(bounds)[list(pairs[k])]))
    run_tasks([partial(work, number) for number in largest], threads=min(threads, len(pairs)))
    found = [solution for solution in solutions if solution is not None]
    coefficient = np.zeros((classes - 1, bounds[-1]))
    for (i, j), solution in zip(pairs, found, strict=True):
        middle = bounds[i + 1] - bounds[i]
        coefficient[j - 1, bounds[i] : bounds[i + 1]] = solution.coefficient[:middle]
        coefficient[i, bounds[j] : bounds[j + 1]] = solution.coefficient[middle:]
    intercept = np.array([solution.intercept for solution in found])
    return PairSolutions(bounds, coefficient, intercept, found)


def solve_pairs_on_matrix(
    kernel: np.ndarray,
    bounds: tuple[int, ...],
    box: np.ndarray,
    *,
    tolerance: float,
    most: int,
    threads: int,
    progress: Progress | None = None,
) -> PairSolutions:
    """Solve every pair on one kernel matrix of all rows, which are sorted by class."""
    diagonal = np.diagonal(kernel).astype(np.float64)

    def solve(problem: DualProblem, rows: np.ndarray) -> DualSolution:
        return solve_dual(kernel, problem, tolerance=tolerance, most=most, diagonal=diagonal)

    return solve_pairs(bounds, box, solve, threads=threads, progress=progress)
