"""The kernels that every contract suite runs over, each with its oracle.

A new kernel is covered by one more line in `KERNEL_CASES`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive.kernels import (
    AdditiveSigmoid,
    CallableKernel,
    Gaussian,
    Kernel,
    Linear,
    Logistic,
    Polynomial,
    Sigmoid,
)
from ogive.testing import oracles
from ogive.testing.oracles import Oracle


@dataclass(frozen=True)
class KernelCase:
    """A kernel, what it must equal, and what is known about it.

    Attributes
    ----------
    kernel : Kernel
        With numbers for parameters.
    oracle : callable(x, z) -> ndarray
        The same by a naive formula in float64.
    width : int, optional
        Number of features, where the kernel fixes it.
    amplification : float, default 1.0
        Largest slope of a kernel value in the pairing: it multiplies rounding errors.
    differentiable : bool, default True
        Whether gradients flow through it.
    """

    kernel: Kernel
    oracle: Oracle
    width: int | None = None
    amplification: float = 1.0
    differentiable: bool = True

    def __str__(self) -> str:
        return re.sub(r" at 0x\w+", "", repr(self.kernel))  # the same in every run

    def rows(self, n: int, d: int, dtype: Any, seed: int = 0) -> np.ndarray:
        """Return read-only rows (n, d) within the unit cube; d gives way to a fixed width."""
        generator = np.random.default_rng([seed, n, d])
        rows = generator.uniform(-1.0, 1.0, size=(n, self.width or d))
        return read_only(rows.astype(numpy_dtype(dtype)))


def read_only(array: np.ndarray) -> np.ndarray:
    """Return the array, protected: code that writes into its input then raises."""
    array.flags.writeable = False
    return array


def numpy_dtype(dtype: Any) -> Any:
    """Return the numpy dtype for a numpy or torch one."""
    if isinstance(dtype, torch.dtype):
        return np.dtype(np.float32 if dtype == torch.float32 else np.float64)
    return np.dtype(dtype)


def smallest_common(x: Any, z: Any) -> np.ndarray:
    """Σ_k min(x_k, z_k) of dense or sparse rows: a kernel as a user would write it."""
    left, right = (r if isinstance(r, np.ndarray) else r.toarray() for r in (x, z))
    return np.minimum(left[:, None, :], right[None, :, :]).sum(2)


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


_ALPHA = np.array([[0.8, -0.5, 0.3], [-0.2, 0.9, 0.4], [0.1, 0.2, -1.1]])
_BETA = np.array([[-0.6, 0.1, 0.7], [0.5, 0.5, -0.3], [1.0, -0.4, 0.2]])
_OFFSETS = np.array([0.3, -0.7, 0.1])
_WEIGHTS = np.array([0.5, 1.5, -0.8])

_o = oracles
KERNEL_CASES: tuple[KernelCase, ...] = (
    KernelCase(Linear(), _o.linear()),
    KernelCase(Polynomial(3, 0.3, 1.0), _o.polynomial(3, 0.3, 1.0), amplification=6),
    KernelCase(Polynomial(2, 0.5, -0.5), _o.polynomial(2, 0.5, -0.5), amplification=3),
    KernelCase(Polynomial(1, 0.7, 0.0), _o.polynomial(1, 0.7, 0.0)),
    KernelCase(Polynomial(2.5, 0.1, 2.0), _o.polynomial(2.5, 0.1, 2.0), amplification=2),
    KernelCase(Gaussian(0.3), _o.gaussian(0.3)),
    KernelCase(Gaussian(30.0), _o.gaussian(30.0), amplification=30),
    KernelCase(Gaussian(1e-6), _o.gaussian(1e-6)),
    KernelCase(Gaussian(_number(0.3)), _o.gaussian(0.3)),
    KernelCase(Sigmoid(0.3, -0.5), _o.sigmoid(0.3, -0.5)),
    KernelCase(Sigmoid(0.5), _o.sigmoid(0.5, 0.0)),
    KernelCase(Sigmoid(0.0, 0.7), _o.sigmoid(0.0, 0.7)),
    KernelCase(Sigmoid(-0.4, 0.2), _o.sigmoid(-0.4, 0.2)),
    KernelCase(Sigmoid(0.1, -9.0), _o.sigmoid(0.1, -9.0)),
    KernelCase(Sigmoid(0.1, 9.0), _o.sigmoid(0.1, 9.0)),
    KernelCase(Sigmoid(20.0, 0.0), _o.sigmoid(20.0, 0.0), amplification=20),
    KernelCase(Sigmoid(_number(0.3), _number(-0.5)), _o.sigmoid(0.3, -0.5)),
    KernelCase(Logistic(0.6, -1.0), _o.logistic(0.6, -1.0)),
    KernelCase(Logistic(0.2, 18.0), _o.logistic(0.2, 18.0)),
    KernelCase(Logistic(0.2, -18.0), _o.logistic(0.2, -18.0)),
    KernelCase(Logistic(_number(0.6), -1.0), _o.logistic(0.6, -1.0)),
    KernelCase(
        AdditiveSigmoid(_ALPHA, None, _OFFSETS, _WEIGHTS),
        _o.additive(_ALPHA, _ALPHA, _OFFSETS, _WEIGHTS),
        width=3,
    ),
    KernelCase(
        AdditiveSigmoid(_ALPHA, _BETA, _OFFSETS), _o.additive(_ALPHA, _BETA, _OFFSETS, 1.0), width=3
    ),
    KernelCase(AdditiveSigmoid(_ALPHA[0]), _o.additive(_ALPHA[0], _ALPHA[0], 0, 1), width=3),
    KernelCase(
        AdditiveSigmoid(*(torch.from_numpy(a.copy()) for a in (_ALPHA, _BETA, _OFFSETS, _WEIGHTS))),
        _o.additive(_ALPHA, _BETA, _OFFSETS, _WEIGHTS),
        width=3,
    ),
    KernelCase(CallableKernel(smallest_common), _o.smallest_common, differentiable=False),
    KernelCase(
        Gaussian(0.3) + Sigmoid(0.3, -0.5), _o.total(_o.gaussian(0.3), _o.sigmoid(0.3, -0.5))
    ),
    KernelCase(
        Linear() * Sigmoid(0.4, 0.1),
        _o.product(_o.linear(), _o.sigmoid(0.4, 0.1)),
        amplification=3,
    ),
    KernelCase(-1.5 * Linear(), _o.multiple(-1.5, _o.linear()), amplification=1.5),
    KernelCase(
        2 * (Sigmoid(0.2, -9.0) + 0.5 * Linear()) * Gaussian(_number(0.1)),
        _o.product(
            _o.multiple(2, _o.total(_o.sigmoid(0.2, -9.0), _o.multiple(0.5, _o.linear()))),
            _o.gaussian(0.1),
        ),
        amplification=3,
    ),
    KernelCase(
        Sigmoid(0.3, 9.0) * _number(0.7) + Logistic(0.2, 8.0),
        _o.total(_o.multiple(0.7, _o.sigmoid(0.3, 9.0)), _o.logistic(0.2, 8.0)),
    ),
    KernelCase(
        AdditiveSigmoid(_ALPHA, _BETA) * Linear(),
        _o.product(_o.additive(_ALPHA, _BETA, 0, 1), _o.linear()),
        width=3,
        amplification=5,
    ),
)
SYMMETRIC_CASES = tuple(case for case in KERNEL_CASES if case.kernel.symmetric)
