"""Data sets known by name, and where they are looked for on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ogive._errors import DataNotFoundError, InvalidParameterError, nearest_name
from ogive.data.dataset import Dataset
from ogive.data.idx_folder import idx_splits, read_idx_folder
from ogive.data.split import stratified_split

SPLITS = ("train", "test")

_DIGITS_TEST_ROWS = 360  # of 1,797: a fifth
_DIGITS_SEED = 0


class _NamedSet(Protocol):
    """What the table below holds: a set that can tell whether it is here, and be read."""

    def available(self, name: str) -> bool: ...

    def read(self, name: str, split: str) -> Dataset: ...


@dataclass(frozen=True)
class _Digits:
    """The 8×8 digits that ship inside scikit-learn, split once and for all by us."""

    def available(self, name: str) -> bool:
        return True

    def read(self, name: str, split: str) -> Dataset:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        whole = Dataset(
            name,
            np.asarray(bunch.data, dtype=np.float64) / 16,  # grey levels 0 to 16
            np.asarray(bunch.target, dtype=np.int64),
            tuple("0123456789"),
            (8, 8, 1),
        )
        train, test = stratified_split(whole.y, _DIGITS_TEST_ROWS, _DIGITS_SEED)
        return whole.take(train if split == "train" else test)


@dataclass(frozen=True)
class _IdxFiles:
    """A set kept as the four IDX files of MNIST's layout."""

    classes: tuple[str, ...]
    package: str  # the Debian package that has the files

    def available(self, name: str) -> bool:
        return _idx_place(name) is not None

    def read(self, name: str, split: str) -> Dataset:
        place = _idx_place(name)
        if place is None:
            raise DataNotFoundError(
                f"{name} is not on this machine; looked in "
                + ", ".join(str(folder) for folder in _places(name))
                + f". Run apt-get install {self.package}, or put its four IDX files (train-images-"
                "idx3-ubyte.gz, train-labels-idx1-ubyte.gz, and the same with t10k) into "
                f"{_cache() / name}, or set OGIVE_DATA to a folder that has them in {name}/"
            )
        return read_idx_folder(place, split, name=name, classes=self.classes)


# A new named set is one entry here.
_NAMED: dict[str, _NamedSet] = {
    "digits": _Digits(),
    "fashion-mnist": _IdxFiles(
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        package="dataset-fashion-mnist",
    ),
}


def names() -> tuple[str, ...]:
    """Return the names of all sets that `load` knows, on this machine or not.

    Examples
    --------
    >>> names()
    ('digits', 'fashion-mnist')
    """
    return tuple(sorted(_NAMED))


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
    return _lookup(name).available(name)


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
        X uint8 of shape (n, 784) for fashion-mnist, float64 in [0, 1] of shape (n, 64) for digits.

    Raises
    ------
    InvalidParameterError
        If no set has this name, or `split` is neither.
    DataNotFoundError
        If the set is not on this machine; the message tells where it was looked for and how to
        get it.

    Examples
    --------
    >>> load("digits", "test")
    Dataset('digits': 360 rows × 64 features (float64), 10 classes, images 8×8×1)
    """
    found = _lookup(name)
    check_split(split)
    return found.read(name, split)


def check_split(split: str) -> None:
    """Raise InvalidParameterError unless `split` is "train" or "test"."""
    if split not in SPLITS:
        raise InvalidParameterError(f"split={split!r} must be 'train' or 'test'")


def _lookup(name: str) -> _NamedSet:
    if name not in _NAMED:
        raise InvalidParameterError(f"no set is called {name!r}: {nearest_name(name, _NAMED)}")
    return _NAMED[name]


def _cache() -> Path:
    """Return our folder in the user's cache; a relative XDG_CACHE_HOME counts as unset (XDG)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "ogive"


def _places(name: str) -> list[Path]:
    """Return the folders to look in, first the one that the user chose."""
    chosen = os.environ.get("OGIVE_DATA", "")
    own = [Path(chosen).expanduser() / name, Path(chosen).expanduser()] if chosen else []
    return [*own, _cache() / name, Path("/usr/share/datasets") / name]


def _idx_place(name: str) -> Path | None:
    """Return the first place that holds all four files; a place without them is passed over."""
    return next((place for place in _places(name) if idx_splits(place) == SPLITS), None)
