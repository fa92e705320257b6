"""Values of the functions that a support vector machine has learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ogive.solvers.pairs import class_pairs

Blocks = Iterator[tuple[slice, Tensor]]


@dataclass(frozen=True, eq=False)
class SupportFunctions:
    """Functions f(x) = Σ_j k(x, row_j) c_j + b, one for each pair of classes, or one.

    Attributes
    ----------
    coefficient : float64 array
        Of shape (m, functions); or, with ``counts``, (classes - 1, m), as `PairSolutions` keeps
        them: a row has a part in the pairs of its own class only.
    intercept : float64 array of shape (functions,)
    counts : tuple of int or None
        How many of the m rows belong to each class, in order of the classes.
    """

    coefficient: np.ndarray
    intercept: np.ndarray
    counts: tuple[int, ...] | None = None

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, SupportFunctions)
            and self.counts == other.counts
            and np.array_equal(self.coefficient, other.coefficient)
            and np.array_equal(self.intercept, other.intercept)
        )

    @property
    def carried(self) -> int:
        """How many rows carry the functions."""
        return self.coefficient.shape[0 if self.counts is None else 1]

    def values(self, blocks: Blocks, rows: int) -> np.ndarray:
        """Return the functions' values.

        Parameters
        ----------
        blocks : iterator of (slice, Tensor of shape (some, m))
            The kernel of new rows against the m rows, in parts.
        rows : int
            How many new rows there are.

        Returns
        -------
        float64 array of shape (rows, functions)
        """
        out = np.empty((rows, len(self.intercept)))
        for some, block in blocks:
            out[some] = self._block_values(block)
        return out + self.intercept

    def _block_values(self, block: Tensor) -> np.ndarray:
        coefficient = torch.from_numpy(self.coefficient).to(block)
        if self.counts is None:
            return (block @ coefficient).double().cpu().numpy()
        pairs = _pairs_of_classes(len(self.counts))
        values = block.new_zeros(len(block), len(self.intercept))
        end = 0
        for count, numbers in zip(self.counts, pairs, strict=True):
            begin, end = end, end + count
            values[:, numbers] += block[:, begin:end] @ coefficient[:, begin:end].T
        return values.double().cpu().numpy()


def _pairs_of_classes(classes: int) -> list[list[int]]:
    """Return, for each class, the numbers of its pairs with all others in their order."""
    number = {pair: place for place, pair in enumerate(class_pairs(classes))}
    return [
        [number[min(c, other), max(c, other)] for other in range(classes) if other != c]
        for c in range(classes)
    ]
