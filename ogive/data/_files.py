"""Opening a user's file: is it there, is it a file, and never more memory than it can fill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ogive._errors import DataNotFoundError, InvalidDataError

# Deflate (gzip, zip, PNG) cannot expand its input further than this: 258 bytes from two bits.
DEFLATE_RATIO = 1032

_CHUNK = 1 << 20

PathLike = str | os.PathLike[str]


class ByteReader(Protocol):
    """What files, decompressors and archive members have in common."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


def existing_file(path: PathLike) -> Path:
    """Return `path` as a Path to a regular file, `~` expanded, or raise.

    Raises
    ------
    DataNotFoundError
        If nothing is there.
    InvalidDataError
        If it is a folder, or a pipe or a device, whose size nobody knows.
    """
    found = Path(path).expanduser()
    if not found.exists():
        raise DataNotFoundError(f"{found} does not exist: check the path (here is {Path.cwd()})")
    if found.is_dir():
        raise InvalidDataError(f"{found} is a folder where a file is expected: name the file in it")
    if not found.is_file():
        raise InvalidDataError(f"{found} is not a regular file: copy its contents to one first")
    return found


def read_at_most(stream: ByteReader, size: int) -> bytearray:
    """Read up to `size` bytes in chunks, so that memory follows what is really there.

    A header that promises terabytes costs nothing: the buffer grows with the bytes that arrive.
    """
    buffer = bytearray()
    while len(buffer) < size:
        chunk = stream.read(min(_CHUNK, size - len(buffer)))
        if not chunk:
            break
        buffer += chunk
    return buffer
