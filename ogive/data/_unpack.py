"""Taking a few files, known beforehand, out of an archive, whatever else it holds."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ogive._errors import InvalidDataError, OgiveError
from ogive.data._files import ByteReader
from ogive.data._partial import on_disk, part_of, publish

if TYPE_CHECKING:
    import tarfile

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file to take out of an archive.

    Parameters
    ----------
    path : str
        Its exact name in the archive.
    size : int
        How many bytes it has, or may have at most.
    exact : bool
        Which of the two.
    """

    path: str
    size: int
    exact: bool = True

    @property
    def name(self) -> str:
        """The last part of the path: what the file is called outside."""
        return PurePosixPath(self.path).name


def unpack(archive: Path, members: Sequence[Member], folder: Path) -> None:
    """Take members out of a tar.gz archive: each whole or not at all, and none if one is not right.

    Nothing in the archive decides where a file goes: the names are the caller's, and whatever was
    not asked for is passed over.

    Raises
    ------
    InvalidDataError
        If the archive is damaged, or a member is missing, a link, or of another size.
    OutputError
        If a file cannot be written.
    """
    import tarfile

    wanted = {member.path: member for member in members}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in tar:
                member = wanted.pop(entry.name, None)
                if member is not None:
                    _check(archive, member, entry)
                    stream = tar.extractfile(entry)
                    assert stream is not None  # a regular file has one
                    _take(stream, part_of(folder / member.name), entry.size)
                if not wanted:
                    break
    except OgiveError:
        raise
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InvalidDataError(
            f"{archive} is damaged ({error}): remove it and fetch again"
        ) from error
    if wanted:
        missing = ", ".join(wanted)
        raise InvalidDataError(f"{archive} does not hold {missing}: remove it and fetch again")
    for member in members:
        target = folder / member.name
        publish(part_of(target), target)


def _check(archive: Path, member: Member, entry: tarfile.TarInfo) -> None:
    expected = f"a file of {'' if member.exact else 'at most '}{member.size} bytes is expected"
    fits = entry.size == member.size if member.exact else entry.size <= member.size
    if not entry.isreg() or not fits:
        found = f"has {entry.size} bytes" if entry.isreg() else "is a link or no file"
        raise InvalidDataError(
            f"{archive}: {member.path} {found} where {expected}: remove the archive and fetch again"
        )


def _take(source: ByteReader, part: Path, size: int) -> None:
    with on_disk(part):
        stream = part.open("wb")
    with stream:
        left = size
        while left:
            chunk = source.read(min(_CHUNK, left))
            if not chunk:
                raise EOFError("it ends early")
            with on_disk(part):
                stream.write(chunk)
                stream.flush()  # or closing would meet the full disk, out of reach of the message
            left -= len(chunk)
