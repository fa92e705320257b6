"""Kernel ridge regression for many strengths of the penalty, from one factorization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_y, check_consistent_length

from ogive._checks import check_positive, from_numpy
from ogive._errors import InvalidParameterError, InvalidTypeError
from ogive.estimators.base import checked_weight
from ogive.estimators.factorization import Factorization
from ogive.estimators.feature_ridge_fit import ridge_of


@dataclass(frozen=True)
class RidgePath:
    """Fitted functions f(x) = Σ_j k(x, row_j) dual_coef_j + intercept, one for each strength.

    Attributes
    ----------
    alphas : ndarray of shape (a,)
    dual_coef : ndarray of shape (a, m) or (a, m, targets)
        Coefficients of the factorization's ``rows``.
    intercept : ndarray of shape (a,) or (a, targets)
    leave_one_out_error : ndarray of shape (a,)
        Mean squared error of rows by fits without them, over rows (by their weights; equal ones are
        left out together) and targets; infinite where a row alone decides its value. The features
        are held fixed, which for a positive definite kernel is no restriction.
    """

    alphas: np.ndarray
    dual_coef: np.ndarray
    intercept: np.ndarray
    leave_one_out_error: np.ndarray

    @property
    def best(self) -> float:
        """The strength with the smallest leave-one-out error."""
        return float(self.alphas[self.leave_one_out_error.argmin()])


def ridge_path(
    factorization: Factorization, y: Any, alphas: Any, *, sample_weight: Any = None
) -> RidgePath:
    """Fit `KernelRidge` for each of many strengths, with their errors, in few passes over the rows.

    Parameters
    ----------
    factorization : Factorization
        Or a view of one, which takes one more decomposition, of its features.
    y : array of shape (n,) or (n, targets)
    alphas : sequence of float
        Each at least 0.
    sample_weight : array of shape (n,), optional
        Those of the factorization if left out; others take one more decomposition.

    Returns
    -------
    RidgePath

    Examples
    --------
    >>> from ogive.kernels import Sigmoid
    >>> X = np.linspace(-2, 2, 60)[:, None]
    >>> y = X[:, 0] ** 2 + 0.1 * np.random.default_rng(0).normal(size=60)
    >>> path = ridge_path(Factorization.of(Sigmoid(1.0, 0.5), X), y, [1e-3, 1e-1, 1e1, 1e3])
    >>> path.dual_coef.shape, path.best < 1e1
    ((4, 60), True)
    """
    if not isinstance(factorization, Factorization):
        raise InvalidTypeError(
            f"factorization is a {type(factorization).__name__}; give Factorization.of(kernel, X)"
        )
    strengths = checked_alphas(alphas, allow_zero=True)
    targets = _check_y(y, multi_output=True, y_numeric=True).astype(np.float64)
    check_consistent_length(factorization, targets)
    weight = factorization.weights
    if sample_weight is not None:
        weight = checked_weight(sample_weight, factorization.components)
    ridge = ridge_of(factorization, from_numpy(targets.reshape(len(targets), -1)), weight)
    fits = [
        factorization.feature_map.function(*(part.numpy() for part in ridge.fit(alpha)))
        for alpha in strengths
    ]
    errors = ridge.left_out.means(strengths)
    shape = targets.shape[1:]
    return RidgePath(
        np.array(strengths),
        np.stack([dual.reshape(len(dual), *shape) for dual, _ in fits]),
        np.stack([intercept.reshape(shape) for _, intercept in fits]),
        np.array([np.inf if error is None else error for error in errors]),
    )


def checked_alphas(alphas: Any, *, allow_zero: bool) -> list[float]:
    """Return strengths of a penalty as numbers, or raise InvalidParameterError."""
    values = alphas.tolist() if isinstance(alphas, np.ndarray) else alphas
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise InvalidParameterError(
            f"alphas={alphas!r}; it must be a sequence of at least one number, such as [0.1, 1.0]"
        )
    for value in values:
        check_positive(value, "alphas", allow_zero=allow_zero)
    return [float(value) for value in values]
