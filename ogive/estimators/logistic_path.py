"""Kernel logistic regression for many strengths of the penalty, from one factorization."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_y, check_consistent_length

from ogive._checks import check_count, check_positive
from ogive._errors import InvalidTypeError
from ogive.estimators.base import checked_weight
from ogive.estimators.classes import class_codes
from ogive.estimators.factorization import Factorization
from ogive.estimators.logistic_fit import LogisticProblem, check_totals
from ogive.estimators.ridge_path import checked_alphas
from ogive.solvers.newton_logistic import LogisticSolution


@dataclass(frozen=True)
class LogisticPath:
    """Scores Σ_j k(x, row_j) dual_coef_j + intercept, one set for each strength.

    Attributes
    ----------
    alphas : ndarray of shape (a,)
    classes : ndarray of shape (classes,)
    dual_coef : ndarray of shape (a, m, classes) or (a, m, 1)
        Coefficients of the factorization's ``rows``; for two classes of the score of the second.
    intercept : ndarray of shape (a, classes) or (a, 1)
    converged : ndarray of shape (a,), bool
    iterations : ndarray of shape (a,)
        Newton steps; few, as each fit starts from the one with the next stronger penalty.
    """

    alphas: np.ndarray
    classes: np.ndarray
    dual_coef: np.ndarray
    intercept: np.ndarray
    converged: np.ndarray
    iterations: np.ndarray


def logistic_path(
    factorization: Factorization,
    y: Any,
    alphas: Any,
    *,
    sample_weight: Any = None,
    class_weight: Any = None,
    tol: float = 1e-6,
    max_iter: int = 100,
    device: str = "cpu",
) -> LogisticPath:
    """Fit `KernelLogistic` for each of many strengths, from the strongest to the weakest.

    Parameters
    ----------
    factorization : Factorization
        Or a view of one.
    y : array of shape (n,)
    alphas : sequence of float
        Each above 0, in any order.
    sample_weight : array of shape (n,), optional
        Those of the factorization if left out.
    class_weight, tol, max_iter, device
        As in `KernelLogistic`.

    Returns
    -------
    LogisticPath
        In the order of ``alphas``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ogive.kernels import Sigmoid
    >>> X, y = load_iris(return_X_y=True)
    >>> path = logistic_path(Factorization.of(Sigmoid(0.02, 0.1), X), y, [0.01, 0.1, 1.0])
    >>> path.dual_coef.shape, bool(path.converged.all())
    ((3, 150, 3), True)
    """
    if not isinstance(factorization, Factorization):
        raise InvalidTypeError(
            f"factorization is a {type(factorization).__name__}; give Factorization.of(kernel, X)"
        )
    strengths = checked_alphas(alphas, allow_zero=False)
    check_positive(tol, "tol")
    check_count(max_iter, "max_iter")
    y = _check_y(y)
    check_consistent_length(factorization, y)
    weight = factorization.weights
    if sample_weight is not None:
        weight = checked_weight(sample_weight, factorization.components)
    classes, codes, weight = class_codes(y, weight, class_weight)
    check_totals(classes, codes, weight)
    problem = LogisticProblem(factorization, codes, len(classes), weight, device)
    found: dict[float, LogisticSolution] = {}
    start = None
    for alpha in sorted(set(strengths), reverse=True):
        found[alpha] = problem.solve(alpha, tol, max_iter, start=start)
        start = found[alpha].weight, found[alpha].intercept
        if not found[alpha].converged:
            warnings.warn(
                f"alpha={alpha:g}: {found[alpha].reason}", ConvergenceWarning, stacklevel=2
            )
    solutions = [found[alpha] for alpha in strengths]
    functions = [
        factorization.feature_map.function(s.weight.cpu().numpy(), s.intercept.cpu().numpy())
        for s in solutions
    ]
    return LogisticPath(
        np.array(strengths),
        classes,
        np.stack([dual for dual, _ in functions]),
        np.stack([intercept for _, intercept in functions]),
        np.array([s.converged for s in solutions]),
        np.array([s.iterations for s in solutions]),
    )
