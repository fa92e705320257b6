"""Checks and conversions at the border: numpy, torch and scipy.sparse in, tensors inside."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive._typing import Matrix

# Rows inside the library: a dense tensor, or a scipy CSR matrix (CPU only).
Rows = Tensor | sparse.csr_matrix

_FLOATING = (torch.float32, torch.float64)
# Small integers and half precision fit float32 without loss; wider integers need float64.
_TO_FLOAT32 = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.float16,
    torch.bfloat16,
)


def as_rows(X: Matrix, name: str = "X") -> Rows:
    """Return ``X`` as a float tensor of shape (n, d), or as a CSR matrix if it is sparse.

    Parameters
    ----------
    X : array_like, Tensor or sparse matrix of shape (n, d)
        Small integers become float32, wider ones float64; float32 and float64 are kept.
    name : str
        What error messages call it.

    Returns
    -------
    Tensor or csr_matrix of shape (n, d)
        A view on the caller's memory wherever the type allows it.

    Raises
    ------
    InvalidDataError
        If it is empty, not two-dimensional, or holds NaN or infinity.
    InvalidTypeError
        If it is complex, or not numeric.
    """
    rows = _sparse_rows(X, name) if sparse.issparse(X) else _dense_rows(X, name)
    if len(rows.shape) != 2:
        raise InvalidDataError(
            f"{name} has shape {tuple(rows.shape)}; it must have two dimensions (rows, features): "
            "reshape one feature with X.reshape(-1, 1), one row with X.reshape(1, -1)"
        )
    if rows.shape[0] == 0 or rows.shape[1] == 0:
        raise InvalidDataError(
            f"{name} has shape {tuple(rows.shape)}; it must hold at least one row and one feature"
        )
    _check_finite(rows, name)
    return rows


def from_numpy(array: np.ndarray) -> Tensor:
    """View a numpy array as a tensor; a read-only array is viewed too and must not be written."""
    if any(stride < 0 for stride in array.strides):
        array = array.copy()  # ascontiguousarray would keep the stride of a dimension of length 1
    if array.flags.writeable:
        return torch.from_numpy(array)
    with warnings.catch_warnings():
        # Ogive never writes into its inputs, so torch's warning about doing so does not apply.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def like_input(answer: Tensor, given: Any) -> Any:
    """Return ``answer`` as numpy unless ``given`` was a tensor: types in, types out."""
    return answer if isinstance(given, Tensor) else answer.detach().numpy()


def check_same_width(rows: Rows, other: Rows, name: str, other_name: str) -> None:
    """Raise unless both sides have the same number of features."""
    if rows.shape[1] != other.shape[1]:
        raise InvalidDataError(
            f"{other_name} has {other.shape[1]} features and {name} has {rows.shape[1]}; "
            "both must have the same number: pass the same columns in the same order"
        )


def check_positive(value: float, name: str, *, allow_zero: bool = False) -> None:
    """Raise unless ``value`` is a finite number above zero (or zero, where that is allowed)."""
    rule = "a finite number of at least 0" if allow_zero else "a finite number above 0"
    ok = isinstance(value, int | float | np.number) and np.isfinite(value)
    if not ok or value < 0 or (value == 0 and not allow_zero):
        raise InvalidParameterError(f"{name}={value!r}; it must be {rule}")


def check_count(value: int, name: str, *, least: int = 1) -> int:
    """Return a whole number of at least ``least``, or raise."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise InvalidParameterError(
            f"{name}={value!r}; it must be a whole number of at least {least}"
        )
    return int(value)


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def memory_bytes(memory: int | float | str, name: str = "memory") -> int:
    """Return a memory budget in bytes.

    Examples
    --------
    >>> memory_bytes("256 MB"), memory_bytes("1.5 GiB"), memory_bytes(4096)
    (256000000, 1610612736, 4096)
    """
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmg]?i?)b?\s*", memory.lower())
        if match is None or match[2] == "i":
            raise InvalidParameterError(
                f"{name}={memory!r}; write a number of bytes or a size such as '256 MB' or '2 GiB'"
            )
        number = float(match[1]) * _UNITS[match[2]]
    else:
        check_positive(memory, name)
        number = memory
    if number < 1:
        raise InvalidParameterError(f"{name}={memory!r}; it must be at least one byte")
    return int(number)


def _dense_rows(X: Any, name: str) -> Tensor:
    if not isinstance(X, Tensor):
        X = from_numpy(_numeric_array(X, name))
    if X.is_complex():
        raise InvalidTypeError(
            f"{name} holds complex data ({X.dtype}), which is not supported: kernels are real; "
            "pass real and imaginary parts as separate features"
        )
    if X.dtype in _FLOATING:
        return X
    return X.to(torch.float32 if X.dtype in _TO_FLOAT32 else torch.float64)


def _numeric_array(X: Any, name: str) -> np.ndarray:
    array = np.asarray(X)
    if array.dtype == object or array.dtype.kind in "US":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(
                f"{name} holds values that are not numbers ({error}): encode text and categories "
                "as numbers first"
            ) from None
    if array.dtype.kind not in "fiubc":
        raise InvalidTypeError(f"{name} has dtype {array.dtype}; it must be numeric")
    if array.dtype in (np.uint16, np.uint32, np.uint64, np.longdouble):
        array = array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _sparse_rows(X: Any, name: str) -> sparse.csr_matrix:
    if X.dtype.kind == "c":
        raise InvalidTypeError(f"{name} holds complex data ({X.dtype}), which is not supported")
    csr = sparse.csr_matrix(X)
    keep = csr.dtype in (np.float32, np.float64)
    return csr if keep else csr.astype(np.float64)


def _check_finite(rows: Rows, name: str) -> None:
    values = from_numpy(rows.data) if isinstance(rows, sparse.csr_matrix) else rows.detach()
    # One pass without a temporary: a sum is finite unless a value is not (or it overflows,
    # and only then is the exact and slower test worth its memory).
    if bool(torch.isfinite(values.sum())) or bool(torch.isfinite(values).all()):
        return
    bad = int((~torch.isfinite(values)).sum())
    what = "NaN" if bool(torch.isnan(values).any()) else "inf"
    raise InvalidDataError(
        f"{name} contains {what} ({bad} values are not finite); every value must be finite: "
        "impute or drop the rows concerned"
    )
