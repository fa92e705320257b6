"""Parquet files of encoded pictures and labels, as the Hugging Face hub stores them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError
from ogive.data._files import PathLike, existing_file
from ogive.data._labels import encode_array, encode_distinct
from ogive.data._parquet_file import import_pyarrow, opened_parquet
from ogive.data._parquet_schema import Columns, find_columns
from ogive.data._pixels import ImageStack, Size, check_size, decode_image
from ogive.data.dataset import Dataset

_BATCH_ROWS = 256
_CURE = "download it again"


def read_image_parquet(
    path: PathLike | Sequence[PathLike],
    *,
    image: str | None = None,
    label: str | None = None,
    size: Size | None = None,
) -> Dataset:
    """Read pictures and labels from one parquet file or several shards.

    The picture column is the one that the hub's metadata calls an Image, else the one that is a
    struct with `bytes`. The label column is the one that the metadata calls a ClassLabel, whose
    names become the classes; else the one called label, labels, class, target or y, whose distinct
    values do.

    Parameters
    ----------
    path : str, path, or sequence of them
        A file, a folder (all its `*.parquet` in the order of their names) or a list of files.
    image, label : str, optional
        The names of the two columns, where the rule above does not find them.
    size : (int, int), optional
        Height and width to resize every picture to.

    Returns
    -------
    Dataset
        X uint8 of shape (n, height × width × channels).

    Raises
    ------
    DataNotFoundError
        If there is no such file, or the folder has no shards.
    InvalidDataError
        If a file is damaged, columns are not found, pictures are missing, broken or of several
        sizes, or a label is missing.
    InvalidParameterError
        If `image` or `label` names no column, or `size` is not two positive integers.
    MissingDependencyError
        If pyarrow is not installed.

    Examples
    --------
    >>> read_image_parquet("/nowhere/train.parquet")
    Traceback (most recent call last):
    ogive._errors.DataNotFoundError: /nowhere/train.parquet does not exist: check the path ...
    """
    check_size(size)
    import_pyarrow()  # if it is missing, that comes before anything about the files
    shards, name = _shards(path)
    stack = ImageStack()
    labels: list[Any] = []
    first: Columns | None = None
    for shard in shards:
        with opened_parquet(shard, _CURE) as file:
            columns = find_columns(file.schema_arrow, image, label, str(shard))
            first = first or columns
            if columns != first:
                raise InvalidDataError(
                    f"{shard} has {columns} and {shards[0]} {first}: read them one by one"
                )
            _check_rows(file, shard)
            for position, pictures, targets in _batches(file, columns, shard):
                _add_pictures(stack, pictures, shard, position, size)
                labels.extend(targets)
    if first is None or not labels:
        raise InvalidDataError(f"{name} holds no rows: {_CURE}")
    codes, classes = _encode(labels, first, name)
    X, image_shape = stack.rows()
    return Dataset(name, X, codes, classes, image_shape, None)


def parquet_shards(folder: Path) -> list[Path]:
    """Return the `*.parquet` files of a folder in the order of their names.

    Examples
    --------
    >>> parquet_shards(Path("/nowhere"))
    []
    """
    return sorted(folder.glob("*.parquet"), key=lambda shard: shard.name)


def _shards(path: PathLike | Sequence[PathLike]) -> tuple[list[Path], str]:
    """Return the files to read, and the name of the set."""
    if isinstance(path, Sequence) and not isinstance(path, str):
        files = [existing_file(entry) for entry in path]
        if not files:
            raise DataNotFoundError("the list of parquet shards is empty: give one file at least")
        return files, files[0].resolve().parent.name
    root = Path(path).expanduser()
    if not root.is_dir():
        return [existing_file(root)], root.stem
    shards = parquet_shards(root)
    if not shards:
        raise DataNotFoundError(f"{root} holds no *.parquet files: check the path")
    return shards, root.resolve().name


def _check_rows(file: Any, shard: Path) -> None:
    """Refuse a file that claims more rows than it has bytes; every picture takes several."""
    rows, size = file.metadata.num_rows, shard.stat().st_size
    if rows > size:
        raise InvalidDataError(
            f"{shard} claims {rows} pictures in {size} bytes, as a decompression bomb does: {_CURE}"
        )


def _batches(file: Any, columns: Columns, shard: Path) -> Iterator[tuple[int, Any, list[Any]]]:
    """Yield (number of the first row, encoded pictures, labels), one row group at a time."""
    position = 0
    for group in range(file.num_row_groups):
        wanted = [columns.image, columns.label]
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted):
            targets = batch.column(columns.label).to_pylist()
            if None in targets:
                raise InvalidDataError(
                    f"{shard}, row {position + targets.index(None)}: the label "
                    f"{columns.label!r} is missing: fill it in or remove the row"
                )
            struct = batch.column(columns.image)
            # flatten() and not field(): only it carries over that a whole struct is null.
            pictures = struct.flatten()[struct.type.get_field_index("bytes")]
            yield position, pictures, targets
            position += batch.num_rows


def _add_pictures(
    stack: ImageStack, pictures: Any, shard: Path, position: int, size: Size | None
) -> None:
    for row, value in enumerate(pictures, start=position):
        data = value.as_py()
        origin = f"{shard}, row {row}"
        if data is None:
            raise InvalidDataError(
                f"{origin}: the picture has no bytes, so the file holds only paths to pictures "
                "elsewhere: embed them before writing it (datasets: embed_external_files=True)"
            )
        stack.add(decode_image(data, origin, size), origin, len(data))


def _encode(labels: list[Any], columns: Columns, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if isinstance(labels[0], str):
        return encode_distinct(labels)
    codes = np.array(labels)
    if columns.classes is None:
        return encode_array(codes, name)
    lowest, highest = int(codes.min()), int(codes.max())
    if lowest < 0 or highest >= len(columns.classes):
        raise InvalidDataError(
            f"{name}: labels run from {lowest} to {highest} but the metadata names "
            f"{len(columns.classes)} classes: remove the rows without a label (-1), or {_CURE}"
        )
    return codes.astype(np.int64), columns.classes
