"""Files on their way: written beside their place under another name, and moved there when whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ogive._errors import OutputError


def part_of(target: Path) -> Path:
    """Return the name under which a file is written until it is whole.

    Examples
    --------
    >>> part_of(Path("train.bin")).name
    'train.bin.part'
    """
    return target.with_name(f"{target.name}.part")


def publish(part: Path, target: Path) -> None:
    """Give a whole file its name; others see the old file or the new one, never half of it.

    Raises
    ------
    OutputError
        If the disk refuses.
    """
    with on_disk(target):
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())  # before the name: a crash must not leave it on empty blocks
        part.replace(target)


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an OutputError that names the file and the cure."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {(error.strerror or str(error)).lower()}; make room if the disk "
            "is full, otherwise let XDG_CACHE_HOME name a folder that you may write to"
        ) from error
