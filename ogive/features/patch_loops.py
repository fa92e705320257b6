"""The two loops around the products of patch features, compiled: patches in, pooled answers out.

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


@_compiled("reassoc")
def negative_inverse_norms(rows: np.ndarray, out: np.ndarray) -> None:
    """Write -1 / ‖row‖ for each row."""
    for i in range(rows.shape[0]):
        squares = _f(0)
        for k in range(rows.shape[1]):
            squares += rows[i, k] * rows[i, k]
        out[i] = -_f(1) / np.sqrt(squares + _f(1e-12))


@_compiled()
def pool_logistic(  # noqa: PLR0917 - compiled
    products: np.ndarray,
    scale: np.ndarray,
    ceiling: np.ndarray,
    cells: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add up σ(-scale · product - offset) over the places of each cell.

    Parameters
    ----------
    products : float32 array of shape (places, filters)
    scale : float32 array of shape (places,)
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
            x = min(max(given[j] * factor, -_LARGEST), _LARGEST)
            answer[j] += weight / (_f(1) + ceiling[j] * exponential(x))


@_compiled()
def pool_both_signs(  # noqa: PLR0917 - compiled
    products: np.ndarray,
    scale: np.ndarray,
    ceiling: np.ndarray,
    cells: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
    opposite: np.ndarray,
) -> None:
    """As `pool_logistic`, and add up σ(+scale · product - offset) in ``opposite`` of its shape.

    Both take one exponential and one division: with a = e^-z and c = e^o, σ(z - o) = 1 / (1 + c a)
    and σ(-z - o) = a / (a + c), over the common denominator, which is below e^61.
    """
    for place in range(products.shape[0]):
        factor, weight = scale[place], weights[cells[place]]
        answer, against, given = out[cells[place]], opposite[cells[place]], products[place]
        for j in range(given.shape[0]):
            a = exponential(min(max(given[j] * factor, -_LARGEST), _LARGEST))
            one, other = _f(1) + ceiling[j] * a, a + ceiling[j]
            share = weight / (one * other)
            answer[j] += other * share
            against[j] += a * one * share
