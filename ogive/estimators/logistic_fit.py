"""Kernel logistic regression on a factorization: a linear model of its components."""

from __future__ import annotations

import numpy as np

from ogive._checks import from_numpy
from ogive._devices import check_device
from ogive._errors import InvalidParameterError
from ogive.estimators.factorization import Factorization
from ogive.solvers.newton_logistic import LogisticSolution, Start, newton_logistic


class LogisticProblem:
    """The rows of a factorization and their classes, ready for any strength of the penalty.

    Parameters
    ----------
    factorization : Factorization
        Or a view of one.
    codes : int64 array of shape (n,)
        Classes from 0 on.
    count : int
        Number of classes.
    weight : float64 array of shape (n,) or None
    device : str
        Where it is solved.
    """

    def __init__(
        self,
        factorization: Factorization,
        codes: np.ndarray,
        count: int,
        weight: np.ndarray | None,
        device: str,
    ) -> None:
        where = check_device(device)
        own = factorization.weighs(weight)
        self._features = from_numpy(factorization.components).to(where)
        self._codes, self._count = from_numpy(codes).to(where), count
        self._weight = None if weight is None else from_numpy(weight).to(where)
        # Of the factorization's own rows the features are orthogonal, and these all there is.
        size = from_numpy(np.abs(factorization.eigenvalues)).to(where)
        self._size = size if own else None
        self._fit_intercept = factorization.fit_intercept

    def solve(
        self, alpha: float, tolerance: float, max_iterations: int, *, start: Start | None = None
    ) -> LogisticSolution:
        """Return the solution for one strength."""
        return newton_logistic(
            self._features,
            self._codes,
            self._count,
            alpha,
            weight=self._weight,
            fit_intercept=self._fit_intercept,
            size=self._size,
            start=start,
            tolerance=float(tolerance),
            max_iterations=int(max_iterations),
        )


def check_totals(classes: np.ndarray, codes: np.ndarray, weight: np.ndarray | None) -> None:
    """Raise unless each class has weight: its intercept would have no lower end."""
    totals = np.bincount(codes, weights=weight, minlength=len(classes))
    for name, total in zip(classes, totals, strict=True):
        if not total > 0:
            raise InvalidParameterError(
                f"class_weight gives class {name} the total weight {total:g}; it must be above 0: "
                "leave the rows of that class out instead"
            )
