"""What a solver returns: an answer, and whether and why it is one."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ogive._typing import Float


@dataclass(frozen=True)
class Solution:
    """The function f(x) = Σ_j k(x, x_j) value_j + intercept.

    Attributes
    ----------
    value : Tensor of shape (m, k)
        Coefficients of the m rows or landmarks for k targets, float64.
    intercept : Tensor of shape (k,)
    converged : bool
    iterations : int
        0 for direct solvers.
    reason : str
        How it was solved, or why it did not converge.
    alpha : float
        Strength of the penalty: the one given, or the one chosen.
    left_out : float or None
        Mean squared error of rows that are left out one by one, over rows (by their weights) and
        targets; None where it is not known.
    """

    value: Float[Tensor, "m k"]
    intercept: Float[Tensor, " k"]
    converged: bool
    iterations: int
    reason: str
    alpha: float
    left_out: float | None = None
