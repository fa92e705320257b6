"""Multinomial logistic regression on features that are in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional

from ogive._typing import Float, Int
from ogive.solvers.penalty import AUTO, choose_penalty

_CHUNK = 16_384
_GRADIENT = 1e-6  # largest entry of the mean gradient, in scaled features, at the solution
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

    As scikit-learn's LogisticRegression with C = 1 / alpha. By L-BFGS in the eigenbasis of the
    features' covariance, scaled so that all directions are about as steep; sums are float64,
    products have the features' type.

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
        point = fitted.zeros()

        def error(strength: float) -> float:
            nonlocal point
            point = fitted.minimise(strength, point)[0]  # from the last: they are near
            return judged.loss(point).value / max(len(judged.classes), 1)

        alpha = choose_penalty(error, problem.scale)
        chosen = f"; alpha {alpha:.2g} did best on a fifth of the rows"
    point, converged, iterations, message = problem.minimise(float(alpha), problem.zeros())
    loss, n = problem.loss(point), max(len(classes), 1)
    return MultinomialSolution(
        point.weight,
        point.intercept,
        loss.value / n,
        loss.right / n,
        converged,
        iterations,
        f"L-BFGS: {message}{chosen}",
        float(alpha),
    )


class _Point(NamedTuple):
    """Weights (k, d) and intercepts (k,), or the gradient with respect to them."""

    weight: Tensor
    intercept: Tensor


class _Loss(NamedTuple):
    """Σ -log p over rows, its gradient, and how many rows are named right."""

    value: float
    gradient: _Point
    right: int


@dataclass(frozen=True)
class _Problem:
    """The rows, and the eigenbasis of their covariance, in which the problem is nearly round."""

    features: Tensor
    classes: Tensor
    rows: int  # of W
    mean: Tensor
    values: Tensor
    vectors: Tensor
    fit_intercept: bool

    @classmethod
    def of(
        cls, features: Tensor, classes: Tensor, count: int, *, fit_intercept: bool, pivot: bool
    ) -> _Problem:
        n, width = max(len(features), 1), features.shape[1]
        mean = torch.zeros(width, dtype=torch.float64, device=features.device)
        if fit_intercept:
            for chunk in features.split(_CHUNK):
                mean += chunk.sum(0, dtype=torch.float64) / n
        covariance = torch.zeros(width, width, dtype=torch.float64, device=features.device)
        for chunk in features.split(_CHUNK):
            centred = chunk.double() - mean
            covariance.addmm_(centred.T, centred, alpha=1 / n)
        values, vectors = torch.linalg.eigh(covariance)
        return cls(features, classes, 1 if pivot else count, mean, values, vectors, fit_intercept)

    @property
    def scale(self) -> float:
        """Mean squared norm of the features, less their mean."""
        return float(self.values.clamp(min=0).sum())

    def restricted(self, rows: Tensor) -> _Problem:
        """Return the problem on some of the rows, in the same basis."""
        return replace(self, features=self.features[rows], classes=self.classes[rows])

    def zeros(self) -> _Point:
        """Return where to start."""
        weight = self.mean.new_zeros(self.rows, len(self.mean))
        return _Point(weight, weight.new_zeros(self.rows))

    def loss(self, point: _Point) -> _Loss:
        """Return Σ -log p without the penalty; the gradient is that for centred features."""
        dtype = self.features.dtype
        columns = point.weight.T.to(dtype)
        value, right = 0.0, 0
        gradient, sums = torch.zeros_like(point.weight), torch.zeros_like(point.intercept)
        for rows, own in zip(self.features.split(_CHUNK), self.classes.split(_CHUNK), strict=True):
            score = (rows @ columns).double() + point.intercept
            if self.rows == 1:  # class 0 has score 0
                score = torch.cat([torch.zeros_like(score), score], 1)
            value += float(functional.cross_entropy(score, own, reduction="sum"))
            right += int((score.argmax(1) == own).sum())
            error = score.softmax(1)
            error[torch.arange(len(own), device=own.device), own] -= 1
            error = error[:, -self.rows :]
            gradient += (error.T.to(dtype) @ rows).double()
            sums += error.sum(0)
        return _Loss(value, _Point(gradient - sums[:, None] * self.mean, sums), right)

    def minimise(self, alpha: float, start: _Point) -> tuple[_Point, bool, int, str]:
        """Return the solution, whether it is one, the steps taken and what the method said."""
        n = max(len(self.classes), 1)
        # The second derivative along an eigenvector is at most λ / 4 (Böhning 1992) and alpha / n.
        size = self.values.clamp(min=0)
        noise = len(size) * torch.finfo(size.dtype).eps * size.max()
        scale = torch.where(size > noise, (size / 4 + alpha / n).rsqrt(), 0.0)

        def point_of(flat: np.ndarray) -> _Point:
            both = torch.from_numpy(flat).to(self.mean.device).reshape(self.rows, -1)
            weight = (both[:, :-1] * scale) @ self.vectors.T
            centred = both[:, -1] * self.fit_intercept
            return _Point(weight, centred - weight @ self.mean)

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            point = point_of(flat)
            loss = self.loss(point)
            slope = ((loss.gradient.weight + alpha * point.weight) @ self.vectors) * scale
            sums = loss.gradient.intercept[:, None] * self.fit_intercept
            penalty = 0.5 * alpha * float(point.weight.square().sum())
            return (loss.value + penalty) / n, _flat(slope / n, sums / n)

        inverse = torch.where(scale > 0, 1 / scale, 0.0)
        centred = (start.intercept + start.weight @ self.mean)[:, None]
        found: Any = minimize(
            objective,
            _flat((start.weight @ self.vectors) * inverse, centred),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _ITERATIONS, "gtol": _GRADIENT, "ftol": 1e-14, "maxcor": 20},
        )
        solved = bool(found.success) or bool(np.abs(found.jac).max() < 10 * _GRADIENT)
        return point_of(found.x), solved, int(found.nit), str(found.message).lower()


def _flat(weight: Tensor, intercept: Tensor) -> np.ndarray:
    return torch.cat([weight, intercept], 1).flatten().cpu().numpy()
