"""The normal equations of a least-squares fit, summed up block by block."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._typing import Float

_PANELS = 6  # a Gram matrix in row panels up to the diagonal costs 58 % of the whole


@dataclass
class NormalEquations:
    """Sums over weighted rows of features φ and targets y: all that a least-squares fit needs.

    Attributes
    ----------
    gram : Tensor of shape (r, r)
        Σ wᵢ φᵢ φᵢᵀ; float64. While rows are added, its lower triangle only.
    moments : Tensor of shape (r, k)
        Σ wᵢ φᵢ yᵢᵀ.
    sums : Tensor of shape (r,)
        Σ wᵢ φᵢ.
    target_sums : Tensor of shape (k,)
        Σ wᵢ yᵢ.
    target_squares : Tensor of shape ()
        Σ wᵢ ‖yᵢ‖².
    weight : Tensor of shape ()
        Σ wᵢ.
    """

    gram: Float[Tensor, "r r"]
    moments: Float[Tensor, "r k"]
    sums: Float[Tensor, " r"]
    target_sums: Float[Tensor, " k"]
    target_squares: Float[Tensor, ""]
    weight: Float[Tensor, ""]

    @classmethod
    def zeros(cls, width: int, targets: int, device: torch.device | str = "cpu") -> NormalEquations:
        """Return empty sums."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        return cls(
            zeros(width, width),
            zeros(width, targets),
            zeros(width),
            zeros(targets),
            zeros(),
            zeros(),
        )

    def add(self, block: Tensor, root_weight: Tensor, targets: Tensor) -> None:
        """Add rows of features and targets, both already times the root of their weights."""
        self.moments.addmm_(block.T, targets)
        self.sums.addmv_(block.T, root_weight)
        self.target_sums.addmv_(targets.T, root_weight)
        self.target_squares += targets.square().sum()
        self.weight += root_weight.square().sum()
        width = len(self.gram)
        step = -(-width // _PANELS)
        for start in range(0, width, step):
            stop = min(start + step, width)
            self.gram[start:stop, :stop].addmm_(block[:, start:stop].T, block[:, :stop])

    def mapped(self, root: Float[Tensor, "r s"] | None) -> NormalEquations:
        """Return the whole equations of the features φᵢᵀ root, or of φᵢ for None."""
        lower = self.gram.tril()
        gram = lower + lower.tril(-1).T
        rest = (self.target_sums, self.target_squares, self.weight)
        if root is None:
            return NormalEquations(gram, self.moments, self.sums, *rest)
        return NormalEquations(
            root.T @ (gram @ root), root.T @ self.moments, root.T @ self.sums, *rest
        )

    def __add__(self, other: NormalEquations) -> NormalEquations:
        """Return the equations of both sets of rows."""
        return NormalEquations(
            self.gram + other.gram,
            self.moments + other.moments,
            self.sums + other.sums,
            self.target_sums + other.target_sums,
            self.target_squares + other.target_squares,
            self.weight + other.weight,
        )

    def centred(self) -> tuple[Float[Tensor, "r r"], Float[Tensor, "r k"]]:
        """Return Gram matrix and moments of features and targets less their means."""
        gram = self.gram - torch.outer(self.sums, self.sums) / self.weight
        return gram, self.moments - torch.outer(self.sums, self.target_sums) / self.weight

    def squared_error(
        self, beta: Float[Tensor, "r k"], intercept: Float[Tensor, " k"]
    ) -> Float[Tensor, ""]:
        """Return Σ wᵢ ‖yᵢ - βᵀφᵢ - b‖² without the rows."""
        fitted = (beta * (self.gram @ beta)).sum() + 2 * (self.sums @ beta) @ intercept
        fitted += self.weight * intercept.square().sum()
        crossed = (beta * self.moments).sum() + self.target_sums @ intercept
        return self.target_squares - 2 * crossed + fitted
