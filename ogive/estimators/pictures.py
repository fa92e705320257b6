"""Pictures as estimators get them: rows of pixels of a stated shape, or arrays of pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import ImageShape


def as_pictures(X: Any, image_shape: Any = None) -> Tensor:
    """Return pictures as a tensor (n, height, width, channels), bytes or float32.

    Parameters
    ----------
    X : array
        Of shape (n, height, width) or (n, height, width, channels), or rows (n, height · width ·
        channels) of pictures whose shape is told. Whole numbers are pixels of 0 to 255; fractions
        are taken as they are, and should run from 0 to about 1.
    image_shape : (height, width, channels), optional

    Raises
    ------
    InvalidParameterError
        If rows are given without a shape, or the shape is none.
    InvalidDataError
        If they do not fit together, or a pixel is out of range or not finite.
    """
    X = np.asarray(X)
    if X.dtype.kind not in "uif":
        raise InvalidDataError(f"X has dtype {X.dtype}: pictures are numbers")
    if X.ndim == 3:
        X = X[..., None]
    if X.ndim == 2:
        X = X.reshape(len(X), *_checked(image_shape, X.shape[1]))
    if X.ndim != 4 or not len(X):
        raise InvalidDataError(
            f"X has shape {X.shape}: give one picture or more, as (n, height, width), (n, height, "
            "width, channels), or rows with image_shape=(height, width, channels)"
        )
    low, high = X.min(), X.max()
    fractions = X.dtype.kind == "f"
    if not (np.isfinite([low, high]).all() if fractions else 0 <= low <= high <= 255):
        raise InvalidDataError(
            f"X runs from {low} to {high}: pixels are whole numbers from 0 to 255, or finite "
            "fractions; mend or convert them first"
        )
    kind = np.float32 if fractions else np.uint8
    return torch.from_numpy(np.ascontiguousarray(X, dtype=kind))


def _checked(image_shape: Any, columns: int) -> ImageShape:
    if image_shape is None:
        raise InvalidParameterError(
            f"image_shape=None: X has rows of {columns} numbers; say what pictures they are, as "
            "image_shape=(height, width, channels), or give X as (n, height, width, channels)"
        )
    shape = tuple(image_shape)
    if len(shape) != 3 or not all(isinstance(s, int | np.integer) and s > 0 for s in shape):
        raise InvalidParameterError(
            f"image_shape={image_shape!r}: must be (height, width, channels), such as (28, 28, 1)"
        )
    if math.prod(shape) != columns:
        raise InvalidDataError(
            f"X has rows of {columns} numbers, and image_shape={image_shape!r} gives "
            f"{math.prod(shape)}"
        )
    return int(shape[0]), int(shape[1]), int(shape[2])
