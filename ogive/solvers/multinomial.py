"""Multinomial logistic regression on features that are in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional

from ogive._typing import Float, Int
from ogive.solvers.penalty import AUTO, choose_penalty

_CHUNK = 16_384
_GRADIENT = 1e-6  # largest entry of the mean gradient, in standardised features, at the solution
_ITERATIONS = 500
HELD_OUT = 5  # every fifth row judges the strength of the penalty, if that is to be chosen


@dataclass(frozen=True)
class MultinomialSolution:
    """Scores W x + b, whose softmax are the probabilities of classes.

    Attributes
    ----------
    weight : Tensor of shape (k, d)
        float64.
    intercept : Tensor of shape (k,)
    loss : float
        Mean of -log p of the rows' own classes, without the penalty.
    accuracy : float
        Share of rows whose own class has the largest score.
    converged : bool
    iterations : int
    reason : str
    alpha : float
        The penalty that was given or chosen.
    """

    weight: Float[Tensor, "k d"]
    intercept: Float[Tensor, " k"]
    loss: float
    accuracy: float
    converged: bool
    iterations: int
    reason: str
    alpha: float


def multinomial(
    features: Float[Tensor, "n d"],
    classes: Int[Tensor, " n"],
    count: int,
    alpha: float | str,
    *,
    fit_intercept: bool = True,
    pivot: bool = False,
) -> MultinomialSolution:
    """Minimise Σᵢ -log softmax(W xᵢ + b)[yᵢ] + alpha / 2 ‖W‖², b unpenalised.

    As scikit-learn's LogisticRegression with C = 1 / alpha. By L-BFGS on centred and scaled
    features (the penalty is that of the features as they are); sums are float64, products have
    the features' type.

    Parameters
    ----------
    features : Tensor of shape (n, d)
    classes : Tensor of shape (n,)
        0 … count - 1.
    count : int
        Number of classes k.
    alpha : float or "auto"
        At least 0. "auto" takes the strength with which a fit to four fifths of the rows has the
        smallest loss on the others (every fifth), and then fits to all of them.
    fit_intercept : bool, default True
    pivot : bool, default False
        For two classes: one row of W only, that of class 1; the score of class 0 is 0.

    Returns
    -------
    MultinomialSolution

    Examples
    --------
    >>> x = torch.tensor([[-1.0], [0.5], [-0.5], [1.0]])
    >>> fit = multinomial(x, torch.tensor([0, 0, 1, 1]), 2, 1.0)
    >>> fit.converged, round(fit.loss, 2)
    (True, 0.65)
    """
    problem = _Problem.of(features, classes, count, fit_intercept=fit_intercept, pivot=pivot)
    chosen = ""
    if alpha == AUTO:
        held_out = torch.arange(len(features), device=features.device) % HELD_OUT == 0
        fitted = problem.restricted(~held_out) if len(features) > 1 else problem
        judged = problem.restricted(held_out)
        start = fitted.zeros()

        def error(strength: float) -> float:
            nonlocal start
            start = fitted.minimise(strength, start)[0]  # from the last: they are near
            return judged.value_and_gradient(start)[0] / max(len(judged.classes), 1)

        alpha = choose_penalty(error, problem.scale)
        chosen = f"; alpha {alpha:.2g} did best on a fifth of the rows"
    value, converged, iterations, message = problem.minimise(float(alpha), problem.zeros())
    weight, intercept = problem.unscaled(value)
    loss, _, right = problem.value_and_gradient(value)
    n = max(len(classes), 1)
    return MultinomialSolution(
        weight,
        intercept,
        loss / n,
        right / n,
        converged,
        iterations,
        f"L-BFGS: {message}{chosen}",
        float(alpha),
    )


@dataclass(frozen=True)
class _Problem:
    """The rows, and how features are moved and scaled before they are used."""

    features: Tensor
    classes: Tensor
    rows: int  # of W
    mean: Tensor
    deviation: Tensor
    fit_intercept: bool

    @classmethod
    def of(
        cls, features: Tensor, classes: Tensor, count: int, *, fit_intercept: bool, pivot: bool
    ) -> _Problem:
        total = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
        squares = total.clone()
        for chunk in features.split(_CHUNK):
            total += chunk.sum(0, dtype=torch.float64)
        mean = total / max(len(features), 1) if fit_intercept else torch.zeros_like(total)
        for chunk in features.split(_CHUNK):
            squares += (chunk.double() - mean).square().sum(0)
        deviation = (squares / max(len(features), 1)).sqrt()
        deviation[deviation <= 1e-12 * deviation.max()] = 1.0
        return cls(features, classes, 1 if pivot else count, mean, deviation, fit_intercept)

    @property
    def scale(self) -> float:
        """Mean squared norm of the features, less their mean."""
        return float(self.deviation.square().sum())

    def restricted(self, rows: Tensor) -> _Problem:
        """Return the problem on some of the rows, with the same scale."""
        features, classes = self.features[rows], self.classes[rows]
        return _Problem(features, classes, self.rows, self.mean, self.deviation, self.fit_intercept)

    def zeros(self) -> np.ndarray:
        """Return where to start."""
        return np.zeros(self.rows * (self.features.shape[1] + self.fit_intercept))

    def parts(self, value: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return weights and intercepts of the scaled features."""
        both = torch.from_numpy(value).to(self.mean.device).reshape(self.rows, -1)
        if self.fit_intercept:
            return both[:, :-1], both[:, -1]
        return both, both.new_zeros(self.rows)

    def unscaled(self, value: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return weights and intercepts of the features as they are."""
        weight, intercept = self.parts(value)
        weight = weight / self.deviation
        return weight, intercept - weight @ self.mean

    def value_and_gradient(self, value: np.ndarray) -> tuple[float, np.ndarray, int]:
        """Return Σ -log p without the penalty, its gradient, and how many rows are right."""
        weight, intercept = self.unscaled(value)
        dtype = self.features.dtype
        columns = weight.T.to(dtype)
        loss, right = 0.0, 0
        gradient, sums = torch.zeros_like(weight), torch.zeros_like(intercept)
        for rows, own in zip(self.features.split(_CHUNK), self.classes.split(_CHUNK), strict=True):
            score = (rows @ columns).double() + intercept
            if self.rows == 1:  # class 0 has score 0
                score = torch.cat([torch.zeros_like(score), score], 1)
            loss += float(functional.cross_entropy(score, own, reduction="sum"))
            right += int((score.argmax(1) == own).sum())
            error = score.softmax(1)
            error[torch.arange(len(own), device=own.device), own] -= 1
            error = error[:, -self.rows :]
            gradient += (error.T.to(dtype) @ rows).double()
            sums += error.sum(0)
        gradient = (gradient - sums[:, None] * self.mean) / self.deviation
        whole = torch.cat([gradient, sums[:, None]], 1) if self.fit_intercept else gradient
        return loss, whole.flatten().cpu().numpy(), right

    def minimise(self, alpha: float, start: np.ndarray) -> tuple[np.ndarray, bool, int, str]:
        """Return the solution, whether it is one, the steps taken and what the method said."""
        n = max(len(self.classes), 1)
        shrink = alpha / self.deviation.square()

        def objective(value: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient, _ = self.value_and_gradient(value)
            weight, intercept = self.parts(value)
            pull = weight * shrink
            padding = torch.zeros_like(intercept)[:, None]
            slope = torch.cat([pull, padding], 1) if self.fit_intercept else pull
            penalty = 0.5 * float((weight * pull).sum())
            return (loss + penalty) / n, (gradient + slope.flatten().cpu().numpy()) / n

        found: Any = minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _ITERATIONS, "gtol": _GRADIENT, "ftol": 1e-14, "maxcor": 20},
        )
        return found.x, bool(found.success), int(found.nit), str(found.message).lower()
