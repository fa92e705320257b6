"""How the files of a named set may lie in a folder, and how they are read there."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from ogive._errors import InvalidDataError
from ogive.data.cifar import CifarLayout, read_cifar
from ogive.data.dataset import Dataset
from ogive.data.idx_folder import idx_files, idx_splits, read_idx_folder
from ogive.data.parquet import parquet_shards, read_image_parquet
from ogive.data.split import stratified_split

SPLITS = ("train", "test")

_DIGITS_TEST_ROWS = 360  # of 1,797: a fifth
_DIGITS_SEED = 0
_LABELS_BEGIN = 8  # after the header of an IDX file of rank 1
_GZIP_MAGIC = b"\x1f\x8b"


class Layout(Protocol):
    """One way for a set to be on this machine."""

    def find(self, place: Path, name: str) -> Path | None:
        """Return the folder that holds the whole set, `place` or one in it; None without it."""
        ...

    def read(self, folder: Path, split: str, name: str, classes: tuple[str, ...]) -> Dataset:
        """Read one split from the folder that `find` returned."""
        ...


@dataclass(frozen=True)
class InScikitLearn:
    """The 8×8 digits that ship inside scikit-learn, split once and for all by us."""

    def find(self, place: Path, name: str) -> Path | None:
        """Return scikit-learn's folder of data, whatever the place."""
        package = find_spec("sklearn")
        if package is None or package.origin is None:
            return None
        return Path(package.origin).parent / "datasets" / "data"

    def read(self, folder: Path, split: str, name: str, classes: tuple[str, ...]) -> Dataset:
        """Load the digits by scikit-learn's own loader."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        whole = Dataset(
            name,
            np.asarray(bunch.data, dtype=np.float64) / 16,  # grey levels 0 to 16
            np.asarray(bunch.target, dtype=np.int64),
            classes,
            (8, 8, 1),
        )
        train, test = stratified_split(whole.y, _DIGITS_TEST_ROWS, _DIGITS_SEED)
        return whole.take(train if split == "train" else test)


@dataclass(frozen=True)
class IdxFiles:
    """The four IDX files of MNIST and of the sets that took over its layout.

    Parameters
    ----------
    first_labels : bytes
        The first labels of the test set: all these sets have the same file names, and in a folder
        that is not called after the set only the content tells one from another.
    """

    first_labels: bytes

    def find(self, place: Path, name: str) -> Path | None:
        """Return the place itself if all four files are there and of this set."""
        if idx_splits(place) != SPLITS:
            return None
        known = place.name == name or self._first_labels_in(place) == self.first_labels
        return place if known else None

    def read(self, folder: Path, split: str, name: str, classes: tuple[str, ...]) -> Dataset:
        """Read the IDX files of a split."""
        return read_idx_folder(folder, split, name=name, classes=classes)

    def _first_labels_in(self, place: Path) -> bytes:
        files = idx_files(place, "test")
        if files is None:
            return b""
        labels = files[1]
        try:
            with labels.open("rb") as raw:
                packed = raw.read(2) == _GZIP_MAGIC
            with gzip.open(labels) if packed else labels.open("rb") as stream:
                return stream.read(_LABELS_BEGIN + len(self.first_labels))[_LABELS_BEGIN:]
        except (OSError, EOFError, zlib.error):  # damaged: not known to be this set
            return b""


@dataclass(frozen=True)
class CifarFiles:
    """The official binary files."""

    files: CifarLayout

    def find(self, place: Path, name: str) -> Path | None:
        """Return the place, or the sub-folder that the official archive makes."""
        folder = self.files.within(place)
        return folder if folder is not None and self.files.is_whole(folder) else None

    def read(self, folder: Path, split: str, name: str, classes: tuple[str, ...]) -> Dataset:
        """Read the batches of a split."""
        return read_cifar(folder, split, name=name)


@dataclass(frozen=True)
class PictureShards:
    """Parquet shards of pictures, `train-*` and `test-*`, as on the Hugging Face hub."""

    def find(self, place: Path, name: str) -> Path | None:
        """Return the place itself if it has shards of both splits."""
        return place if all(_shards(place, split) for split in SPLITS) else None

    def read(self, folder: Path, split: str, name: str, classes: tuple[str, ...]) -> Dataset:
        """Read the shards of a split; another set's are refused, by their class names."""
        data = read_image_parquet(_shards(folder, split))
        if data.classes != classes:
            raise InvalidDataError(
                f"{folder} holds parquet shards of another set: its classes are "
                f"{_some(data.classes)}, those of {name} {_some(classes)}. Put the right files "
                "there, or load it by its path"
            )
        return replace(data, name=name)


def _shards(folder: Path, split: str) -> list[Path]:
    beginnings = (f"{split}-", f"{split}.")
    return [shard for shard in parquet_shards(folder) if shard.name.startswith(beginnings)]


def _some(classes: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in classes[:3]) + (", ..." if len(classes) > 3 else "")
