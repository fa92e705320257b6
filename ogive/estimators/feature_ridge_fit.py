"""Ridge regression on a factorization: a linear model of its components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ogive._checks import from_numpy
from ogive._errors import InvalidDataError
from ogive._typing import Float
from ogive.estimators.factorization import Factorization
from ogive.solvers import AUTO, Solution
from ogive.solvers.feature_ridge import FeatureRidge
from ogive.solvers.penalty import choose_penalty


@dataclass(frozen=True)
class ComponentFit:
    """A function z(x) beta + constant, and the same as coefficients of rows.

    Attributes
    ----------
    beta : Tensor of shape (r, k)
    constant : Tensor of shape (k,)
    solution : Solution
    """

    beta: Float[Tensor, "r k"]
    constant: Float[Tensor, " k"]
    solution: Solution


def ridge_of(
    factorization: Factorization, targets: Float[Tensor, "n k"], weight: np.ndarray | None
) -> FeatureRidge:
    """Return the ridge problems of targets on the components, ready for any strength.

    A view, or other weights than those of the factorization, takes one more decomposition.
    """
    own = factorization.weighs(weight)
    return FeatureRidge.of(
        from_numpy(factorization.components),
        targets,
        None if weight is None else from_numpy(weight),
        fit_intercept=factorization.fit_intercept,
        size=from_numpy(np.abs(factorization.eigenvalues)) if own else None,
        group=from_numpy(factorization.group),
    )


def fit_components(
    factorization: Factorization,
    targets: Float[Tensor, "n k"],
    weight: np.ndarray | None,
    alpha: float | Literal["auto"],
) -> ComponentFit:
    """Fit ridge regression with one strength, or the one with the smallest leave-one-out error."""
    ridge = ridge_of(factorization, targets, weight)
    chosen = choose_penalty(ridge.left_out, ridge.scale) if alpha == AUTO else float(alpha)
    reason = f"linear in {len(ridge.size)} components of a factorization"
    if alpha == AUTO:
        reason += f"; alpha {chosen:.2g} had the smallest leave-one-out error"
    beta, constant = ridge.fit(chosen)
    coefficients, intercept = (
        from_numpy(part)
        for part in factorization.feature_map.function(beta.numpy(), constant.numpy())
    )
    if not bool(torch.isfinite(coefficients).all()):
        raise InvalidDataError(
            "the coefficients overflowed: kernel values or targets are too large; scale the data, "
            "or lower gamma"
        )
    left_out = ridge.left_out.mean(chosen)
    solution = Solution(coefficients, intercept, True, 0, reason, chosen, left_out)
    return ComponentFit(beta, constant, solution)
