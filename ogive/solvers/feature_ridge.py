"""Ridge regression on features that are in memory, for every strength from one decomposition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._typing import Float, Int
from ogive.solvers.leave_one_out import LeaveOneOut
from ogive.solvers.weighting import Weighting


@dataclass(frozen=True)
class FeatureRidge:
    """The problems Σ wᵢ ‖yᵢ - βᵀzᵢ - b‖² + alpha ‖β‖², for any alpha.

    With B = P S Z = V diag(√g) Uᵀ (see `Weighting`): β = U diag(√g / (g + alpha)) Vᵀ P S y, and b
    is the weighted mean of what is left. The errors on rows left out follow without a refit.

    Attributes
    ----------
    size : Tensor of shape (q,)
        g, what is more than rounding noise of it.
    axes : Tensor of shape (r, q) or None
        U; None for the axes of the features themselves.
    projected : Tensor of shape (q, k)
        Vᵀ P S y.
    means : tuple of Tensors of shapes (r,) and (k,)
        Weighted means of features and targets; zeros without an intercept.
    left_out : LeaveOneOut
        Of fits with these features.
    weight : float
        Σ wᵢ.
    """

    size: Float[Tensor, " q"]
    axes: Float[Tensor, "r q"] | None
    projected: Float[Tensor, "q k"]
    means: tuple[Tensor, Tensor]
    left_out: LeaveOneOut
    weight: float

    @classmethod
    def of(
        cls,
        features: Float[Tensor, "n r"],
        targets: Float[Tensor, "n k"],
        weight: Float[Tensor, " n"] | None = None,
        *,
        fit_intercept: bool = True,
        size: Float[Tensor, " r"] | None = None,
        group: Int[Tensor, " n"] | None = None,
    ) -> FeatureRidge:
        """Decompose the features; it takes a float64 copy of them.

        Parameters
        ----------
        features : Tensor of shape (n, r)
            Z.
        targets : Tensor of shape (n, k)
            float64.
        weight : Tensor of shape (n,), optional
            At least 0, not all of them 0.
        fit_intercept : bool, default True
        size : Tensor of shape (r,), optional
            The diagonal of Zᵀ W Z where that is a diagonal matrix and W Z has mean 0, as for
            `SignedComponents`: no decomposition is needed then.
        group : Tensor of shape (n,), optional
            Equal rows, as numbers from 0, which are left out together.

        Examples
        --------
        >>> x = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
        >>> beta, intercept = FeatureRidge.of(x, 2 * x + 1).fit(0.0)
        >>> round(float(beta), 10), round(float(intercept), 10)
        (2.0, 1.0)
        """
        if weight is not None and bool((weight == 0).any()):
            kept = weight > 0
            features, targets, weight = features[kept], targets[kept], weight[kept]
            group = None if group is None else group[kept]
        weighting = Weighting.of(
            len(features), weight, fit_intercept=fit_intercept, device=features.device
        )
        target_mean = weighting.intercept(targets)
        if size is None:
            vectors, found, axes, mean = _decomposed(features.double(), weighting)
        else:
            found, axes, mean = size, None, size.new_zeros(len(size))
            vectors = features.double() * weighting.root[:, None]
            vectors /= size.sqrt()
        reduced = weighting.reduce_targets(targets)
        left_out = LeaveOneOut(vectors, found, reduced, weighting, group)
        total = float(weighting.root.square().sum())
        return cls(found, axes, vectors.T @ reduced, (mean, target_mean), left_out, total)

    @property
    def scale(self) -> float:
        """Mean squared norm of the features, less their mean if there is an intercept."""
        return float(self.size.sum()) / self.weight

    def fit(self, alpha: float) -> tuple[Float[Tensor, "r k"], Float[Tensor, " k"]]:
        """Return β and b; alpha = 0 takes the pseudo-inverse."""
        beta = (self.size.sqrt() / (self.size + alpha))[:, None] * self.projected
        if self.axes is not None:
            beta = self.axes @ beta
        feature_mean, target_mean = self.means
        return beta, target_mean - feature_mean @ beta


def _decomposed(features: Tensor, weighting: Weighting) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return V, g, U and the weighted mean of the features."""
    mean = weighting.intercept(features)
    reduced = (features - mean).mul_(weighting.root[:, None])
    # The smaller of both Gram matrices; either has its eigenvalues to the same precision.
    wide = reduced.shape[1] > reduced.shape[0]
    values, side = torch.linalg.eigh(reduced @ reduced.T if wide else reduced.T @ reduced)
    seen = values > len(values) * torch.finfo(values.dtype).eps * values[-1].clamp(min=1e-300)
    size, side = values[seen], side[:, seen]
    other = (reduced.T @ side if wide else reduced @ side) / size.sqrt()
    vectors, axes = (side, other) if wide else (other, side)
    return vectors, size, axes, mean
