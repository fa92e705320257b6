"""JSON as a file may hold it: strict in what it reads, and infinite numbers survive."""

from __future__ import annotations

import json
import math
from typing import Any

from ogive._errors import InvalidModelError, InvalidParameterError

DEEPEST = 100
_FLOAT = "$float"  # {"$float": "inf"}: JSON has no such number
_INFINITE = {"inf": math.inf, "-inf": -math.inf}
_LARGEST = 2**64
_DIGITS = 24  # more than 2**64 has; int() takes quadratic time


def json_text(values: dict[str, Any]) -> str:
    """Return values as ASCII JSON.

    Raises
    ------
    InvalidParameterError
        For NaN, integers of more than 64 bits, keys that start with "$", and values nested more
        than 100 deep: `parse_json` would refuse them.

    Examples
    --------
    >>> json_text({"a": [1, float("inf")]})
    '{"a":[1,{"$float":"inf"}]}'
    """
    if _too_deep(values):
        raise InvalidParameterError(f"values nested more than {DEEPEST} deep; flatten them")
    return json.dumps(_marked(values), allow_nan=False, separators=(",", ":"))


def parse_json(text: str) -> dict[str, Any]:
    """Return what `json_text` wrote.

    Raises
    ------
    InvalidModelError
        If it is no JSON object, has a key twice, a number that is not finite or beyond 64 bits, or
        is nested too deep.

    Examples
    --------
    >>> parse_json('{"a": {"$float": "-inf"}}')
    {'a': -inf}
    """
    try:
        values = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise InvalidModelError(f"its JSON is nested more than {DEEPEST} deep") from None
    except json.JSONDecodeError as error:
        raise InvalidModelError(f"its JSON is damaged ({error})") from None
    if not isinstance(values, dict):
        raise InvalidModelError(f"its JSON is a {type(values).__name__} where an object is needed")
    if _too_deep(values):
        raise InvalidModelError(f"its JSON is nested more than {DEEPEST} deep")
    return values


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            if key.startswith("$"):
                raise InvalidParameterError(f"key {key!r} starts with '$', which is reserved")
        return {key: _marked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            raise InvalidParameterError("nan is among the values; every number must be one")
        return {_FLOAT: "inf" if value > 0 else "-inf"}
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise InvalidParameterError(f"{value} is among the values; integers have at most 64 bits")
    return value


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidModelError(f"its JSON has the key {twice!r} twice")
    marked = [key for key in found if key.startswith("$")]
    if not marked:
        return found
    mark = found.get(_FLOAT)
    if len(found) == 1 and isinstance(mark, str) and mark in _INFINITE:
        return _INFINITE[mark]
    raise InvalidModelError(f"its JSON has the key {marked[0]!r}, which means nothing")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidModelError(f"its JSON has the number {text[:_DIGITS]}, which is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > _DIGITS or abs(int(text)) >= _LARGEST:
        raise InvalidModelError(
            f"its JSON has the number {text[:_DIGITS]}, which is beyond 64 bits"
        )
    return int(text)


def _refuse_constant(name: str) -> None:
    raise InvalidModelError(f"its JSON has {name}, which is no JSON")


def _too_deep(values: Any) -> bool:
    # Level by level: a recursion would itself be what it guards against.
    level = [values]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list | tuple)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True
