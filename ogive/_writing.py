"""Writing a file whole or not at all: what was there before survives any failure."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from pathlib import Path

from ogive._errors import OutputError

PathLike = str | os.PathLike[str]

_OWN = "choose a folder that you may write to"
_CURES = {
    errno.EACCES: ("no permission to write there", _OWN),
    errno.EPERM: ("no permission to write there", _OWN),
    errno.EROFS: ("it lies on a read-only disk", _OWN),
    errno.ENOSPC: ("the disk is full", "free some space or choose another disk"),
    errno.EDQUOT: ("your share of the disk is used up", "free some space or choose another disk"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.EEXIST: ("a file stands where a folder is needed", "move it or choose another folder"),
    errno.ENOTDIR: ("a file stands where a folder is needed", "move it or choose another folder"),
}


def write_text(path: PathLike, text: str) -> Path:
    """Write text as UTF-8, whole or not at all.

    Parameters
    ----------
    path : path
        ``~`` is expanded, and the folders on the way are created.
    text : str
        Line ends stay as they are. A lone surrogate, as undecodable file names hold, is written as
        its escape.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be written; the file that was there is untouched.
    """
    return write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: PathLike, data: bytes) -> Path:
    """Write bytes, whole or not at all: to a temporary file beside it, which then takes its name.

    A link is followed, and the permissions of a file that was there are kept.

    Parameters
    ----------
    path : path
        ``~`` is expanded, and the folders on the way are created.
    data : bytes

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be written; the file that was there is untouched.
    """
    try:
        path = Path(path).expanduser()
        target = path.resolve()
        if target.exists() and not target.is_file():
            what, cure = ("folder", "name a file in it") if target.is_dir() else ("device", _OWN)
            raise OutputError(f"cannot write {_shown(path)}: it is a {what}; {cure}")
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, data)
    except OutputError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise _output_error(path, error) from error
    return path


def check_writable_folder(path: PathLike) -> Path:
    """Make sure that files can be written to a folder, before minutes of work go into them.

    Parameters
    ----------
    path : path
        ``~`` is expanded; the folder is created if it is not there.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be created, or nothing can be written to it.
    """
    try:
        path = Path(path).expanduser()
        path.mkdir(parents=True, exist_ok=True)
        trial = _temporary(path)
        try:
            trial.touch(exist_ok=False)
        finally:
            trial.unlink(missing_ok=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise _output_error(path, error) from error
    return path


def _replace(target: Path, data: bytes) -> None:
    temporary = _temporary(target.parent)
    try:
        # Not tempfile: its files are closed to everybody else, and so would the result be.
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)  # noqa: PTH105 - the one call that must not be wrapped
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(folder: Path) -> Path:
    # Its length does not depend on the target's, which may be as long as names can be.
    return folder / f".ogive-{secrets.token_hex(8)}.tmp"


def _output_error(path: PathLike, error: Exception) -> OutputError:
    number = error.errno if isinstance(error, OSError) else None
    if number in _CURES:
        reason, cure = _CURES[number]
    else:
        text = error.strerror if isinstance(error, OSError) else None
        reason, cure = (text or str(error)).lower(), "choose another place"
    return OutputError(f"cannot write {_shown(path)}: {reason}; {cure}")


def _shown(path: PathLike) -> str:
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)
