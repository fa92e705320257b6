"""Ridge regression with a positive definite kernel, solved by a Cholesky factorisation."""

from __future__ import annotations

import torch
from torch import Tensor

from ogive._typing import Float
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting


def definite_ridge(
    kernel: Float[Tensor, "n n"],
    targets: Float[Tensor, "n k"],
    alpha: float,
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
) -> Solution | None:
    """Minimise Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha ‖f‖²_K over f = K c and b.

    (A + alpha I) c̃ = P S y with A = P S K S P (see `Weighting`), c = S P c̃. With an intercept it
    is enough that the kernel is conditionally positive definite.

    Parameters
    ----------
    kernel, targets, alpha, weight, fit_intercept
        As in `krein_ridge`.

    Returns
    -------
    Solution or None
        None if the matrix is not numerically positive definite: the caller then takes the
        Krein solution.
    """
    weighting = Weighting.of(len(kernel), weight, fit_intercept=fit_intercept, device=kernel.device)
    shifted = weighting.reduce_matrix(kernel)
    shifted.diagonal().add_(alpha)
    factor, failed = torch.linalg.cholesky_ex(shifted)
    if int(failed):
        return None
    coefficients = weighting.restore(
        torch.cholesky_solve(weighting.reduce_targets(targets), factor)
    )
    intercept = weighting.intercept(targets - kernel @ coefficients)
    return Solution(coefficients, intercept, True, 0, "Cholesky factorisation", alpha)
