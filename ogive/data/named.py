"""Data sets known by name: what they are, and where they are looked for on this machine."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from ogive._errors import DataNotFoundError, InvalidParameterError, nearest_name
from ogive.data import _layouts
from ogive.data._catalogue import CATALOGUE, Entry
from ogive.data._layouts import Layout
from ogive.data.dataset import Dataset

SPLITS = _layouts.SPLITS


@dataclass(frozen=True)
class NamedSet:
    """What is known of a named set without reading it.

    Parameters
    ----------
    name : str
        As `load` takes it.
    summary : str
        One sentence about it.
    train_rows, test_rows : int
        How many pictures each split of the original has.
    features : int
        How many numbers a row has.
    classes : tuple of str
        The class names.
    image_shape : (int, int, int)
        Height, width, channels.
    source : str or None
        The address that `fetch` takes it from, or the page about it; None for a set that is always
        here.
    licence : str
        The terms of use, as far as they are stated, and what to cite.
    download_bytes : int
        What `fetch` has to download, if the set is not here; 0 for a set that always is.
    place : Path or None
        The folder on this machine where it was found.
    """

    name: str
    summary: str
    train_rows: int
    test_rows: int
    features: int
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    source: str | None
    licence: str
    download_bytes: int
    place: Path | None


def names() -> tuple[str, ...]:
    """Return the names of all sets that `load` knows, on this machine or not.

    Examples
    --------
    >>> names()
    ('cifar10', 'cifar100', 'digits', 'fashion-mnist', 'mnist')
    """
    return tuple(sorted(CATALOGUE))


def available(name: str) -> bool:
    """Tell whether a named set is on this machine, whole.

    Raises
    ------
    InvalidParameterError
        If no set has this name.

    Examples
    --------
    >>> available("digits")
    True
    """
    return find(name) is not None


def describe(name: str) -> NamedSet:
    """Return what is known of a named set, and where it is; the data are not read.

    Raises
    ------
    InvalidParameterError
        If no set has this name.

    Examples
    --------
    >>> mnist = describe("mnist")
    >>> mnist.train_rows, mnist.features, mnist.image_shape, mnist.download_bytes
    (60000, 784, (28, 28, 1), 11594722)
    """
    entry, found = lookup(name), find(name)
    return NamedSet(
        name=name,
        summary=entry.summary,
        train_rows=entry.rows[0],
        test_rows=entry.rows[1],
        features=math.prod(entry.image_shape),
        classes=entry.classes,
        image_shape=entry.image_shape,
        source=entry.source,
        licence=entry.licence,
        download_bytes=entry.download_bytes,
        place=found[1] if found else None,
    )


def load(name: str, split: str = "train") -> Dataset:
    """Read one split of a named set.

    Parameters
    ----------
    name : str
        One of `names()`.
    split : {"train", "test"}
        The official split; for digits our own, stratified: 1,437 and 360 rows.

    Returns
    -------
    Dataset
        X uint8 of shape (n, 784) for mnist and fashion-mnist, (n, 3072) for cifar10 and cifar100;
        float64 in [0, 1] of shape (n, 64) for digits.

    Raises
    ------
    InvalidParameterError
        If no set has this name, or `split` is neither.
    DataNotFoundError
        If the set is not on this machine; the message tells where it was looked for and how to
        get it.
    InvalidDataError
        If its files are damaged, or another set's.

    Examples
    --------
    >>> load("digits", "test")
    Dataset('digits': 360 rows × 64 features (float64), 10 classes, images 8×8×1)
    """
    entry = lookup(name)
    check_split(split)
    found = find(name)
    if found is None:
        raise _not_here(name, entry)
    layout, folder = found
    return layout.read(folder, split, name, entry.classes)


def check_split(split: str) -> None:
    """Raise InvalidParameterError unless `split` is "train" or "test"."""
    if split not in SPLITS:
        raise InvalidParameterError(f"split={split!r} must be 'train' or 'test'")


def lookup(name: str) -> Entry:
    """Return the entry of a named set, or raise InvalidParameterError."""
    if name not in CATALOGUE:
        raise InvalidParameterError(f"no set is called {name!r}: {nearest_name(name, CATALOGUE)}")
    return CATALOGUE[name]


def find(name: str) -> tuple[Layout, Path] | None:
    """Return how and where a named set lies on this machine, whole; None if it does not.

    A place without all of its files, or that may not be read, is passed over.
    """
    entry = lookup(name)
    for place in _places(name):
        for layout in entry.layouts:
            try:
                folder = layout.find(place, name)
            except OSError:
                continue
            if folder is not None:
                return layout, folder
    return None


def cache() -> Path:
    """Return our folder in the user's cache; a relative XDG_CACHE_HOME counts as unset (XDG)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "ogive"


def _places(name: str) -> list[Path]:
    """Return the folders to look in, first the one that the user chose."""
    chosen = os.environ.get("OGIVE_DATA", "")
    own = [Path(chosen).expanduser() / name, Path(chosen).expanduser()] if chosen else []
    return [*own, cache() / name, Path("/usr/share/datasets") / name]


def _not_here(name: str, entry: Entry) -> DataNotFoundError:
    looked_in = ", ".join(str(folder) for folder in _places(name))
    package = f", or apt-get install {entry.package}" if entry.package else ""
    return DataNotFoundError(
        f"{name} is not on this machine; looked in {looked_in}. Run: ogive datasets fetch {name} "
        f"(downloads {entry.download_bytes / 1e6:.0f} MB){package}; or put its files "
        f"({entry.wanted}) into {cache() / name}, or set OGIVE_DATA to a folder that has them in "
        f"{name}/"
    )
