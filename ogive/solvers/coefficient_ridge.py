"""Ridge regression with a penalty on the coefficients, by products with the kernel alone."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, lsmr
from torch import Tensor

from ogive._checks import from_numpy
from ogive._typing import Float
from ogive.operators import Operator
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting


def coefficient_ridge(
    operator: Operator,
    targets: Float[Tensor, "n k"],
    alpha: float,
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
) -> Solution:
    """Minimise Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha² ‖c‖² over f = K c and b.

    Without weights and intercept that is (K² + alpha² I) c = K y. It needs no eigendecomposition
    and no definiteness, only products with K, but it is another model than `krein_ridge`: the
    penalty is on the coefficients, so a row of weight 2 is not the same as the row twice.

    Parameters
    ----------
    operator : Operator of shape (n, m)
    targets : Tensor of shape (n, k)
    alpha : float
        At least 0.
    weight : Tensor of shape (n,), optional
    fit_intercept : bool, default True
    tolerance : float, default 1e-8
        Relative, of the residual and of its gradient.
    max_iterations : int, default 1000
        For each target.

    Returns
    -------
    Solution
        ``converged`` is False if any target ran out of iterations.

    References
    ----------
    Fong and Saunders, LSMR: an iterative algorithm for sparse least-squares problems, SIAM
    J. Sci. Comput. 33(5), 2011.
    """
    weighting = Weighting.of(operator.shape[0], weight, fit_intercept=fit_intercept)
    system = _reduced(operator, weighting)
    columns, iterations, stops = [], 0, []
    for target in weighting.reduce_targets(targets.double()).T:
        answer = lsmr(
            system,
            target.numpy(),
            damp=alpha,
            atol=tolerance,
            btol=tolerance,
            conlim=0,
            maxiter=max_iterations,
        )
        columns.append(from_numpy(answer[0]))
        stops.append(int(answer[1]))
        iterations = max(iterations, int(answer[2]))
    coefficients = torch.stack(columns, dim=1)
    intercept = weighting.intercept(targets.double() - operator @ coefficients)
    converged = 7 not in stops
    reason = f"LSMR, at most {iterations} iterations a target"
    if not converged:
        reason = (
            f"LSMR stopped at max_iterations={max_iterations}; "
            "raise it, or raise alpha, or rescale the data"
        )
    return Solution(coefficients, intercept, converged, iterations, reason, alpha)


def _reduced(operator: Operator, weighting: Weighting) -> LinearOperator:
    """Return P S K as scipy sees it."""
    transposed = operator.T

    def forward(c: np.ndarray) -> np.ndarray:
        return weighting.reduce_targets(operator @ from_numpy(c.reshape(-1, 1))).numpy().ravel()

    def adjoint(r: np.ndarray) -> np.ndarray:
        block = weighting.project(from_numpy(r.reshape(-1, 1)))
        return (transposed @ (weighting.root[:, None] * block)).numpy().ravel()

    return LinearOperator(operator.shape, matvec=forward, rmatvec=adjoint, dtype=np.float64)
