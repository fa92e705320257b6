"""Weights and an unpenalised intercept, taken out of a least-squares problem before it is solved.

With weights w, s = √w and S = diag(s), the problem Σ wᵢ (yᵢ - f(xᵢ) - b)² + penalty(f) loses its
intercept when everything is projected by P = I - ssᵀ/sᵀs: b is the weighted mean of y - f.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._typing import Float


@dataclass(frozen=True)
class Weighting:
    """Square roots of the weights, and whether there is an intercept to project out.

    Attributes
    ----------
    root : Tensor of shape (n,)
        s = √w, float64, all positive.
    fit_intercept : bool
    """

    root: Float[Tensor, " n"]
    fit_intercept: bool

    @classmethod
    def of(
        cls,
        n: int,
        weight: Float[Tensor, " n"] | None,
        *,
        fit_intercept: bool,
        device: torch.device | str = "cpu",
    ) -> Weighting:
        """Return the weighting of n rows; no weights mean ones."""
        ones = torch.ones(n, dtype=torch.float64, device=device)
        return cls(ones if weight is None else weight.double().sqrt(), fit_intercept)

    def reduce_targets(self, targets: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Return P S y."""
        return self.project(self.root[:, None] * targets)

    def reduce_matrix(self, kernel: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        """Return P S K S P."""
        scaled = kernel * self.root[:, None] * self.root[None, :]
        return self.project(self.project(scaled).T) if self.fit_intercept else scaled

    def restore(self, reduced: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Return c = S P c̃, the coefficients of the original problem."""
        return self.root[:, None] * self.project(reduced)

    def intercept(self, residual: Float[Tensor, "n k"]) -> Float[Tensor, " k"]:
        """Return the weighted mean of y - f, or zeros without an intercept."""
        if not self.fit_intercept:
            return residual.new_zeros(residual.shape[1])
        weight = self.root.square()
        return (weight @ residual) / weight.sum()

    def project(self, block: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Return P times a block of columns."""
        if not self.fit_intercept:
            return block
        unit = self.root / self.root.norm()
        return block - unit[:, None] * (unit @ block)
