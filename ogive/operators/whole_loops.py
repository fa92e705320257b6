"""What becomes of a tile of whole-number products, compiled: one pass from int32 to float32.

As torch operations these would convert the products first, and read and write them several times.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
_f = np.float32


@_compiled
def sums(
    products: np.ndarray, row: np.ndarray, column: np.ndarray, scale: float, out: np.ndarray
) -> None:
    """Write scale · products_ij + row_i + column_j.

    Parameters
    ----------
    products : int32 array of shape (n, m)
    row, column : float32 arrays of shapes (n,) and (m,)
    scale : float32
    out : float32 array of shape (n, m)
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = _f(products[i, j]) * scale + (row[i] + column[j])


@_compiled
def squared_distances(  # noqa: PLR0917 - compiled
    products: np.ndarray,
    row: np.ndarray,
    column: np.ndarray,
    scale: float,
    shift: float,
    out: np.ndarray,
) -> None:
    """Write scale · (row_i + column_j - 2 products_ij) + shift; what is in brackets is exact.

    Parameters
    ----------
    products : int32 array of shape (n, m)
    row, column : int32 arrays of shapes (n,) and (m,)
        ‖p_i‖² and ‖q_j‖²; no sum of both and twice a product is 2³¹ or more.
    scale, shift : float32
    out : float32 array of shape (n, m)
    """
    two = np.int32(2)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            distance = np.int32(np.int32(row[i] + column[j]) - np.int32(two * products[i, j]))
            out[i, j] = _f(distance) * scale + shift
