"""Naive float64 oracles for ridge regression: each states its objective as explicit least squares.

No oracle uses a solver's closed form: the penalty is written as rows below the data, and
`numpy.linalg.lstsq` minimises the sum of squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """Coefficients (m, k), intercept (k,), values on the training rows (n, k), minimum (k,)."""

    coefficients: np.ndarray
    intercept: np.ndarray
    fitted: np.ndarray
    minimum: np.ndarray


def krein_ridge(
    kernel: np.ndarray,
    targets: np.ndarray,
    alpha: float,
    weight: np.ndarray | None = None,
    *,
    fit_intercept: bool = True,
) -> Fit:
    """Minimise Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha ‖f‖²_{|K|} over f = K c and b.

    With |P S K S P| = B Bᵀ, c = S P t and M = P S K S P the problem in t is the least squares of
    [M; √alpha Bᵀ] t against [P S y; 0].
    """
    root, projection = _weights(len(kernel), weight, fit_intercept)
    matrix = projection @ np.diag(root) @ kernel @ np.diag(root) @ projection
    penalty = absolute_factor(matrix)
    rows = np.vstack([matrix, np.sqrt(alpha) * penalty.T])
    goal = np.vstack([projection @ (root[:, None] * targets), np.zeros_like(targets)])
    inner, *_ = np.linalg.lstsq(rows, goal, rcond=1e-13)
    coefficients = root[:, None] * (projection @ inner)
    values = kernel @ coefficients
    intercept = _mean(targets - values, root, fit_intercept)
    minimum = np.sum((rows @ inner - goal) ** 2, axis=0)
    return Fit(coefficients, intercept, values + intercept, minimum)


def krein_objective(
    kernel: np.ndarray,
    targets: np.ndarray,
    alpha: float,
    coefficients: np.ndarray,
    intercept: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    fit_intercept: bool = True,
) -> np.ndarray:
    """Return the objective of `krein_ridge` at given coefficients (of the form S P t) and b."""
    root, projection = _weights(len(kernel), weight, fit_intercept)
    matrix = projection @ np.diag(root) @ kernel @ np.diag(root) @ projection
    inner = coefficients / root[:, None]
    penalty = absolute_factor(matrix).T @ inner
    residual = root[:, None] * (targets - kernel @ coefficients - intercept)
    return np.sum(residual**2, axis=0) + alpha * np.sum(penalty**2, axis=0)


def landmark_ridge(
    cross: np.ndarray,
    targets: np.ndarray,
    alpha: float,
    weight: np.ndarray | None = None,
    landmark_weight: np.ndarray | None = None,
    *,
    fit_intercept: bool = True,
) -> Fit:
    """Minimise Σ wᵢ (yᵢ - (C c)ᵢ - b)² + alpha √ρ c̃ᵀ (AᵀA)^½ c̃ over c = D P' c̃ and b.

    A = P S C D P' by its singular value decomposition; C has more than one column.
    """
    n, m = cross.shape
    root, projection = _weights(n, weight, fit_intercept)
    column_root, column_projection = _weights(m, landmark_weight, fit_intercept)
    spread = np.diag(column_root) @ column_projection
    matrix = projection @ np.diag(root) @ cross @ spread
    _, singular, vectors = np.linalg.svd(matrix, full_matrices=False)
    share = (column_root @ column_root) / (root @ root)
    penalty = np.sqrt(alpha * np.sqrt(share) * singular)[:, None] * vectors
    rows = np.vstack([matrix, penalty])
    goal = np.vstack(
        [projection @ (root[:, None] * targets), np.zeros((len(penalty), targets.shape[1]))]
    )
    inner, *_ = np.linalg.lstsq(rows, goal, rcond=1e-13)
    coefficients = spread @ inner
    values = cross @ coefficients
    intercept = _mean(targets - values, root, fit_intercept)
    minimum = np.sum((rows @ inner - goal) ** 2, axis=0)
    return Fit(coefficients, intercept, values + intercept, minimum)


def coefficient_ridge(
    kernel: np.ndarray,
    targets: np.ndarray,
    alpha: float,
    weight: np.ndarray | None = None,
    *,
    fit_intercept: bool = True,
) -> Fit:
    """Minimise Σ wᵢ (yᵢ - (K c)ᵢ - b)² + alpha² ‖c‖² over c and b, by its normal equations."""
    n, m = kernel.shape
    w = np.diag(np.ones(n) if weight is None else weight)
    columns = np.hstack([kernel, np.ones((n, 1))]) if fit_intercept else kernel
    penalty = alpha**2 * np.eye(columns.shape[1])
    if fit_intercept:
        penalty[-1, -1] = 0.0
    answer = np.linalg.solve(columns.T @ w @ columns + penalty, columns.T @ w @ targets)
    residual = targets - columns @ answer
    minimum = np.sum(w @ residual**2, axis=0) + np.sum(penalty @ answer**2, axis=0)
    intercept = answer[-1] if fit_intercept else np.zeros(targets.shape[1])
    return Fit(answer[:m], intercept, columns @ answer, minimum)


def absolute_factor(matrix: np.ndarray) -> np.ndarray:
    """Return B with B Bᵀ = |matrix|, the matrix with its eigenvalues' absolute values."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * np.sqrt(np.abs(values))


def _weights(
    n: int, weight: np.ndarray | None, fit_intercept: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return √w and P = I - ssᵀ/sᵀs (or I)."""
    root = np.ones(n) if weight is None else np.sqrt(weight)
    projection = np.eye(n)
    if fit_intercept:
        projection = projection - np.outer(root, root) / (root @ root)
    return root, projection


def _mean(residual: np.ndarray, root: np.ndarray, fit_intercept: bool) -> np.ndarray:
    if not fit_intercept:
        return np.zeros(residual.shape[1])
    return (root**2 @ residual) / (root @ root)
