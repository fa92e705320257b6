"""Patch features of pictures: a convolutional kernel map that is fitted, not trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._threads import run_tasks
from ogive._typing import Float, ImageShape
from ogive.features.patch_tiles import FLOOR, PatchPlan, split_whitening, write_features
from ogive.features.spherical import spherical_means

_SAMPLE = 50_000  # patches that the map is fitted to
_PICTURES = 16  # of one task
_QUANTILE_SAMPLE = 8192  # patches that tell gains and offsets
_OFFSET_LIMIT = 20.0  # σ beyond it is 0 or 1 to 2e-9
_FINER = 3  # times as many cells a side, of which smooth averages are made
_FIRST_SIZE = 3  # of the patches of a layer before
_ANSWERED = 4000  # pictures whose answers a second layer is fitted to
_TOGETHER = 256  # pictures whose answers are in memory at once
# Numbers in a patch from which the fast product is faster in spite of its preparations.
_WORTH_BFLOAT16 = 64


class PatchOptions(NamedTuple):
    """How patch features are made; see `PatchMap`.

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


@dataclass(frozen=True)
class PatchMap:
    """Mean answers σ(gain_j ⟨p, z_j⟩ - offset_j) of landmarks z_j to the patches of a cell.

    p is a patch of the picture, less its mean, over √(its sum of squares + 0.05), whitened and of
    unit norm: the answers are a logistic kernel between whitened patches and landmarks.

    Attributes
    ----------
    options : PatchOptions
    image_shape : (height, width, channels)
    mean : Tensor of shape (d,)
        Of normalised patches, d = channels · size².
    whitening : Tensor of shape (d, d)
        Symmetric: (covariance + ε)^-½.
    filters : Tensor of shape (d, m)
        gain_j z_j in columns.
    offset : Tensor of shape (m,)
    first : PatchMap, optional
        A layer before, whose answers are what patches are taken from.

    Notes
    -----
    Sources: Coates, Ng and Lee, An analysis of single-layer networks in unsupervised feature
    learning (2011), sections 3 and 4.4; Mairal and others, Convolutional kernel networks (2014).
    """

    options: PatchOptions
    image_shape: ImageShape
    mean: Float[Tensor, " d"]
    whitening: Float[Tensor, "d d"]
    filters: Float[Tensor, "d m"]
    offset: Float[Tensor, " m"]
    first: PatchMap | None = None

    @property
    def width(self) -> int:
        """Number of features of a picture."""
        return self.filters.shape[1] * (1 + self.options.both_signs) * self.options.grid**2

    @property
    def worth_bfloat16(self) -> bool:
        """Whether a processor's fast bfloat16 products pay here, in the last layer of two.

        Its patches and landmarks are rounded to bfloat16 in either case.
        """
        return len(self.mean) >= _WORTH_BFLOAT16

    def features(
        self,
        pictures: Tensor,
        out: Tensor | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Tensor:
        """Return the features of pictures.

        Parameters
        ----------
        pictures : Tensor of shape (n, height, width, channels)
            uint8, or floats of the same scale divided by 255.
        out : Tensor of shape (n, width), optional
            Where to put them, of any floating type.
        progress : callable, optional
            Called with a number of pictures when they are done, by any thread.

        Returns
        -------
        Tensor of shape (n, width)
            float32, unless ``out`` is given. Columns run over signs, then cells, then landmarks.

        Raises
        ------
        InvalidDataError
            If the pictures have another shape.
        """
        if tuple(pictures.shape[1:]) != self.image_shape:
            raise InvalidDataError(
                f"pictures of shape {tuple(pictures.shape[1:])}; this map was fitted to "
                f"{self.image_shape} (height, width, channels): resize them"
            )
        out = torch.empty(len(pictures), self.width) if out is None else out
        if self.first is None:
            self._read(pictures, out, split=self.worth_bfloat16, progress=progress)
            return out
        for some, rows in zip(pictures.split(_TOGETHER), out.split(_TOGETHER), strict=True):
            self._read(self.first.answers(some), rows, split=self.worth_bfloat16)
            if self.options.mirror:
                mirrored = torch.empty_like(rows)
                answers = self.first.answers(some.flip(2))
                self._read(answers, mirrored, split=self.worth_bfloat16)
                rows.add_(mirrored).div_(2)
            if progress is not None:
                progress(len(some))
        return out

    def answers(self, pictures: Tensor) -> Float[Tensor, "n grid grid m"]:
        """Return the features of pictures as pictures of cells, for a next layer to see."""
        rows = torch.empty(len(pictures), self.width)
        # Few entries do not make the fast product pay, but it may be on for the next layer.
        self._read(pictures, rows, split=True)
        return rows.view(len(rows), self.options.grid, self.options.grid, -1)

    def _read(
        self,
        pictures: Tensor,
        out: Tensor,
        *,
        split: bool,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        plan, tasks = self._plan(split), []
        for start in range(0, len(pictures), _PICTURES):
            part = slice(start, start + _PICTURES)
            tasks.append(partial(self._write, plan, pictures[part], out[part], progress))
        run_tasks(tasks, threads=torch.get_num_threads())

    @staticmethod
    def _write(plan: PatchPlan, pictures: Tensor, out: Tensor, progress: Any) -> None:
        write_features(plan, scaled(pictures).permute(0, 3, 1, 2).contiguous(), out, progress)

    def _plan(self, split: bool) -> PatchPlan:
        return PatchPlan(
            self.options.size,
            self.mean,
            split_whitening(self.whitening) if split else self.whitening,
            self.filters.bfloat16().float(),
            self.offset.exp(),
            self.cells(),
            self.options.both_signs,
            self.options.mirror and self.first is None,  # else it is the first that sees pictures
            self.options.averages(self.image_shape).float() if self.options.smooth else None,
        )

    def cells(self) -> np.ndarray:
        """Return the finer cell of each place, (places,) int64."""
        sides = self.options.read_shape(self.image_shape)[:2]
        rows, columns = (np.arange(side - self.options.size + 1) for side in sides)
        finer = self.options.finer(self.image_shape)
        down, right = rows * finer // len(rows), columns * finer // len(columns)
        return (down[:, None] * finer + right).reshape(-1)


def fit_patch_map(
    pictures: Tensor, options: PatchOptions, *, seed: int = 0, sample: int = _SAMPLE
) -> PatchMap:
    """Return the patch map of pictures: their whitening, landmarks, gains and offsets.

    Parameters
    ----------
    pictures : Tensor of shape (n, height, width, channels)
        uint8, or floats of the same scale divided by 255.
    options : PatchOptions
    seed : int, default 0
        Of the patches that are drawn, and of the landmarks.
    sample : int, default 50,000
        How many patches are drawn.

    Raises
    ------
    InvalidParameterError
        If an option is impossible for such pictures.
    InvalidDataError
        If all patches are flat.

    Examples
    --------
    >>> pictures = torch.rand(20, 12, 12, 1, generator=torch.Generator().manual_seed(0))
    >>> patches = fit_patch_map(pictures, PatchOptions(filters=8, grid=2), sample=500)
    >>> patches.features(pictures).shape
    torch.Size([20, 32])
    """
    image_shape = (int(pictures.shape[1]), int(pictures.shape[2]), int(pictures.shape[3]))
    options.checked(image_shape)
    generator = torch.Generator().manual_seed(seed)
    first = None
    if options.first:
        first = fit_patch_map(pictures, options.before(image_shape), seed=seed, sample=sample)
        chosen = torch.randperm(len(pictures), generator=generator)[:_ANSWERED]
        pictures = first.answers(pictures[chosen])
    patches = draw_patches(pictures, options.size, sample, generator)
    if not bool(patches.any()):
        raise InvalidDataError("all patches of the pictures are flat: is there anything in them?")
    mean = patches.mean(0)
    patches -= mean
    covariance = (patches.T @ patches).double() / len(patches)
    values, vectors = torch.linalg.eigh(covariance)
    root = (values.clamp(min=0) + options.whitening).rsqrt()
    whitening = ((vectors * root) @ vectors.T).float()
    patches = functional.normalize(patches @ whitening)
    landmarks = spherical_means(patches, options.filters, generator=generator)
    answers = patches[:_QUANTILE_SAMPLE] @ landmarks.T
    gain = options.gain / answers.std(0, correction=0).clamp(min=1e-3)
    rank = max(1, round(options.quantile * len(answers)))
    offset = gain * answers.T.contiguous().kthvalue(rank, dim=1).values
    offset = offset.clamp(-_OFFSET_LIMIT, _OFFSET_LIMIT)
    # Row by row, as files keep it: products with it then round the same.
    filters = (landmarks.T * gain).contiguous()
    return PatchMap(options, image_shape, mean, whitening, filters, offset, first)


def draw_patches(
    pictures: Tensor, size: int, count: int, generator: torch.Generator
) -> Float[Tensor, "count d"]:
    """Return normalised patches at random places of random pictures: channels, rows, columns."""
    n, height, width, _ = pictures.shape

    def draw(below: int) -> Tensor:
        return torch.randint(below, (count, 1, 1), generator=generator)

    picture = draw(n)
    row = draw(height - size + 1) + torch.arange(size)[:, None]
    column = draw(width - size + 1) + torch.arange(size)
    patches = scaled(pictures[picture, row, column]).permute(0, 3, 1, 2).flatten(1)
    patches = patches - patches.mean(1, keepdim=True)
    return patches / (patches.square().sum(1, keepdim=True) + FLOOR).sqrt()


def scaled(pictures: Tensor) -> Tensor:
    """Return float32 pictures from 0 to 1: bytes are divided by 255, floats taken as they are."""
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()
