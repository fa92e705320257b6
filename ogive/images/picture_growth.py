"""How a picture index grows: batch by batch, saved on the way, unreadable files set aside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ogive._errors import InvalidDataError
from ogive._typing import Progress
from ogive._writing import PathLike
from ogive.data import Dataset, names
from ogive.images.approximate import ApproximateIndex, have_usearch
from ogive.images.embedding_fit import pictures_of
from ogive.images.picture_entries import Entry, Skipped
from ogive.images.picture_files import PictureFile, existing, read_each, real_path
from ogive.images.vectors import ExactIndex

if TYPE_CHECKING:
    from ogive.images.picture_index import PictureIndex

# Name, class, and what is known of the file.
Picture = tuple[str, str | None, PictureFile | None]

_FILES, _ROWS = 64, 1024  # of a batch
_LARGE = 100_000  # pictures, from which a graph is faster than all products by more than it costs
_SHARE_OF_SAVING = 0.05  # of the time, at most


@dataclass(frozen=True)
class Changes:
    """What became of an index.

    Attributes
    ----------
    added, changed, removed : int
        Pictures that are new, were embedded again, and are no longer there.
    skipped : tuple of Skipped
        Files that could not be read.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    skipped: tuple[Skipped, ...] = ()

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.added + other.added,
            self.changed + other.changed,
            self.removed + other.removed,
            (*self.skipped, *other.skipped),
        )


class SavedNowAndThen:
    """Saves an index while it grows, so that a killed process loses little.

    Parameters
    ----------
    index : PictureIndex
    path : path or None
        None: never.
    every : float
        Seconds between the end of one time and the next; more, so that saving takes a twentieth
        of the time at most.
    """

    def __init__(self, index: PictureIndex, path: PathLike | None, every: float) -> None:
        self._index, self._path, self._every = index, path, every
        self._next = time.monotonic() + every

    def if_due(self) -> None:
        """Save if it is time."""
        if time.monotonic() >= self._next:
            self.now()

    def now(self) -> None:
        """Save."""
        if self._path is None:
            return
        started = time.monotonic()
        self._index.save(self._path)
        ended = time.monotonic()
        self._next = ended + max(self._every, (ended - started) / _SHARE_OF_SAVING)


class Growth:
    """One change of an index, from its first picture to its last.

    Parameters
    ----------
    index : PictureIndex
    saving : SavedNowAndThen
    progress : callable(str, int, int) or None
    """

    def __init__(
        self, index: PictureIndex, saving: SavedNowAndThen, progress: Progress | None
    ) -> None:
        self._index, self._saving = index, saving
        self._tell: Progress = progress if progress is not None else lambda *_: None
        self._added = self._changed = 0
        self._skipped: list[Skipped] = []

    def add_files(self, files: Sequence[PictureFile], *, removed: int = 0) -> Changes:
        """Embed the files that are new or have changed."""
        wanted = self._wanted(files)

        def work() -> None:
            for start in range(0, len(wanted), _FILES):
                self._take_files(wanted[start : start + _FILES])
                self._tell("indexing", min(start + _FILES, len(wanted)), len(wanted))
                self._saving.if_due()

        return self._whole(work, removed, changed=bool(wanted) or removed > 0)

    def add_rows(self, dataset: Dataset, source: str | None, split: str) -> Changes:
        """Embed the rows of a data set that are not there yet."""
        name = dataset.name if split == "train" else f"{dataset.name} {split}"
        images = pictures_of(dataset)
        origin = None if source is None else [_portable(source), split]
        if self._index.sources.setdefault(name, origin) != origin:
            raise InvalidDataError(
                f"the index holds another data set called {name!r}, from "
                f"{self._index.sources[name]}: build another index for this one"
            )
        entries = self._index.entries
        rows = [row for row in range(len(dataset)) if f"{name} #{row}" not in entries]

        def work() -> None:
            for start in range(0, len(rows), _ROWS):
                part = rows[start : start + _ROWS]
                self._take(
                    [(f"{name} #{row}", _class_of(dataset, row), None) for row in part],
                    self._index.embedder.embed(images[part]),
                )
                self._tell("indexing", min(start + _ROWS, len(rows)), len(rows))
                self._saving.if_due()

        return self._whole(work, changed=bool(rows))

    def _whole(self, work: Callable[[], None], removed: int = 0, *, changed: bool) -> Changes:
        index = self._index
        index.complete = index.complete and not changed
        if changed:
            self._saving.now()  # the embedder and the folders: what follows can go on from there
        try:
            work()
        except BaseException:  # an interruption, most of all: what was done stays done
            self._mend()
            self._saving.now()
            raise
        self._choose_search()
        index.complete = True
        self._saving.now()
        return Changes(self._added, self._changed, removed, tuple(self._skipped))

    def _mend(self) -> None:
        """Drop what an interruption left half done: a vector without entry, or the reverse."""
        entries, vectors = self._index.entries, self._index.vectors
        ids, known = set(vectors.ids.tolist()), {entry.id for entry in entries}
        entries.remove([entry for entry in entries if entry.id not in ids])
        vectors.remove(sorted(ids - known))

    def _wanted(self, files: Sequence[PictureFile]) -> list[PictureFile]:
        """Return the files to read: not those that are there, by whatever name, and unchanged."""
        entries, skipped = self._index.entries, self._index.skipped
        there = existing(entry.name for entry in entries if entry.is_file)
        identities = {file.identity for file in there.values()}
        wanted: dict[str, PictureFile] = {}
        for file in files:
            known = entries.named(file.path) or skipped.get(file.path)
            if known is not None:
                new = (known.size, known.mtime_ns) != (file.size, file.mtime_ns)
            else:
                new = file.identity not in identities
                identities.add(file.identity)
            if new:
                wanted.setdefault(file.path, file)
        return list(wanted.values())

    def _take_files(self, files: Sequence[PictureFile]) -> None:
        index = self._index
        pixels = read_each([file.path for file in files], index.embedder.image_shape)
        taken: list[Picture] = []
        read: list[np.ndarray] = []
        for file, one in zip(files, pixels, strict=True):
            index.skipped.pop(file.path, None)
            if isinstance(one, str):
                self._forget([file.path])
                self._skipped.append(Skipped(file.path, one, file.size, file.mtime_ns))
                index.skipped[file.path] = self._skipped[-1]
            else:
                taken.append((file.path, file.label, file))
                read.append(one)
        if read:
            self._take(taken, index.embedder.embed(np.stack(read)))

    def _take(self, pictures: Sequence[Picture], vectors: np.ndarray) -> None:
        """Add pictures, in place of those of the same name."""
        known = self._forget([name for name, _, _ in pictures])
        ids = self._index.vectors.add(vectors).tolist()
        for id, (name, label, file) in zip(ids, pictures, strict=True):
            before = known.get(name)
            # A file that was named by itself has no folder that tells its class.
            kept = before.label if label is None and before is not None else label
            about = () if file is None else (file.size, file.mtime_ns)
            self._index.entries.add(Entry(id, name, kept, *about))
        self._changed += len(known)
        self._added += len(pictures) - len(known)

    def _forget(self, names: Sequence[str]) -> dict[str, Entry]:
        entries = self._index.entries
        known = {entry.name: entry for entry in map(entries.named, names) if entry is not None}
        if known:
            self._index.vectors.remove([entry.id for entry in known.values()])
            entries.remove(known.values())
        return known

    def _choose_search(self) -> None:
        """Take the graph for large sets, or as the index was told to."""
        index = self._index
        wanted = index.approximate
        if wanted is None:
            wanted = len(index) >= _LARGE and have_usearch()
        if wanted and isinstance(index.vectors, ExactIndex):
            index.vectors = ApproximateIndex.of(index.vectors)
        elif not wanted and isinstance(index.vectors, ApproximateIndex):
            index.vectors = index.vectors.exact
        if isinstance(index.vectors, ApproximateIndex):
            index.vectors.link(lambda done, total: self._tell("linking", done, total))


def _class_of(dataset: Dataset, row: int) -> str | None:
    return dataset.classes[dataset.y[row]] if dataset.classes else None


def _portable(source: str) -> str:
    """Return the name of a named set, or the absolute path of anything else."""
    return source if source in names() or not Path(source).exists() else real_path(source)
