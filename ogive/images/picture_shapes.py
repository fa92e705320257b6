"""Pictures as arrays: what is one, and how one becomes another of a stated shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive._typing import ImageShape

_MOST_PIXELS = 1 << 24  # of an image shape, in a file or asked for


def check_image_shape(shape: Any) -> ImageShape:
    """Return (height, width, channels), or raise InvalidParameterError.

    Examples
    --------
    >>> check_image_shape([28, 28, 1])
    (28, 28, 1)
    """
    sides = tuple(shape)
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in sides)
    if len(sides) != 3 or not whole or min(sides) < 1 or sides[2] not in (1, 3):
        raise InvalidParameterError(
            f"image_shape={sides!r:.60}; it must be (height, width, channels) with 1 or 3 channels"
        )
    height, width, channels = (int(n) for n in sides)
    if height * width > _MOST_PIXELS:
        raise InvalidParameterError(f"image_shape={sides!r}; at most {_MOST_PIXELS:,} pixels")
    return height, width, channels


def check_images(images: Any) -> None:
    """Raise unless it is a uint8 array of pictures (n, height, width, c)."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        what = f"has dtype {images.dtype}" if isinstance(images, np.ndarray) else "is no array"
        raise InvalidTypeError(
            f"images {what}; pictures are uint8 arrays, from 0 to 255: scale them and cast them"
        )
    if images.ndim != 4 or 0 in images.shape[1:] or images.shape[3] > 4:
        raise InvalidDataError(
            f"images has shape {images.shape}; it must be (n, height, width, channels) with 1 to 4 "
            "channels: give one picture as picture[None]"
        )


def resize_pictures(images: np.ndarray, image_shape: ImageShape) -> np.ndarray:
    """Return pictures of another size and number of channels: bilinear, antialiased.

    Grey becomes three equal channels, RGB becomes luma (ITU-R 601), and what is transparent becomes
    white, as in files.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, c)
        uint8.
    image_shape : (int, int, int)

    Returns
    -------
    ndarray of shape (n, *image_shape)
        The pictures themselves, if they have that shape.

    Raises
    ------
    InvalidTypeError, InvalidDataError, InvalidParameterError
        If they are no pictures, or the shape is none.

    Examples
    --------
    >>> resize_pictures(np.full((1, 9, 7, 3), 40, np.uint8), (2, 2, 1)).tolist()
    [[[[40], [40]], [[40], [40]]]]
    """
    from PIL import Image

    check_images(images)
    height, width, channels = check_image_shape(image_shape)
    if images.shape[3] in (2, 4):
        images = _over_white(images)
    if images.shape[1:3] != (height, width):
        resized = np.empty((len(images), height, width, images.shape[3]), dtype=np.uint8)
        for picture, place in zip(images, resized, strict=True):
            plain = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
            small = plain.resize((width, height), Image.Resampling.BILINEAR)
            place[:] = np.asarray(small).reshape(place.shape)
        images = resized
    if images.shape[3] < channels:
        return np.repeat(images, channels, axis=3)
    if images.shape[3] > channels:
        # Pillow's integers, so that a file and its pixels give the same.
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)
        return ((images @ weights + 0x8000) >> 16).astype(np.uint8)[..., None]
    return images


def _over_white(images: np.ndarray) -> np.ndarray:
    colours, opacity = images[..., :-1].astype(np.uint32), images[..., -1:].astype(np.uint32)
    shown: np.ndarray = (colours * opacity + 255 * (255 - opacity) + 127) // 255
    return shown.astype(np.uint8)
