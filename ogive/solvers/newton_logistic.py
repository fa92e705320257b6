"""Logistic regression on features that are in memory, by Newton's method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ogive._typing import Float, Int

_CHUNK = 16_384  # rows whose products are added up in the features' own type
_ENTRIES = 2**21  # of features taken to float64 at once
_PRODUCTS = 500  # of the second derivative with a direction, for one step at most
_HALVINGS = 40
_DECREASE = 1e-4  # of what the slope promises (Armijo)
_LEAST_CURVATURE = 1e-10

Start = tuple[Float[Tensor, "r k"], Float[Tensor, " k"]]


@dataclass(frozen=True)
class LogisticSolution:
    """Scores Z β + b, whose softmax are the probabilities of classes.

    Attributes
    ----------
    weight : Tensor of shape (r, k)
        β, float64; for two classes one column, that of class 1, the score of class 0 being 0.
    intercept : Tensor of shape (k,)
        Those of several classes have the mean 0: only their differences matter.
    objective : float
        What was minimised, at the solution.
    converged : bool
    iterations : int
        Steps taken.
    reason : str
    """

    weight: Float[Tensor, "r k"]
    intercept: Float[Tensor, " k"]
    objective: float
    converged: bool
    iterations: int
    reason: str


def newton_logistic(
    features: Float[Tensor, "n r"],
    classes: Int[Tensor, " n"],
    count: int,
    alpha: float,
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
    size: Float[Tensor, " r"] | None = None,
    start: Start | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 100,
) -> LogisticSolution:
    """Minimise Σ wᵢ (-log softmax(βᵀzᵢ + b)[yᵢ]) + alpha / 2 ‖β‖², b unpenalised.

    Newton's method; each step is solved by conjugate gradients with products Zᵀ D(Z v) + alpha v,
    the second derivative never being formed, and shortened until it helps. Products have the
    features' type, sums are float64.

    Parameters
    ----------
    features : Tensor of shape (n, r)
        Z.
    classes : Tensor of shape (n,)
        0 … count - 1, each with rows of positive weight.
    count : int
        Number of classes.
    alpha : float
        Above 0.
    weight : Tensor of shape (n,), optional
        At least 0.
    fit_intercept : bool, default True
    size : Tensor of shape (r,), optional
        The diagonal of Zᵀ W Z, where it is known; conjugate gradients are quick where it is all of
        that matrix, as for `SignedComponents`.
    start : (β, b), optional
        Where to start; zeros if left out.
    tolerance : float, default 1e-6
        The last step promised to lower the mean loss by no more than tolerance² / 2, and was taken.
    max_iterations : int, default 100
        Steps.

    Returns
    -------
    LogisticSolution

    References
    ----------
    Lin, Weng and Keerthi, Trust region Newton method for large-scale logistic regression, JMLR 9,
    2008.

    Examples
    --------
    >>> x = torch.tensor([[-1.0], [0.5], [-0.5], [1.0]], dtype=torch.float64)
    >>> fit = newton_logistic(x, torch.tensor([0, 0, 1, 1]), 2, 1.0)
    >>> fit.converged, round(fit.objective, 2)
    (True, 2.7)
    """
    problem = _Problem.of(
        features, classes, count, alpha, weight=weight, fit_intercept=fit_intercept, size=size
    )
    at = problem.zeros() if start is None else _Point(start[0].double(), start[1].double())
    at = at.centred()
    scores = problem.scores(at)
    value, steps, length = problem.objective(at, scores), 0, torch.inf
    while length > tolerance:
        told = f"with a step of {length:.1g} (tol={tolerance:g}); raise"
        if steps == max_iterations:
            reason = f"Newton's method stopped at max_iter={steps} {told} max_iter, tol or alpha"
            return LogisticSolution(*at, value, False, steps, reason)
        chance = problem.chances(scores)
        slope = problem.slope(at, chance)
        # Rough far from the solution, and finer as it comes near: faster than linear.
        direction = problem.direction(slope, chance, min(0.25, length**0.5))
        promise = slope.dot(direction)
        length = (max(-promise, 0.0) / problem.total) ** 0.5
        moved = problem.scores(direction)
        found = problem.search(at, scores, value, (direction, moved, promise))
        if found is None:
            reason = f"rounding errors hide the way down after {steps} steps, {told} tol or alpha"
            return LogisticSolution(*at, value, False, steps, reason)
        step, value = found
        at, scores = at.plus(direction, step), scores.add_(moved, alpha=step)
        steps += 1
    return LogisticSolution(*at, value, True, steps, f"Newton's method, {steps} steps")


class _Point(NamedTuple):
    """Weights (r, k) and intercepts (k,), or a direction or slope of both."""

    weight: Tensor
    intercept: Tensor

    def dot(self, other: _Point) -> float:
        both = (self.weight * other.weight).sum() + (self.intercept * other.intercept).sum()
        return float(both)

    def times(self, other: _Point) -> _Point:
        """Return the products, entry by entry."""
        return _Point(self.weight * other.weight, self.intercept * other.intercept)

    def centred(self) -> _Point:
        """Return the point less its mean over classes, where there are several.

        It has the same probabilities and a smaller norm, so nothing is lost on the way, and the
        second derivative does not have the directions in which it is the penalty's alone.
        """
        if len(self.intercept) == 1:
            return self
        return _Point(
            self.weight - self.weight.mean(1, keepdim=True), self.intercept - self.intercept.mean()
        )

    def plus(self, other: _Point, factor: float) -> _Point:
        return _Point(
            self.weight.add(other.weight, alpha=factor),
            self.intercept.add(other.intercept, alpha=factor),
        )


@dataclass(frozen=True)
class _Problem:
    features: Tensor
    truth: Tensor  # (n, k): 1 for the class of a row
    alpha: float
    weight: Tensor  # (n, 1)
    fit_intercept: bool
    size: Tensor  # (r,)
    total: float  # Σ wᵢ

    @classmethod
    def of(
        cls,
        features: Tensor,
        classes: Tensor,
        count: int,
        alpha: float,
        *,
        weight: Tensor | None,
        fit_intercept: bool,
        size: Tensor | None,
    ) -> _Problem:
        truth = functional.one_hot(classes, count).double()
        truth = truth[:, 1:] if count == 2 else truth
        w = torch.ones_like(truth[:, 0]) if weight is None else weight.double()
        if size is None:
            size = w.new_zeros(features.shape[1])
            for part, some in _in_chunks(features, w):
                size += part.double().square().T @ some
        return cls(features, truth, alpha, w[:, None], fit_intercept, size, float(w.sum()))

    def zeros(self) -> _Point:
        columns = self.truth.shape[1]
        weight = self.truth.new_zeros(self.features.shape[1], columns)
        return _Point(weight, weight.new_zeros(columns))

    def scores(self, point: _Point) -> Tensor:
        """Return Z β + b, (n, k)."""
        product = self.features @ point.weight.to(self.features.dtype)
        return product.double().add_(point.intercept)

    def chances(self, scores: Tensor) -> Tensor:
        """Return the probabilities, (n, k)."""
        return scores.sigmoid() if scores.shape[1] == 1 else scores.softmax(1)

    def objective(self, at: _Point, scores: Tensor) -> float:
        if scores.shape[1] == 1:
            # Not softplus, which is cut off at 20 with an error of 2e-9.
            loss = torch.logaddexp(scores, torch.zeros_like(scores)) - self.truth * scores
        else:
            loss = scores.logsumexp(1, keepdim=True) - (self.truth * scores).sum(1, keepdim=True)
        penalty = 0.5 * self.alpha * float(at.weight.square().sum())
        return float((self.weight * loss).sum()) + penalty

    def slope(self, at: _Point, chance: Tensor) -> _Point:
        """Return the first derivative, added up in float64: it tells where the solution is."""
        errors, gradient = self.weight * (chance - self.truth), self.alpha * at.weight
        for part, some in _in_chunks(self.features, errors):
            gradient += part.T.double() @ some
        return _Point(gradient, errors.sum(0) * self.fit_intercept)

    def curved(self, direction: _Point, chance: Tensor) -> _Point:
        """Return the second derivative times a direction."""
        moved = self.scores(direction)
        change = chance * moved
        change -= chance * (chance * moved if moved.shape[1] == 1 else change.sum(1, keepdim=True))
        change *= self.weight
        product = self.alpha * direction.weight
        for part, some in zip(self.features.split(_CHUNK), change.split(_CHUNK), strict=True):
            product += (part.T @ some.to(part.dtype)).double()
        return _Point(product, change.sum(0) * self.fit_intercept)

    def inverse_diagonal(self, chance: Tensor) -> _Point:
        """Return one over about the diagonal of the second derivative."""
        curvature = (self.weight * chance * (1 - chance)).sum(0) / self.total
        curvature.clamp_(min=_LEAST_CURVATURE)
        own = self.alpha + self.size[:, None] * curvature
        return _Point(own.reciprocal(), (self.total * curvature).reciprocal())

    def direction(self, slope: _Point, chance: Tensor, share: float) -> _Point:
        """Return about minus the inverse second derivative times the slope.

        By preconditioned conjugate gradients, until what is left is a share of the slope.
        """
        inverse = self.inverse_diagonal(chance)
        found, rest = self.zeros(), slope
        scaled = rest.times(inverse).centred()
        along, square = scaled, rest.dot(scaled)
        enough = square * share**2
        for _ in range(_PRODUCTS):
            curved = self.curved(along, chance)
            curvature = along.dot(curved)
            if not curvature > 0:
                break
            found = found.plus(along, -square / curvature)
            rest = rest.plus(curved, -square / curvature)
            scaled = rest.times(inverse).centred()
            before, square = square, rest.dot(scaled)
            if square <= enough:
                break
            along = scaled.plus(along, square / before)
        return found

    def search(
        self,
        at: _Point,
        scores: Tensor,
        value: float,
        line: tuple[_Point, Tensor, float],
    ) -> tuple[float, float] | None:
        """Return how far to go and the objective there; None if no step helps.

        ``line`` is a direction, what it does to the scores (which then need no product with the
        features) and the slope along it.
        """
        direction, moved, promise = line
        rounding = 16 * torch.finfo(torch.float64).eps * abs(value)
        step = 1.0
        for _ in range(_HALVINGS):
            there = self.objective(at.plus(direction, step), scores.add(moved, alpha=step))
            if there <= value + _DECREASE * step * promise + rounding:
                return step, there
            step /= 2
        return None


def _in_chunks(features: Tensor, right: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pieces of both that are small enough to be copied in float64."""
    rows = max(1, _ENTRIES // max(1, features.shape[1]))
    return zip(features.split(rows), right.split(rows), strict=True)
