"""The normal equations of a least-squares fit, summed up block by block."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._typing import Float
from ogive.solvers.gram import RoundedGram, add_gram


@dataclass
class NormalEquations:
    """Sums over weighted rows of features φ and targets y: all that a least-squares fit needs.

    The features are counted from an origin, best one in their midst: sums of squares about a far
    point, from which the mean is taken out later, would lose the digits that tell rows apart.

    Attributes
    ----------
    gram : Tensor of shape (r, r)
        Σ wᵢ φᵢ φᵢᵀ; float64. Its lower triangle only, until `complete` is called.
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
    origin : Tensor of shape (r,)
        What has been subtracted from the features; the intercept of a fit is that of φ itself.
    rounding : float
        What rounding of the features adds to each diagonal entry of the Gram matrix in the mean;
        it has been taken off again, and what differs from the mean is left.
    rounded : RoundedGram or None
        Adds to the Gram matrix by fast products of rounded features, until `complete` is called.
    """

    gram: Float[Tensor, "r r"]
    moments: Float[Tensor, "r k"]
    sums: Float[Tensor, " r"]
    target_sums: Float[Tensor, " k"]
    target_squares: Float[Tensor, ""]
    weight: Float[Tensor, ""]
    origin: Float[Tensor, " r"]
    rounding: float = 0.0
    rounded: RoundedGram | None = None

    @classmethod
    def empty(
        cls, origin: Float[Tensor, " r"], targets: int, *, rounded: bool = False
    ) -> NormalEquations:
        """Return the sums over no rows, for features counted from an origin.

        ``rounded`` takes 16 bits of the features for the Gram matrix; see `RoundedGram`.
        """
        width, device = len(origin), origin.device

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        gram = zeros(width, width)
        return cls(
            gram,
            zeros(width, targets),
            zeros(width),
            zeros(targets),
            zeros(),
            zeros(),
            origin,
            rounded=RoundedGram(gram) if rounded else None,
        )

    def add(self, block: Tensor, root_weight: Tensor, targets: Tensor) -> None:
        """Add rows of features less the origin and targets, both times the root of weights."""
        self.moments.addmm_(block.T, targets)
        self.sums.addmv_(block.T, root_weight)
        self.target_sums.addmv_(targets.T, root_weight)
        self.target_squares += targets.square().sum()
        self.weight += root_weight.square().sum()
        if self.rounded is None:
            add_gram(self.gram, block)
        else:
            self.rounded.add(block)

    def complete(self) -> None:
        """Fill the upper triangle of the Gram matrix, once all rows are added."""
        if self.rounded is not None:
            self.rounded.finish()
            self.rounding, self.rounded = self.rounded.rounding, None
            self.gram.diagonal().sub_(self.rounding)
        self.gram.copy_(self.gram.tril() + self.gram.tril(-1).T)

    def mapped(self, basis: Float[Tensor, "r s"]) -> NormalEquations:
        """Return the equations of the features φᵢᵀ basis."""
        return NormalEquations(
            basis.T @ (self.gram @ basis),
            basis.T @ self.moments,
            basis.T @ self.sums,
            self.target_sums,
            self.target_squares,
            self.weight,
            basis.T @ self.origin,
        )

    def __add__(self, other: NormalEquations) -> NormalEquations:
        """Return the equations of both sets of rows, counted from the same origin."""
        return NormalEquations(
            self.gram + other.gram,
            self.moments + other.moments,
            self.sums + other.sums,
            self.target_sums + other.target_sums,
            self.target_squares + other.target_squares,
            self.weight + other.weight,
            self.origin,
            self.rounding + other.rounding,
        )

    def centred(self) -> tuple[Float[Tensor, "r r"], Float[Tensor, "r k"]]:
        """Return Gram matrix and moments of features and targets less their means."""
        gram = self.gram - torch.outer(self.sums, self.sums) / self.weight
        return gram, self.moments - torch.outer(self.sums, self.target_sums) / self.weight

    def intercept(self, beta: Float[Tensor, "r k"]) -> Float[Tensor, " k"]:
        """Return the intercept that is best with these coefficients."""
        return (self.target_sums - self.sums @ beta) / self.weight - self.origin @ beta

    def squared_error(
        self, beta: Float[Tensor, "r k"], intercept: Float[Tensor, " k"]
    ) -> Float[Tensor, ""]:
        """Return Σ wᵢ ‖yᵢ - βᵀφᵢ - b‖² without the rows."""
        intercept = intercept + self.origin @ beta
        fitted = (beta * (self.gram @ beta)).sum() + 2 * (self.sums @ beta) @ intercept
        fitted += self.weight * intercept.square().sum()
        crossed = (beta * self.moments).sum() + self.target_sums @ intercept
        return self.target_squares - 2 * crossed + fitted
