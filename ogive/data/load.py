"""One entry point for all data: a name or a path in, a Dataset out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive.data._files import PathLike
from ogive.data._source import Source, find_source
from ogive.data.columns import Reference
from ogive.data.dataset import Dataset
from ogive.data.named import check_split
from ogive.data.split import stratified_split
from ogive.data.table import Choice, Table


def load(source: PathLike, split: str = "train", **options: Any) -> Dataset:
    """Read a named set, a file or a folder.

    A name wins over a file of the same name; write `./digits` for the file.

    Parameters
    ----------
    source : str or path
        One of `names()`; a .csv, .tsv, .svmlight, .npz, .npy or .parquet file; a folder of parquet
        shards (`train-*`, `test-*`), of IDX files, of CIFAR's binary files, or of one sub-folder
        of pictures a class (also under `train/` and `test/`).
    split : {"train", "test"}
        Which part to read. Where the source has no split of its own, "train" is everything.
    **options
        Passed to the reader: target, delimiter, header (tables); n_features (svmlight); image,
        label, size (parquet pictures); size, on_error (picture folders: as for
        `read_image_folder`, always without the list of what was left out, of which it warns).

    Returns
    -------
    Dataset
        As the reader of that kind makes it.

    Raises
    ------
    DataNotFoundError
        If `source` is no named set and no path, or the named set is not on this machine.
    InvalidDataError
        If what is there cannot be read.
    InvalidParameterError
        If `split` or an option does not fit the source.

    Examples
    --------
    >>> load("digits")
    Dataset('digits': 1437 rows × 64 features (float64), 10 classes, images 8×8×1)
    """
    check_split(split)
    found = find_source(source)
    if split not in found.readers:
        raise InvalidParameterError(
            f"split={split!r}: {source} ({found.kind}) has no such part of its own, only "
            f"{', '.join(found.readers)!r}: use load_pair, which splits it"
        )
    return _read(found, split, options)


def load_pair(
    source: PathLike, test_fraction: float = 0.2, seed: int = 0, **options: Any
) -> tuple[Dataset, Dataset]:
    """Read a training and a test set: the source's own split, or a stratified random one.

    Parameters
    ----------
    source : str or path
        As for `load`.
    test_fraction : float
        The share of the test set, if the source has no split of its own.
    seed : int
        Of the random split.
    **options
        As for `load`.

    Returns
    -------
    train, test : Dataset
        With the same classes and columns. A target without classes is split without strata.

    Raises
    ------
    InvalidDataError
        If the two parts of the source do not fit together.
    InvalidParameterError
        If `test_fraction` leaves a class without a row on one side, or as for `load`.

    Examples
    --------
    >>> train, test = load_pair("digits")
    >>> len(train), len(test)
    (1437, 360)
    """
    found = find_source(source)
    train = _read(found, next(iter(found.readers)), options)
    if len(found.readers) > 1:
        test = _read(found, "test", options)
        if train.classes != test.classes or train.X.shape[1] != test.X.shape[1]:
            raise InvalidDataError(
                f"{source}: its train and test parts differ in classes or columns ({train!r}, "
                f"{test!r}): make them alike"
            )
        return train, test
    # Real targets have no strata: one class for all rows.
    strata = train.y if train.classes else np.zeros(len(train), dtype=np.int64)
    rows = stratified_split(
        strata, test_fraction, seed, classes=train.classes, name="test_fraction"
    )
    return train.take(rows[0]), train.take(rows[1])


def splits(source: PathLike) -> tuple[str, ...]:
    """Return the parts that a source has of its own: "train" and "test", or "train" for all of it.

    Examples
    --------
    >>> splits("digits")
    ('train', 'test')
    """
    return tuple(find_source(source).readers)


def options(source: PathLike) -> tuple[str, ...]:
    """Return the names of the options that the reader of a source takes.

    Examples
    --------
    >>> options("digits")
    ()
    """
    return find_source(source).options


def is_table(source: PathLike) -> bool:
    """Tell whether a source is a table of columns, which `read_table` reads.

    Examples
    --------
    >>> is_table("digits")
    False
    """
    return find_source(source).table is not None


def read_table(
    source: PathLike,
    choose: Choice,
    *,
    named: Sequence[Reference | None] = (),
    delimiter: str | None = None,
    header: bool | None = None,
) -> Table:
    """Read the columns of a table as they are, numbers and text.

    Parameters
    ----------
    source : str or path
        A .csv, .tsv or .parquet file.
    choose : callable
        Given the layout (origin, names, header), returns for each column "number", "text" or
        "skip".
    named : sequence of str, int or None
        The columns that the caller names: a first line that has one of the names is a header.
    delimiter, header
        As for `read_csv`; not for parquet, which knows.

    Returns
    -------
    Table
        A column that was chosen as a number and is none is among its bad ones.

    Raises
    ------
    DataNotFoundError, InvalidDataError
        If the file is not there or cannot be read.
    InvalidParameterError
        If the source is no table.
    """
    found = find_source(source)
    if found.table is None:
        raise InvalidParameterError(
            f"{source} is a {found.kind} and no table: columns are for .csv, .tsv and .parquet"
        )
    if "delimiter" in found.options:
        return found.table(choose, named=named, delimiter=delimiter, header=header)
    for option, value in (("delimiter", delimiter), ("header", header)):
        if value is not None:
            raise InvalidParameterError(f"{option}={value!r}: a {found.kind} knows it by itself")
    return found.table(choose)


def _read(found: Source, split: str, options: dict[str, Any]) -> Dataset:
    for option in options:
        if option not in found.options:
            known = nearest_name(option, found.options) if found.options else "it takes none"
            raise InvalidParameterError(f"{option}= is no option of a {found.kind}: {known}")
    return found.readers[split](**options)
