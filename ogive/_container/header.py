"""The head of a model file: which arrays there are and where, checked, nothing allocated."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ogive._errors import InvalidModelError, OgiveError

METADATA, TEXT, DIGEST = "__metadata__", "ogive", "sha256"
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LENGTH_BYTES = 8
LARGEST_HEADER = 100_000_000  # the limit of the safetensors library
_LARGEST_ARRAY = 2**62
_MOST_DIMENSIONS = 32
# Looked at only where the file cannot be a container: a whole one may start with any bytes.
_FOREIGN = {
    b"\x80": "a pickle, which is never loaded here because it can run code",
    b"PK": "a zip archive, such as torch.save and numpy.savez write",
    b"\x1f\x8b": "compressed with gzip: decompress it first",
    b"<": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS, to be replaced by git lfs pull",
    b"{": "plain JSON",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a picture",
}


@dataclass(frozen=True)
class Place:
    """Where an array lies in the file, behind the header."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What the head of a file says.

    Attributes
    ----------
    text, digest : str
        The JSON, and the SHA-256 of all content.
    places : list of Place
        Of the arrays, which fill the file one after the other.
    """

    text: str
    digest: str
    places: list[Place]


def read_header(stream: BinaryIO, size: int) -> Header:
    """Read the head of a file of that many bytes, and leave the stream behind it.

    Raises
    ------
    InvalidModelError
        If it is not the head of such a file, or the arrays do not fill the rest of it.
    """
    entries = _read_entries(stream, size)
    text, digest = _metadata(entries.pop(METADATA, None))
    places = sorted((_place(*item) for item in entries.items()), key=lambda p: (p.begin, p.end))
    end = 0
    for place in places:
        if place.begin != end:
            raise InvalidModelError(
                f"array {place.name!r:.80} does not begin where the last one ends"
            )
        end = place.end
    end += stream.tell()
    if end != size:
        state = "cut short" if size < end else "followed by something else"
        raise InvalidModelError(f"it is {state}: {end:,} bytes announced, {size:,} found")
    return Header(text, digest, places)


def _read_entries(stream: BinaryIO, size: int) -> dict[str, Any]:
    start = stream.read(LENGTH_BYTES + 24)
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if length > LARGEST_HEADER or start[LENGTH_BYTES : LENGTH_BYTES + 1] not in (b"{", b""):
        kinds = (kind for magic, kind in _FOREIGN.items() if start.lstrip().startswith(magic))
        raise InvalidModelError(f"it is {next(kinds, 'something else')}")
    if len(start) < LENGTH_BYTES or LENGTH_BYTES + length > size:
        raise InvalidModelError(f"it is cut short: it holds {size:,} bytes")
    stream.seek(LENGTH_BYTES)
    try:
        entries = json.loads(stream.read(length).decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        if isinstance(error, OgiveError):
            raise
        raise InvalidModelError(f"its header is damaged ({error})") from None
    if not isinstance(entries, dict):
        raise InvalidModelError("its header is damaged (it holds no names)")
    return entries


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidModelError("its header has a name twice")
    return found


def _metadata(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, dict) or set(entry) != {TEXT, DIGEST}:
        raise InvalidModelError("it holds arrays, and no model of Ogive beside them")
    text, digest = entry[TEXT], entry[DIGEST]
    if not isinstance(text, str) or not isinstance(digest, str):
        raise InvalidModelError("its header is damaged (it holds no text)")
    return text, digest


def _place(name: str, entry: Any) -> Place:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise InvalidModelError(f"the header's entry of array {name!r:.80} is damaged")
    shape, offsets = _sizes(entry["shape"]), _sizes(entry["data_offsets"])
    if shape is None or len(shape) > _MOST_DIMENSIONS or offsets is None or len(offsets) != 2:
        raise InvalidModelError(f"array {name!r:.80} has no shape or no place in the header")
    code = entry["dtype"]
    dtype = DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise InvalidModelError(f"array {name!r:.80} has the unsupported dtype {code!r:.40}")
    place = Place(name, dtype, shape, *offsets)
    # An axis of length 0 takes no bytes, and the others must fit an array all the same.
    if math.prod(max(1, length) for length in shape) > _LARGEST_ARRAY // dtype.itemsize:
        raise InvalidModelError(f"array {name!r:.80} has a shape that fits no array")
    if place.end - place.begin != math.prod(shape) * dtype.itemsize:
        raise InvalidModelError(f"array {name!r:.80} has a shape that does not fit its bytes")
    return place


def _sizes(value: Any) -> tuple[int, ...] | None:
    whole = isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
    return tuple(value) if whole else None
