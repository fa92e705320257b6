"""A table in memory: named columns of numbers or of text, and where each row came from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import numpy as np

from ogive._errors import InvalidDataError
from ogive.data._labels import encode_text
from ogive.data.columns import Layout, Reference, find_target
from ogive.data.dataset import Dataset

Kind = Literal["number", "text", "skip"]
Choice = Callable[[Layout], Sequence[Kind]]

_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for a missing value.

    Examples
    --------
    >>> is_missing(" NaN "), is_missing("?"), is_missing("0")
    (True, True, False)
    """
    return cell.strip().lower() in _MISSING


def finite_numbers(cells: Sequence[str]) -> list[float] | None:
    """Return the cells as finite numbers, or None if one is not.

    Examples
    --------
    >>> finite_numbers(["1", " 2.5e0"]), finite_numbers(["1", "inf"]), finite_numbers(["1_000"])
    ([1.0, 2.5], None, None)
    """
    try:
        numbers = list(map(float, cells))
    except ValueError:
        return None
    # float() reads 1_000, a habit of programs and not of tables.
    return None if "_" in "".join(cells) or not all(map(math.isfinite, numbers)) else numbers


def numbers_but_for(target: Reference | None) -> Choice:
    """Return the choice of columns for a table of numbers and a target, which is read as text."""

    def choose(layout: Layout) -> list[Kind]:
        found = find_target(layout, target)
        return ["text" if p == found else "number" for p in range(len(layout.names))]

    return choose


@dataclass(frozen=True)
class BadCell:
    """The first cell of a column that is no finite number."""

    row: int
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    r"""Rows of named columns, as a file of text or parquet holds them.

    Parameters
    ----------
    name : str
        What to call the table in messages and reports.
    origin : str
        The file it was read from, for messages about its cells.
    names : tuple of str
        All columns of the file, in its order; "column 0", ... if it has no header.
    header : bool
        Whether the names are the file's own.
    numbers : mapping of int to ndarray of shape (n,)
        By position: the columns whose cells are all finite numbers; float64.
    texts : mapping of int to list of str
        By position: the columns that were asked for as text.
    bad : mapping of int to BadCell
        By position: the columns asked for as numbers that are not.
    rows : int
        Their number n.
    places : sequence of int
        The line (or row) of the file that each row ends on.
    unit : str
        What the places count: "line" or "row".

    Examples
    --------
    >>> import tempfile
    >>> from ogive.data import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = folder + "/pets.csv"
    ...     _ = open(file, "w").write("weight,kind\n4.5,cat\n20,dog\n")
    ...     table = read_table(file, lambda layout: ["number", "text"])
    >>> table
    Table('pets': 2 rows, columns 'weight' (number), 'kind' (text))
    >>> table.texts[1]
    ['cat', 'dog']
    """

    name: str
    origin: str
    names: tuple[str, ...]
    header: bool
    numbers: Mapping[int, np.ndarray]
    texts: Mapping[int, list[str]]
    bad: Mapping[int, BadCell]
    rows: int
    places: Sequence[int]
    unit: str = field(default="line")

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        shown = []
        for position, name in enumerate(self.names):
            if position in self.numbers:
                shown.append(f"{name!r} (number)")
            elif position in self.texts or position in self.bad:
                shown.append(f"{name!r} (text)")
        return f"Table({self.name!r}: {self.rows} rows, columns {', '.join(shown)})"

    @property
    def layout(self) -> Layout:
        """The columns without the rows."""
        return Layout(self.origin, self.names, self.header)

    def take(self, indices: np.ndarray) -> Table:
        """Return the rows at `indices` (or where a boolean mask is true), in that order.

        Raises
        ------
        InvalidDataError
            If a column is no numbers.
        """
        if self.bad:
            self.refuse_bad()
        rows = np.arange(self.rows)[indices]
        return Table(
            self.name,
            self.origin,
            self.names,
            self.header,
            {position: column[rows] for position, column in self.numbers.items()},
            {position: [cells[i] for i in rows] for position, cells in self.texts.items()},
            {},
            len(rows),
            [self.places[i] for i in rows],
            self.unit,
        )

    def place(self, row: int) -> str:
        """Return where a row stands in the file: "a.csv, line 7"."""
        return f"{self.origin}, {self.unit} {self.places[row]}"

    def targets(self, position: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return a text column as targets: codes and class names, or real values without names.

        Raises
        ------
        InvalidDataError
            If a cell is empty or NaN.
        """
        cells = [cell.strip() for cell in self.texts[position]]
        for row, cell in enumerate(cells):
            if cell.lower() in ("", "nan"):
                raise InvalidDataError(
                    f"{self.place(row)}: the target {self.names[position]!r} is missing: "
                    f"fill it in or remove the {self.unit}"
                )
        return encode_text(cells)

    def dataset(self, target: int) -> Dataset:
        """Return the table as rows of numbers and a target.

        Raises
        ------
        InvalidDataError
            If a column is no numbers, or a target is missing.
        """
        if self.bad:
            self.refuse_bad()
        if not self.numbers:
            raise InvalidDataError(
                f"{self.origin} has one column where a feature and a target are expected: name "
                "the delimiter if it has more"
            )
        y, classes = self.targets(target)
        features = sorted(self.numbers)
        X = np.column_stack([self.numbers[position] for position in features])
        names = tuple(self.names[position] for position in features) if self.header else None
        return Dataset(self.name, X, y, classes, None, names)

    def refuse_bad(self) -> NoReturn:
        """Raise the error about the columns that are no numbers; call it if there are any."""
        text = {p: cell for p, cell in self.bad.items() if not is_missing(cell.text)}
        position, cell = min((text or self.bad).items(), key=lambda item: item[1].row)
        where = f"{self.place(cell.row)}, column {self.names[position]!r}"
        if not text:
            raise InvalidDataError(
                f"{where}: the value is missing ({cell.text!r}): fill it in or remove the "
                f"{self.unit}"
            )
        names = ", ".join(repr(self.names[p]) for p in sorted(text))
        what = "the column" if len(text) == 1 else f"the columns {names}"
        wrong = "is text" if _is_finite(cell.text) else "is not a finite number"
        raise InvalidDataError(
            f"{where}: {_shortened(cell.text)} {wrong}: encode {what} as "
            "categories (categorical) or words (text), leave out (drop), or mend the cell"
        )


def _is_finite(text: str) -> bool:
    # Digits can be text only where the file says so: parquet has types, with which 0012 stays 0012.
    return text.strip().removeprefix("-").replace(".", "", 1).isdecimal()


def _shortened(text: str, limit: int = 60) -> str:
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
