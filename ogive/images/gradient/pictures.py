"""Pictures and the numbers of their classes, as training takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from ogive._errors import InvalidDataError
from ogive._typing import ImageShape
from ogive.estimators.pictures import as_pictures


@dataclass(frozen=True)
class Pictures:
    """Pictures and their classes.

    Attributes
    ----------
    x : Tensor of shape (n, channels, height, width)
        uint8, or floats of the same scale divided by 255.
    codes : Tensor of shape (n,)
        int64.
    """

    x: Tensor
    codes: Tensor

    @classmethod
    def of(cls, pictures: Tensor, codes: np.ndarray) -> Pictures:
        """Take pictures (n, height, width, channels), which are not copied."""
        return cls(pictures.permute(0, 3, 1, 2), torch.from_numpy(codes.astype(np.int64)))

    @classmethod
    def held_out(cls, X: Any, y: Any, classes: np.ndarray, image_shape: ImageShape) -> Pictures:
        """Take pictures to be tested on.

        Raises
        ------
        InvalidDataError
            If one is of a class that is not learnt, or the shape is another.
        """
        pictures, codes = as_pictures(X, image_shape), known_codes(y, classes, "held_out")
        if tuple(pictures.shape[1:]) != image_shape:
            raise InvalidDataError(
                f"held_out holds pictures of shape {tuple(pictures.shape[1:])}, and training those "
                f"of {image_shape} (height, width, channels): resize them"
            )
        return cls.of(pictures, codes)

    def take(self, rows: np.ndarray) -> Pictures:
        """Return some of the pictures."""
        kept = torch.from_numpy(rows)
        return Pictures(self.x[kept], self.codes[kept])


def known_codes(y: Any, classes: np.ndarray, name: str) -> np.ndarray:
    """Return the places of labels among sorted classes.

    Raises
    ------
    InvalidDataError
        If one is not among them.

    Examples
    --------
    >>> known_codes(["b", "a"], np.array(["a", "b"]), "held_out")
    array([1, 0])
    """
    y = column_or_1d(y)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise InvalidDataError(
            f"{name} holds the class {unknown[0]}, which is not among those learnt from: leave it "
            "out, or learn from pictures of it too"
        )
    found: np.ndarray = np.searchsorted(classes, y)
    return found
