"""Ridge regression on very many features, which pass by once in blocks and are not kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, cpu

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Float

_COLUMNS = 2048  # of a tile of the Gram matrix
_BLOCK = 32  # rows that stay in the caches from one operation to the next
_LEAST_FAST = 16  # columns; torch's product of 8-bit integers is wrong for a single one
# Features are whole numbers of steps of 1/20, from -127 to 127: of standardised ones 6.35 standard
# deviations either way. Rounding adds 0.0002 to their variance of 1, far less than any penalty.
_STEPS, _MOST_STEPS = 20.0, 127
# Sums of products of steps are below 2³¹ for so many rows.
_ROWS_OF_SUM = 2**31 // _MOST_STEPS**2


@dataclass(frozen=True)
class WideRidge:
    """Scores x W + b.

    Attributes
    ----------
    weight : Tensor of shape (d, k)
        float32.
    intercept : Tensor of shape (k,)
        float32.
    leave_one_out : Tensor of shape (r, k)
        Scores of the rows that were kept, each by the solution without that row.
    alpha : float
    """

    weight: Float[Tensor, "d k"]
    intercept: Float[Tensor, " k"]
    leave_one_out: Float[Tensor, "r k"]
    alpha: float


class WideRidgeSums(ABC):
    """What ridge regression needs to know of rows that pass by in blocks; see `wide_ridge_sums`.

    Rows are rounded to 8 bits (`rounded_`), and rounded ones are what is learned from: their
    products are summed exactly, and several times as fast where the processor has them.
    """

    def __init__(self, features: int, targets: int) -> None:
        self.rows = 0
        self._sum = torch.zeros(features, dtype=torch.float64)
        self._target_sum = torch.zeros(targets, dtype=torch.float64)

    def add(self, rows: Float[Tensor, "b d"], targets: Float[Tensor, "b k"]) -> None:
        """Add rows, which are rounded in place.

        Parameters
        ----------
        rows : Tensor of shape (b, d)
            float32, about standardised: centring is done exactly in the end, scaling is not.
        targets : Tensor of shape (b, k)

        Raises
        ------
        InvalidDataError
            If a row is not finite.
        """
        if not bool(torch.isfinite(rows.sum())):
            raise InvalidDataError("a feature is NaN or infinite: are the data finite?")
        rounded_(rows)
        self._target_sum += targets.sum(0, dtype=torch.float64)
        self._take(rows, targets)
        self.rows += len(rows)

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

        Notes
        -----
        A row is left out without solving again (Allen 1974; Cook and Weisberg 1982, 2.2.3):
        y - (y - ŷ) / (1 - h), h = 1/n + x̃ᵀ (X̃ᵀX̃ + alpha n)⁻¹ x̃ with centred rows x̃.
        """
        if not alpha > 0:
            raise InvalidParameterError(f"alpha={alpha!r}: must be above 0")
        if self.rows < 2:
            raise InvalidDataError(f"{self.rows} rows were added; ridge needs two at least")
        mean = (self._sum / self.rows).float()
        target_mean = (self._target_sum / self.rows).float()
        weight, left_out = self._solve(alpha * self.rows, mean, target_mean)
        return WideRidge(weight, target_mean - mean @ weight, left_out, alpha)

    @abstractmethod
    def _take(self, rows: Tensor, targets: Tensor) -> None:
        """Take note of rounded rows."""

    @abstractmethod
    def _solve(self, ridge: float, mean: Tensor, target_mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return W and the scores of rows left out."""


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
        The first so many rows are those that are left out one by one.

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
        super().__init__(features, targets)
        self._gram = torch.zeros(features, features, dtype=torch.int32)
        self._products = torch.zeros(features, targets)
        self._tile = torch.empty(0, dtype=torch.int32)
        self._missing = kept
        self._kept: list[tuple[Tensor, Tensor]] = []

    def _take(self, rows: Tensor, targets: Tensor) -> None:
        if self.rows + len(rows) > _ROWS_OF_SUM:
            raise InvalidDataError(
                f"{self.rows + len(rows):,} rows: at most {_ROWS_OF_SUM:,} can be added up in 32 "
                "bits; take a sample of them"
            )
        self._products.addmm_(rows.T, targets)
        steps = torch.empty(rows.shape, dtype=torch.int8)
        for block, whole in zip(rows.split(_BLOCK), steps.split(_BLOCK), strict=True):
            whole.copy_((block * _STEPS).round_())
        self._sum += steps.sum(0).double() / _STEPS
        for start in range(0, len(self._gram), _COLUMNS):
            stop = start + _COLUMNS
            # The lower triangle is enough.
            self._add_product(steps[:, start:stop], steps[:, :stop], self._gram[start:stop, :stop])
        if self._missing > 0:
            self._kept.append((rows[: self._missing].clone(), targets[: self._missing].clone()))
            self._missing -= len(self._kept[-1][0])

    def _add_product(self, left: Tensor, right: Tensor, total: Tensor) -> None:
        """Add leftᵀ right of 8-bit integers."""
        fast = cpu._is_amx_tile_supported() or cpu._is_vnni_supported()
        if not fast or left.shape[1] < _LEAST_FAST:
            # Exact up to 2²⁴, and rounded like any sum of float32 numbers beyond.
            total += (left.T.float() @ right.float()).to(torch.int32)
            return
        if self._tile.numel() < total.numel():
            self._tile = torch.empty(total.numel(), dtype=torch.int32)
        product = self._tile[: total.numel()].view(total.shape)
        total += torch._int_mm(left.T, right, out=product)

    def _solve(self, ridge: float, mean: Tensor, target_mean: Tensor) -> tuple[Tensor, Tensor]:
        n, gram = self.rows, self._gram.float().div_(_STEPS**2)
        del self._gram, self._tile
        for start in range(0, len(gram), _COLUMNS):
            stop = start + _COLUMNS
            gram[start:stop, :stop].addr_(mean[start:stop], mean[:stop], alpha=-n)
        gram.diagonal().add_(ridge)
        factor = torch.linalg.cholesky(gram)
        del gram
        right = self._products.addr_(mean, target_mean, alpha=-n)
        weight = torch.cholesky_solve(right, factor)
        rows = torch.cat([kept for kept, _ in self._kept]) - mean
        targets = torch.cat([kept for _, kept in self._kept])
        whitened = torch.linalg.solve_triangular(factor, rows.T, upper=False)
        leverage = 1 / n + whitened.square().sum(0)
        residuals = targets - target_mean - rows @ weight
        return weight, _left_out(targets, residuals, 1 - leverage)


class _StoredRows(WideRidgeSums):
    def __init__(self, features: int, targets: int, kept: int) -> None:
        super().__init__(features, targets)
        self._most_kept = kept
        self._stored: list[tuple[Tensor, Tensor]] = []

    def _take(self, rows: Tensor, targets: Tensor) -> None:
        self._sum += rows.sum(0, dtype=torch.float64)
        self._stored.append((rows.clone(), targets.clone()))

    def _solve(self, ridge: float, mean: Tensor, target_mean: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.cat([rows for rows, _ in self._stored]).sub_(mean)
        targets = torch.cat([targets for _, targets in self._stored])
        self._stored.clear()
        # With A = X̃X̃ᵀ + ridge: W = X̃ᵀ A⁻¹ ỹ, residuals are ridge A⁻¹ ỹ, and 1 - h is the diagonal
        # of ridge A⁻¹, less 1/n for the intercept.
        gram = (rows @ rows.T).double()
        gram.diagonal().add_(ridge)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        dual = inverse @ (targets - target_mean).double()
        remaining = (ridge * inverse.diagonal() - 1 / self.rows).float()
        residuals, kept = (ridge * dual).float(), slice(self._most_kept)
        return rows.T @ dual.float(), _left_out(targets[kept], residuals[kept], remaining[kept])


def _left_out(targets: Tensor, residuals: Tensor, remaining: Tensor) -> Tensor:
    return targets - residuals / remaining.clamp(min=1e-6)[:, None]
