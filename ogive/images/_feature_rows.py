"""Sets of feature vectors as callers give them, checked."""

from __future__ import annotations

from torch import Tensor

from ogive._checks import as_rows, check_same_width
from ogive._errors import InvalidDataError, InvalidTypeError
from ogive._typing import Float, Matrix


def feature_rows(given: Matrix, name: str, least: int = 1) -> Float[Tensor, "n d"]:
    """Return a set as float rows of its own precision.

    Raises
    ------
    InvalidDataError
        If it has fewer than ``least`` rows, is not finite or not two-dimensional.
    InvalidTypeError
        If it is sparse or not numeric.
    """
    rows = as_rows(given, name)
    if not isinstance(rows, Tensor):
        raise InvalidTypeError(f"{name} is sparse, and feature vectors are dense: pass a.toarray()")
    if len(rows) < least:
        raise InvalidDataError(f"{name} has {len(rows)} rows; it must have at least {least}")
    return rows.detach()


def feature_pair(
    a: Matrix, b: Matrix, names: tuple[str, str], least: int = 1
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    """Return two sets as `feature_rows` does.

    Raises
    ------
    InvalidDataError
        Also if the numbers of features differ.
    """
    rows, others = feature_rows(a, names[0], least), feature_rows(b, names[1], least)
    check_same_width(rows, others, *names)
    return rows, others
