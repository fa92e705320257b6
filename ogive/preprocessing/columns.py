"""Preprocessing of tables: numbers scaled, categories one-hot, text as word weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidTypeError, nearest_name
from ogive._record import RecordReader, RecordWriter
from ogive.data import Table
from ogive.data.columns import Layout
from ogive.data.table import Kind
from ogive.preprocessing.base import Preprocessing
from ogive.preprocessing.categories import Categories
from ogive.preprocessing.roles import ColumnRoles
from ogive.preprocessing.scaling import Scaling, check_scaling, read_scaling, write_scaling
from ogive.preprocessing.words import Words

_SHOWN = 12


@dataclass(frozen=True)
class Columns:
    """The columns of the training table that a model uses, and how to find them in another.

    Attributes
    ----------
    header : bool
        Whether they have names of their own; otherwise their positions count.
    count : int
        Number of columns of the training table.
    names : tuple of str
        Of the columns in use: numbers, then categories, then text.
    positions : tuple of int
        Where they stood.
    target, target_position : str, int; or None
        The same of the target, if the table has one.
    """

    header: bool
    count: int
    names: tuple[str, ...]
    positions: tuple[int, ...]
    target: str | None
    target_position: int | None

    def locate(self, layout: Layout) -> list[int]:
        """Return where the columns in use stand in another table.

        Raises
        ------
        InvalidDataError
            If one is missing, or the name is there twice.
        """
        if self.header:
            return self._by_name(layout)
        width = len(layout.names)
        if width == self.count:
            return list(self.positions)
        target, among, either = self.target_position, "", ""
        if target is not None:
            if width == self.count - 1:  # the same table without its target
                return [p - (p > target) for p in self.positions]
            among = f", the target {self.target!r} among them"
            either = ", with or without the target"
        raise InvalidDataError(
            f"{layout.origin} has {width} columns, and the model was fitted on a table of "
            f"{self.count} without a header{among}: give the same columns in the same order{either}"
        )

    def locate_target(self, layout: Layout) -> int | None:
        """Return where the target stands, or None if it is not there."""
        if self.target is None:
            return None
        if not self.header:
            return self.target_position if len(layout.names) == self.count else None
        found = [p for p, name in enumerate(layout.names) if name == self.target]
        return found[0] if len(found) == 1 and layout.header else None

    def _by_name(self, layout: Layout) -> list[int]:
        if not layout.header:
            raise InvalidDataError(
                f"{layout.origin} has no header, and the model knows its columns by name "
                f"({_listing(self.names)}): put the names into the first line"
            )
        missing = [name for name in self.names if name not in layout.names]
        if missing:
            near = nearest_name(missing[0], set(layout.names) - set(self.names) or layout.names)
            raise InvalidDataError(
                f"{layout.origin} lacks {'the column' if len(missing) == 1 else 'columns'} "
                f"{_listing(missing)}, which the model was fitted on: add or rename "
                f"{'it' if len(missing) == 1 else 'them'} ({missing[0]!r}: {near})"
            )
        for name in self.names:
            if layout.names.count(name) > 1:
                raise InvalidDataError(
                    f"{layout.origin} has several columns called {name!r}: rename all but one"
                )
        return [layout.names.index(name) for name in self.names]

    def write(self, writer: RecordWriter) -> None:
        """Write what `read` needs."""
        for name in ("header", "count", "target", "target_position"):
            writer.value(name, getattr(self, name))
        writer.value("names", list(self.names))
        writer.value("positions", list(self.positions))

    @classmethod
    def read(cls, reader: RecordReader) -> Columns:
        """Read what `write` wrote."""
        count = reader.value("count", int)
        target = reader.value("target", (str, None))
        target_position = reader.value("target_position", int if target is not None else None)
        names, positions = reader.strings("names"), reader.value("positions", list)
        every = positions if target_position is None else [*positions, target_position]
        if (
            not 0 < len(names) == len(positions)
            or not all(type(p) is int and 0 <= p < count for p in every)
            or len(set(every)) < len(every)
        ):
            reader.fail("positions", f"are {every!r} for {len(names)} of {count} columns")
        return cls(
            reader.value("header", bool),
            count,
            names,
            tuple(positions),
            target,
            target_position,
        )


@dataclass(frozen=True, eq=False)
class ColumnPreprocessing(Preprocessing):
    """Rows from the columns of a table, found by name.

    Attributes
    ----------
    columns : Columns
        Those in use: first ``numbers`` many of numbers, then the categories', then the words'.
    numbers : int
    categories : tuple of Categories
    words : tuple of Words
    scaling : Scaling or None
        Of the numbers.
    """

    kind: ClassVar[str] = "columns"

    columns: Columns
    numbers: int
    categories: tuple[Categories, ...]
    words: tuple[Words, ...]
    scaling: Scaling | None

    @classmethod
    def fit(cls, table: Table, roles: ColumnRoles, scale: str = "auto") -> ColumnPreprocessing:
        """Measure a training table that was read with ``roles.kinds``.

        Parameters
        ----------
        table : Table
        roles : ColumnRoles
        scale : {"auto", "none", "centre", "standard"}
            Of the columns of numbers; "auto" standardises.

        Raises
        ------
        InvalidDataError
            If a column that should hold numbers does not.
        """
        check_scaling(scale)
        if table.bad:
            table.refuse_bad()
        found = roles.positions(table.layout)
        names = table.names
        used = (*found.numbers, *found.categories, *found.words)
        columns = Columns(
            table.header,
            len(names),
            tuple(names[p] for p in used),
            used,
            None if found.target is None else names[found.target],
            found.target,
        )
        scaling = None
        if found.numbers:
            block = np.column_stack([table.numbers[p] for p in found.numbers])
            scaling = Scaling.fit(block, "standard" if scale == "auto" else scale)
        return cls(
            columns,
            len(found.numbers),
            tuple(Categories.fit(names[p], table.texts[p]) for p in found.categories),
            tuple(Words.fit(names[p], table.texts[p]) for p in found.words),
            scaling,
        )

    @property
    def _encoders(self) -> list[Categories | Words]:
        return [*self.categories, *self.words]

    @property
    def width(self) -> int:
        """Number of columns of the rows that it makes."""
        return self.numbers + sum(encoder.width for encoder in self._encoders)

    def kinds(self, layout: Layout) -> list[Kind]:
        """Return how each column of another table is to be read: what is needed, and the target."""
        positions = self.columns.locate(layout)
        kinds: list[Kind] = ["skip"] * len(layout.names)
        target = self.columns.locate_target(layout)
        if target is not None:
            kinds[target] = "text"
        for index, position in enumerate(positions):
            kinds[position] = "number" if index < self.numbers else "text"
        return kinds

    def transform(self, data: Table) -> Any:
        """Return the rows of a table that was read with `kinds`.

        Returns
        -------
        ndarray or csr_matrix of shape (n, width)
            float64; sparse if there is a column of text.

        Raises
        ------
        InvalidDataError
            If a column is missing, or should hold numbers and does not.
        InvalidTypeError
            If it is no table.
        """
        if not isinstance(data, Table):
            raise InvalidTypeError(
                f"the data are a {type(data).__name__}, and the model was fitted on the columns of "
                "a table: pass one that ogive.data.read_table returns"
            )
        if data.bad:
            data.refuse_bad()
        positions = self.columns.locate(data.layout)
        blocks: list[Any] = []
        if self.numbers:
            block = np.column_stack([data.numbers[p] for p in positions[: self.numbers]])
            blocks.append(block if self.scaling is None else self.scaling.apply(block))
        for encoder, position in zip(self._encoders, positions[self.numbers :], strict=True):
            blocks.append(encoder.encode(data.texts[position]))
        if self.words:
            return sparse.csr_matrix(sparse.hstack(blocks))
        return np.hstack(blocks)

    def describe(self) -> list[str]:
        """Return what it does."""
        lines = []
        if self.numbers:
            how = "as they are" if self.scaling is None else str(self.scaling)
            names = _listing(self.columns.names[: self.numbers])
            noun = "number" if self.numbers == 1 else "numbers"
            lines.append(f"{self.numbers:,} {noun} ({names}), {how}")
        for category in self.categories:
            lines.append(
                f"{category.column!r} one-hot, {category.width:,} categories "
                f"({_listing(category.values)})"
            )
        for text in self.words:
            lines.append(f"{text.column!r} as TF-IDF of {text.width:,} words")
        return lines

    def write(self, writer: RecordWriter) -> None:
        """Write what `read` needs."""
        self.columns.write(writer.part("columns"))
        writer.value("numbers", self.numbers)
        writer.value("encoders", [len(self.categories), len(self.words)])
        for index, encoder in enumerate(self._encoders):
            encoder.write(writer.part(f"encoder{index}"))
        write_scaling(self.scaling, writer)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Read what `write` wrote."""
        columns = Columns.read(reader.part("columns"))
        numbers = reader.value("numbers", int)
        counts = reader.value("encoders", list)
        if len(counts) != 2 or not all(type(c) is int and c >= 0 for c in (*counts, numbers)):
            reader.fail("encoders", f"are {counts!r} beside {numbers} numbers")
        if numbers + sum(counts) != len(columns.names):
            reader.fail("encoders", f"and numbers do not add up to {len(columns.names)} columns")
        return cls(
            columns,
            numbers,
            tuple(Categories.read(reader.part(f"encoder{i}")) for i in range(counts[0])),
            tuple(Words.read(reader.part(f"encoder{i}")) for i in range(counts[0], sum(counts))),
            read_scaling(reader, "numbers", numbers),
        )


def _listing(names: Any) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, … {len(names) - _SHOWN} more"
