"""Pictures that come from a browser, and those that go there."""

from __future__ import annotations

import math
from http import HTTPStatus

import numpy as np
from PIL import Image

from ogive._errors import InvalidDataError
from ogive.data._encoding import as_picture, png_bytes
from ogive.data._pixels import (
    MAX_PIXELS,
    OversizedPictureError,
    decode_image,
    image_size,
)
from ogive.web.limits import Limits
from ogive.web.refusal import RefusedError

_SMALLEST_CELL, _GAP = 96, 4  # pixels of a generated picture's longer side, and between two


def decode_upload(data: bytes, limits: Limits) -> np.ndarray:
    """Return the pixels of a picture that was sent, uint8 of shape (height, width, 1 or 3).

    Raises
    ------
    RefusedError
        If it is no picture (422), or has too many pixels (413), which its header tells.
    """
    try:
        height, width = image_size(data, "it")
        if height * width > limits.pixels:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The picture has {height:,} × {width:,} pixels, and {limits.pixels:,} are the "
                "most that is taken: make it smaller.",
            )
        return decode_image(data, "it")
    except OversizedPictureError as error:  # above the limit of all readers of pictures
        most = min(limits.pixels, MAX_PIXELS)
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The picture has more than the {most:,} pixels that are taken: make it smaller.",
        ) from error
    except InvalidDataError as error:
        raise RefusedError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "This is no picture that can be read: PNG, JPEG, GIF, WebP, BMP, TIFF and PPM can, "
            "if they are whole.",
        ) from error


def thumbnail(pixels: np.ndarray, side: int) -> bytes:
    """Return a picture as a PNG file, its longer side reduced to a number of pixels."""
    image = as_picture(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return png_bytes(image)


def sheet(pictures: np.ndarray) -> bytes:
    """Return pictures in rows and columns as a PNG file; the gaps are transparent.

    Small pictures are enlarged by a whole number, so that their pixels stay square.

    Parameters
    ----------
    pictures : ndarray of shape (n, height, width, channels)
        uint8; n at least 1, and channels as `as_picture` has them.

    Examples
    --------
    >>> import io
    >>> with Image.open(io.BytesIO(sheet(np.zeros((5, 32, 32, 3), np.uint8)))) as image:
    ...     image.size
    (296, 196)
    """
    count, height, width, _ = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    scale = max(1, math.ceil(_SMALLEST_CELL / max(height, width)))
    height, width = scale * height, scale * width
    size = (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP)
    canvas = Image.new("RGBA", size)
    for number, pixels in enumerate(pictures):
        row, column = divmod(number, columns)
        cell = as_picture(pixels).resize((width, height), Image.Resampling.NEAREST)
        canvas.paste(cell, (column * (width + _GAP), row * (height + _GAP)))
    return png_bytes(canvas)
