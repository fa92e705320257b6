"""Inner products of very many rows of features, rounded to 8 bits where that is faster."""

from __future__ import annotations

import torch
from torch import Tensor

from ogive._typing import Float
from ogive._whole_numbers import fast_whole_products
from ogive.kernels import Linear
from ogive.operators import KernelOperator

_LEAST_ROWS = 16_384  # below these, products of single precision take seconds
_MOST = 127
# Where the largest entry is farther above the ordinary ones, rounding would show.
_CREST = 10.0
_MEMORY = "1 GB"  # of working buffers, beside a matrix of at least as much


def worth_rounding(rows: int, dtype: torch.dtype) -> bool:
    """Whether products of so many rows are to be rounded."""
    return rows >= _LEAST_ROWS and dtype == torch.float32 and fast_whole_products()


def random_rotation(size: int, seed: int) -> Float[Tensor, "r r"]:
    """Return a random orthogonal matrix, float64.

    Rows of features times it have the same inner products, and entries that are all of about the
    same size, whatever the sizes of the features were.

    Examples
    --------
    >>> rotation = random_rotation(3, 0)
    >>> torch.allclose(rotation.T @ rotation, torch.eye(3, dtype=torch.float64))
    True
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q


def inner_products(z: Float[Tensor, "n r"]) -> Float[Tensor, "n n"]:
    """Return z zᵀ, or where `worth_rounding` says so the products of rows that are close by.

    With entries of deviation s and largest size c s the rounding of z to 1/127 of that adds errors
    of deviation c s² √r / 155 to the products, c / (155 √r) of a row's square: for turned rows of a
    thousand features about 1/1000. What is returned is positive semidefinite all the same.

    Parameters
    ----------
    z : Tensor of shape (n, r)
        Turned by `random_rotation`, if it is to be rounded; is overwritten by the rows close by.

    Returns
    -------
    Tensor of shape (n, n)

    Examples
    --------
    >>> inner_products(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    tensor([[5., 2.],
            [2., 1.]])
    """
    step = _step(z) if worth_rounding(len(z), z.dtype) else None
    if step is None:
        return KernelOperator(Linear(), z, memory=_MEMORY, precision="full").dense_tensor()
    z.div_(step).round_()
    found = KernelOperator(step**2 * Linear(), z, memory=_MEMORY).dense_tensor()
    z.mul_(step)
    return found


def _step(z: Tensor) -> float | None:
    """Return what to round to, or None where rounding would show."""
    largest = float(torch.linalg.vector_norm(z, torch.inf))
    usual = float(torch.linalg.vector_norm(z)) / z.numel() ** 0.5
    return largest / _MOST if 0 < largest <= _CREST * usual else None
