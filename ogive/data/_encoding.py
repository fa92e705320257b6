"""From pixels back to pictures: what is drawn, sent to a browser, or written to a PNG file."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ogive.data._viewing import as_shown


def as_picture(pixels: np.ndarray) -> Image.Image:
    """Return pixels as a picture of Pillow's, the inverse of `decode_image`.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, channels)
        uint8; 1 channel is grey, 3 are RGB, and in 2 and 4 opacity comes last: what is transparent
        is laid over white.

    Returns
    -------
    PIL.Image.Image
        Of mode L if it is grey, otherwise RGB.

    Examples
    --------
    >>> as_picture(np.zeros((28, 20, 1), np.uint8)).size
    (20, 28)
    >>> as_picture(np.zeros((1, 1, 4), np.uint8)).getpixel((0, 0))  # seen through
    (255, 255, 255)
    """
    return as_shown(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))


def png_bytes(image: Image.Image, *, optimise: bool = False) -> bytes:
    """Return a picture as a PNG file, which `optimise` makes smaller and takes longer for."""
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=optimise)
    return stream.getvalue()
