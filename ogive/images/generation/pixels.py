"""Pictures as they are stored, and as a flow takes them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ogive._checks import from_numpy
from ogive._errors import InvalidDataError
from ogive._typing import Float

_HALF = 127.5


def whole_pixels(images: np.ndarray) -> Tensor:
    """Return pictures (n, channels, height, width), uint8; fractions from 0 to 1 are 255ths.

    Raises
    ------
    InvalidDataError
        If a pixel is out of range.

    Examples
    --------
    >>> whole_pixels(np.array([[[[0.0], [0.5], [1.0]]]])).reshape(-1).tolist()
    [0, 128, 255]
    """
    if images.dtype == np.uint8:
        return from_numpy(images).movedim(-1, 1)
    scale = 255.0 if images.dtype.kind == "f" else 1.0
    low, high = float(images.min()) * scale, float(images.max()) * scale
    if not (np.isfinite([low, high]).all() and 0 <= low <= high <= 255):
        raise InvalidDataError(
            f"pixels run from {images.min()} to {images.max()}; they must be whole numbers from 0 "
            "to 255, or fractions from 0 to 1"
        )
    return from_numpy((images * scale).round().astype(np.uint8)).movedim(-1, 1)


def from_pixels(pixels: Tensor) -> Float[Tensor, "n c h w"]:
    """Return pixels of 0 to 255 as numbers from -1 to 1, float32."""
    return pixels.float().div_(_HALF).sub_(1)


def to_pixels(pictures: Float[Tensor, "n c h w"]) -> np.ndarray:
    """Return pictures (n, height, width, channels), uint8; what is out of range is cut.

    Examples
    --------
    >>> to_pixels(torch.tensor([-1.5, -1.0, 0.2, 1.0]).reshape(1, 1, 2, 2)).reshape(-1).tolist()
    [0, 0, 153, 255]
    """
    whole = pictures.add(1).mul_(_HALF).round_().clamp_(0, 255).to(torch.uint8)
    return whole.movedim(1, -1).contiguous().numpy()
