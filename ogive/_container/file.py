"""One file that holds JSON and arrays: a safetensors file that is read whole or refused.

The library of that name is not used to read, because its answer leaves open what matters here: it
keeps the last of two equal keys, and maps the file, so that one that shrinks meanwhile ends the
process. It is not used to write either: the order of its metadata, and so the file, differs from
run to run. The tests read what is written here with the library.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ogive._container.header import (
    DIGEST,
    LARGEST_HEADER,
    LENGTH_BYTES,
    METADATA,
    NAMES,
    TEXT,
    Place,
    read_header,
)
from ogive._container.text import json_text, parse_json
from ogive._errors import (
    DataNotFoundError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
    OgiveError,
)
from ogive._writing import PathLike, write_bytes

_MODEL_CURE = "copy or download it again, or save the model again with ogive.save"


def write_container(
    path: PathLike, values: dict[str, Any], arrays: Mapping[str, np.ndarray]
) -> Path:
    """Write JSON values and arrays to one file, whole or not at all.

    The same content gives the same bytes. A SHA-256 over all of it tells damage; it is no
    signature, and tells nothing about who wrote the file.

    Parameters
    ----------
    path : path
        Used as given; ``~`` is expanded, and the folders on the way are created.
    values : dict
        What JSON can hold, and infinite floats; no NaN.
    arrays : dict of ndarray
        Booleans, integers or floats.

    Returns
    -------
    Path

    Raises
    ------
    InvalidTypeError
        If an array has another type.
    InvalidParameterError
        If a value is NaN, or the values are too many for one file.
    OutputError
        If the file cannot be written; the one that was there is untouched.

    Examples
    --------
    >>> import tempfile
    >>> file = write_container(Path(tempfile.mkdtemp()) / "x", {"a": 1}, {"b": np.arange(3)})
    >>> read_container(file)
    ({'a': 1}, {'b': array([0, 1, 2])})
    """
    stored = {name: _stored(array, name) for name, array in arrays.items()}
    # Wide items first, as the library does: then every array lies at a multiple of its item size.
    order = sorted(stored, key=lambda name: (-stored[name].itemsize, name))
    text = json_text(values)
    header: dict[str, Any] = {METADATA: {TEXT: text, DIGEST: _digest(text, stored)}}
    end = 0
    for name in order:
        array, begin = stored[name], end
        end = begin + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": array.shape,
            "data_offsets": (begin, end),
        }
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % LENGTH_BYTES)
    if len(head) > LARGEST_HEADER:
        raise InvalidParameterError(
            f"the names and settings of the model take {len(head):,} bytes; a model file holds at "
            f"most {LARGEST_HEADER:,}: shorten feature names or labels"
        )
    length = len(head).to_bytes(LENGTH_BYTES, "little")
    return write_bytes(path, b"".join([length, head, *(_bytes(stored[name]) for name in order)]))


def read_container(
    path: PathLike, *, kind: str = "model file", cure: str = _MODEL_CURE
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `write_container` wrote; run nothing, and take no more memory than the file fills.

    Parameters
    ----------
    path : path
    kind, cure : str
        What error messages call the file, and what to do about a damaged one.

    Returns
    -------
    values : dict
    arrays : dict of ndarray

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidModelError
        If it is no such file, or damaged anywhere.
    """
    try:
        with _opened(path) as stream:
            return _read(stream, os.fstat(stream.fileno()).st_size, cure)
    except InvalidModelError as error:
        raise InvalidModelError(f"{path_text(path)} is not a whole {kind}: {error}") from None
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OgiveError):
            raise
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InvalidModelError(
            f"{path_text(path)} cannot be read: {reason}; check the path and its permissions"
        ) from error


def path_text(path: PathLike) -> str:
    """Return a path as an error message can show it."""
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)


def _opened(path: PathLike) -> BinaryIO:
    found = Path(path).expanduser()
    if not found.exists():
        raise DataNotFoundError(
            f"{path_text(path)} does not exist: check the path (here is {Path.cwd()})"
        )
    if found.is_dir():
        raise InvalidModelError("it is a folder; name a file in it")
    if not found.is_file():  # opening a pipe would wait for somebody to write into it
        raise InvalidModelError("it is a pipe or a device; name a file")
    return found.open("rb")


def _read(stream: BinaryIO, size: int, cure: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        header = read_header(stream, size)
        arrays = {place.name: _read_array(stream, place) for place in header.places}
        if _digest(header.text, arrays) != header.digest:
            raise InvalidModelError("its content is damaged (the checksum differs)")
        values = parse_json(header.text)
    except InvalidModelError as error:
        raise InvalidModelError(f"{error}; {cure}") from None
    return values, {name: _native(array) for name, array in arrays.items()}


def _read_array(stream: BinaryIO, place: Place) -> np.ndarray:
    array = np.empty(place.shape, place.dtype)
    data = _bytes(array)
    if stream.readinto(data) != array.nbytes:  # type: ignore[attr-defined]
        raise InvalidModelError("it became shorter while it was read")
    if place.dtype == np.bool_ and data.size and data.max() > 1:
        raise InvalidModelError(
            f"array {place.name!r:.80} holds bytes that are neither true nor false"
        )
    return array


def _stored(array: np.ndarray, name: str) -> np.ndarray:
    """Return the array in the file's byte order, without gaps, for a file in row order."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in NAMES:
        raise InvalidTypeError(
            f"{name} has dtype {array.dtype}; a model file holds booleans, integers and floats of "
            "at most 64 bits: convert it with astype"
        )
    return np.asarray(array, dtype=dtype, order="C")


def _native(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))


def _bytes(array: np.ndarray) -> Any:
    """Return the memory of an array without gaps as bytes, nothing copied."""
    return array.reshape(-1).view(np.uint8)


def _digest(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of the text and of every array's name, dtype, shape and bytes."""
    encoded = text.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(len(encoded).to_bytes(8, "little") + encoded)
    for name in sorted(arrays):
        array = arrays[name]
        about = json.dumps([name, NAMES[array.dtype], array.shape])
        digest.update(about.encode("ascii") + b"\n")
        digest.update(_bytes(array))
    return digest.hexdigest()
