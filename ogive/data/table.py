"""Tables of numbers with a target column, from CSV files."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive.data._files import PathLike, existing_file
from ogive.data._labels import encode_text
from ogive.data.dataset import Dataset

_DELIMITERS = ",;\t"
_SNIFFED_CHARACTERS = 8192
_SNIFFED_ROWS = 10
_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))
_TARGET_NAMES = ("target", "label", "class", "y")

Record = tuple[int, list[str]]


def read_csv(
    path: PathLike,
    target: str | int | None = None,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Dataset:
    r"""Read a table whose columns are numbers, but for the target, from a UTF-8 text file.

    The first row is taken for a header if one of its cells is text (not empty) where one of the
    ten rows after it has a number, or if `target` is a name. A target of integers or text becomes
    class codes; one with fractions stays a float64 target without classes.

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
    file = existing_file(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.read(_SNIFFED_CHARACTERS)
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter or _delimiter(sample))
            try:
                return _read_table(_records(reader), file, target, header)
            except csv.Error as error:
                raise InvalidDataError(
                    f"{file}, line {reader.line_num}: {error}: mend the line"
                ) from error
    except UnicodeDecodeError as error:
        raise InvalidDataError(
            f"{file} is not UTF-8 text ({error.reason} at byte {error.start} of a block): "
            "save it as UTF-8"
        ) from error


def _records(reader: Any) -> Iterator[Record]:
    """Yield (line number, cells) of the lines that are not blank."""
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield reader.line_num, cells


def _read_table(
    records: Iterator[Record], file: Path, target: str | int | None, header: bool | None
) -> Dataset:
    first = list(islice(records, 1 + _SNIFFED_ROWS))
    if not first:
        raise InvalidDataError(f"{file} is empty: a table needs one row at least")
    if header is None:
        header = isinstance(target, str) or _looks_like_header([cells for _, cells in first])
    names = [cell.strip() if header else f"column {i}" for i, cell in enumerate(first[0][1])]
    if len(names) < 2:
        raise InvalidDataError(
            f"{file} has one column where a feature and a target are expected: "
            "pass delimiter=... if it has more"
        )
    position = _target_position(target, names, file)
    features = names[:position] + names[position + 1 :]
    values = array("d")
    labels: list[str] = []
    for line, cells in chain(first[1:] if header else first, records):
        if len(cells) != len(names):
            raise InvalidDataError(
                f"{file}, line {line}: {len(cells)} cells where the first line has {len(names)}: "
                "mend or remove the line"
            )
        label = cells.pop(position).strip()
        if label.lower() in ("", "nan"):
            raise InvalidDataError(
                f"{file}, line {line}: the target {names[position]!r} is missing: "
                "fill it in or remove the line"
            )
        labels.append(label)
        values.extend(_numbers(cells) or _bad_cell(file, line, features, cells))
    if not labels:
        raise InvalidDataError(f"{file} has a header and no rows: a table needs one row at least")
    y, classes = encode_text(labels)
    X = np.frombuffer(values, dtype=np.float64).reshape(len(labels), len(features))
    return Dataset(file.stem, X, y, classes, None, tuple(features) if header else None)


def _delimiter(sample: str) -> str:
    """Return what the sniffer finds if the first line has it, else what is in it most often."""
    head = sample.lstrip().split("\n", 1)[0]
    try:
        found = csv.Sniffer().sniff(sample, delimiters=_DELIMITERS).delimiter
    except csv.Error:
        found = ""
    return found if found and found in head else max(_DELIMITERS, key=head.count)


def _looks_like_header(rows: list[list[str]]) -> bool:
    return any(
        cell.strip()
        and not _is_number(cell)
        and any(_is_number(row[i]) for row in rows[1:] if i < len(row))
        for i, cell in enumerate(rows[0])
    )


def _target_position(target: str | int | None, names: list[str], file: Path) -> int:
    """Return the index of the target column."""
    if target is None:
        folded = [name.casefold() for name in names]
        return next(
            (folded.index(name) for name in _TARGET_NAMES if name in folded), len(names) - 1
        )
    if isinstance(target, str):
        if names.count(target) != 1:
            found = "no column" if target not in names else "several columns"
            raise InvalidParameterError(
                f"target={target!r}: {file} has {found} of that name: {nearest_name(target, names)}"
            )
        return names.index(target)
    if isinstance(target, bool) or not -len(names) <= target < len(names):
        raise InvalidParameterError(
            f"target={target!r}: {file} has {len(names)} columns: pass a name, or an index from "
            f"{-len(names)} to {len(names) - 1}"
        )
    return target % len(names)


def _numbers(cells: list[str]) -> list[float] | None:
    """Return the cells as finite numbers, or None if one is not."""
    try:
        numbers = list(map(float, cells))
    except ValueError:
        return None
    # float() reads 1_000, a habit of programs and not of tables.
    return None if "_" in "".join(cells) or not all(map(math.isfinite, numbers)) else numbers


def _is_number(cell: str) -> bool:
    return _numbers([cell]) is not None


def _bad_cell(file: Path, line: int, features: list[str], cells: list[str]) -> NoReturn:
    name, value = next(
        pair for pair in zip(features, cells, strict=True) if not _is_number(pair[1])
    )
    where = f"{file}, line {line}, column {name!r}"
    if value.strip().lower() in _MISSING:
        raise InvalidDataError(
            f"{where}: the value is missing ({value!r}): fill it in or remove the line"
        )
    raise InvalidDataError(
        f"{where}: {value!r} is not a finite number: encode the column as numbers, remove it, or "
        "name it as the target"
    )
