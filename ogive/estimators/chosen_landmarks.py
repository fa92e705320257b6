"""Which rows stand for all, and what equal ones among them weigh together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_same_width, from_numpy
from ogive._devices import on_device
from ogive._typing import Float, Int
from ogive.features import group_rows, select_landmarks
from ogive.kernels import Kernel
from ogive.operators import KernelOperator


@dataclass(frozen=True)
class ChosenLandmarks:
    """Landmarks among rows.

    Attributes
    ----------
    rows : Tensor or csr_matrix of shape (m, d)
    indices : int64 array of shape (m,) or None
        Which rows they are; None for landmarks that the user gave.
    numbers : int64 array of shape (n + m,)
        A number for each row and then each landmark. Equal ones have the same, and the rows' leave
        none out from 0 on.
    """

    rows: Rows
    indices: np.ndarray | None
    numbers: np.ndarray

    @property
    def group(self) -> Int[Tensor, " n"]:
        """The numbers of the rows."""
        return from_numpy(self.numbers[: len(self.numbers) - self.rows.shape[0]])

    def weight(self, weights: Float[Tensor, " n"] | None) -> Float[Tensor, " m"]:
        """Return the total weight of the rows equal to each landmark: so repetitions count."""
        n = len(self.numbers) - self.rows.shape[0]
        each = np.ones(n) if weights is None else weights.numpy()
        sums = np.bincount(self.numbers[:n], weights=each, minlength=self.numbers.max() + 1)
        total = sums[self.numbers[n:]]
        return from_numpy(np.where(total > 0, total, each.mean()))

    def operator(
        self, form: Kernel, x: Rows, *, memory: int | float | str, device: torch.device
    ) -> KernelOperator:
        """Return the operator of rows x against the landmarks."""
        operator = KernelOperator(form, x, self.rows, memory=memory)
        if device.type == "cpu":
            return operator
        sides = [on_device(side, device) for side in operator.sides()]
        return KernelOperator(form, *sides, memory=memory)


def choose_landmarks(
    kernel: Kernel, x: Rows, count: int, landmarks: Any, seed: int
) -> ChosenLandmarks:
    """Choose landmarks among the distinct rows, or take those that were given.

    Parameters
    ----------
    kernel : Kernel
        Resolved.
    x : Tensor or csr_matrix of shape (n, d)
    count : int
    landmarks : str or array of shape (m, d)
        How they are chosen, or the landmarks themselves.
    seed : int
    """
    if not isinstance(landmarks, str):
        rows = as_rows(landmarks, "landmarks")
        check_same_width(x, rows, "X", "landmarks")
        return ChosenLandmarks(rows, None, _equal_rows(x, rows))
    distinct, group = group_rows(x)
    indices = select_landmarks(
        x, count, landmarks, kernel=kernel, distinct=distinct, random_state=seed
    )
    return ChosenLandmarks(x[indices], indices, np.concatenate([group, group[indices]]))


def _equal_rows(x: Rows, landmarks: Rows) -> np.ndarray:
    _, group = group_rows(_stacked(x, landmarks))
    numbers = np.unique(group[: x.shape[0]])
    others = np.setdiff1d(group, numbers)  # landmarks of the user's own need not be training rows
    return np.argsort(np.concatenate([numbers, others]))[group]


def _stacked(x: Rows, landmarks: Rows) -> Rows:
    if isinstance(x, Tensor) and isinstance(landmarks, Tensor):
        return torch.cat([x, landmarks.to(x.dtype)])
    from scipy import sparse

    return sparse.csr_matrix(sparse.vstack([sparse.csr_matrix(x), sparse.csr_matrix(landmarks)]))
