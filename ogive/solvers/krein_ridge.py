"""Ridge regression with an indefinite kernel, solved directly."""

from __future__ import annotations

import torch
from torch import Tensor

from ogive._typing import Float
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting


def krein_ridge(
    kernel: Float[Tensor, "n n"],
    targets: Float[Tensor, "n k"],
    alpha: float,
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
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
    alpha : float
        At least 0; 0 takes the pseudo-inverse.
    weight : Tensor of shape (n,), optional
        All positive: leave rows of weight 0 out.
    fit_intercept : bool, default True

    Returns
    -------
    Solution

    References
    ----------
    Ong, Mary, Canu and Smola, Learning with non-positive kernels, ICML 2004; Oglic and Gärtner,
    Learning in reproducing kernel Kreĭn spaces, ICML 2018.
    """
    weighting = Weighting.of(len(kernel), weight, fit_intercept=fit_intercept)
    values, vectors = torch.linalg.eigh(weighting.reduce_matrix(kernel))
    size = values.abs()
    # Directions that the kernel cannot see have an eigenvalue of rounding noise of either sign.
    visible = size > len(values) * torch.finfo(values.dtype).eps * size.max()
    factors = torch.where(visible, values.sign() / (size + alpha), 0.0)
    projected = vectors.T @ weighting.reduce_targets(targets)
    coefficients = weighting.restore(vectors @ (factors[:, None] * projected))
    intercept = weighting.intercept(targets - kernel @ coefficients)
    negative = float(size[visible & (values < 0)].sum() / size.sum().clamp(min=1e-300))
    reason = f"eigendecomposition; negative eigenvalue mass {negative:.2g}, taken by absolute value"
    return Solution(coefficients, intercept, True, 0, reason)
