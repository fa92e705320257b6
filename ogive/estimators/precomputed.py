"""Kernel matrices that users computed themselves."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, from_numpy
from ogive._errors import InvalidDataError
from ogive._typing import Float

_ROUNDING = 16  # roundings of a product that are forgiven


def square_matrix(x: Rows) -> Float[Tensor, "n n"]:
    """Return the kernel matrix of the training rows with themselves, dense.

    Parameters
    ----------
    x : Tensor or csr_matrix of shape (n, n)

    Raises
    ------
    InvalidDataError
        If it is not square or not symmetric.

    Examples
    --------
    >>> square_matrix(torch.eye(2)).shape
    torch.Size([2, 2])
    """
    matrix = x if isinstance(x, Tensor) else from_numpy(x.toarray())
    if matrix.shape[0] != matrix.shape[1]:
        raise InvalidDataError(
            f"kernel='precomputed' and X has shape {tuple(matrix.shape)}; fit needs the square "
            "matrix of the training rows with themselves"
        )
    if not torch.allclose(matrix, matrix.T, rtol=1e-5, atol=1e-8):
        raise InvalidDataError(
            "kernel='precomputed' and X is not symmetric; a kernel machine needs a symmetric "
            "kernel matrix: use the columns of X as features of a linear model instead"
        )
    return matrix


def taken(matrix: Float[Tensor, "n n"], rows: np.ndarray) -> Float[Tensor, "m m"]:
    """Return the kernel matrix of some of the rows."""
    index = from_numpy(rows)
    return matrix[index][:, index]


def equal_rows(matrix: Float[Tensor, "n n"]) -> np.ndarray:
    """Return a number for each row of a kernel matrix, the same for rows that are equal.

    Rounding is forgiven: products of the same numbers differ in their last digits by where they
    stand in a matrix.

    Parameters
    ----------
    matrix : Tensor of shape (n, n)

    Returns
    -------
    int64 array of shape (n,)
        0, 1, … without gaps.

    Examples
    --------
    >>> equal_rows(torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])).tolist()
    [1, 0, 1]
    """
    # Along a random direction different rows have different places, all but certainly.
    direction = from_numpy(np.random.default_rng(0).normal(size=len(matrix))).to(matrix)
    places = (matrix @ direction).double().cpu().numpy()
    order = np.argsort(places, kind="stable")
    size = float(torch.linalg.vector_norm(matrix, dim=1).max())
    noise = _ROUNDING * torch.finfo(matrix.dtype).eps * size * float(direction.norm())
    numbers = np.empty(len(places), dtype=np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(np.diff(places[order]) > noise)])
    return numbers
