"""Errors of ridge regression on rows that are left out, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ogive._typing import Float, Int
from ogive.solvers.weighting import Weighting

_CHUNK = 2048  # rows squared at once
_COLUMNS = 256  # of fitted values at once, those of all targets and several strengths
# A row that alone decides its own value, as far as rounding tells, cannot be judged.
_LEAST_REST = 1e-10


class LeaveOneOut:
    """The squared error of each row by the fit to all others, summed, for any strength.

    In fixed features φ with ΦΦᵀ = V diag(|λ|) Vᵀ the fit is linear in y, and the row left out has
    the residual rᵢ / (1 - hᵢ), where hᵢ is its leverage, intercept included. Of equal rows, left
    out together, h is the sum, and h / (1 - h) times their mean residual is added to that of each.

    Parameters
    ----------
    vectors : Tensor of shape (n, r)
        V, orthonormal columns; float64.
    size : Tensor of shape (r,)
        |λ|.
    targets : Tensor of shape (n, k)
        P S y, see `Weighting`.
    weighting : Weighting
        Of positive weights.
    group : Tensor of shape (n,), optional
        Equal rows, as numbers from 0, which are left out together; each row by itself if left out.

    Examples
    --------
    The mean of the other rows stands for each row:

    >>> y = torch.tensor([[0.0], [1.0], [5.0]], dtype=torch.float64)
    >>> weighting = Weighting.of(3, None, fit_intercept=True)
    >>> nothing = torch.zeros(3, 0, dtype=torch.float64)
    >>> error = LeaveOneOut(nothing, nothing[0], weighting.reduce_targets(y), weighting)
    >>> round(error(1.0), 10) == (0 - 3) ** 2 + (1 - 2.5) ** 2 + (5 - 0.5) ** 2
    True
    """

    def __init__(
        self,
        vectors: Float[Tensor, "n r"],
        size: Float[Tensor, " r"],
        targets: Float[Tensor, "n k"],
        weighting: Weighting,
        group: Int[Tensor, " n"] | None = None,
    ) -> None:
        self._vectors, self._size, self._targets = vectors, size, targets
        self._projected = vectors.T @ targets
        self._root = root = weighting.root
        self._mean = (root / root.norm()).square() if weighting.fit_intercept else 0.0
        rows = torch.arange(len(root), device=root.device)
        self._group = rows if group is None else group.to(root.device)
        self._weight = self._summed(root.square())

    def __call__(self, alpha: float) -> float:
        """Return Σ wᵢ ‖yᵢ - f(xᵢ)‖², f being fitted with the strength alpha and without row i.

        A row that alone decides its own value counts with a very large error.
        """
        return self._errors([alpha])[0][0]

    def mean(self, alpha: float) -> float | None:
        """Return the weighted mean over rows and targets, or None where a row decides itself."""
        return self.means([alpha])[0]

    def means(self, alphas: Sequence[float]) -> list[float | None]:
        """Return the `mean` of each strength, in fewer passes over the vectors than one each."""
        width = self._targets.shape[1]
        step = max(1, _COLUMNS // width)
        found = [
            pair
            for at in range(0, len(alphas), step)
            for pair in self._errors(alphas[at : at + step])
        ]
        share = float(self._root.square().sum()) * width
        return [None if rest < _LEAST_REST else total / share for total, rest in found]

    def _errors(self, alphas: Sequence[float]) -> list[tuple[float, float]]:
        """Return the sums, and the least share that others have in the value of a row."""
        strengths = self._size.new_tensor(alphas)
        shrink = torch.where(
            self._size > 0, self._size / (self._size + strengths[:, None]), 0.0
        ).T.contiguous()
        fitted = self._vectors @ (shrink[:, :, None] * self._projected[:, None]).flatten(1)
        squares = torch.cat([part.square() @ shrink for part in self._vectors.split(_CHUNK)])
        found = []
        for values, square in zip(fitted.split(self._targets.shape[1], 1), squares.T, strict=True):
            residual = self._targets - values
            leverage = self._summed(square + self._mean)
            mean = self._summed(self._root[:, None] * residual) / self._weight[:, None]
            rest = 1 - leverage
            change = (leverage / rest.clamp(min=_LEAST_REST))[:, None] * mean
            error = (residual + self._root[:, None] * change[self._group]).square().sum()
            found.append((float(error), float(rest.min())))
        return found

    def _summed(self, values: Tensor) -> Tensor:
        """Return the sums of values over the rows of each group."""
        sums = values.new_zeros((int(self._group.max()) + 1, *values.shape[1:]))
        return sums.index_add_(0, self._group, values)
