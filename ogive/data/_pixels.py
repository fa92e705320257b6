"""Decoding pictures with Pillow, and collecting them as rows of pixels, within stated bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data._viewing import as_shown, shown_size

if TYPE_CHECKING:
    from PIL import Image

# A picture of more pixels than this is refused before it is decoded (150 MB as RGB).
MAX_PIXELS = 50_000_000
# Decoded pixels kept, at most: so many times the bytes read, and a base for sets of blank pictures.
MAX_EXPANSION = 2048
BASE_BYTES = 64 << 20

# Named, so that Pillow tries no other decoder (its EPS reader starts Ghostscript).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")

Size = tuple[int, int]


class OversizedPictureError(InvalidDataError):
    """A picture has more pixels than are decoded, as a decompression bomb has."""


def decode_image(data: bytes | BinaryIO, origin: str, size: Size | None = None) -> np.ndarray:
    """Decode one picture as a viewer shows it: grey stays one channel, everything else is RGB.

    16 and 32 bits are scaled to 8 (`as_shown` says how), transparency is laid over white, EXIF
    rotation is applied, and the first frame of an animation is taken.

    Parameters
    ----------
    data : bytes or binary file
        The encoded picture.
    origin : str
        What to call it in an error message.
    size : (int, int), optional
        Height and width to resize to (bilinear, antialiased).

    Returns
    -------
    ndarray of shape (height, width, channels)
        uint8.

    Raises
    ------
    InvalidDataError
        If it is broken, or of another format.
    OversizedPictureError
        If it is too large, which is known before it is decoded.
    """
    with _opened(data, origin) as image:
        return _pixels(as_shown(image), size)


def image_size(data: bytes | BinaryIO, origin: str) -> Size:
    """Return the height and width that `decode_image` will find, from the header alone.

    Raises
    ------
    InvalidDataError
        If the header is that of no picture.
    OversizedPictureError
        If it is that of too large a one.
    """
    with _opened(data, origin) as image:
        return shown_size(image)


@contextmanager
def _opened(data: bytes | BinaryIO, origin: str) -> Iterator[Image.Image]:
    """Open a picture of allowed size; what fails in the with-statement is damage."""
    from PIL import Image, UnidentifiedImageError

    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        with Image.open(stream, formats=_FORMATS) as image:
            _check_pixels(image, origin)
            yield image
    except InvalidDataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise OversizedPictureError(
            f"{origin} is suspected to be a decompression bomb ({error}): resize it first"
        ) from error
    except UnidentifiedImageError as error:
        empty = stream.seek(0, io.SEEK_END) == 0
        what = "it is empty" if empty else f"damaged, or none of {', '.join(_FORMATS)}"
        raise InvalidDataError(
            f"{origin} is no readable picture ({what}): mend, convert or remove it"
        ) from error
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged bytes
        raise InvalidDataError(
            f"{origin} is no readable picture ({type(error).__name__}: {error}): "
            "mend, replace or remove it"
        ) from error


def _check_pixels(image: Image.Image, origin: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise OversizedPictureError(
            f"{origin} has {height}×{width} pixels, over the limit of {MAX_PIXELS}, as a "
            "decompression bomb has: resize it first"
        )


def _pixels(image: Image.Image, size: Size | None) -> np.ndarray:
    from PIL import Image

    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def check_size(size: Size | None) -> None:
    """Raise InvalidParameterError unless `size` is None or two positive integers within bounds."""
    if size is None:
        return
    if (
        not isinstance(size, tuple | list)
        or len(size) != 2
        or not all(isinstance(side, int) and side > 0 for side in size)
        or size[0] * size[1] > MAX_PIXELS
    ):
        raise InvalidParameterError(
            f"size={size!r} must be (height, width), two positive integers, at most {MAX_PIXELS} "
            "pixels in all: pass size=(32, 32), say"
        )


class ImageStack:
    """Pictures of one size, collected as rows in one growing buffer.

    The first colour picture turns the greyscale ones before it into RGB, and those after it too.

    Examples
    --------
    >>> stack = ImageStack()
    >>> stack.add(np.zeros((2, 3, 1), np.uint8), "grey.png", 70)
    >>> stack.add(np.ones((2, 3, 3), np.uint8), "colour.png", 80)
    >>> rows, image_shape = stack.rows()
    >>> rows.shape, image_shape
    ((2, 18), (2, 3, 3))
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._shape: tuple[int, int, int] | None = None
        self._first = ""
        self._encoded_bytes = 0

    def add(self, image: np.ndarray, origin: str, encoded_bytes: int) -> None:
        """Append one picture (height, width, 1 or 3) that came from so many encoded bytes.

        Raises
        ------
        InvalidDataError
            If its size differs from the first one's, or the set decodes to far more than was read.
        """
        height, width, channels = image.shape
        if self._shape is None:
            self._shape, self._first = (height, width, channels), origin
        if self._shape[:2] != (height, width):
            raise InvalidDataError(
                f"{self._first} has {self._shape[0]}×{self._shape[1]} pixels and {origin} "
                f"{height}×{width} (height×width): resize them first, or pass size=(height, width)"
            )
        if channels > self._shape[2]:
            grey = np.frombuffer(self._buffer, dtype=np.uint8)
            self._buffer = bytearray(np.repeat(grey, 3).data)
            self._shape = (height, width, channels)
        elif channels < self._shape[2]:
            image = np.repeat(image, 3, axis=2)
        self._encoded_bytes += encoded_bytes
        if len(self._buffer) + image.size > BASE_BYTES + MAX_EXPANSION * self._encoded_bytes:
            raise InvalidDataError(
                f"the pictures up to {origin} decode to over {MAX_EXPANSION} times their "
                f"{self._encoded_bytes} bytes, as a decompression bomb does: resize them first"
            )
        self._buffer += np.ascontiguousarray(image).data.cast("B")

    def rows(self) -> tuple[np.ndarray, tuple[int, int, int]]:
        """Return the pixels, uint8 of shape (n, height × width × channels), and the image shape.

        The rows share the stack's memory: adding comes to an end here.
        """
        if self._shape is None:
            raise InvalidDataError("no picture was found: add one at least")
        height, width, channels = self._shape
        pixels = np.frombuffer(self._buffer, dtype=np.uint8)
        return pixels.reshape(-1, height * width * channels), self._shape
