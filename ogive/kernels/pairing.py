"""Pairings: how a row x meets a row z, before any epilogue.

A pairing is one matrix product (or an outer sum) between two blocks of rows. Kernels ask for them
through `Products`, so the same kernel code serves a dense matrix, a tile of a large one and a
diagonal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ogive._checks import Rows, from_numpy
from ogive._errors import InvalidParameterError
from ogive._typing import Number


class Products(ABC):
    """The pairings between two blocks of rows x (n, d) and z (m, d).

    Pairings come as scale · pairing + shift, because implementations can often fold this affine
    map into work they do anyway. Each method returns a tensor that the caller owns: where
    ``in_place`` holds it may be overwritten, otherwise automatic differentiation needs it as it is.
    """

    in_place: bool

    @abstractmethod
    def dot(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Inner products: scale · ⟨x, z⟩ + shift."""

    @abstractmethod
    def squared_distance(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Squared Euclidean distances: scale · ‖x - z‖² + shift, with ‖x - z‖² never negative."""

    @abstractmethod
    def outer_sum(self, left: Tensor, right: Tensor) -> Tensor:
        """Outer sums left_i + right_j of one number a row of each side."""

    @abstractmethod
    def sides(self) -> tuple[Rows, Rows]:
        """Both blocks of rows."""


class Pairing(ABC):
    """Names one pairing; a kernel family is a pairing and an epilogue."""

    @abstractmethod
    def of(self, products: Products, scale: Number, shift: Number) -> Tensor:
        """Return scale · pairing + shift for the two blocks."""


class DotProduct(Pairing):
    """⟨x, z⟩."""

    def of(self, products: Products, scale: Number, shift: Number) -> Tensor:
        """Return scale · ⟨x, z⟩ + shift."""
        return products.dot(scale, shift)


class SquaredDistance(Pairing):
    """‖x - z‖² = ‖x‖² + ‖z‖² - 2⟨x, z⟩, clamped at zero."""

    def of(self, products: Products, scale: Number, shift: Number) -> Tensor:
        """Return scale · ‖x - z‖² + shift."""
        return products.squared_distance(scale, shift)


class DenseProducts(Products):
    """All pairs of two blocks at once, differentiable unless ``in_place``."""

    def __init__(self, x: Rows, z: Rows, *, in_place: bool) -> None:
        self.x, self.z, self.in_place = x, z, in_place

    def dot(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ⟨x, z⟩ + shift of shape (n, m)."""
        return affine(dot_products(self.x, self.z), scale, shift, in_place=self.in_place)

    def squared_distance(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ‖x - z‖² + shift; a row's distance from itself is exactly zero."""
        norms = squared_norms(self.x)
        others = norms if self.x is self.z else squared_norms(self.z)
        distance = self.dot().mul_(-2).add_(norms[:, None]).add_(others[None, :])
        distance = distance.clamp_(min=0) if self.in_place else distance.clamp(min=0)
        distance = distance.fill_diagonal_(0) if self.x is self.z else distance
        return affine(distance, scale, shift, in_place=self.in_place)

    def outer_sum(self, left: Tensor, right: Tensor) -> Tensor:
        """Return left_i + right_j of shape (n, m)."""
        return left[:, None] + right[None, :]

    def sides(self) -> tuple[Rows, Rows]:
        """Return both blocks."""
        return self.x, self.z


class RowwiseProducts(Products):
    """Row i of one block against row i of the other: diagonals."""

    in_place = False

    def __init__(self, x: Rows, z: Rows) -> None:
        self.x, self.z = x, z

    def dot(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ⟨x_i, z_i⟩ + shift of shape (n,)."""
        if isinstance(self.x, Tensor) and isinstance(self.z, Tensor):
            dot = torch.linalg.vecdot(self.x, self.z)  # no product of the data's size
        else:
            dot = _column(_sparse(self.x).multiply(_sparse(self.z)).sum(1))
        return affine(dot, scale, shift, in_place=False)

    def squared_distance(self, scale: Number = 1.0, shift: Number = 0.0) -> Tensor:
        """Return scale · ‖x_i - z_i‖² + shift of shape (n,)."""
        if isinstance(self.x, Tensor) and isinstance(self.z, Tensor):
            distance = (self.x - self.z).square().sum(1)
        else:
            difference = _sparse(self.x) - _sparse(self.z)
            distance = _column(difference.multiply(difference).sum(1))
        return affine(distance, scale, shift, in_place=False)

    def outer_sum(self, left: Tensor, right: Tensor) -> Tensor:
        """Return left_i + right_i of shape (n,)."""
        return left + right

    def sides(self) -> tuple[Rows, Rows]:
        """Return both blocks."""
        return self.x, self.z


def affine(z: Tensor, scale: Number, shift: Number, *, in_place: bool) -> Tensor:
    """Return scale · z + shift, in one pass over the memory of z if ``in_place``."""
    if in_place:
        scale, shift = held_by(z.dtype, scale), held_by(z.dtype, shift)
        if shift == 0:
            return z if scale == 1 else z.mul_(scale)
        return torch.add(z.new_tensor(shift), z, alpha=scale, out=z)
    scale, shift = _parameter_like(scale, z), _parameter_like(shift, z)
    z = z if _is_number(scale, 1.0) else z * scale
    return z if _is_number(shift, 0.0) else z + shift


def held_by(dtype: torch.dtype, value: Number) -> float:
    """Return the number of a kernel's affine map, or raise if the type of the data cannot hold it.

    Raises
    ------
    InvalidParameterError
    """
    number = float(value)
    if abs(number) > torch.finfo(dtype).max:
        raise InvalidParameterError(
            f"the kernel multiplies or shifts by {number:g}, beyond what {dtype} holds; give "
            "parameters (gamma, coef0) of ordinary size and scale the data instead"
        )
    return number


def dot_products(x: Rows, z: Rows) -> Tensor:
    """Return the inner products of all pairs of rows, (n, m), for dense and sparse blocks."""
    if isinstance(x, Tensor) and isinstance(z, Tensor):
        return x @ z.T
    product: Any = _native(x) @ _native(z).T
    return from_numpy(product if isinstance(product, np.ndarray) else product.toarray())


def squared_norms(x: Rows) -> Tensor:
    """Return ‖x_i‖² of shape (n,)."""
    return RowwiseProducts(x, x).dot()


def project(x: Rows, directions: Tensor) -> Tensor:
    """Return ⟨x_i, direction_h⟩ of shape (n, heads) for directions of shape (heads, d)."""
    return dot_products(x, directions)


def _native(x: Rows) -> Any:
    return x.detach().numpy() if isinstance(x, Tensor) else x


def _sparse(x: Rows) -> sparse.csr_matrix:
    return sparse.csr_matrix(_native(x))


def _column(sums: Any) -> Tensor:
    return from_numpy(np.asarray(sums).ravel())


def _parameter_like(value: Number, reference: Tensor) -> Number:
    if isinstance(value, Tensor):
        return value.to(dtype=reference.dtype, device=reference.device)
    return value


def _is_number(value: Number, number: float) -> bool:
    return not isinstance(value, Tensor) and value == number
