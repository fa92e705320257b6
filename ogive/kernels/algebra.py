"""Sums, products and multiples of kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ogive._typing import Number
from ogive.kernels.base import Kernel, shown_value
from ogive.kernels.pairing import Products, affine
from ogive.kernels.scale import check_number_or_rule


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Kernel):
    """k(x, z) = left(x, z) + right(x, z); written ``left + right``."""

    left: Kernel
    right: Kernel

    def evaluate(self, products: Products) -> Tensor:
        """Return the sum."""
        left, right = self.left.evaluate(products), self.right.evaluate(products)
        return left.add_(right) if products.in_place else left + right

    @property
    def symmetric(self) -> bool:
        """Whether both parts are."""
        return self.left.symmetric and self.right.symmetric

    @property
    def positive_definite(self) -> bool:
        """Whether both parts are."""
        return self.left.positive_definite and self.right.positive_definite

    @property
    def leaves(self) -> int:
        """Those of both parts."""
        return self.left.leaves + self.right.leaves

    def up_to_constant(self) -> Kernel:
        """Return the sum of both parts' precise forms."""
        return Sum(self.left.up_to_constant(), self.right.up_to_constant())

    def transposed(self) -> Kernel:
        """Return the sum of the transposed parts."""
        return Sum(self.left.transposed(), self.right.transposed())

    def text(self, number: Callable[[float], str]) -> str:
        """Write ``left + right``."""
        return f"{self.left.text(number)} + {self.right.text(number)}"


@dataclass(frozen=True, eq=False, repr=False)
class Product(Kernel):
    """k(x, z) = left(x, z) · right(x, z); written ``left * right``."""

    left: Kernel
    right: Kernel

    def evaluate(self, products: Products) -> Tensor:
        """Return the product, entry by entry."""
        left, right = self.left.evaluate(products), self.right.evaluate(products)
        return left.mul_(right) if products.in_place else left * right

    @property
    def symmetric(self) -> bool:
        """Whether both parts are."""
        return self.left.symmetric and self.right.symmetric

    @property
    def positive_definite(self) -> bool:
        """Whether both parts are (Schur's product theorem)."""
        return self.left.positive_definite and self.right.positive_definite

    @property
    def leaves(self) -> int:
        """Those of both parts."""
        return self.left.leaves + self.right.leaves

    def transposed(self) -> Kernel:
        """Return the product of the transposed parts."""
        return Product(self.left.transposed(), self.right.transposed())

    def text(self, number: Callable[[float], str]) -> str:
        """Write ``left * right``."""
        return f"{_bracketed(self.left, number)} * {_bracketed(self.right, number)}"


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Kernel):
    """k(x, z) = factor · inner(x, z); written ``factor * inner``."""

    factor: Number
    inner: Kernel

    def __post_init__(self) -> None:
        check_number_or_rule(self.factor, "factor", ())

    def evaluate(self, products: Products) -> Tensor:
        """Return the multiple."""
        return affine(self.inner.evaluate(products), self.factor, 0.0, in_place=products.in_place)

    @property
    def symmetric(self) -> bool:
        """Whether the inner kernel is."""
        return self.inner.symmetric

    @property
    def positive_definite(self) -> bool:
        """Whether the inner kernel is and the factor is not negative."""
        known = not isinstance(self.factor, Tensor) and self.factor >= 0
        return known and self.inner.positive_definite

    @property
    def leaves(self) -> int:
        """Those of the inner kernel."""
        return self.inner.leaves

    def up_to_constant(self) -> Kernel:
        """Return the multiple of the inner kernel's precise form."""
        return Scaled(self.factor, self.inner.up_to_constant())

    def transposed(self) -> Kernel:
        """Return the multiple of the transposed inner kernel."""
        return Scaled(self.factor, self.inner.transposed())

    def text(self, number: Callable[[float], str]) -> str:
        """Write ``factor * inner``."""
        return f"{shown_value(self.factor, number)} * {_bracketed(self.inner, number)}"


def _bracketed(kernel: Kernel, number: Callable[[float], str]) -> str:
    text = kernel.text(number)
    return f"({text})" if isinstance(kernel, Sum) else text
