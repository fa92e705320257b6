"""What makes pictures: all that the page asks of a generator."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class PictureSampler(Protocol):
    """A generator of pictures, such as `ogive.images.generation.PictureGenerator`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty if it knows none."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels (1 to 4, opacity last) of what it makes."""

    def sample(
        self,
        count: int,
        *,
        label: int | None = None,
        seed: int = 0,
        steps: int = 20,
        guidance: float | None = None,
    ) -> np.ndarray:
        """Return new pictures, uint8 of shape (count, *image_shape).

        As `PictureGenerator.sample`: the same arguments give the same pictures.
        """
