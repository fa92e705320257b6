"""Fetching a named set from the web into the user's cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ogive.data import named
from ogive.data._catalogue import Entry
from ogive.data._lock import locked
from ogive.data._partial import on_disk, part_of
from ogive.data._transfer import download
from ogive.data._unpack import unpack

Progress = Callable[[int, int], None]

# Longer than one server may be silent through all tries: whoever holds the lock is stuck then.
_LOCK_PATIENCE = 300.0


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Download the original files of a named set into the cache, unless it is on this machine.

    Every file is verified by its SHA-256 before it gets its name. What an interrupted download
    left is continued by the next call. A second process waits for the first and downloads nothing.

    Parameters
    ----------
    name : str
        One of `names()`. digits needs no download: it ships inside scikit-learn.
    progress : callable, optional
        Called with the bytes that are here and the bytes in all, often. The first number falls
        when a server makes us begin a file again. It may raise: what has arrived is kept.

    Returns
    -------
    Path
        The folder that holds the set.

    Raises
    ------
    InvalidParameterError
        If no set has this name.
    DownloadError
        If a file cannot be had; the message names the address, what happened and the cures.
    InvalidDataError
        If an archive does not hold what it should.
    OutputError
        If the cache cannot be written.

    Examples
    --------
    >>> fetch("digits").is_dir()
    True
    """
    entry = named.lookup(name)
    if (found := named.find(name)) is not None:
        return found[1]
    folder = named.cache() / name
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    report = progress or (lambda done, total: None)

    total = entry.download_bytes

    def watch() -> int:
        report(min(_arrived(entry, folder), total), total)
        return sum(_size(file) for file in folder.iterdir())

    with locked(folder / ".lock", watch, _LOCK_PATIENCE):
        # Another process may have done it all while this one waited.
        if (found := named.find(name)) is not None:
            return found[1]
        _fetch_files(entry, folder, report)
    return folder


def _fetch_files(entry: Entry, folder: Path, report: Progress) -> None:
    before = 0
    for file in entry.files:
        path = download(file, folder, partial(_report_all, report, before, entry.download_bytes))
        before += file.size
        if entry.members:
            unpack(path, entry.members, folder)
            with on_disk(path):
                path.unlink()


def _report_all(report: Progress, before: int, total: int, have: int) -> None:
    report(before + have, total)


def _arrived(entry: Entry, folder: Path) -> int:
    """Return how much of the files is here, whole or in part."""
    targets = [folder / file.name for file in entry.files]
    return sum(max(_size(target), _size(part_of(target))) for target in targets)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just renamed it, or not begun it
        return 0
