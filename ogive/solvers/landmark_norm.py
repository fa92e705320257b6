"""Landmarks' own features, in which the norm of a function on all rows is a plain one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._errors import InvalidDataError
from ogive._typing import Float
from ogive.operators import KernelOperator
from ogive.solvers.gram import RoundedGram
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.weighting import Weighting

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LandmarkNorm:
    """Features of which ‖f‖² is the squared norm of the coefficients, from all rows together.

    Attributes
    ----------
    equations : NormalEquations
        Of all rows.
    basis : Tensor of shape (m, r)
        c = basis β; D P' V diag(σ √ρ)^-½.
    squares : Tensor of shape (r,)
        Sums of squares of the features, centred if there is an intercept: σ / √ρ.
    fit_intercept : bool
    """

    equations: NormalEquations
    basis: Float[Tensor, "m r"]
    squares: Float[Tensor, " r"]
    fit_intercept: bool

    @classmethod
    def of(
        cls, equations: NormalEquations, columns: Weighting, fit_intercept: bool
    ) -> LandmarkNorm:
        """Decompose AᵀA; what is left out is rounding noise."""
        gram = equations.centred()[0] if fit_intercept else equations.gram
        values, vectors = torch.linalg.eigh(columns.reduce_matrix(gram))
        # Rounding errors are relative to what was summed, before means were taken out.
        summed = float(columns.root.square() @ equations.gram.diagonal())
        rounding = torch.finfo(values.dtype)
        noise = rounding.eps * (4 * summed + len(values) * float(values[-1]))
        # Rounding noise of n rows in m columns, less its mean, has eigenvalues up to this
        # (Marchenko and Pastur 1967).
        edge = (1 + (len(values) / float(equations.weight)) ** 0.5) ** 2 - 1
        noise += edge * equations.rounding * float(columns.root.square().max())
        kept = values > max(noise, rounding.tiny)
        singular = values[kept].sqrt()
        share = float(columns.root.square().sum() / equations.weight) ** 0.5
        basis = columns.restore(vectors[:, kept]) * (singular * share).rsqrt()
        return cls(equations, basis, singular / share, fit_intercept)

    @property
    def offset(self) -> Float[Tensor, " r"]:
        """What is added to features, kernel values times the basis, to make their mean zero."""
        if not self.fit_intercept:
            return torch.zeros_like(self.squares)
        mean = self.equations.origin + self.equations.sums / self.equations.weight
        return -(mean @ self.basis)

    @property
    def rank(self) -> int:
        """Number of features."""
        return len(self.squares)

    def require_rank(self, rows: int) -> None:
        """Raise InvalidDataError if there are no features of several rows."""
        if not self.rank and rows > 1:  # one row is fitted by its own value
            raise InvalidDataError(
                "the kernel with the landmarks is the same for all rows, so it cannot tell them "
                "apart; is gamma 0, are all rows equal, or does the kernel saturate?"
            )

    @property
    def scale(self) -> float:
        """The mean squared norm of the features."""
        return float(self.squares.sum() / self.equations.weight)

    def fit(self, alpha: float) -> tuple[Float[Tensor, "m k"], Float[Tensor, " k"]]:
        """Return coefficients of the landmarks and intercept that fit all rows."""
        centred = self.fit_intercept
        moments = self.equations.centred()[1] if centred else self.equations.moments
        beta = (self.basis.T @ moments) / (self.squares + alpha)[:, None]
        coefficients = self.basis @ beta
        if not centred:
            return coefficients, torch.zeros_like(self.equations.target_sums)
        return coefficients, self.equations.intercept(coefficients)


def landmark_equations(
    operator: KernelOperator,
    weighting: Weighting,
    targets: Float[Tensor, "n k"],
    held_out: Tensor | None,
    *,
    classes: bool,
    progress: Progress | None,
) -> list[NormalEquations]:
    """Return the equations of all rows, or those of the rows fitted to and of those held out.

    Parameters
    ----------
    operator : KernelOperator of shape (n, m)
        The kernel of rows with landmarks.
    weighting : Weighting
        Of the rows.
    targets : Tensor of shape (n, k)
        float64.
    held_out : Tensor of shape (n,) or None
        Booleans.
    classes : bool
        Whether 16 bits of a kernel value are enough, where that is faster; see `RoundedGram`.
    progress : callable(done, total), optional
    """
    device = operator.device
    weighted = bool((weighting.root != 1).any())
    # To name classes 16 bits of a kernel value are enough; a smooth function may want more.
    rounded = classes and operator.dtype == torch.float32 and not weighted
    rounded = rounded and RoundedGram.pays(*operator.shape, device)
    sums: list[NormalEquations] = []
    for rows, block in operator.row_blocks(torch.float64):
        if not sums:
            origin = block.mean(0) if weighting.fit_intercept else block.new_zeros(block.shape[1])
            sums = [
                NormalEquations.empty(origin, targets.shape[1], rounded=rounded)
                for _ in range(1 if held_out is None else 2)
            ]
        scale = weighting.root[rows].to(device)
        scaled_targets = scale[:, None] * targets[rows].to(device)
        block.sub_(origin)
        if weighted:
            block.mul_(scale[:, None])
        if held_out is None:
            sums[0].add(block, scale, scaled_targets)
        else:
            held = held_out[rows].to(device)
            for part, chosen in zip(sums, (~held, held), strict=True):
                part.add(block[chosen], scale[chosen], scaled_targets[chosen])
        if progress is not None:
            progress(rows.stop, operator.shape[0])
    for part in sums:
        part.complete()
    return sums
