"""Checking that something raises, without a test framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def assert_raises(
    error: type[BaseException], function: Callable[..., Any], *args: Any, message: str = ""
) -> str:
    """Call the function; raise AssertionError unless it raises ``error`` with that in its message.

    Returns
    -------
    str
        The message of the error.
    """
    try:
        function(*args)
    except error as raised:
        text = str(raised)
        assert message in text, f"{type(raised).__name__} does not say {message!r}: {text}"
        return text
    raise AssertionError(f"{error.__name__} was not raised")
