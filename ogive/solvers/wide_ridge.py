"""Ridge regression on very many features, which pass by once in blocks of 8 bits."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Float
from ogive._whole_numbers import whole_product

_COLUMNS = 2048  # of a tile of the Gram matrix
_BLOCK = 32  # rows that stay in the caches from one operation to the next
# Features are whole numbers of steps of 1/20, from -127 to 127: of standardised ones 6.35 standard
# deviations either way. Rounding adds 0.0002 to their variance of 1, far less than any penalty.
_STEPS, _MOST_STEPS = 20.0, 127
STEP = 1 / _STEPS
_MOST_SUM = 2**31 - 1  # of squares, by which sums of products in 32 bits are bounded


@dataclass(frozen=True)
class WideRidge:
    """Scores x W + b.

    Attributes
    ----------
    weight : Tensor of shape (d, k)
        float32.
    intercept : Tensor of shape (k,)
        float32.
    alpha : float
    """

    weight: Float[Tensor, "d k"]
    intercept: Float[Tensor, " k"]
    alpha: float


class WideRidgeSums(ABC):
    """What ridge regression needs to know of rows that pass by in blocks; see `wide_ridge_sums`.

    Rows are rounded to 8 bits (`rounded_`), and rounded ones are what is learned from: their
    products are summed exactly, and several times as fast where the processor has them.

    Attributes
    ----------
    rows : int
        How many were added.
    kept : list of Tensors of shape (b, d)
        int8; the first rows, in steps of `STEP`.
    kept_targets : list of Tensors of shape (b, k)
    """

    def __init__(self, features: int, targets: int, kept: int) -> None:
        self.rows = 0
        self._missing = kept
        self.kept: list[Tensor] = []
        self.kept_targets: list[Tensor] = []
        self._sum = torch.zeros(features, dtype=torch.float64)
        self._target_sum = torch.zeros(targets, dtype=torch.float64)

    def add(self, rows: Float[Tensor, "b d"], targets: Float[Tensor, "b k"]) -> None:
        """Add rows, which are rounded in place.

        Parameters
        ----------
        rows : Tensor of shape (b, d)
            float32, fewer than 10 million, about standardised: centring is done exactly in the end,
            scaling is not.
        targets : Tensor of shape (b, k)

        Raises
        ------
        InvalidDataError
            If a row is not finite.
        """
        if not bool(torch.isfinite(rows.sum())):
            raise InvalidDataError("a feature is NaN or infinite: are the data finite?")
        rounded_(rows)
        steps = torch.empty(rows.shape, dtype=torch.int8)
        for block, whole in zip(rows.split(_BLOCK), steps.split(_BLOCK), strict=True):
            whole.copy_((block * _STEPS).round_())
        # A product with ones adds the rows up many times faster than their sum does.
        ones = torch.ones(1, len(steps), dtype=torch.int8)
        self._sum += whole_product(ones, steps)[0].double() / _STEPS
        self._target_sum += targets.sum(0, dtype=torch.float64)
        self._take(rows, steps, targets)
        self.rows += len(rows)
        if self._missing > 0:
            self.kept.append(steps[: self._missing])
            self.kept_targets.append(targets[: self._missing].clone())
            self._missing -= len(self.kept[-1])

    def solve(self, alpha: float) -> WideRidge:
        """Minimise Σᵢ ‖yᵢ - xᵢ W - b‖² + alpha n ‖W‖², and forget the rows.

        Parameters
        ----------
        alpha : float
            Above 0. It multiplies the number of rows n: a strength of 0.01 is a hundredth of the
            variance of a feature, however many rows there are.

        Returns
        -------
        WideRidge
        """
        if not alpha > 0:
            raise InvalidParameterError(f"alpha={alpha!r}: must be above 0")
        if self.rows < 2:
            raise InvalidDataError(f"{self.rows} rows were added; ridge needs two at least")
        mean, target_mean = self.means()
        weight = self._solve(alpha * self.rows, mean, target_mean)
        return WideRidge(weight, target_mean - mean @ weight, alpha)

    def without(
        self, weight: Float[Tensor, "d k"], intercept: Float[Tensor, " k"], rows: slice
    ) -> tuple[Float[Tensor, "d k"], Float[Tensor, " k"]]:
        """Return W and b of the last solution had some of the rows kept never been added.

        Nothing is solved again (Cook and Weisberg 1982, 2.2.3): with X̃ and ỹ the rows left out
        less the means of all, A = Σ x̃ x̃ᵀ + alpha n and M = I - X̃ A⁻¹ X̃ᵀ - 1/n, it is
        W - A⁻¹ X̃ᵀ M⁻¹ (ỹ - X̃ W). The penalty remains alpha n, n that of all rows.

        Parameters
        ----------
        weight, intercept : Tensors of shapes (d, k) and (k,)
            As `solve` returned them last.
        rows : slice

        Returns
        -------
        weight, intercept : Tensors of shapes (d, k) and (k,)
        """
        mean, _ = self.means()
        left = torch.cat(parts(self.kept, rows)).float().mul_(STEP).sub_(mean)
        centred = intercept + mean @ weight
        residuals = torch.cat(parts(self.kept_targets, rows)) - left @ weight - centred
        solved = self.inverse_times(left.T)
        remaining = (left @ solved).double().add_(1 / self.rows).neg_()
        remaining.diagonal().add_(1)
        shares = torch.linalg.solve(remaining, residuals.double()).float()
        weight = weight - solved @ shares
        return weight, centred - shares.sum(0) / self.rows - mean @ weight

    def means(self) -> tuple[Float[Tensor, " d"], Float[Tensor, " k"]]:
        """Return the means of the rows and targets added."""
        return (self._sum / self.rows).float(), (self._target_sum / self.rows).float()

    @abstractmethod
    def inverse_times(self, v: Float[Tensor, "d k"]) -> Float[Tensor, "d k"]:
        """Return (Σ x̃ x̃ᵀ + alpha n)⁻¹ v, rows less their mean, alpha that of the last solution."""

    @abstractmethod
    def _take(self, rows: Tensor, steps: Tensor, targets: Tensor) -> None:
        """Take note of rounded rows."""

    @abstractmethod
    def _solve(self, ridge: float, mean: Tensor, target_mean: Tensor) -> Tensor:
        """Return W."""


def parts(blocks: Sequence[Tensor], rows: slice) -> list[Tensor]:
    """Return the parts of blocks of rows that are in a range of rows; no copies."""
    starts = itertools.accumulate(map(len, blocks), initial=0)
    return [
        block[max(rows.start - start, 0) : max(rows.stop - start, 0)]
        for block, start in zip(blocks, starts, strict=False)
    ]


def rounded_(rows: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """Round features in place to whole numbers of steps of 1/20, at most 6.35 either way.

    Whoever predicts with a solution rounds the features in the same way.

    Examples
    --------
    >>> rounded_(torch.tensor([[0.26, -0.01, 8.0]]))
    tensor([[0.2500, -0.0000, 6.3500]])
    """
    for block in rows.split(_BLOCK):
        block.mul_(_STEPS).round_().clamp_(-_MOST_STEPS, _MOST_STEPS).div_(_STEPS)
    return rows


def wide_ridge_sums(features: int, targets: int, rows: int, *, kept: int = 1000) -> WideRidgeSums:
    """Return the sums to which so many rows will be added.

    Parameters
    ----------
    features : int
        d.
    targets : int
        k.
    rows : int
        n. Fewer than d are stored and solved for in an n × n system; of more there is a d × d sum
        of products.
    kept : int, default 1000
        The first so many rows are kept, in d bytes each: those that can be left out again, and
        that logistic regression goes back to.

    Examples
    --------
    >>> x = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
    >>> sums = wide_ridge_sums(20, 1, rows=500)
    >>> sums.add(x.clone(), x[:, :1])
    >>> round(float(sums.solve(1e-4).weight[0, 0]), 2)
    1.0
    """
    if rows < features:
        return _StoredRows(features, targets, kept)
    return _ProductSums(features, targets, kept)


class _ProductSums(WideRidgeSums):
    def __init__(self, features: int, targets: int, kept: int) -> None:
        super().__init__(features, targets, kept)
        self._gram = torch.zeros(features, features, dtype=torch.int32)
        self._earlier: Tensor | None = None  # what did not fit in 32 bits
        self._products = torch.zeros(targets, features)  # row by row: faster to add to
        self._tile = torch.empty(0, dtype=torch.int32)
        self._factor = torch.empty(0)

    def _take(self, rows: Tensor, steps: Tensor, targets: Tensor) -> None:
        self._products.addmm_(targets.T.contiguous(), rows)
        most = _MOST_SUM // _MOST_STEPS**2
        for whole in steps.split(most):
            self._make_room(len(whole))
            for start in range(0, len(self._gram), _COLUMNS):
                stop = start + _COLUMNS
                # The lower triangle is enough.
                left, right = whole[:, start:stop], whole[:, :stop]
                self._add_product(left, right, self._gram[start:stop, :stop])

    def _make_room(self, rows: int) -> None:
        """See to it that no sum leaves 32 bits when the products of so many rows are added.

        By Cauchy and Schwarz none is above the largest sum of squares.
        """
        if int(self._gram.diagonal().max()) + rows * _MOST_STEPS**2 > _MOST_SUM:
            earlier = self._earlier
            self._earlier = self._gram.float() if earlier is None else earlier.add_(self._gram)
            self._gram.zero_()

    def _add_product(self, left: Tensor, right: Tensor, total: Tensor) -> None:
        """Add leftᵀ right of 8-bit integers."""
        if self._tile.numel() < total.numel():
            self._tile = torch.empty(total.numel(), dtype=torch.int32)
        product = self._tile[: total.numel()].view(total.shape)
        total += whole_product(left.T, right, out=product)

    def _solve(self, ridge: float, mean: Tensor, target_mean: Tensor) -> Tensor:
        n, earlier = self.rows, self._earlier
        gram = self._gram.float() if earlier is None else earlier.add_(self._gram)
        del self._gram, self._tile, self._earlier
        gram.div_(_STEPS**2)
        for start in range(0, len(gram), _COLUMNS):
            stop = start + _COLUMNS
            gram[start:stop, :stop].addr_(mean[start:stop], mean[:stop], alpha=-n)
        gram.diagonal().add_(ridge)
        self._factor = torch.linalg.cholesky(gram)
        del gram
        return self.inverse_times(self._products.addr_(target_mean, mean, alpha=-n).T)

    def inverse_times(self, v: Tensor) -> Tensor:
        return torch.cholesky_solve(v, self._factor)


class _StoredRows(WideRidgeSums):
    """W = X̃ᵀ (X̃X̃ᵀ + ridge)⁻¹ ỹ."""

    def _take(self, rows: Tensor, steps: Tensor, targets: Tensor) -> None:
        self._missing = max(self._missing, len(rows))  # all are kept

    def _solve(self, ridge: float, mean: Tensor, target_mean: Tensor) -> Tensor:
        self._ridge = ridge
        self._centred = torch.cat(self.kept).float().div_(_STEPS).sub_(mean)
        gram = (self._centred @ self._centred.T).double()
        gram.diagonal().add_(ridge)
        self._inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        targets = (torch.cat(self.kept_targets) - target_mean).double()
        return self._centred.T @ (self._inverse @ targets).float()

    def inverse_times(self, v: Tensor) -> Tensor:
        within = self._inverse @ (self._centred @ v).double()
        return (v - self._centred.T @ within.float()) / self._ridge
