"""The operator contract: a matrix that is multiplied, not stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import from_numpy
from ogive._errors import InvalidDataError, InvalidTypeError


class Operator(ABC):
    """An n × m matrix known by its products.

    ``op @ v`` takes a vector (m,) or a block of columns (m, p), numpy or torch, and answers in
    kind; ``op.T`` is the transpose. A new operator states the five abstract members; the public
    ones do the checks and conversions.
    """

    shape: tuple[int, int]
    dtype: torch.dtype
    device: torch.device
    # Whether matrices that no argument gives the type of (rows, diagonal) come back as numpy.
    returns_numpy: bool

    @abstractmethod
    def product(self, v: Tensor) -> Tensor:
        """Return the product with a block of columns v (m, p), in the wider of both types."""

    @abstractmethod
    def transpose(self) -> Operator:
        """Return the transposed operator."""

    @abstractmethod
    def diagonal_tensor(self) -> Tensor:
        """Return the entries (i, i) of a square operator."""

    @abstractmethod
    def dense_tensor(self) -> Tensor:
        """Return the whole matrix (n, m)."""

    @abstractmethod
    def rows_tensor(self, index: Tensor) -> Tensor:
        """Return the rows of those indices, (k, m)."""

    @property
    def T(self) -> Operator:
        """The transposed operator."""
        return self.transpose()

    def __matmul__(self, v: Any) -> Any:
        """Return the product with a vector (m,) or a block of columns (m, p)."""
        block = _as_block(v)
        if block.ndim not in (1, 2) or block.shape[0] != self.shape[1]:
            raise InvalidDataError(
                f"the operator has shape {self.shape} and the right-hand side "
                f"{tuple(block.shape)}; it must be ({self.shape[1]},) or ({self.shape[1]}, p)"
            )
        block = block.to(self.device)
        answer = self.product(block if block.ndim == 2 else block[:, None])
        answer = answer if block.ndim == 2 else answer[:, 0]
        return answer if isinstance(v, Tensor) else answer.detach().cpu().numpy()

    def diagonal(self) -> Any:
        """Return the entries (i, i), of shape (n,); the operator must be square."""
        if self.shape[0] != self.shape[1]:
            raise InvalidDataError(f"shape {self.shape} is not square, so there is no diagonal")
        return self._native(self.diagonal_tensor())

    def to_dense(self) -> Any:
        """Return the whole matrix; it takes n · m numbers of memory, whatever the budget."""
        return self._native(self.dense_tensor())

    def rows(self, index: Any) -> Any:
        """Return one row (m,) for an integer, or the rows (k, m) of a sequence or slice."""
        n = self.shape[0]
        array = np.arange(n)[index] if isinstance(index, slice) else np.asarray(index)
        if array.size and array.dtype.kind not in "iu":
            raise InvalidTypeError(f"index has type {array.dtype}; rows are chosen by integers")
        chosen = torch.tensor(array.astype(np.int64))
        if chosen.numel() and (int(chosen.min()) < -n or int(chosen.max()) >= n):
            raise InvalidDataError(f"index {index!r} is outside the operator's {n} rows")
        block = self.rows_tensor(chosen.reshape(-1) % n)
        return self._native(block[0] if chosen.ndim == 0 else block)

    def _native(self, answer: Tensor) -> Any:
        return answer.detach().cpu().numpy() if self.returns_numpy else answer

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"


def _as_block(v: Any) -> Tensor:
    block = v if isinstance(v, Tensor) else from_numpy(np.asarray(v))
    if block.is_complex():
        raise InvalidTypeError("the right-hand side is complex; operators here are real")
    return block if block.dtype in (torch.float32, torch.float64) else block.double()
