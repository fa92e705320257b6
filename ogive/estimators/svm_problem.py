"""What a support vector machine learns: classes by pairs, or values; on a matrix or on rows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from ogive.estimators.support_functions import SupportFunctions
from ogive.solvers.dual import DualProblem, DualSolution, solve_dual
from ogive.solvers.kernel_rows import KernelRows
from ogive.solvers.pairs import PairSolutions, class_pairs, solve_pairs, solve_pairs_on_matrix
from ogive.solvers.working_sets import solve_dual_by_sets

# Rows of the kernel matrix of some of the rows, given by their numbers, within bytes of memory;
# and the diagonal of that matrix.
MakeRows = Callable[[np.ndarray, int], tuple[KernelRows, np.ndarray]]


@dataclass(frozen=True)
class Effort:
    """How exactly to solve, and what to say meanwhile.

    Attributes
    ----------
    tolerance : float
        Largest violation of the optimality conditions.
    most : int
        Steps for each dual problem.
    verbose : int
    """

    tolerance: float
    most: int
    verbose: int = 0


@dataclass(frozen=True)
class Learned:
    """The solution of all dual problems.

    Attributes
    ----------
    functions : SupportFunctions
        On all rows.
    dense : float64 array of shape (n, functions)
        Their coefficients, one column for each function.
    steps : int64 array of shape (problems,)
    unsolved : int
        Number of problems that did not converge.
    """

    functions: SupportFunctions
    steps: np.ndarray
    unsolved: int

    @property
    def dense(self) -> np.ndarray:
        """The coefficients as an array of shape (n, functions)."""
        coefficient, counts = self.functions.coefficient, self.functions.counts
        if counts is None:
            return coefficient
        bounds = np.concatenate([[0], np.cumsum(counts)])
        dense = np.zeros((bounds[-1], len(self.functions.intercept)))
        for number, (i, j) in enumerate(class_pairs(len(counts))):
            first, second = slice(*bounds[i : i + 2]), slice(*bounds[j : j + 2])
            dense[first, number] = coefficient[j - 1, first]
            dense[second, number] = coefficient[i, second]
        return dense


class SvmProblem(Protocol):
    """What is learned of rows in a given order, whatever their kernel matrix is."""

    def on_matrix(self, kernel: np.ndarray, effort: Effort) -> Learned:
        """Solve with the kernel matrix in memory."""

    def on_rows(self, make: MakeRows, memory: int, effort: Effort) -> Learned:
        """Solve with rows of the kernel matrix as they are needed."""


@dataclass(frozen=True)
class ClassProblem:
    """Classes, one machine for each pair of them; the rows are sorted by class.

    Attributes
    ----------
    bounds : tuple of int
        Where each class begins, and where the last ends.
    box : float64 array of shape (n,)
        C times the weights.
    """

    bounds: tuple[int, ...]
    box: np.ndarray

    def on_matrix(self, kernel: np.ndarray, effort: Effort) -> Learned:
        """Solve with the kernel matrix in memory, pairs side by side."""
        return self._learned(
            solve_pairs_on_matrix(
                kernel,
                self.bounds,
                self.box,
                tolerance=effort.tolerance,
                most=effort.most,
                threads=torch.get_num_threads(),
                progress=_progress(effort),
            )
        )

    def on_rows(self, make: MakeRows, memory: int, effort: Effort) -> Learned:
        """Solve pair after pair: rows of one are of no use to another."""

        def solve(problem: DualProblem, rows: np.ndarray) -> DualSolution:
            size = problem.first[1] - problem.first[0]
            alone = replace(problem, first=(0, size), second=(size, len(rows)))
            kept, diagonal = make(rows, memory)
            return solve_dual_by_sets(
                kept, diagonal, alone, tolerance=effort.tolerance, most=effort.most
            )

        # One after another: the products that make rows have both threads and all memory.
        return self._learned(
            solve_pairs(self.bounds, self.box, solve, threads=1, progress=_progress(effort))
        )

    def _learned(self, found: PairSolutions) -> Learned:
        counts = tuple(np.diff(self.bounds).tolist())
        functions = SupportFunctions(found.coefficient, found.intercept, counts)
        return Learned(functions, found.steps, found.unsolved)


@dataclass(frozen=True)
class ValueProblem:
    """Values, each forgiven an error up to epsilon.

    Attributes
    ----------
    targets : float64 array of shape (n,)
    epsilon : float
    box : float64 array of shape (n,)
    """

    targets: np.ndarray
    epsilon: float
    box: np.ndarray

    def on_matrix(self, kernel: np.ndarray, effort: Effort) -> Learned:
        """Solve with the kernel matrix in memory."""
        return self._learned(
            solve_dual(kernel, self._dual(), tolerance=effort.tolerance, most=effort.most)
        )

    def on_rows(self, make: MakeRows, memory: int, effort: Effort) -> Learned:
        """Solve with rows of the kernel matrix as they are needed."""
        kept, diagonal = make(np.arange(len(self.targets)), memory)
        return self._learned(
            solve_dual_by_sets(
                kept, diagonal, self._dual(), tolerance=effort.tolerance, most=effort.most
            )
        )

    def _dual(self) -> DualProblem:
        return DualProblem.of_values(self.targets, self.epsilon, self.box)

    def _learned(self, found: DualSolution) -> Learned:
        both = found.coefficient.reshape(2, -1).sum(0)
        functions = SupportFunctions(both[:, None], np.array([found.intercept]))
        return Learned(functions, np.array([found.steps]), int(not found.converged))


def _progress(effort: Effort) -> Callable[[int, int], None] | None:
    return _print_progress if effort.verbose else None


def _print_progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"  {done:,} of {total:,} pairs of classes", end=end, file=sys.stderr, flush=True)
