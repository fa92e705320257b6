"""Tables from text files: commas, semicolons or tabs between the cells."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError
from ogive.data._files import PathLike, existing_file
from ogive.data.columns import Layout, Reference, find_target, names_a_title, unnamed
from ogive.data.dataset import Dataset
from ogive.data.table import (
    BadCell,
    Choice,
    Kind,
    Table,
    finite_numbers,
    is_missing,
    numbers_but_for,
)

_DELIMITERS = ",;\t"
_SNIFFED_CHARACTERS = 8192
_SNIFFED_ROWS = 10
_TITLES = ("target", "label", "class")  # not y, which may stand for yes

Record = tuple[int, list[str]]


def read_csv(
    path: PathLike,
    target: Reference | None = None,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Dataset:
    r"""Read a table whose columns are numbers, but for the target, from a UTF-8 text file.

    The first row is taken for a header if one of its cells is text (no missing value) where one of
    the ten rows after it has a number, if it has the name of the target, or if a cell is target,
    label or class. A target of integers or text becomes class codes; one with fractions stays a
    float64 target without classes.

    Parameters
    ----------
    path : str or path
        The file.
    target : str or int, optional
        The target column, by name or by index (negative: from the right). By default the column
        called target, label, class or y in any case, otherwise the last one.
    delimiter : str, optional
        One character; by default comma, semicolon or tab, whichever the first lines show.
    header : bool, optional
        Whether the first row holds the column names, where the rule above is wrong.

    Returns
    -------
    Dataset
        X float64 of shape (n, columns - 1); `feature_names` if there is a header.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If a line has too few or too many cells, a feature is no finite number, a value is missing,
        or the file is empty or not UTF-8. The message has the line and the column.
    InvalidParameterError
        If `target` names no column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "iris.csv"
    ...     _ = file.write_text("width,class\n0.2,setosa\n1.3,virginica\n")
    ...     iris = read_csv(file)
    >>> iris.feature_names, iris.classes, iris.X.ravel()
    (('width',), ('setosa', 'virginica'), array([0.2, 1.3]))
    """
    table = read_csv_table(
        path, numbers_but_for(target), named=[target], delimiter=delimiter, header=header
    )
    return table.dataset(find_target(table.layout, target))


def read_csv_table(
    path: PathLike,
    choose: Choice,
    *,
    named: Sequence[Reference | None] = (),
    delimiter: str | None = None,
    header: bool | None = None,
) -> Table:
    """Read a table of numbers and text from a UTF-8 text file.

    Parameters
    ----------
    path : str or path
    choose : callable
        Given the layout, returns for each column whether it is read as a number, as text, or
        skipped.
    named : sequence of str, int or None
        The columns that the caller names: a first row that has one of the names is a header.
    delimiter : str, optional
        One character; by default comma, semicolon or tab, whichever the first lines show.
    header : bool, optional
        Whether the first row holds the column names; by default found out as in `read_csv`.

    Returns
    -------
    Table
        A column that was chosen as a number and is none is among its bad ones.

    Raises
    ------
    DataNotFoundError, InvalidDataError
        As `read_csv`.
    """
    file = existing_file(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.read(_SNIFFED_CHARACTERS)
            stream.seek(0)
            # Strict: a quote that is never closed would swallow the lines after it unnoticed.
            reader = csv.reader(stream, delimiter=delimiter or _delimiter(sample), strict=True)
            return _read(_records(reader, file), file, choose, named, header)
    except UnicodeDecodeError as error:
        raise InvalidDataError(
            f"{file} is not UTF-8 text ({error.reason} at byte {error.start} of a block): "
            "save it as UTF-8"
        ) from error


def _records(reader: Any, file: Path) -> Iterator[Record]:
    """Yield (line number, cells) of the lines that are not blank."""
    first = 1  # line of the record, which may end on a later one
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise InvalidDataError(f"{file}, line {first}: {error}: mend the line") from error


def _read(
    records: Iterator[Record],
    file: Path,
    choose: Choice,
    named: Sequence[Reference | None],
    header: bool | None,
) -> Table:
    first = list(islice(records, 1 + _SNIFFED_ROWS))
    if not first:
        raise InvalidDataError(f"{file} is empty: a table needs one row at least")
    titles = [cell.strip() for cell in first[0][1]]
    if header is None:
        header = names_a_title(titles, named) or _looks_like_header([r[1] for r in first])
    names = tuple(titles) if header else unnamed(len(titles))
    columns = _Columns(choose(Layout(str(file), names, header)))
    for line, cells in chain(first[1:] if header else first, records):
        if len(cells) != len(names):
            raise InvalidDataError(
                f"{file}, line {line}: {len(cells)} cells where the first line has {len(names)}: "
                "mend or remove the line"
            )
        columns.add(line, cells)
    if not columns.places:
        raise InvalidDataError(f"{file} has a header and no rows: a table needs one row at least")
    return Table(
        file.stem,
        str(file),
        names,
        header,
        columns.numbers(),
        columns.texts,
        columns.bad,
        len(columns.places),
        columns.places,
    )


class _Columns:
    """The cells collected so far: numbers row by row in one buffer, text column by column."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._numeric = [p for p, kind in enumerate(kinds) if kind == "number"]
        self._all_numeric = len(self._numeric) == len(kinds)
        self._values = array("d")
        self.texts: dict[int, list[str]] = {p: [] for p, k in enumerate(kinds) if k == "text"}
        self.bad: dict[int, BadCell] = {}
        self.places: list[int] = []

    def add(self, line: int, cells: list[str]) -> None:
        for position, column in self.texts.items():
            column.append(cells[position])
        wanted = cells if self._all_numeric else [cells[p] for p in self._numeric]
        self._values.extend(finite_numbers(wanted) or self._numbers_one_by_one(wanted))
        self.places.append(line)

    def _numbers_one_by_one(self, cells: list[str]) -> Iterator[float]:
        """Yield the numbers, 0 for a cell that is none; note the first such cell of a column."""
        for position, cell in zip(self._numeric, cells, strict=True):
            number = finite_numbers([cell])
            known = self.bad.get(position)
            # A word tells more about a column than a gap does.
            if number is None and (
                known is None or (is_missing(known.text) and not is_missing(cell))
            ):
                self.bad[position] = BadCell(len(self.places), cell)
            yield 0.0 if number is None else number[0]

    def numbers(self) -> dict[int, np.ndarray]:
        rows = np.frombuffer(self._values, dtype=np.float64)
        rows = rows.reshape(len(self.places), len(self._numeric))
        return {
            position: rows[:, index]
            for index, position in enumerate(self._numeric)
            if position not in self.bad
        }


def _delimiter(sample: str) -> str:
    """Return the delimiter that cuts the first lines most evenly into two cells or more."""
    lines = sample.splitlines(keepends=True)
    if len(sample) == _SNIFFED_CHARACTERS and len(lines) > 1:
        lines.pop()  # most likely cut in the middle

    def evenness(delimiter: str) -> tuple[float, bool, int]:
        try:
            rows = [r for r in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, r))]
        except csv.Error:
            return 0.0, False, 0
        width = len(rows[0]) if rows else 0
        share = sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0
        return share, delimiter == "\t", width  # text holds commas, but hardly ever tabs

    return max(_DELIMITERS, key=evenness)


def _looks_like_header(rows: list[list[str]]) -> bool:
    return any(
        cell.strip().casefold() in _TITLES
        or (
            not is_missing(cell)
            and finite_numbers([cell]) is None
            and any(finite_numbers([row[i]]) is not None for row in rows[1:] if i < len(row))
        )
        for i, cell in enumerate(rows[0])
    )
