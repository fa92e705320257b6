"""The loops around the products of patch features, compiled: patches in, pooled answers out.

As torch operations they would read and write every patch and every answer several times; here an
image's answers are read once, while they are in a core's cache.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ogive.kernels.epilogue_loops import exponential

_f = np.float32
_MOST = _f(127)
_TINY = _f(1e-30)
_ROUNDING = _f(12582912)  # 1.5 · 2²³
_LARGEST = _f(20)  # beyond it a logistic value is 0 or 1 to 2e-9


def _compiled(*freedoms: str) -> Any:
    """Compile; without numpy's error model a division could raise and stop vector instructions."""
    fastmath = {"contract", "nsz", "arcp", *freedoms}
    return numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=fastmath)


@_compiled("reassoc")
def normalised_patches(
    pictures: np.ndarray, size: int, floor: float, mean: np.ndarray, out: np.ndarray
) -> None:
    """Write each patch, less its own mean, over √(its sum of squares + floor), less ``mean``.

    Parameters
    ----------
    pictures : float32 array of shape (n, channels, height, width)
    size : int
        Side of a patch.
    floor : float32
    mean : float32 array of shape (channels * size * size,)
    out : float32 array of shape (n * places, channels * size * size)
        Picture by picture; places row by row, from the top left one.
    """
    channels, height, width = pictures.shape[1:]
    columns = width - size + 1
    places = (height - size + 1) * columns
    entries = channels * size * size
    for index in range(pictures.shape[0] * places):
        place = index % places
        top, left = place // columns, place % columns
        picture, row = pictures[index // places], out[index]
        total, squares, at = _f(0), _f(0), 0
        for channel in range(channels):
            for i in range(top, top + size):
                for j in range(left, left + size):
                    value = picture[channel, i, j]
                    row[at] = value
                    total += value
                    squares += value * value
                    at += 1
        middle = total / _f(entries)
        # Rounding may make the sum of squares of a flat patch negative by a little.
        squares = max(squares - total * middle, _f(0))
        scale = _f(1) / np.sqrt(squares + floor)
        for k in range(entries):
            row[k] = (row[k] - middle) * scale - mean[k]


@_compiled("nnan")  # a maximum is vectorised only where no number is NaN
def eight_bits(rows: np.ndarray, floor: float, out: np.ndarray, scale: np.ndarray) -> None:
    """Write the direction of each row as 8-bit integers, and -1 / their norm.

    Parameters
    ----------
    rows : float32 array of shape (n, d)
        Finite.
    floor : float32
        Added to the square of the norm.
    out : int8 array of shape (n, d)
        ``rows`` times what makes its largest entry 127; zeros for zeros.
    scale : float32 array of shape (n,)
        ``out`` times minus it has unit norm, unless the row is next to nothing.
    """
    for i in range(rows.shape[0]):
        row, whole = rows[i], out[i]
        largest = _TINY
        for k in range(row.shape[0]):
            largest = max(largest, abs(row[k]))
        steps = _MOST / largest
        squares = np.int32(0)
        for k in range(row.shape[0]):
            # Adding and taking away a large number rounds to a whole one.
            value = np.int32((row[k] * steps + _ROUNDING) - _ROUNDING)
            whole[k] = value
            squares += value * value
        # The floor in units of the integers, too: for a row of zeros it is infinite, the scale 0.
        scale[i] = -_f(1) / np.sqrt(_f(squares) + floor * steps * steps)


@_compiled()
def pool_logistic(  # noqa: PLR0917 - compiled
    products: np.ndarray,
    scale: np.ndarray,
    unit: np.ndarray,
    ceiling: np.ndarray,
    cells: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add up σ(-scale · unit · product - offset) over the places of each cell.

    Parameters
    ----------
    products : int32 array of shape (places, filters)
    scale : float32 array of shape (places,)
    unit : float32 array of shape (filters,)
    ceiling : float32 array of shape (filters,)
        exp(offset), at most exp(20).
    cells : int64 array of shape (places,)
        The row of ``out`` that a place belongs to.
    weights : float32 array of shape (cells,)
        What every answer in a cell counts: one over the number of its places, for means.
    out : float32 array of shape (cells, filters)
        Added to.
    """
    for place in range(products.shape[0]):
        factor, weight = scale[place], weights[cells[place]]
        answer, given = out[cells[place]], products[place]
        for j in range(given.shape[0]):
            x = min(max(_f(given[j]) * (factor * unit[j]), -_LARGEST), _LARGEST)
            answer[j] += weight / (_f(1) + ceiling[j] * exponential(x))


@_compiled()
def pool_both_signs(  # noqa: PLR0917 - compiled
    products: np.ndarray,
    scale: np.ndarray,
    unit: np.ndarray,
    ceiling: np.ndarray,
    cells: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
    opposite: np.ndarray,
) -> None:
    """As `pool_logistic`, and add up σ(+scale · unit · product - offset) in ``opposite``.

    Both take one exponential and one division: with a = e^-z and c = e^o, σ(z - o) = 1 / (1 + c a)
    and σ(-z - o) = a / (a + c), over the common denominator, which is below e^61.
    """
    for place in range(products.shape[0]):
        factor, weight = scale[place], weights[cells[place]]
        answer, against, given = out[cells[place]], opposite[cells[place]], products[place]
        for j in range(given.shape[0]):
            x = min(max(_f(given[j]) * (factor * unit[j]), -_LARGEST), _LARGEST)
            a = exponential(x)
            one, other = _f(1) + ceiling[j] * a, a + ceiling[j]
            share = weight / (one * other)
            answer[j] += other * share
            against[j] += a * one * share
