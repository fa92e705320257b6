"""What makes a training the same training: recipe and data, compared before it is resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ogive._errors import InvalidParameterError


def digest(*arrays: np.ndarray) -> str:
    """Return a SHA-256 of arrays: types, shapes and contents.

    Examples
    --------
    >>> digest(np.zeros(3)) == digest(np.zeros(3)) != digest(np.zeros((3, 1)))
    True
    """
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def check_identity(kept: Mapping[str, Any], asked: Mapping[str, Any], origin: str) -> None:
    """Raise unless two trainings are the same.

    Parameters
    ----------
    kept, asked : mapping
        Plain values, nested by name.
    origin : str
        Where the first comes from, for the message.

    Raises
    ------
    InvalidParameterError
        Naming everything that differs.

    Examples
    --------
    >>> check_identity({"recipe": {"epochs": 5}}, {"recipe": {"epochs": 8}}, "a.checkpoint")
    Traceback (most recent call last):
    ogive._errors.InvalidParameterError: a.checkpoint belongs to another training: recipe.epochs \
is 5 there and 8 here; train with what it was begun with, or name another checkpoint
    """
    here, there = dict(_flat(asked)), dict(_flat(kept))
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    if names:
        told = (f"{name} is {_shown(there, name)} there and {_shown(here, name)} here"
                for name in names)  # fmt: skip
        raise InvalidParameterError(
            f"{origin} belongs to another training: {'; '.join(told)}; train with what it was "
            "begun with, or name another checkpoint"
        )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            # As a checkpoint gives it back: JSON has no tuples.
            yield prefix + name, list(value) if isinstance(value, tuple) else value


def _shown(values: dict[str, Any], name: str) -> str:
    if name not in values:
        return "absent"
    text = repr(values[name])
    return text if len(text) <= 20 else f"{text[:9]}…{text[-6:]}"
