"""One table of tolerances: how far an answer may be from a float64 oracle, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

_SINGLE, _DOUBLE = torch.float32, torch.float64

# The error allowed, relative to the size of what was added up (see `assert_close`). One rounding is
# 6e-8 in float32 and 1.1e-16 in float64.
TOLERANCES: dict[tuple[str, torch.dtype], float] = {
    # A kernel value of a few features of size 1: some twenty roundings in the pairing, two in the
    # epilogue, times the slope of the epilogue (the case's amplification).
    ("entry", _SINGLE): 4e-6,
    ("entry", _DOUBLE): 1e-14,
    # A sum of up to a hundred such values: their errors add up, and so do the sum's own.
    ("product", _SINGLE): 1e-5,
    ("product", _DOUBLE): 3e-14,
    # ⟨u, Kv⟩ against ⟨Kᵀu, v⟩: two products and an outer sum.
    ("adjoint", _SINGLE): 2e-5,
    ("adjoint", _DOUBLE): 6e-14,
    # Relative error of a kernel value without its constant: the logistic function of an argument
    # near 20, in which one rounding is 1e-6 absolute, hence 1e-6 of the value.
    ("digits", _SINGLE): 2e-5,
    ("digits", _DOUBLE): 4e-14,
    # A kernel value whose pairing is exact but for the affine map after it: a few roundings of a
    # pairing as large as the number of features (the case's amplification).
    ("exact", _SINGLE): 1e-6,
    # A gradient is a sum of products of slopes, data and right-hand sides.
    ("gradient", _SINGLE): 5e-5,
    ("gradient", _DOUBLE): 1e-12,
    # Data-scaled parameters: float64 sums, of float32 squares where the data are float32.
    ("scale", _SINGLE): 1e-6,
    ("scale", _DOUBLE): 1e-12,
    # L S Lᵀ = K on all rows: an eigendecomposition of size 1, divided by eigenvalues down to 1e-3.
    ("root", _DOUBLE): 1e-10,
    # Predictions of a regularised fit in float64: the error of the kernel, 1e-14, through a system
    # whose condition number stays below 1e5 in the tests.
    ("fit", _DOUBLE): 1e-8,
    # The same from a float32 kernel: 1e-7 through a condition number of up to 1e3.
    ("fit", _SINGLE): 1e-3,
    # An iterative solution, stopped at a relative residual of 1e-12.
    ("iterative", _DOUBLE): 1e-7,
}


def tolerance(operation: str, dtype: Any) -> float:
    """Return the tolerance of an operation ("entry", "product", …) in float32 or float64."""
    return TOLERANCES[operation, as_torch_dtype(dtype)]


def as_torch_dtype(dtype: Any) -> torch.dtype:
    """Return the torch dtype for a numpy or torch one."""
    if isinstance(dtype, torch.dtype):
        return dtype
    return _SINGLE if np.dtype(dtype) == np.float32 else _DOUBLE


def as_numpy(values: Any) -> np.ndarray:
    """Return an array or tensor as float64 numpy."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def assert_close(
    actual: Any,
    expected: Any,
    operation: str,
    dtype: Any,
    *,
    size: Any = None,
    amplification: float = 1.0,
    context: str = "",
) -> None:
    """Raise AssertionError unless |actual - expected| ≤ tolerance · amplification · size.

    Parameters
    ----------
    actual, expected : array or Tensor of the same shape
    operation, dtype
        Row of the table.
    size : array or float, optional
        What the error is relative to, entry by entry; 1 + |expected| if left out.
    amplification : float
        A known factor by which this answer multiplies rounding errors.
    context : str
        Opens the message.
    """
    actual, expected = as_numpy(actual), as_numpy(expected)
    assert actual.shape == expected.shape, (
        f"{context}: shape {actual.shape}, expected {expected.shape}"
    )
    error = np.abs(actual - expected)
    scale = 1.0 + np.abs(expected) if size is None else np.broadcast_to(as_numpy(size), error.shape)
    bound = tolerance(operation, dtype) * amplification * scale
    # Written so that NaN fails.
    wrong = ~(error <= bound)
    if wrong.any():
        worst = np.unravel_index(int(np.argmax(np.where(wrong, error / bound, 0.0))), error.shape)
        raise AssertionError(
            f"{context}: {int(wrong.sum())} of {error.size} values differ; worst at "
            f"{tuple(int(i) for i in worst)}: {actual[worst]!r}, expected {expected[worst]!r}, "
            f"allowed error {bound[worst]:.3g} ({operation}, {as_torch_dtype(dtype)})"
        )
