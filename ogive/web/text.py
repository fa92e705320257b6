"""Names as JSON and a page can hold them."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a name with what is no UTF-8 in it written as escapes; file names may hold such.

    Examples
    --------
    >>> printable("caf\udce9")
    'caf\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
