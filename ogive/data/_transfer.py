"""Downloading one file whose size and content are known: resumed, bounded, verified."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ogive._errors import DownloadError
from ogive.data._partial import on_disk, part_of, publish

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector

_CHUNK = 1 << 16
# Answers that may be another one in a moment: time-outs, too many requests, trouble at the server.
_PASSING = (408, 425, 429)
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
# A try that brings this share of a file is no failure: slow servers that break off often end too.
_WORTHWHILE = 100


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Parameters
    ----------
    timeout : float
        Seconds to wait for a connection, and for each further piece of the answer.
    tries : int
        How often in a row it may fail.
    pause : float
        Seconds after the first failure; twice as many after each further one.
    """

    timeout: float = 30.0
    tries: int = 4
    pause: float = 1.0


PATIENCE = Patience()


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web, known in advance.

    Parameters
    ----------
    url : str
        Where it is; http or https.
    size : int
        In bytes: more are never read.
    sha256 : str
        Of its content, in hexadecimal digits.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """What the file is called here: the last part of the address."""
        return self.url.rpartition("/")[2]


class _BrokenError(Exception):
    """One try failed in a way that another may not."""


class _UnusableRangeError(_BrokenError):
    """The server does not continue where our part ends: only a new beginning helps."""


def download(file: RemoteFile, folder: Path, report: Callable[[int], None]) -> Path:
    """Bring a file into a folder, unless it is there and right.

    The bytes go to `<name>.part`, which a later call continues, and get their name once their
    checksum is right.

    Parameters
    ----------
    file : RemoteFile
        What to get.
    folder : Path
        Is there.
    report : callable
        Called with the number of bytes that are here; fewer than before after a new beginning.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    DownloadError
        If it cannot be had, or the server has another file under this address.
    OutputError
        If it cannot be written.
    """
    target = folder / file.name
    if _is_right(target, file):
        report(file.size)
        return target
    part = part_of(target)
    # Twice, as what is wrong may have been in the part that was here before.
    for _ in range(2):
        _complete(file, part, report)
        if _is_right(part, file):
            publish(part, target)
            return target
        with on_disk(part):
            part.unlink(missing_ok=True)
    raise failure(file, folder, "its SHA-256 is not the known one: it is damaged, or another file")


def failure(file: RemoteFile, folder: Path, what: str) -> DownloadError:
    """Return the error that names the address, what happened, and the cures."""
    return DownloadError(
        f"cannot download {file.url}: {what}. Try again, which continues where this ended; or get "
        f"the file by other means, put it into {folder} and fetch again"
    )


def _is_right(path: Path, file: RemoteFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def _bytes_in(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _complete(file: RemoteFile, part: Path, report: Callable[[int], None]) -> None:
    """Try until the part has the size of the file; give up after so many failures in a row."""
    patience, failures, furthest = PATIENCE, 0, _bytes_in(part)
    while _bytes_in(part) < file.size:
        try:
            _receive(file, part, patience.timeout, report)
        except _BrokenError as broken:
            reached = _bytes_in(part)
            worthwhile = (reached - furthest) * _WORTHWHILE > file.size
            failures = 1 if worthwhile else failures + 1
            furthest = max(furthest, reached)
            if isinstance(broken, _UnusableRangeError):
                with on_disk(part):
                    part.unlink(missing_ok=True)
            if failures >= patience.tries:
                raise failure(file, part.parent, str(broken)) from broken
            time.sleep(patience.pause * 2 ** (failures - 1))


def _receive(file: RemoteFile, part: Path, timeout: float, report: Callable[[int], None]) -> None:
    """Ask once for what is missing, and append what comes, never beyond the known size."""
    have = _bytes_in(part)
    with _ask(file, part, have, timeout) as response:
        begin = _first_byte(response)
        if begin not in (0, have):
            raise _UnusableRangeError(f"asked for byte {have} on, it sent byte {begin} on")
        with on_disk(part):
            stream = part.open("ab" if begin == have else "wb")
        with stream:
            have = begin
            report(have)
            while have < file.size:
                chunk = _piece(response, min(_CHUNK, file.size - have), f"{have} of {file.size}")
                with on_disk(part):
                    stream.write(chunk)
                    stream.flush()  # so that the part holds what was reported
                have += len(chunk)
                report(have)


def _ask(file: RemoteFile, part: Path, have: int, timeout: float) -> HTTPResponse:
    import ssl
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    headers = {"User-Agent": "ogive"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        return _opener().open(Request(file.url, headers=headers), timeout=timeout)
    except HTTPError as answer:
        answer.close()
        what = f"the server answers {answer.code} {answer.reason}"
        if answer.code == _RANGE_NOT_SATISFIABLE:
            raise _UnusableRangeError(what) from answer
        if answer.code in _PASSING or answer.code >= 500:
            raise _BrokenError(what) from answer
        raise failure(file, part.parent, what) from answer
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            what = f"the server cannot prove who it is ({reason.verify_message})"
            raise failure(file, part.parent, what) from error
        raise _BrokenError(f"no connection ({reason or type(error).__name__})") from error


def _opener() -> OpenerDirector:
    """Return an opener for http and https alone: a redirection to a file or to FTP is refused."""
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _first_byte(response: HTTPResponse) -> int:
    """Return which byte of the file the answer begins with; servers may ignore the question."""
    if response.status != _PARTIAL_CONTENT:
        return 0
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    if unit != "bytes" or not (first.isascii() and first.isdigit()):
        raise _UnusableRangeError("it sent a part of the file without saying which")
    return int(first)


def _piece(response: HTTPResponse, most: int, so_far: str) -> bytes:
    from http.client import HTTPException

    try:
        chunk = response.read1(most)
    except (OSError, HTTPException, ValueError) as error:
        what = str(error) or type(error).__name__
        raise _BrokenError(f"the connection broke after {so_far} bytes ({what})") from error
    if not chunk:
        raise _BrokenError(f"it ended after {so_far} bytes")
    return chunk
