"""The dual problem of support vector machines, and its solution on a matrix in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ogive.solvers.dual_polish import polish

# A solution of few variables in float64 is made exact, where steps of pairs would go on for long.
_POLISHED = 1000


@dataclass(frozen=True)
class DualProblem:
    """Minimise ½ βᵀKβ - pᵀβ over lower ≤ β ≤ upper with Σβ = 0.

    The variables are two ranges of columns of a kernel matrix, which may overlap: the rows of two
    classes, or (for regression) all rows twice.

    Attributes
    ----------
    first, second : tuple of two int
        Columns from the one number up to the other.
    linear : float64 array of shape (v,)
        p.
    lower, upper : float64 arrays of shape (v,)
        At most and at least 0.

    Examples
    --------
    >>> problem = DualProblem.between_classes((0, 1), (1, 3), np.ones(3))
    >>> problem.linear, problem.lower
    (array([ 1., -1., -1.]), array([ 0., -1., -1.]))
    """

    first: tuple[int, int]
    second: tuple[int, int]
    linear: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def between_classes(
        cls, first: tuple[int, int], second: tuple[int, int], box: np.ndarray
    ) -> DualProblem:
        """Return the problem of a classifier that is 1 on some rows and -1 on others.

        Parameters
        ----------
        first, second : tuple of two int
            The columns of the rows of each class.
        box : array of shape (v,)
            C times the weights of the rows.
        """
        sign = np.repeat([1.0, -1.0], [first[1] - first[0], second[1] - second[0]])
        return cls(first, second, sign, np.where(sign < 0, -box, 0), np.where(sign > 0, box, 0))

    @classmethod
    def of_values(cls, targets: np.ndarray, epsilon: float, box: np.ndarray) -> DualProblem:
        """Return the problem of regression that forgives errors up to epsilon.

        Every row is two variables, one that is at least 0 and one that is at most 0; the
        coefficient of the row is their sum.
        """
        linear = np.concatenate([targets - epsilon, targets + epsilon])
        zeros, all_rows = np.zeros(len(box)), (0, len(box))
        lower, upper = np.concatenate([zeros, -box]), np.concatenate([box, zeros])
        return cls(all_rows, all_rows, linear, lower, upper)

    @property
    def columns(self) -> np.ndarray:
        """The column of each variable."""
        return np.concatenate([np.arange(*self.first), np.arange(*self.second)])


@dataclass(frozen=True)
class DualSolution:
    """The solution of a `DualProblem`.

    Attributes
    ----------
    coefficient : float64 array of shape (v,)
        β.
    intercept : float
        b, such that Kβ + b is p where β is between its bounds.
    objective : float
        ½ βᵀKβ - pᵀβ.
    violation : float
        How far the slopes p - Kβ are from the optimality conditions.
    steps : int
    converged : bool
    """

    coefficient: np.ndarray
    intercept: float
    objective: float
    violation: float
    steps: int
    converged: bool

    @classmethod
    def of(
        cls,
        problem: DualProblem,
        coefficient: np.ndarray,
        slope: np.ndarray,
        steps: int,
        tolerance: float,
    ) -> DualSolution:
        """Return the solution at a point, of which the slopes p - Kβ are known."""
        rising, falling = coefficient < problem.upper, coefficient > problem.lower
        top = float(np.max(slope, where=rising, initial=-np.inf))
        bottom = float(np.min(slope, where=falling, initial=np.inf))
        between = rising & falling
        middle = (top + bottom) / 2 if np.isfinite(top + bottom) else 0.0
        intercept = float(slope[between].mean()) if between.any() else middle
        objective = -0.5 * float(coefficient @ (slope + problem.linear))
        violation = max(top - bottom, 0.0)
        converged = violation <= tolerance
        return cls(coefficient, intercept, objective, violation, steps, converged)


def solve_dual(
    kernel: np.ndarray,
    problem: DualProblem,
    *,
    tolerance: float = 1e-3,
    most: int = 1_000_000,
    diagonal: np.ndarray | None = None,
) -> DualSolution:
    """Solve the problem with a kernel matrix that is in memory.

    Parameters
    ----------
    kernel : array of shape (n, n), float32 or float64
        Symmetric, row after row in memory. If it is not positive semidefinite on coefficients
        that sum to zero, a stationary point is found and no more.
    problem : DualProblem
    tolerance : float, default 1e-3
        Largest violation of the optimality conditions, in the units of targets: as LIBSVM's.
        Up to 1,000 variables with a float64 matrix are solved to rounding error.
    most : int, default 1,000,000
        Number of steps of two coefficients, after which the best so far is returned.
    diagonal : float64 array of shape (n,), optional
        Of the kernel matrix, where it is known.

    Returns
    -------
    DualSolution

    Examples
    --------
    >>> kernel = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> problem = DualProblem.between_classes((0, 1), (1, 2), np.full(2, 10.0))
    >>> solution = solve_dual(kernel, problem)
    >>> solution.coefficient, solution.converged
    (array([ 0.5, -0.5]), True)
    """
    from ogive.solvers.dual_loops import descend

    diagonal = np.diagonal(kernel).astype(np.float64) if diagonal is None else diagonal
    coefficient, slope = np.zeros(len(problem.linear)), problem.linear.astype(np.float64)
    box = problem.first, problem.second, problem.lower, problem.upper
    steps, _ = descend(kernel, diagonal, *box, tolerance, most, coefficient, slope)
    if kernel.dtype == np.float64 and len(slope) <= _POLISHED and steps < most:
        columns = problem.columns
        matrix = kernel[np.ix_(columns, columns)]
        coefficient, slope = polish(matrix, problem, coefficient)
    return DualSolution.of(problem, coefficient, slope, steps, tolerance)
