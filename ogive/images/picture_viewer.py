"""The pixels of what an index holds, and of what it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ogive._errors import InvalidDataError
from ogive._writing import PathLike
from ogive.data import Dataset, load, read_pictures
from ogive.images.picture_entries import Entry
from ogive.images.picture_files import find_files
from ogive.images.picture_index import PictureIndex


class PictureViewer:
    """Reads pictures again, in their own size; data sets are read once.

    Parameters
    ----------
    index : PictureIndex
    """

    def __init__(self, index: PictureIndex) -> None:
        self._index = index
        self._loaded: dict[str, Dataset] = {}

    def entry(self, entry: Entry) -> np.ndarray:
        """Return the pixels of an entry, uint8 of shape (height, width, 1 or 3).

        Raises
        ------
        DataNotFoundError
            If its file or its data set is gone.
        InvalidDataError
            If it cannot be read, or is a row of a data set that was indexed without its source.
        """
        if entry.is_file:
            return read_pictures([Path(entry.name)])[0]
        name, _, row = entry.name.rpartition(" #")
        if name not in self._loaded:
            origin = self._index.sources.get(name)
            if origin is None:
                raise InvalidDataError(
                    f"{entry.name} cannot be shown, for the index does not know where {name!r} "
                    "comes from: index it with source="
                )
            self._loaded[name] = load(origin[0], origin[1])
        images = self._loaded[name].images()
        if not row.isdecimal() or int(row) >= len(images):
            raise InvalidDataError(f"{entry.name}: {name} has {len(images)} pictures now")
        return np.asarray(images[int(row)])

    def query(self, name: PathLike) -> np.ndarray:
        """Return the pixels of what can be searched for: a file, or the name of an entry."""
        known = self._index.entries.named(str(name))
        return read_pictures([Path(name)])[0] if known is None else self.entry(known)


def expand_queries(index: PictureIndex, names: Sequence[PathLike]) -> list[str]:
    """Return what can be searched for: each folder as the pictures in it, the rest as it is.

    Raises
    ------
    InvalidDataError
        If a folder holds no pictures.
    """
    expanded: list[str] = []
    for name in map(str, names):
        folder = name not in index.entries and Path(name).expanduser().is_dir()
        inner = [file.path for file in find_files(name)] if folder else [name]
        if not inner:
            raise InvalidDataError(f"{name} holds no pictures to search for")
        expanded += inner
    return expanded
