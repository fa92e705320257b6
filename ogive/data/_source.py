"""What a source is (a named set, a kind of file, a kind of folder) and how it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ogive._errors import InvalidDataError, InvalidTypeError, UnknownDataError, nearest_name
from ogive.data import named
from ogive.data._files import PathLike
from ogive.data._parquet_schema import holds_pictures
from ogive.data.arrays import npz_has_split, read_npy, read_npz
from ogive.data.cifar import cifar_splits, read_cifar
from ogive.data.csv_file import read_csv, read_csv_table
from ogive.data.dataset import Dataset
from ogive.data.folder import class_folders, read_image_folder
from ogive.data.idx_folder import idx_splits, read_idx_folder
from ogive.data.parquet import parquet_shards, read_image_parquet
from ogive.data.parquet_table import read_parquet, read_parquet_table
from ogive.data.svmlight import read_svmlight
from ogive.data.table import Table

READABLE = (
    ".csv, .tsv and .parquet tables, .svmlight files, .npz archives, X.npy beside y.npy, .parquet "
    "pictures, folders of parquet shards, of IDX files (train-images-idx3-ubyte, ...), of CIFAR "
    "files (data_batch_1.bin, ...), or of one sub-folder of pictures a class"
)
_KIND_OF_EXTENSION = {
    ".csv": "table",
    ".tsv": "table",
    ".txt": "table",
    ".svmlight": "svmlight",
    ".libsvm": "svmlight",
    ".svm": "svmlight",
    ".npz": "npz",
    ".npy": "npy",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_KIND_OF_MAGIC = {b"PK\x03\x04": "npz", b"\x93NUM": "npy", b"PAR1": "parquet"}
_TABLE_OPTIONS = ("target", "delimiter", "header")
_PARQUET_OPTIONS = ("image", "label", "size")
_FOLDER_OPTIONS = ("size", "on_error")

Reader = Callable[..., Dataset]
TableReader = Callable[..., Table]


@dataclass(frozen=True)
class Source:
    """One thing that can be read.

    Parameters
    ----------
    kind : str
        What it is, for messages.
    readers : mapping
        A reader for each split that the source has; "train" for everything if it knows no splits.
    options : tuple of str
        The keyword arguments that the readers take.
    table : callable, optional
        For tables: reads the columns as they are, numbers and text.
    """

    kind: str
    readers: Mapping[str, Reader]
    options: tuple[str, ...] = ()
    table: TableReader | None = None


def find_source(source: PathLike) -> Source:
    """Find out what `source` is: a named set first, then a file or a folder.

    Raises
    ------
    InvalidTypeError
        If it is no string or path.
    UnknownDataError
        If it is neither.
    InvalidDataError
        If it is a file or folder of no kind that can be read.
    """
    if not isinstance(source, str | os.PathLike):
        raise InvalidTypeError(
            f"a {type(source).__name__} is no source of data: pass a name or a path"
        )
    if isinstance(source, str) and source in named.names():
        readers = {split: partial(named.load, source, split) for split in named.SPLITS}
        return Source("named set", readers)
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder_source(path)
    if path.exists():
        return _file_source(path)
    raise UnknownDataError(
        f"{os.fspath(source)!r} is no named set ({nearest_name(str(source), named.names())}) and "
        f"no file or folder here ({Path.cwd()}). Readable: {READABLE}"
    )


def _file_source(path: Path) -> Source:
    name = path.name.lower().removesuffix(".gz").removesuffix(".bz2")
    kind = _KIND_OF_EXTENSION.get(path.suffix.lower()) or _kind_by_content(path)
    if kind is None:
        kind = "svmlight" if _KIND_OF_EXTENSION.get(Path(name).suffix) == "svmlight" else None
    if kind == "table":
        readers: dict[str, Reader] = {"train": partial(read_csv, path)}
        return Source("table", readers, _TABLE_OPTIONS, partial(read_csv_table, path))
    if kind == "svmlight":
        return Source("svmlight", {"train": partial(read_svmlight, path)}, ("n_features",))
    if kind == "parquet" and not holds_pictures(path):
        readers = {"train": partial(read_parquet, path)}
        table = partial(read_parquet_table, path)
        return Source("parquet table", readers, ("target",), table)
    if kind == "parquet":
        return Source("parquet", {"train": partial(read_image_parquet, path)}, _PARQUET_OPTIONS)
    if kind == "npy":
        return Source(".npy pair", {"train": partial(read_npy, path)})
    if kind == "npz":
        splits = named.SPLITS if npz_has_split(path) else ("train",)
        return Source(".npz", {split: partial(read_npz, path, split) for split in splits})
    raise InvalidDataError(
        f"{path} is of no kind that can be read, by its extension or its first bytes; "
        f"readable: {READABLE} (for a single IDX file, name its folder)"
    )


def _kind_by_content(path: Path) -> str | None:
    if not path.is_file():  # a pipe would wait for ever
        return None
    with path.open("rb") as stream:
        return _KIND_OF_MAGIC.get(stream.read(4))


def _folder_source(path: Path) -> Source:
    if splits := idx_splits(path):
        readers: dict[str, Reader] = {
            split: partial(read_idx_folder, path, split) for split in splits
        }
        return Source("IDX folder", readers)
    if shards := parquet_shards(path):
        by_split = {split: _shards_of(shards, split) for split in named.SPLITS}
        readers = {
            split: partial(read_image_parquet, own) for split, own in by_split.items() if own
        }
        return Source(
            "parquet shards",
            readers or {"train": partial(read_image_parquet, shards)},
            _PARQUET_OPTIONS,
        )
    if splits := cifar_splits(path):
        readers = {split: partial(read_cifar, path, split) for split in splits}
        return Source("CIFAR folder", readers)
    classes = {split: _class_names(path / split) for split in named.SPLITS}
    if all(classes.values()):
        if classes["train"] != classes["test"]:
            differing = ", ".join(sorted(classes["train"] ^ classes["test"]))
            raise InvalidDataError(
                f"{path}: train and test have different class folders ({differing}): "
                "give both the same"
            )
        readers = {split: partial(_read_folder, path / split) for split in named.SPLITS}
        return Source("picture folders", readers, _FOLDER_OPTIONS)
    if not class_folders(path):
        raise InvalidDataError(f"{path} holds nothing that can be read; readable: {READABLE}")
    return Source("picture folder", {"train": partial(_read_folder, path)}, _FOLDER_OPTIONS)


def _shards_of(shards: list[Path], split: str) -> list[Path]:
    return [shard for shard in shards if shard.name.startswith((f"{split}-", f"{split}."))]


def _read_folder(path: Path, **options: Any) -> Dataset:
    found = read_image_folder(path, **options)
    # With on_error="skip" there is a list too; what it holds was warned of.
    return found if isinstance(found, Dataset) else found[0]


def _class_names(folder: Path) -> set[str]:
    return {entry.name for entry in class_folders(folder)} if folder.is_dir() else set()
