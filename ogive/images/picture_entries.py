"""What a picture index knows of each picture beside its vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from ogive._record import RecordReader, RecordWriter

_UNKNOWN = -1


@dataclass(frozen=True)
class Entry:
    """One picture of an index.

    Attributes
    ----------
    id : int
        Of its vector.
    name : str
        The absolute path of a file, or "name of the data set #row".
    label : str or None
        The class, if it is known.
    size, mtime_ns : int or None
        Bytes of the file and when it was changed; None for rows of a data set.
    """

    id: int
    name: str
    label: str | None
    size: int | None = None
    mtime_ns: int | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and no row of a data set."""
        return self.size is not None


@dataclass(frozen=True)
class Skipped:
    """A file that could not be read when it had this size and age, and the reason."""

    path: str
    reason: str
    size: int
    mtime_ns: int


class Entries:
    """Entries by id and by name.

    Examples
    --------
    >>> entries = Entries()
    >>> entries.add(Entry(3, "digits #0", "zero"))
    >>> entries[3].label, entries.named("digits #0").id, len(entries)
    ('zero', 3, 1)
    """

    def __init__(self) -> None:
        self._by_id: dict[int, Entry] = {}
        self._by_name: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._by_id.values())

    def __getitem__(self, id: int) -> Entry:
        return self._by_id[id]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def named(self, name: str) -> Entry | None:
        """Return the entry of a name, or None."""
        return self._by_name.get(name)

    def add(self, entry: Entry) -> None:
        """Add an entry of a new id and name."""
        assert entry.id not in self._by_id and entry.name not in self._by_name
        self._by_id[entry.id] = self._by_name[entry.name] = entry

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove entries."""
        for entry in entries:
            del self._by_id[entry.id], self._by_name[entry.name]

    def write(self, writer: RecordWriter) -> None:
        """Write the entries into a record; their ids are written with the vectors."""
        labels = sorted({entry.label for entry in self if entry.label is not None})
        codes = {None: _UNKNOWN} | {label: code for code, label in enumerate(labels)}
        _write_texts(writer.part("labels"), labels)
        ordered = sorted(self, key=lambda entry: entry.id)
        _write_texts(writer.part("names"), [entry.name for entry in ordered])
        columns = {
            "label": [codes[entry.label] for entry in ordered],
            "size": [_UNKNOWN if entry.size is None else entry.size for entry in ordered],
            "mtime_ns": [0 if entry.mtime_ns is None else entry.mtime_ns for entry in ordered],
        }
        for name, column in columns.items():
            writer.array(name, np.array(column, dtype=np.int64))

    @classmethod
    def read(cls, reader: RecordReader, ids: np.ndarray) -> Self:
        """Return what `write` wrote, with its ids; raise InvalidModelError if it cannot be so."""
        reader.bind("entries", len(ids))
        labels = [*_read_texts(reader.part("labels")), None]  # -1 is the last
        names = _read_texts(reader.part("names"))
        if len(names) != len(ids) or len(set(names)) < len(names):
            reader.fail("names", f"are not {len(ids)} different ones")
        codes, sizes, times = (
            reader.array(name, ("entries",), "int64").tolist()
            for name in ("label", "size", "mtime_ns")
        )
        if codes and not _UNKNOWN <= min(codes) <= max(codes) < len(labels) - 1:
            reader.fail("label", f"holds codes outside 0 to {len(labels) - 2}")
        entries = cls()
        for id, name, code, size, time in zip(
            ids.tolist(), names, codes, sizes, times, strict=True
        ):
            about = (None, None) if size < 0 else (size, time)
            entries.add(Entry(id, name, labels[code], *about))
        return entries


def write_skipped(skipped: Iterable[Skipped], writer: RecordWriter) -> None:
    """Write files that could not be read into a record."""
    files = list(skipped)
    _write_texts(writer.part("paths"), [file.path for file in files])
    _write_texts(writer.part("reasons"), [file.reason for file in files])
    writer.array("size", np.array([file.size for file in files], dtype=np.int64))
    writer.array("mtime_ns", np.array([file.mtime_ns for file in files], dtype=np.int64))


def read_skipped(reader: RecordReader) -> dict[str, Skipped]:
    """Return what `write_skipped` wrote, by path; raise InvalidModelError if it cannot be so."""
    paths, reasons = (_read_texts(reader.part(name)) for name in ("paths", "reasons"))
    reader.bind("skipped", len(paths))
    sizes, times = (
        reader.array(name, ("skipped",), "int64").tolist() for name in ("size", "mtime_ns")
    )
    if len(reasons) != len(paths):
        reader.fail("reasons", f"are {len(reasons)} for {len(paths)} files")
    files = map(Skipped, paths, reasons, sizes, times)
    return {file.path: file for file in files}


def _write_texts(writer: RecordWriter, texts: list[str]) -> None:
    # As an array: the paths of a million pictures would be too long for the head of a file.
    # Names of files that are no UTF-8 come with lone surrogates, which survive so.
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    writer.array("bytes", np.frombuffer(b"".join(encoded), dtype=np.uint8))
    writer.array("ends", np.cumsum([len(text) for text in encoded], dtype=np.int64))


def _read_texts(reader: RecordReader) -> list[str]:
    data = reader.array("bytes", ("bytes",), "uint8").tobytes()
    ends = reader.array("ends", ("texts",), "int64")
    ordered = bool((ends[1:] >= ends[:-1]).all()) if len(ends) else not data
    if not ordered or (len(ends) and (ends[0] < 0 or ends[-1] != len(data))):
        reader.fail("ends", "do not divide the bytes into texts")
    places = zip([0, *ends.tolist()], ends.tolist(), strict=False)
    return [data[begin:end].decode("utf-8", "surrogateescape") for begin, end in places]
