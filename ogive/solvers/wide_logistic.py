"""Classes by linear functions of very many features: ridge, and logistic steps while they help."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

from ogive._typing import Float, Int
from ogive._whole_numbers import product_of_digits
from ogive.solvers.wide_ridge import STEP, WideRidgeSums, parts

_PENALTIES = (1 / 4, 1 / 32)  # of alpha; separable classes want less than others
_LEFT_OUT, _FEW_ROWS, _FOLDS = 1000, 5000, 5
_PATIENCE = 2  # steps without a gain, after which no more is expected
_SEARCHES = 5  # Newton steps along a direction; scores are known, so they cost nothing
Point = tuple[Float[Tensor, "d k"], Float[Tensor, " k"]]


@dataclass(frozen=True)
class WideClassifier:
    """Logits x W + b.

    Attributes
    ----------
    weight : Tensor of shape (d, k)
        float32.
    intercept : Tensor of shape (k,)
        float32.
    steps : int
        Logistic steps taken from the ridge solution; 0 if they did not help.
    penalty : float
        What n / 2 ‖W‖² was multiplied by in these steps.
    loss : float
        Mean of -log p of rows that were left out.
    """

    weight: Float[Tensor, "d k"]
    intercept: Float[Tensor, " k"]
    steps: int
    penalty: float
    loss: float


def classify(sums: WideRidgeSums, alpha: float, *, steps: int) -> WideClassifier:
    """Solve ridge regression, take logistic steps from there while they help, and calibrate.

    What helps is told by rows left out of ridge and of the steps: a block of 1,000 of them, or of
    fewer than 5,000 each fifth in turn. They choose the number of steps, one of two penalties (a
    quarter of alpha, or a 32nd), and the factor that makes logits of scores.

    Parameters
    ----------
    sums : WideRidgeSums
        To which all rows were added, with targets of which the largest is that of a row's class;
        logistic steps are taken on the rows kept.
    alpha : float
        Penalty of ridge regression, above 0.
    steps : int
        At most.

    Returns
    -------
    WideClassifier
    """
    ridge = sums.solve(alpha)
    start = ridge.weight, ridge.intercept
    judge = _Judge.of(sums, start)
    best = judge.choice(0, 0.0, judge.starts)
    logits = best.factor
    for penalty in [share * alpha for share in _PENALTIES]:
        paths = [
            _path(sums, _times(point, logits), penalty, without=block)
            for block, point in zip(judge.blocks, judge.starts, strict=True)
        ]
        losses = []
        for step, points in enumerate(itertools.islice(zip(*paths, strict=True), steps)):
            found = judge.choice(step + 1, penalty, points)
            best = min(best, found, key=lambda choice: choice.loss)
            losses.append(found.loss)
            if min(losses) < min(losses[-_PATIENCE:]):  # from here on noise is fitted
                break
    if best.steps:
        path = _path(sums, _times(start, logits), best.penalty, without=slice(0, 0))
        start = next(itertools.islice(path, best.steps - 1, None))
    weight, intercept = _times(start, best.factor)
    return WideClassifier(weight, intercept, best.steps, best.penalty, best.loss)


@dataclass(frozen=True)
class _Choice:
    steps: int
    penalty: float
    factor: float  # that makes scores logits
    loss: float


@dataclass(frozen=True)
class _Judge:
    """Rows left out, and the ridge solutions without them."""

    sums: WideRidgeSums
    blocks: list[slice]
    starts: list[Point]
    classes: Int[Tensor, " h"]

    @classmethod
    def of(cls, sums: WideRidgeSums, start: Point) -> _Judge:
        kept = sum(map(len, sums.kept))
        width = -(-kept // _FOLDS) if kept < _FEW_ROWS else _LEFT_OUT
        last = kept if kept < _FEW_ROWS else _LEFT_OUT
        blocks = [slice(at, min(at + width, kept)) for at in range(0, last, width)]
        starts = [sums.without(*start, block) for block in blocks]
        classes = torch.cat(parts(sums.kept_targets, slice(0, last))).argmax(1)
        return cls(sums, blocks, starts, classes)

    def choice(self, steps: int, penalty: float, points: Sequence[Point]) -> _Choice:
        """Judge what each block's rows get from the point that does not know them."""
        scores = torch.cat(
            [
                product_of_digits(torch.cat(parts(self.sums.kept, block)), weight).mul_(STEP)
                + intercept
                for block, (weight, intercept) in zip(self.blocks, points, strict=True)
            ]
        ).double()

        def loss(logarithm: float) -> float:
            return float(functional.cross_entropy(scores * np.exp(logarithm), self.classes))

        found = minimize_scalar(loss, bounds=(-3, 6), method="bounded")
        return _Choice(steps, penalty, float(np.exp(found.x)), float(found.fun))


def _times(point: Point, factor: float) -> Point:
    return point[0] * factor, point[1] * factor


def _path(sums: WideRidgeSums, start: Point, penalty: float, without: slice) -> Iterator[Point]:
    """Yield the points of logistic regression on the rows kept, without some of them."""
    mean, _ = sums.means()
    kept = sum(map(len, sums.kept))
    rows = [slice(0, without.start), slice(without.stop, kept)]
    blocks = [part for some in rows for part in parts(sums.kept, some) if len(part)]
    classes = torch.cat([p.argmax(1) for some in rows for p in parts(sums.kept_targets, some)])
    weight, intercept = start
    for point in logistic_path(
        WholeRows(blocks, STEP, mean),
        classes,
        (weight, intercept + mean @ weight),
        # The bound of the second derivative is half the covariance, here with alpha / 2 added.
        lambda v: 2 * sums.rows * sums.inverse_times(v),
        penalty,
    ):
        yield point[0], point[1] - mean @ point[0]


@dataclass(frozen=True)
class WholeRows:
    """Rows of features that are whole multiples of a step, a mean taken out of products.

    Attributes
    ----------
    blocks : sequence of Tensors of shape (b, d)
        int8; all rows in order.
    step : float
    mean : Tensor of shape (d,)
        float32; of the features (blocks times step).
    """

    blocks: Sequence[Tensor]
    step: float
    mean: Float[Tensor, " d"]

    def times(self, weight: Float[Tensor, "d k"]) -> Float[Tensor, "n k"]:
        """Return (X - mean) weight."""
        parts = [product_of_digits(block, weight) for block in self.blocks]
        return torch.cat(parts).mul_(self.step).sub_(self.mean @ weight)

    def transposed_times(self, right: Float[Tensor, "n k"]) -> Float[Tensor, "d k"]:
        """Return (X - mean)ᵀ right."""
        total = torch.zeros(len(self.mean), right.shape[1])
        rows = right.split([len(block) for block in self.blocks])
        for block, some in zip(self.blocks, rows, strict=True):
            total += product_of_digits(block.T, some)
        return total.mul_(self.step).addr_(self.mean, right.sum(0), alpha=-1)


def logistic_path(
    rows: WholeRows,
    classes: Int[Tensor, " n"],
    start: Point,
    precondition: Callable[[Float[Tensor, "d k"]], Float[Tensor, "d k"]],
    penalty: float,
) -> Iterator[Point]:
    """Step down Σᵢ -log softmax(Wᵀ(xᵢ - mean) + b)[yᵢ] / n + penalty / 2 ‖W‖².

    Limited-memory quasi-Newton steps (Nocedal 1980). The first direction is that of the bound of
    the second derivative, half of the features' covariance (Böhning 1992): where a ridge
    regression was solved, its factor serves. The length of a step is searched exactly, for scores
    along a line need no product with the features.

    Parameters
    ----------
    rows : WholeRows
    classes : Tensor of shape (n,)
        0 … k - 1.
    start : (W, b)
        W of shape (d, k), and b of features less their mean.
    precondition : callable
        Times about the inverse of half of the features' covariance plus a multiple of 1.
    penalty : float

    Yields
    ------
    W, b : Tensors of shapes (d, k) and (k,)
        After each step, without end; the last over again once rounding allows no step.
    """
    truth = functional.one_hot(classes, len(start[1])).float()
    at, scores = _Pair(*start), rows.times(start[0]).add_(start[1])
    history: list[tuple[_Pair, _Pair]] = []
    slope = _slope(rows, at, scores, truth, penalty)
    while True:
        direction = _direction(slope, history, precondition)
        moved = rows.times(direction.weight).add_(direction.intercept)
        length = _length((at, scores), (direction, moved), truth, penalty)
        step = direction.times(length)
        at, scores = at.plus(step, 1), scores.add_(moved, alpha=length)
        yield at.weight, at.intercept
        before, slope = slope, _slope(rows, at, scores, truth, penalty)
        change = slope.plus(before, -1)
        if not step.dot(change) > 0:  # at the bottom, as far as rounding tells
            break
        history.append((step, change))
    while True:
        yield at.weight, at.intercept


@dataclass(frozen=True)
class _Pair:
    """Weights and intercepts, or a direction or slope of both."""

    weight: Tensor
    intercept: Tensor

    def dot(self, other: _Pair) -> float:
        both = (self.weight * other.weight).sum() + (self.intercept * other.intercept).sum()
        return float(both)

    def times(self, factor: float) -> _Pair:
        return _Pair(self.weight * factor, self.intercept * factor)

    def plus(self, other: _Pair, factor: float) -> _Pair:
        return _Pair(
            self.weight.add(other.weight, alpha=factor),
            self.intercept.add(other.intercept, alpha=factor),
        )


def _slope(rows: WholeRows, at: _Pair, scores: Tensor, truth: Tensor, penalty: float) -> _Pair:
    error = scores.softmax(1).sub_(truth).div_(len(truth))
    return _Pair(rows.transposed_times(error).add_(at.weight, alpha=penalty), error.sum(0))


def _direction(
    slope: _Pair,
    history: list[tuple[_Pair, _Pair]],
    precondition: Callable[[Tensor], Tensor],
) -> _Pair:
    """Return about minus the inverse second derivative times the slope (two loops)."""
    found, shares = slope, []
    for step, change in reversed(history):
        shares.append(step.dot(found) / step.dot(change))
        found = found.plus(change, -shares[-1])
    found = _Pair(precondition(found.weight), found.intercept * 2)  # the intercepts' bound is 1/2
    for (step, change), share in zip(history, reversed(shares), strict=True):
        found = found.plus(step, share - change.dot(found) / step.dot(change))
    return found.times(-1)


def _length(
    start: tuple[_Pair, Tensor], line: tuple[_Pair, Tensor], truth: Tensor, penalty: float
) -> float:
    """Return how far along the direction the objective is least, by Newton's method.

    ``start`` and ``line`` are weights and what they do to the rows' scores.
    """
    (at, scores), (direction, moved) = start, line
    length, n = 0.0, len(truth)
    linear = float((at.weight * direction.weight).sum())
    squared = float(direction.weight.square().sum())
    for _ in range(_SEARCHES):
        chance = scores.add(moved, alpha=length).softmax(1)
        first = float(((chance - truth) * moved).sum()) / n + penalty * (linear + length * squared)
        mean = (chance * moved).sum(1)
        second = float((chance * moved.square()).sum() - mean.square().sum()) / n
        second += penalty * squared
        if not second > 0:
            break
        # Where the loss has flattened out a Newton step may be far too long.
        length = min(max(length - first / second, length / 8), 8 * max(length, 1.0))
    return length
