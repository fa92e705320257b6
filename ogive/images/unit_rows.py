"""Rows of length one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidTypeError


def unit_rows(
    rows: npt.ArrayLike | Tensor, width: int | None = None, name: str = "vectors"
) -> np.ndarray:
    """Return rows scaled to length one, float32 of shape (n, d).

    Raises
    ------
    InvalidDataError
        If they have no two dimensions or another width, are not finite, or one has length zero.

    Examples
    --------
    >>> unit_rows([[3, 4]])
    array([[0.6, 0.8]], dtype=float32)
    """
    array: np.ndarray = (
        rows.detach().cpu().numpy() if isinstance(rows, Tensor) else np.asarray(rows)
    )
    if array.dtype.kind not in "fiub":
        raise InvalidTypeError(f"{name} has dtype {array.dtype}; it must hold real numbers")
    if array.ndim != 2 or (width is not None and array.shape[1] != width) or not array.shape[1]:
        rule = "(n, d)" if width is None else f"(n, {width})"
        raise InvalidDataError(f"{name} has shape {array.shape}; it must be {rule}")
    unit: np.ndarray = np.empty(array.shape, dtype=np.float32)
    for part in chunks(len(array)):
        exact = array[part].astype(np.float64)
        largest = np.abs(exact).max(axis=1, keepdims=True)
        wrong = np.flatnonzero(~np.isfinite(largest) | (largest == 0))
        if len(wrong):
            what = "zeros only" if largest[wrong[0]] == 0 else "NaN or infinity"
            raise InvalidDataError(
                f"row {part.start + wrong[0]} of {name} holds {what}, so it has no direction; "
                "leave it out"
            )
        exact = exact / largest  # squares of what is left can neither overflow nor vanish
        unit[part] = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    return unit


def chunks(count: int, size: int = 8192) -> Iterator[slice]:
    """Cut a number of rows, so that float64 copies of a part stay small."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
