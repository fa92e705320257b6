"""One array in numpy's .npy format, read without pickle and within the bytes that are there."""

from __future__ import annotations

import math
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy_format

from ogive._errors import InvalidDataError
from ogive.data._files import ByteReader, read_at_most

_CURE = "save it again"
# The header is a Python literal: damage to it shows as any of the parser's own errors.
_HEADER_ERRORS = (ValueError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError)


def read_npy_stream(stream: ByteReader, most: int, origin: str) -> np.ndarray:
    """Read one .npy stream that can hold `most` bytes at most.

    Raises
    ------
    InvalidDataError
        If it is no such array, holds pickled objects, is truncated, or has bytes left over.
    """
    shape, fortran, dtype = _read_header(stream, origin)
    needed = math.prod(shape) * dtype.itemsize
    announced = f"its header announces {needed} bytes (shape {shape}, {dtype})"
    if needed > most:
        raise InvalidDataError(
            f"{origin} is truncated: {announced}, there is room for {most} at most: {_CURE}"
        )
    data = read_at_most(stream, needed)
    if len(data) < needed or stream.read(1):
        kind = "is truncated" if len(data) < needed else "has trailing bytes"
        raise InvalidDataError(f"{origin} {kind}: {announced}, {len(data)} read: {_CURE}")
    try:
        array = np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    except ValueError as error:  # such as (0, 2⁴⁰, 2⁴⁰): no bytes, and beyond an array's reach
        raise InvalidDataError(f"{origin}: shape {shape} fits no array ({error})") from error
    return np.asarray(array, dtype=dtype.newbyteorder("="), order="C")


def _read_header(stream: ByteReader, origin: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = npy_format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = npy_format.read_array_header_1_0(stream)
        else:
            shape, fortran, dtype = npy_format.read_array_header_2_0(stream)
    except _HEADER_ERRORS as error:
        raise InvalidDataError(f"{origin} is no .npy array ({error}): {_CURE}") from error
    if dtype.hasobject:
        raise InvalidDataError(
            f"{origin} holds pickled Python objects, which are never loaded because a pickle can "
            "run code: save plain numbers or strings"
        )
    if dtype.itemsize == 0 or min(shape, default=0) < 0:
        raise InvalidDataError(f"{origin} announces shape {shape} of dtype {dtype}: {_CURE}")
    return shape, fortran, dtype
