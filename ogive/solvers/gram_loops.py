"""The loops that cut numbers into digits and put products of digits together, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_compiled: Any = numba.njit(
    nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"}
)
_f = np.float32
# Added to a number below 2²², it pushes the fraction out of a float32: what is left is rounded.
_ROUNDER = _f(3 << 22)


@_compiled
def cut_digits(
    block: np.ndarray, inverse: float, base: float, high: np.ndarray, low: np.ndarray
) -> None:
    """Write the two digits of the nearest whole number of steps: block ≈ (base high + low) step.

    Parameters
    ----------
    block : float64 array of shape (n, m)
    inverse : float
        1 / step.
    base : float
        Even. Of numbers up to base²/2 steps, high is at most base/2, and so is low.
    high, low : int8 arrays of shape (n, m)
    """
    least, most = _f(-0.5 * base), _f(0.5 * base)
    for row in range(block.shape[0]):
        for column in range(block.shape[1]):
            steps = (_f(block[row, column] * inverse) + _ROUNDER) - _ROUNDER
            digit = (steps * _f(1 / base) + _ROUNDER) - _ROUNDER
            digit = min(max(digit, least), most)
            high[row, column] = np.int8(digit)
            low[row, column] = np.int8(steps - _f(base) * digit)


@_compiled
def add_products(products: np.ndarray, base: float, square: float, total: np.ndarray) -> None:
    """Add (base² high · high + base (high · low + low · high) + low · low) square, in float64.

    Parameters
    ----------
    products : int32 array of shape (4, n, m)
        Of digits, in that order.
    base, square : float
    total : float64 array of shape (n, m)
        Is added to.
    """
    upper, between = base * base * square, base * square
    for row in range(total.shape[0]):
        for column in range(total.shape[1]):
            # Each may be as large as 2³¹ allows, so their sum is made of float64 numbers.
            mixed = np.float64(products[1, row, column]) + np.float64(products[2, row, column])
            summed = upper * np.float64(products[0, row, column]) + between * mixed
            total[row, column] += summed + square * np.float64(products[3, row, column])
