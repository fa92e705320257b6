"""Ridge regression with an indefinite kernel, solved directly."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ogive._typing import Float, Int
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
        For "auto": equal rows, as numbers from 0, which are left out together, or one would be
        judged by the other; each row by itself if left out.

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
    chosen = alpha
    if chosen == AUTO:
        error = _LeaveOneOut(vectors, torch.where(visible, size, 0.0), reduced, weighting, group)
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
    return Solution(coefficients, intercept, True, 0, reason, float(chosen))


class _LeaveOneOut:
    """The squared error of each row by the fit to all others, summed, for any strength.

    In fixed features φ with ΦΦᵀ = V diag(|λ|) Vᵀ the fit is linear in y, and the row left out has
    the residual rᵢ / (1 - hᵢ), where hᵢ is its leverage, intercept included. Of equal rows, left
    out together, h is the sum, and h / (1 - h) times their mean residual is added to that of each.
    """

    def __init__(
        self,
        vectors: Float[Tensor, "n n"],
        size: Float[Tensor, " n"],
        targets: Float[Tensor, "n k"],
        weighting: Weighting,
        group: Int[Tensor, " n"] | None,
    ) -> None:
        self._vectors, self._size, self._targets = vectors, size, targets
        self._projected = vectors.T @ targets
        self._squares = vectors.square()
        self._root = root = weighting.root
        self._mean = (root / root.norm()).square() if weighting.fit_intercept else 0.0
        rows = torch.arange(len(root), device=root.device)
        self._group = rows if group is None else group.to(root.device)
        self._weight = self._summed(root.square())

    def __call__(self, alpha: float) -> float:
        shrink = self._size / (self._size + alpha)
        residual = self._targets - self._vectors @ (shrink[:, None] * self._projected)
        leverage = self._summed(self._squares @ shrink + self._mean)
        mean = self._summed(self._root[:, None] * residual) / self._weight[:, None]
        # A row that alone decides its own value cannot be judged.
        change = (leverage / (1 - leverage).clamp(min=1e-10))[:, None] * mean
        return float((residual + self._root[:, None] * change[self._group]).square().sum())

    def _summed(self, values: Tensor) -> Tensor:
        """Return the sums of values over the rows of each group."""
        sums = values.new_zeros((int(self._group.max()) + 1, *values.shape[1:]))
        return sums.index_add_(0, self._group, values)
