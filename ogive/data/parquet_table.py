"""Tables of numbers and text from parquet files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError
from ogive.data._files import PathLike, existing_file
from ogive.data._parquet_file import opened_parquet
from ogive.data.columns import Layout, Reference, find_target
from ogive.data.dataset import Dataset
from ogive.data.table import BadCell, Choice, Table, is_missing, numbers_but_for

_CURE = "write it again"


def read_parquet(path: PathLike, target: Reference | None = None) -> Dataset:
    """Read a table whose columns are numbers, but for the target, from a parquet file.

    Parameters
    ----------
    path : str or path
    target : str or int, optional
        As for `read_csv`.

    Returns
    -------
    Dataset
        X float64 of shape (n, columns - 1), with `feature_names`.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If it is damaged, or a column is no finite numbers. The message has the row and the column.
    InvalidParameterError
        If `target` names no column.
    MissingDependencyError
        If pyarrow is not installed.

    Examples
    --------
    >>> read_parquet("/nowhere/table.parquet")
    Traceback (most recent call last):
    ogive._errors.DataNotFoundError: /nowhere/table.parquet does not exist: check the path ...
    """
    table = read_parquet_table(path, numbers_but_for(target))
    return table.dataset(find_target(table.layout, target))


def read_parquet_table(path: PathLike, choose: Choice) -> Table:
    """Read a table of numbers and text from a parquet file.

    Parameters
    ----------
    path : str or path
    choose : callable
        Given the layout, returns for each column whether it is read as a number, as text, or
        skipped.

    Returns
    -------
    Table
        Integers, floats and booleans are numbers; every other column that was chosen as a number,
        or that has a missing value, is among the bad ones.

    Raises
    ------
    DataNotFoundError, InvalidDataError, MissingDependencyError
        As `read_parquet`.
    """
    file = existing_file(path)
    with opened_parquet(file, _CURE) as opened:
        names = tuple(opened.schema_arrow.names)
        kinds = choose(Layout(str(file), names, True))
        wanted = [name for name, kind in zip(names, kinds, strict=True) if kind != "skip"]
        rows = _checked_rows(opened, file)
        columns = opened.read(columns=wanted)
    numbers: dict[int, np.ndarray] = {}
    texts: dict[int, list[str]] = {}
    bad: dict[int, BadCell] = {}
    for position, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if kind == "skip":
            continue
        if names.count(name) > 1:
            raise InvalidDataError(
                f"{file} has several columns called {name!r}: rename all but one"
            )
        column = columns[name]
        if kind == "text":
            texts[position] = [_as_text(value) for value in column.to_pylist()]
            continue
        found = _as_numbers(column)
        if isinstance(found, BadCell):
            bad[position] = found
        else:
            numbers[position] = found
    return Table(
        file.stem, str(file), names, True, numbers, texts, bad, rows, range(rows), unit="row"
    )


def _checked_rows(opened: Any, file: Path) -> int:
    """Return the number of rows, unless the file cannot hold them."""
    rows = int(opened.metadata.num_rows)
    if rows < 1:
        raise InvalidDataError(f"{file} holds no rows: a table needs one at least")
    # Run lengths make constant columns nearly free, so the bound is a wide one.
    if rows > 10_000 * file.stat().st_size:
        raise InvalidDataError(
            f"{file} claims {rows} rows in {file.stat().st_size} bytes, as a decompression bomb "
            f"does: {_CURE}"
        )
    return rows


def _as_numbers(column: Any) -> np.ndarray | BadCell:
    """Return an arrow column as float64, or its first cell that is no finite number."""
    import pyarrow as pa
    import pyarrow.types as kinds

    plain = column.type.value_type if kinds.is_dictionary(column.type) else column.type
    numeric = kinds.is_integer(plain) or kinds.is_floating(plain) or kinds.is_decimal(plain)
    if not numeric and not kinds.is_boolean(plain):
        texts = [_as_text(value) for value in column.to_pylist()]
        # A word tells more about a column than a gap does.
        row = next((i for i, text in enumerate(texts) if not is_missing(text)), 0)
        return BadCell(row, texts[row])
    if kinds.is_boolean(plain):
        column = column.cast(pa.int8())
    values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        value = column[row].as_py()
        return BadCell(row, "" if value is None else str(value))
    return values


def _as_text(value: Any) -> str:
    """Return a cell as a text file has it, so that both fit the same model."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # the same class or category, whether kept as 1 or as 1.0
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
