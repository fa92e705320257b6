"""How patch features are made: what there is to choose, and what suits pictures of a shape."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ogive._errors import InvalidParameterError
from ogive._typing import Float, ImageShape

_FINER = 3  # times as many cells a side, of which smooth averages are made
_FIRST_SIZE = 3  # of the patches of a layer before


class PatchOptions(NamedTuple):
    """How patch features are made; see `ogive.features.patches.PatchMap`.

    Attributes
    ----------
    filters : int
        m, the number of landmarks.
    size : int
        Side of a patch.
    grid : int
        Answers are averaged over grid × grid cells.
    both_signs : bool
        Whether each landmark answers to its opposite too, in a feature of its own.
    mirror : bool
        Whether answers to a picture and its mirror image are averaged.
    whitening : float
        Added to the eigenvalues of the patches' covariance.
    gain : float
        Standard deviation of what goes into the logistic function.
    quantile : float
        Share of patches that a landmark answers to with less than one half.
    smooth : float
        Standard deviation, in cells, of the Gaussian around a cell's middle by which answers are
        averaged, beyond its borders too; 0 is the plain average of a cell.
    first : int
        Landmarks of a layer before, 0 for none. It sees patches of 3 × 3 pixels; its answers,
        averaged over 2 × 2 places or a few more, are the picture that the others see.
    """

    filters: int = 256
    size: int = 6
    grid: int = 4
    both_signs: bool = False
    mirror: bool = False
    whitening: float = 3e-3
    gain: float = 3.0
    quantile: float = 0.8
    smooth: float = 0.0
    first: int = 0

    @property
    def mirrors_patches(self) -> bool:
        """Whether patches of the picture are seen in a mirror; a first layer sees all of it so."""
        return self.mirror and not self.first

    def before(self, image_shape: ImageShape) -> PatchOptions:
        """Return the options of the layer before, for pictures of that shape."""
        places = min(image_shape[:2]) - _FIRST_SIZE + 1
        return self._replace(
            filters=self.first,
            size=_FIRST_SIZE,
            grid=max(1, places // 2),
            both_signs=False,
            mirror=False,
            smooth=0.0,
            first=0,
        )

    def read_shape(self, image_shape: ImageShape) -> ImageShape:
        """Return (height, width, channels) of what patches are taken from."""
        if not self.first:
            return image_shape
        grid = self.before(image_shape).grid
        return grid, grid, self.first

    def finer(self, image_shape: ImageShape) -> int:
        """Return how many cells a side there are before they are averaged smoothly."""
        if not self.smooth:
            return self.grid
        return min(_FINER * self.grid, min(self.read_shape(image_shape)[:2]) - self.size + 1)

    def averages(self, image_shape: ImageShape) -> Float[Tensor, "cells finer"]:
        """Return what each of the finer cells counts in each cell, float64."""
        finer = self.finer(image_shape)
        if not self.smooth:
            return torch.eye(self.grid**2, dtype=torch.float64)
        middle, place = ((torch.arange(n).double() + 0.5) / n for n in (self.grid, finer))
        far = (place - middle[:, None]) * self.grid / self.smooth
        weights = (-far.square() / 2).softmax(1)
        return torch.kron(weights, weights)

    def checked(self, image_shape: ImageShape) -> PatchOptions:
        """Return them if they suit pictures of that (height, width, channels), or raise."""
        if self.first < 0:
            raise InvalidParameterError(f"n_first_filters={self.first}: must be 0 or more")
        if self.first and min(image_shape[:2]) < _FIRST_SIZE:
            raise InvalidParameterError(
                f"n_first_filters={self.first}: a first layer needs pictures of {_FIRST_SIZE}×"
                f"{_FIRST_SIZE} pixels at least; 0 is one layer"
            )
        height, width, _ = self.read_shape(image_shape)
        if not 2 <= self.size <= min(height, width):
            seen = "answers of the first layer" if self.first else "pictures"
            raise InvalidParameterError(
                f"patch_size={self.size}: must be from 2 to {min(height, width)}, the shorter side "
                f"of these {height}×{width} {seen}"
            )
        places = min(height, width) - self.size + 1
        if not 1 <= self.grid <= places:
            raise InvalidParameterError(
                f"grid={self.grid}: must be from 1 to {places}, the number of places of a patch "
                f"of {self.size} along {min(height, width)} pixels"
            )
        for name, value, good in (
            ("filters", self.filters, self.filters >= 1),
            ("whitening", self.whitening, self.whitening > 0),
            ("gain", self.gain, self.gain > 0),
            ("quantile", self.quantile, 0 < self.quantile < 1),
            ("smooth", self.smooth, 0 <= self.smooth < math.inf),
        ):
            if not good:
                rules = {"quantile": "between 0 and 1", "smooth": "0 or more"}
                rule = rules.get(name, "above 0")
                raise InvalidParameterError(f"{name}={value!r}: must be {rule}")
        return self
