"""What a picture index writes of itself into a file, and how little of a file is believed."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ogive import __version__
from ogive._errors import InvalidModelError
from ogive._record import RecordReader, RecordWriter
from ogive.images.approximate import read_vectors, write_vectors
from ogive.images.embedding import write_embedder
from ogive.images.picture_entries import Entries, read_skipped, write_skipped
from ogive.images.watched_folders import WatchedFolders

if TYPE_CHECKING:
    from ogive.images.picture_index import PictureIndex

_FORMAT, _VERSION = "ogive picture index", 1


def write_index(index: PictureIndex, writer: RecordWriter) -> None:
    """Write an index into a record."""
    writer.value("format", _FORMAT)
    writer.value("version", _VERSION)
    writer.value("libraries", _libraries())
    writer.value("complete", index.complete)
    writer.value("approximate", index.approximate)
    writer.value("folders", index.folders.roots)
    writer.value("excluded", sorted(index.folders.excluded))
    writer.value("sources", index.sources)
    write_embedder(index.embedder, writer.part("embedding"))
    write_vectors(index.vectors, writer.part("vectors"))
    index.entries.write(writer.part("entries"))
    write_skipped(index.skipped.values(), writer.part("skipped"))


def check_format(reader: RecordReader) -> None:
    """Raise InvalidModelError unless the record is that of an index, of a version known here."""
    form, version = reader.value("format", str), reader.value("version", int)
    if form != _FORMAT or version < 1:
        raise InvalidModelError(f"it is of format {form!r:.40}, version {version}")
    writer = reader.value("libraries", dict).get("ogive")
    if version > _VERSION:
        raise InvalidModelError(
            f"it was written by Ogive {writer!r:.40} in version {version} of the format, and this "
            f"Ogive {__version__!r} reads up to version {_VERSION}"
        )


def read_index(index: PictureIndex, reader: RecordReader) -> None:
    """Fill an index, new and by the record's embedder, with what `write_index` wrote.

    Raises
    ------
    InvalidModelError
        If the parts do not fit together, or something is left over.
    """
    index.approximate = reader.value("approximate", (bool, None))
    index.vectors = read_vectors(reader.part("vectors"))
    if index.vectors.width != index.embedder.width:
        raise InvalidModelError(
            f"its vectors have {index.vectors.width} entries and its embedder makes "
            f"{index.embedder.width}"
        )
    index.entries = Entries.read(reader.part("entries"), index.vectors.ids)
    index.skipped = read_skipped(reader.part("skipped"))
    index.folders = WatchedFolders(reader.strings("folders"), reader.strings("excluded"))
    index.complete = reader.value("complete", bool)
    index.sources = reader.value("sources", dict)
    for origin in index.sources.values():
        if origin is not None and not _is_pair(origin):
            reader.fail("sources", "must hold pairs of a source and a split")
    reader.finish()


def _is_pair(origin: Any) -> bool:
    pair = isinstance(origin, list) and len(origin) == 2
    return pair and all(isinstance(part, str) for part in origin)


def _libraries() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("numpy", "torch")}
    return {"ogive": __version__, "python": platform.python_version(), **versions}
