"""IDX files, the format of MNIST and its relatives, compressed or not."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from ogive._errors import InvalidDataError
from ogive.data._files import DEFLATE_RATIO, ByteReader, PathLike, existing_file, read_at_most

_GZIP_MAGIC = b"\x1f\x8b"

# The third byte of the magic number says what the elements are; all are big-endian.
_ELEMENTS: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_EXPECTED = "an IDX file begins with the bytes 00 00, a type (08, 09, 0b, 0c, 0d or 0e) and a rank"
_CURE = "download it again"


def read_idx(path: PathLike) -> np.ndarray:
    """Read an array from an IDX file, gzip-compressed (told by its content) or not.

    Memory is bounded by the file: a header that announces more than the file can hold is refused
    before anything is allocated.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    ndarray
        uint8, int8, int16, int32, float32 or float64 in native byte order, of the file's shape.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If the file is empty, truncated, has bytes left over, or is no IDX file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "labels-idx1-ubyte"
    ...     _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 2]))
    ...     read_idx(file)
    array([9, 0, 2], dtype=uint8)
    """
    file = existing_file(path)
    with file.open("rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if not compressed:
            return _parse(raw, file, size)
        try:
            with gzip.GzipFile(fileobj=raw) as stream:
                return _parse(stream, file, size * DEFLATE_RATIO)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidDataError(
                f"{file} ({size} bytes) is a damaged gzip file ({error}): {_CURE}"
            ) from error


def _parse(stream: ByteReader, file: Path, most: int) -> np.ndarray:
    """Parse an IDX stream that can hold `most` bytes at most."""
    dtype, rank = _magic(stream.read(4), file)
    dimensions = stream.read(4 * rank)
    if len(dimensions) < 4 * rank:
        raise InvalidDataError(
            f"{file} ends inside its header: {4 + len(dimensions)} bytes found, {4 + 4 * rank} "
            f"expected for {rank} dimensions: {_CURE}"
        )
    shape = struct.unpack(f">{rank}I", dimensions)
    needed = math.prod(shape) * dtype.itemsize
    announced = f"its header announces {needed} bytes of data (shape {shape}, {dtype.name})"
    room = most - 4 - 4 * rank
    if needed > room:
        raise InvalidDataError(
            f"{file} is truncated: {announced}, the file has room for {room} at most: {_CURE}"
        )
    data = read_at_most(stream, needed)
    if len(data) < needed:
        raise InvalidDataError(f"{file} is truncated: {announced}, {len(data)} were found: {_CURE}")
    if stream.read(1):
        raise InvalidDataError(f"{file} has trailing bytes: {announced}, and more follow: {_CURE}")
    try:
        array = np.frombuffer(data, dtype=dtype).reshape(shape)
    except ValueError as error:  # (0, 2³², 2³², ...): no bytes, and still beyond an array's reach
        raise InvalidDataError(f"{file}: shape {shape} fits no array ({error}): {_CURE}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _magic(head: bytes, file: Path) -> tuple[np.dtype, int]:
    """Return the element type and the rank that the first four bytes stand for."""
    if not head:
        raise InvalidDataError(f"{file} is empty (0 bytes); {_EXPECTED}: {_CURE}")
    if len(head) < 4 or head[:2] != b"\x00\x00" or head[2] not in _ELEMENTS:
        raise InvalidDataError(
            f"{file} is no IDX file: it begins with {head.hex(' ')}; {_EXPECTED}: {_CURE}"
        )
    return _ELEMENTS[head[2]], head[3]
