"""Finding the columns of a table that a user names, by name or by number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ogive._errors import InvalidParameterError, nearest_name

Reference = str | int

_TARGET_NAMES = ("target", "label", "class", "y")


class Layout(NamedTuple):
    """The columns of a table before its rows are read.

    Attributes
    ----------
    origin : str
        The file, for messages.
    names : tuple of str
        In the order of the file.
    header : bool
        Whether the names are the file's own.
    """

    origin: str
    names: tuple[str, ...]
    header: bool


def unnamed(count: int) -> tuple[str, ...]:
    """Return the names that columns without a header get.

    Examples
    --------
    >>> unnamed(2)
    ('column 0', 'column 1')
    """
    return tuple(f"column {position}" for position in range(count))


def find_column(layout: Layout, reference: Reference, role: str) -> int:
    """Return the position of the column that is meant.

    Parameters
    ----------
    layout : Layout
    reference : str or int
        A name; or a number, also as text: the position (negative: from the right).
    role : str
        What the column is wanted for: the parameter that a message names.

    Raises
    ------
    InvalidParameterError
        If there is no such column, or several have the name.

    Examples
    --------
    >>> find_column(Layout("a.csv", ("width", "kind"), True), "kind", "target")
    1
    >>> find_column(Layout("a.csv", ("column 0", "column 1"), False), "0", "target")
    0
    """
    names = layout.names
    if isinstance(reference, str) and reference in names:
        if names.count(reference) > 1:
            raise InvalidParameterError(
                f"{role}={reference!r}: {layout.origin} has several columns of that name: give "
                f"the number of one, from 0 to {len(names) - 1}"
            )
        return names.index(reference)
    number = _as_number(reference)
    if number is None:
        raise InvalidParameterError(
            f"{role}={reference!r}: {layout.origin} has no column of that name: "
            f"{nearest_name(str(reference), names)}"
        )
    if isinstance(reference, bool) or not -len(names) <= number < len(names):
        raise InvalidParameterError(
            f"{role}={reference!r}: {layout.origin} has {len(names)} columns: pass a name, or an "
            f"index from {-len(names)} to {len(names) - 1}"
        )
    return number % len(names)


def find_columns(layout: Layout, references: Iterable[Reference], role: str) -> tuple[int, ...]:
    """Return the positions of several columns, each once, in the order of the references."""
    return tuple(dict.fromkeys(find_column(layout, reference, role) for reference in references))


def find_target(layout: Layout, target: Reference | None) -> int:
    """Return the position of the target column.

    If none is named: the column called target, label, class or y in any case, else the last one.

    Examples
    --------
    >>> find_target(Layout("a.csv", ("Class", "width"), True), None)
    0
    """
    found = find_named_target(layout, target)
    return len(layout.names) - 1 if found is None else found


def find_named_target(layout: Layout, target: Reference | None) -> int | None:
    """Return the position of the target column if a name tells it, otherwise None.

    Examples
    --------
    >>> find_named_target(Layout("a.csv", ("width", "label", "height"), True), None)
    1
    """
    if target is not None:
        return find_column(layout, target, "target")
    folded = [name.casefold() for name in layout.names]
    return next((folded.index(name) for name in _TARGET_NAMES if name in folded), None)


def names_a_title(titles: Sequence[str], references: Iterable[Reference | None]) -> bool:
    """Tell whether a reference is one of the cells of a first line, which is a header then.

    A number that can be a position is taken for one.

    Examples
    --------
    >>> names_a_title(["kind", "2001"], ["kind"]), names_a_title(["kind", "2001"], ["2001"])
    (True, True)
    >>> names_a_title(["7", "1"], ["1"])
    False
    """

    def is_name(reference: str) -> bool:
        number = _as_number(reference)
        return number is None or not -len(titles) <= number < len(titles)

    return any(isinstance(r, str) and r in titles and is_name(r) for r in references)


def _as_number(reference: Reference) -> int | None:
    if isinstance(reference, int):
        return int(reference)
    text = reference.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
