"""Reading data for a model: whatever the user names, in the form that the model takes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ogive import data
from ogive._errors import (
    DataNotFoundError,
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
)
from ogive.data.table import finite_numbers, is_missing
from ogive.models.fit import Training
from ogive.models.model import Model
from ogive.preprocessing import ColumnPreprocessing, ColumnRoles, RowPreprocessing

EVERY = "all"

PathLike = str | Path


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows for a model to answer.

    Attributes
    ----------
    name : str
        Of the data, for people.
    data : Dataset, Table or ndarray
    labels : sequence of str or int
        What to call each row: its file, or its number, from 0.
    label_kind : str
        "file" or "row".
    """

    name: str
    data: Any
    labels: Sequence[str | int]
    label_kind: str


@dataclass(frozen=True)
class ReadOptions:
    """How to read, where the data do not tell.

    Attributes
    ----------
    split : {"train", "test"} or None
        The part, of sources that have parts of their own; by default the test part.
    delimiter, header
        Of tables, as for `read_csv`.
    """

    split: str | None = None
    delimiter: str | None = None
    header: bool | None = None


def read_training(
    source: PathLike,
    roles: ColumnRoles,
    *,
    task: str = "auto",
    size: tuple[int, int] | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Training:
    """Read data to fit on: the train part of what has parts, otherwise all of it.

    Parameters
    ----------
    source : str or path
    roles : ColumnRoles
        Of a table's columns. ``categorical=("all",)`` means every column that is no numbers; a
        `DataWarning` names those over 90 % of whose values are numbers all the same.
    task : {"auto", "classes", "values", "none"}
        "none": to learn without targets. A table's target is left out then if a name tells it, and
        otherwise no column is one.
    size : (int, int), optional
        Height and width to resize pictures to.
    delimiter, header
        Of tables.

    Raises
    ------
    InvalidParameterError
        If an option does not fit the source.
    """
    if task == "none":
        roles = replace(roles, supervised=False)
    if not data.is_table(source):
        given: dict[str, Any] = {"delimiter": delimiter, "header": header}
        given |= {n: getattr(roles, n) for n in ("target", "categorical", "text", "drop")}
        for name, value in given.items():
            if value not in (None, (), []):
                raise InvalidParameterError(f"{name}={value!r}: {source} is no table with columns")
        extra = _tolerance(source) | ({} if size is None else {"size": size})
        return Training.of(data.load(source, **extra), task=task)
    if size is not None:
        raise InvalidParameterError(f"size={size}: {source} is a table and holds no pictures")

    def read(wanted: ColumnRoles) -> data.Table:
        return data.read_table(
            source, wanted.kinds, named=wanted.named, delimiter=delimiter, header=header
        )

    if tuple(roles.categorical) != (EVERY,):
        return Training.of(read(roles), roles, task)
    roles = replace(roles, categorical=())
    table = read(roles)
    words = tuple(p for p, cell in table.bad.items() if not is_missing(cell.text))
    if words:
        roles = replace(roles, categorical=words)
        table = read(roles)
        for position in words:
            _warn_of_numbers(table, position)
    return Training.of(table, roles, task)


def _warn_of_numbers(table: data.Table, position: int) -> None:
    """Warn if a column that became categories holds hardly anything but numbers."""
    cells = table.texts[position]
    values = [row for row, cell in enumerate(cells) if not is_missing(cell)]
    others = [row for row in values if finite_numbers([cells[row]]) is None]
    if others and 10 * len(others) < len(values):
        warnings.warn(
            f"column {table.names[position]!r} becomes categories, and "
            f"{len(values) - len(others):,} of its {len(values):,} values are numbers; the first "
            f"that is none is {cells[others[0]]!r:.60} ({table.place(others[0])}): mend it if the "
            "column is one of numbers, or name the columns of categories",
            DataWarning,
            stacklevel=3,
        )


def read_batch(model: Model, sources: Sequence[PathLike], options: ReadOptions) -> Batch:
    """Read rows to predict: pictures, or one data set or table, with targets or without.

    Raises
    ------
    InvalidParameterError
        If several sources are given that are no pictures.
    InvalidDataError
        If the model was fitted on data of another kind.
    """
    pictures = [picture for source in sources for picture in _pictures(source)]
    if pictures and all(_pictures(source) for source in sources):
        return _read_pictures(model, sources, pictures)
    if len(sources) > 1:
        raise InvalidParameterError(
            f"{len(sources)} sources ({', '.join(map(str, sources))}): several are for pictures "
            "only; give one data set or table at a time"
        )
    source = sources[0]
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".npy":
        rows = data.read_array(source)
        return Batch(Path(source).stem, rows, range(len(rows)), "row")
    found = _read(model, source, options)
    return Batch(found.name, found, range(len(found)), "row")


def read_examples(model: Model, source: PathLike, options: ReadOptions) -> tuple[Batch, np.ndarray]:
    """Read rows and their targets, as codes into the model's classes or as values.

    Raises
    ------
    InvalidDataError
        If there is no target, or the model was fitted on data of another kind.
    InvalidParameterError
        If the model is a transformer.
    """
    model.require_target()
    found = _read(model, source, options)
    if isinstance(found, data.Table):
        assert isinstance(model.preprocessing, ColumnPreprocessing)
        columns = model.preprocessing.columns
        position = columns.locate_target(found.layout)
        if position is None:
            raise InvalidDataError(
                f"{source} lacks the column {columns.target!r}, the model's target: nothing to "
                "compare its answers with; use predict"
            )
        y, classes = found.targets(position)
    else:
        y, classes = found.y, found.classes
    batch = Batch(found.name, found, range(len(found)), "row")
    return batch, model.codes_of(y, classes, str(source))


def _read(model: Model, source: PathLike, options: ReadOptions) -> Any:
    preprocessing = model.preprocessing
    if isinstance(preprocessing, ColumnPreprocessing):
        if not data.is_table(source):
            raise InvalidDataError(
                f"{source} is no table, and the model was fitted on the columns of one "
                f"({preprocessing.describe()[0]}): give a .csv, .tsv or .parquet file"
            )
        _refuse_split(source, options, ("train",))
        columns = preprocessing.columns
        return data.read_table(
            source,
            preprocessing.kinds,
            named=(*columns.names, columns.target) if columns.header else (),
            delimiter=options.delimiter,
            header=options.header,
        )
    assert isinstance(preprocessing, RowPreprocessing)
    if data.is_table(source):
        raise InvalidDataError(
            f"{source} is a table, and the model was fitted on {preprocessing.describe()[0]}: "
            "give data of that kind"
        )
    parts = data.splits(source)
    _refuse_split(source, options, parts)
    extra = _tolerance(source)
    if preprocessing.image_shape is not None and "size" in data.options(source):
        extra["size"] = preprocessing.image_shape[:2]
    if preprocessing.sparse and "n_features" in data.options(source):
        extra["n_features"] = preprocessing.features
    return data.load(source, options.split or parts[-1], **extra)


def _refuse_split(source: PathLike, options: ReadOptions, parts: tuple[str, ...]) -> None:
    if options.split is not None and options.split not in parts:
        raise InvalidParameterError(
            f"split={options.split!r}: {source} has no such part of its own: leave split out"
        )


def _pictures(source: PathLike) -> list[Path]:
    return [] if source in data.names() else data.find_pictures(source)


def _read_pictures(model: Model, sources: Sequence[PathLike], pictures: list[Path]) -> Batch:
    preprocessing = model.preprocessing
    rows = preprocessing if isinstance(preprocessing, RowPreprocessing) else None
    if rows is None or rows.image_shape is None:
        raise InvalidDataError(
            f"{pictures[0]} is a picture, and the model was fitted on "
            f"{preprocessing.describe()[0]}: give data of that kind"
        )
    if not rows.pixels:
        raise InvalidDataError(
            f"{pictures[0]} is a picture of pixels from 0 to 255, and the model was fitted on "
            f"other numbers ({preprocessing.describe()[0]}): give arrays of such numbers"
        )
    for source in sources:
        if not Path(source).expanduser().exists():  # misspelt: no picture to be left out
            raise DataNotFoundError(
                f"{source} does not exist: check the path (here is {Path.cwd()})"
            )
    images, skipped = data.read_pictures(pictures, rows.image_shape[:2], on_error="skip")
    left_out = {picture.path for picture in skipped}
    files = [str(picture) for picture in pictures if picture not in left_out]
    return Batch(str(sources[0]), images, files, "file")


def _tolerance(source: PathLike) -> dict[str, Any]:
    """Return the option that makes a reader leave out pictures that cannot be read."""
    return {"on_error": "skip"} if "on_error" in data.options(source) else {}
