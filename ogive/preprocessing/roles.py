"""Which column of a table is what: target, number, category, text, or none of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ogive._errors import InvalidParameterError
from ogive.data.columns import Layout, Reference, find_columns, find_named_target, find_target
from ogive.data.table import Kind


@dataclass(frozen=True)
class Positions:
    """Where the columns of each role stand in a table; None if it has no target."""

    target: int | None
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    words: tuple[int, ...]


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns of a table are for; those that are not named are numbers.

    Parameters
    ----------
    target : str or int, optional
        By default the column called target, label, class or y in any case, otherwise the last.
    categorical, text, drop : sequence of str or int
        Columns of categories, of text, and those to leave out; by name or position.
    supervised : bool, default True
        Whether there must be a target. If not, a column without such a name is none.

    Examples
    --------
    >>> roles = ColumnRoles(categorical=["colour"])
    >>> roles.kinds(Layout("a.csv", ("colour", "width", "class"), True))
    ['text', 'number', 'text']
    """

    target: Reference | None = None
    categorical: Sequence[Reference] = ()
    text: Sequence[Reference] = ()
    drop: Sequence[Reference] = ()
    supervised: bool = True

    @property
    def named(self) -> tuple[Reference | None, ...]:
        """All references, by which a header is recognised."""
        return (self.target, *self.categorical, *self.text, *self.drop)

    def positions(self, layout: Layout) -> Positions:
        """Find the columns.

        Raises
        ------
        InvalidParameterError
            If a column is not there, has two roles, or none is left to learn from.
        """
        find = find_target if self.supervised else find_named_target
        target = find(layout, self.target)
        categories = find_columns(layout, self.categorical, "categorical")
        words = find_columns(layout, self.text, "text")
        drop = find_columns(layout, self.drop, "drop")
        taken = (*_some(target), *categories, *words, *drop)
        for position in taken:
            if taken.count(position) > 1:
                default = " (it is the target by default)" if self.target is None else ""
                raise InvalidParameterError(
                    f"column {layout.names[position]!r} of {layout.origin} is given two roles "
                    f"among target, categorical, text and drop: give it one{default}"
                )
        numbers = tuple(p for p in range(len(layout.names)) if p not in taken)
        if not numbers and not categories and not words:
            beside = "" if target is None else f" beside the target {layout.names[target]!r}"
            raise InvalidParameterError(
                f"{layout.origin} has no column to learn from{beside} (columns: "
                f"{', '.join(map(repr, layout.names))}): check delimiter and drop"
            )
        return Positions(target, numbers, categories, words)

    def kinds(self, layout: Layout) -> list[Kind]:
        """Return how each column is to be read."""
        found = self.positions(layout)
        kinds: list[Kind] = ["skip"] * len(layout.names)
        for position in found.numbers:
            kinds[position] = "number"
        for position in (*_some(found.target), *found.categories, *found.words):
            kinds[position] = "text"
        return kinds


def _some(position: int | None) -> tuple[int, ...]:
    return () if position is None else (position,)
