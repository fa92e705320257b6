"""One process at a time: a lock on a file, which the system frees when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ogive._errors import DownloadError, OutputError

_POLL_SECONDS = 0.1
# Windows keeps others from reading the byte that is locked: one far behind the holder's number.
_LOCKED_BYTE = 1 << 20

if sys.platform == "win32":
    import msvcrt

    def _lock(stream: BinaryIO) -> None:
        stream.seek(_LOCKED_BYTE)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(stream: BinaryIO) -> None:
        stream.seek(_LOCKED_BYTE)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

    _HELD_BY_ANOTHER: tuple[type[OSError], ...] = (PermissionError,)
else:
    import fcntl

    def _lock(stream: BinaryIO) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(stream: BinaryIO) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)

    _HELD_BY_ANOTHER = (BlockingIOError,)


@contextmanager
def locked(path: Path, watch: Callable[[], int], patience: float) -> Iterator[None]:
    """Hold the lock on a file; wait for another holder as long as it gets on.

    The file stays behind: if it were removed, two processes could each hold a lock of that name.

    Parameters
    ----------
    path : Path
        The lock file, made if it is not there.
    watch : callable
        Returns a number that grows while the holder gets on; called several times a second.
    patience : float
        Seconds without growth after which the waiting ends.

    Raises
    ------
    DownloadError
        If the holder has stopped getting on: names its process.
    OutputError
        If the file cannot be made or locked.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with locked(Path(folder) / ".lock", watch=lambda: 0, patience=1.0):
    ...         print("alone")
    alone
    """
    try:
        stream = path.open("a+b", buffering=0)
    except OSError as error:
        raise _unusable(path, error) from error
    with stream:
        _wait(stream, path, watch, patience)
        try:
            stream.truncate(0)
            stream.write(str(os.getpid()).encode())
            yield
        finally:
            _unlock(stream)


def _wait(stream: BinaryIO, path: Path, watch: Callable[[], int], patience: float) -> None:
    seen, since = watch(), time.monotonic()
    while True:
        try:
            _lock(stream)
        except _HELD_BY_ANOTHER:
            pass
        except OSError as error:
            raise _unusable(path, error) from error
        else:
            return
        time.sleep(_POLL_SECONDS)
        if (now := watch()) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > patience:
            raise DownloadError(
                f"process {_holder(stream)} holds {path} and has not got on for {patience:g} "
                "seconds: wait for it, or end it and try again"
            )


def _holder(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read(20).decode(errors="replace") or "(unknown)"


def _unusable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot lock {path}: {(error.strerror or str(error)).lower()}; let XDG_CACHE_HOME name a "
        "folder on a local disk that you may write to"
    )
