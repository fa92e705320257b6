"""Checks of arguments, without torch: Keras may run on another backend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

from ogive._errors import InvalidParameterError, nearest_name


def checked_count(value: Any, name: str) -> int:
    """Return a whole number of at least 1, or raise."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise InvalidParameterError(f"{name}={value!r}; it must be a whole number of at least 1")
    return int(value)


def checked_pair(value: Any, name: str) -> tuple[int, int]:
    """Return two whole numbers of at least 1; one number stands for both."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return (checked_count(value, name),) * 2
    if len(value) != 2:
        raise InvalidParameterError(f"{name}={value!r}; it must be one whole number or 2 of them")
    return checked_count(value[0], name), checked_count(value[1], name)


def checked_name(value: Any, name: str, known: Iterable[str], cure: str = "") -> str:
    """Return one of the known names, or raise."""
    known = tuple(known)
    if not isinstance(value, str):
        raise InvalidParameterError(
            f"{name}={value!r} is no name; give one of {', '.join(map(repr, known))}{cure}"
        )
    if value not in known:
        raise InvalidParameterError(f"{name}={value!r} is unknown; {nearest_name(value, known)}")
    return value


def is_number(value: Any) -> bool:
    """Return whether it is a real number, numpy's included."""
    return isinstance(value, Real) and not isinstance(value, bool)


def checked_number(value: Any, name: str, *, allow_zero: bool = True) -> float:
    """Return a finite number, or raise."""
    if not math.isfinite(value) or (value == 0 and not allow_zero):
        rule = "a finite number" if allow_zero else "a finite number that is not 0"
        raise InvalidParameterError(f"{name}={value!r}; it must be {rule}, or an initializer")
    return float(value)
