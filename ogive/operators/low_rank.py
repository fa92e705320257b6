"""A matrix known as a product of thin factors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ogive._checks import as_rows, from_numpy
from ogive._errors import InvalidDataError
from ogive._typing import Float, Matrix
from ogive.operators.base import Operator


class LowRank(Operator):
    """The matrix left · diag(weights) · rightᵀ.

    Signed landmark features L with signature S give it as K̃ = L S Lᵀ.

    Parameters
    ----------
    left : array or Tensor of shape (n, r)
    weights : array or Tensor of shape (r,), optional
        Ones if left out.
    right : array or Tensor of shape (m, r), optional
        ``left`` itself if left out.

    Examples
    --------
    >>> import numpy as np
    >>> LowRank(np.array([[1.0], [2.0]]), weights=[-1.0]).to_dense()
    array([[-1., -2.],
           [-2., -4.]])
    """

    def __init__(self, left: Matrix, weights: Any = None, right: Matrix | None = None) -> None:
        first = _dense(left, "left")
        second = first if right is None else _dense(right, "right")
        self.dtype, self.device = torch.promote_types(first.dtype, second.dtype), first.device
        self.left, self.right = first.to(self.dtype), second.to(self.dtype)
        rank = self.left.shape[1]
        given = torch.ones(rank) if weights is None else _vector(weights)
        self.weights = given.to(self.dtype)
        if self.right.shape[1] != rank or self.weights.shape != (rank,):
            raise InvalidDataError(
                f"left has {rank} columns, right {self.right.shape[1]} and weights shape "
                f"{tuple(self.weights.shape)}; all three must have the same rank"
            )
        self.shape = (self.left.shape[0], self.right.shape[0])
        self.returns_numpy = not isinstance(left, Tensor)

    def product(self, v: Float[Tensor, "m p"]) -> Float[Tensor, "n p"]:
        """Return left (weights · (rightᵀ v))."""
        dtype = torch.promote_types(self.dtype, v.dtype)
        inner = self.right.T.to(dtype) @ v.to(dtype)
        return self.left.to(dtype) @ (self.weights.to(dtype)[:, None] * inner)

    def transpose(self) -> LowRank:
        """Return right · diag(weights) · leftᵀ."""
        other = LowRank(self.right, self.weights, self.left)
        other.returns_numpy = self.returns_numpy
        return other

    def diagonal_tensor(self) -> Tensor:
        """Return Σ_r left_ir weights_r right_ir."""
        return (self.left * self.weights * self.right).sum(1)

    def dense_tensor(self) -> Tensor:
        """Return the whole matrix."""
        return (self.left * self.weights) @ self.right.T

    def rows_tensor(self, index: Tensor) -> Tensor:
        """Return the chosen rows."""
        return (self.left[index] * self.weights) @ self.right.T


def _dense(factor: Matrix, name: str) -> Tensor:
    rows = as_rows(factor, name)
    return rows if isinstance(rows, Tensor) else from_numpy(rows.toarray())


def _vector(weights: Any) -> Tensor:
    return weights if isinstance(weights, Tensor) else torch.as_tensor(weights)
