"""What makes pictures: all that the page asks of a generator."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class PictureSampler(Protocol):
    """A generator of pictures, of classes or without; `ogive.load` returns such.

    Attributes
    ----------
    classes : tuple of str
        Empty if it knows none.
    image_shape : (int, int, int)
        Height, width and channels (1 or 3) of what it makes.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""

    def sample(
        self,
        count: int,
        *,
        label: int | None = None,
        seed: int = 0,
        steps: int = 20,
        guidance: float | None = None,
    ) -> np.ndarray:
        """Return new pictures, uint8 of shape (count, height, width, channels).

        The same arguments give the same pictures. ``label`` is the number of a class; without it
        the pictures are of all classes.
        """
