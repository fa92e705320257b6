"""Ridge regression with an indefinite kernel, solved directly."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ogive._typing import Float, Int
from ogive.solvers.leave_one_out import LeaveOneOut
from ogive.solvers.penalty import AUTO, choose_penalty
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting


def krein_ridge(
    kernel: Float[Tensor, "n n"],
    targets: Float[Tensor, "n k"],
    alpha: float | Literal["auto"],
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
    group: Int[Tensor, " n"] | None = None,
) -> Solution:
    """Minimise Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha ‖f‖²_{|K|} over f = K c and b.

    With A = P S K S P = V diag(λ) Vᵀ (weights and intercept taken out, see `Weighting`):
    c = S V sign(λ) / (|λ| + alpha) Vᵀ P S y.

    The absolute value |K| makes the penalty a norm although the kernel is indefinite; for a
    positive definite kernel this is ordinary kernel ridge regression.

    Parameters
    ----------
    kernel : Tensor of shape (n, n)
        Symmetric, float64.
    targets : Tensor of shape (n, k)
        float64.
    alpha : float or "auto"
        At least 0; 0 takes the pseudo-inverse. "auto" takes the strength with the smallest
        leave-one-out error, in closed form from the same eigendecomposition; the signed features
        that span the fit are held fixed, which for a positive definite kernel is no restriction.
    weight : Tensor of shape (n,), optional
        All positive: leave rows of weight 0 out.
    fit_intercept : bool, default True
    group : Tensor of shape (n,), optional
        For leave-one-out errors: equal rows, as numbers from 0, which are left out together, or
        one would be judged by the other; each row by itself if left out.

    Returns
    -------
    Solution

    References
    ----------
    Ong, Mary, Canu and Smola, Learning with non-positive kernels, ICML 2004; Oglic and Gärtner,
    Learning in reproducing kernel Kreĭn spaces, ICML 2018.
    """
    weighting = Weighting.of(len(kernel), weight, fit_intercept=fit_intercept, device=kernel.device)
    values, vectors = torch.linalg.eigh(weighting.reduce_matrix(kernel))
    size = values.abs()
    # Directions that the kernel cannot see have an eigenvalue of rounding noise of either sign.
    visible = size > len(values) * torch.finfo(values.dtype).eps * size.max()
    reduced = weighting.reduce_targets(targets)
    projected = vectors.T @ reduced
    error = LeaveOneOut(vectors, torch.where(visible, size, 0.0), reduced, weighting, group)
    chosen = alpha
    if chosen == AUTO:
        chosen = choose_penalty(error, float(size.sum() / weighting.root.square().sum()))
    factors = torch.where(visible, values.sign() / (size + chosen), 0.0)
    coefficients = weighting.restore(vectors @ (factors[:, None] * projected))
    intercept = weighting.intercept(targets - kernel @ coefficients)
    negative = float(size[visible & (values < 0)].sum() / size.sum().clamp(min=1e-300))
    reason = "eigendecomposition"
    if negative > 0:
        reason += f"; negative eigenvalue mass {negative:.2g}, taken by absolute value"
    if alpha == AUTO:
        reason += f"; alpha {chosen:.2g} had the smallest leave-one-out error"
    left_out = error.mean(float(chosen))
    return Solution(coefficients, intercept, True, 0, reason, float(chosen), left_out)
