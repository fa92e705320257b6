"""Patch features of pictures: a convolutional kernel map that is fitted, not trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._threads import run_tasks
from ogive._typing import Float, ImageShape
from ogive.features.patch_options import PatchOptions
from ogive.features.patch_tiles import FLOOR, Look, PatchPlan, whole_landmarks, write_features
from ogive.features.spherical import spherical_means

_SAMPLE = 50_000  # patches that the map is fitted to
_PICTURES = 16  # of one task
_QUANTILE_SAMPLE = 8192  # patches that tell gains and offsets
_OFFSET_LIMIT = 20.0  # σ beyond it is 0 or 1 to 2e-9
_ANSWERED = 4000  # pictures whose answers a second layer is fitted to
_TOGETHER = 256  # pictures whose answers are in memory at once


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
        Symmetric: (covariance + ε)^-½. Where patches are seen in a mirror too, it and ``mean`` are
        those of patches and their mirror images.
    filters : Tensor of shape (d, m)
        gain_j z_j in columns.
    offset : Tensor of shape (m,)
    first : PatchMap, optional
        A layer before, whose answers are what patches are taken from.

    Notes
    -----
    Whitened patches and landmarks are multiplied as 8-bit integers, each to 1/127 of its largest
    entry, which changes features by about a thousandth, several times that through two layers.

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

    def __post_init__(self) -> None:
        """See to it that what is read once is right for the mirror, too."""
        if not self.options.mirrors_patches:
            return
        for name, value in (("mean", self.mean), ("whitening", self.whitening)):
            if not torch.equal(value, _symmetric(value, self.options.size)):
                raise InvalidParameterError(
                    f"{name} is not that of patches and their mirror images, which mirror=True "
                    "takes: fit the map anew with it"
                )

    @property
    def width(self) -> int:
        """Number of features of a picture."""
        return self.filters.shape[1] * (1 + self.options.both_signs) * self.options.grid**2

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
            self._read(pictures, out, progress)
            return out
        for some, rows in zip(pictures.split(_TOGETHER), out.split(_TOGETHER), strict=True):
            self._read(self.first.answers(some), rows)
            if self.options.mirror:
                mirrored = torch.empty_like(rows)
                self._read(self.first.answers(some.flip(2)), mirrored)
                rows.add_(mirrored).div_(2)
            if progress is not None:
                progress(len(some))
        return out

    def answers(self, pictures: Tensor) -> Float[Tensor, "n grid grid m"]:
        """Return the features of pictures as pictures of cells, for a next layer to see."""
        rows = torch.empty(len(pictures), self.width)
        self._read(pictures, rows)
        return rows.view(len(rows), self.options.grid, self.options.grid, -1)

    def _read(
        self, pictures: Tensor, out: Tensor, progress: Callable[[int], None] | None = None
    ) -> None:
        plan, tasks = self._plan(), []
        for start in range(0, len(pictures), _PICTURES):
            part = slice(start, start + _PICTURES)
            tasks.append(partial(self._write, plan, pictures[part], out[part], progress))
        run_tasks(tasks, threads=torch.get_num_threads())

    @staticmethod
    def _write(plan: PatchPlan, pictures: Tensor, out: Tensor, progress: Any) -> None:
        pixels = scaled(pictures).permute(0, 3, 1, 2).contiguous()
        if pictures.is_floating_point() and not bool(torch.isfinite(pixels.square().sum())):
            raise InvalidDataError(
                "a pixel is NaN, infinite or far too large; fractions run from 0 to 1"
            )
        write_features(plan, pixels, out, progress)

    def _plan(self) -> PatchPlan:
        landmarks, unit = whole_landmarks(self.filters)
        cells = self.cells()
        looks = [Look(landmarks, cells.reshape(-1))]
        if self.options.mirrors_patches:
            # What a landmark answers to a patch in the mirror is what, in the mirror, it answers
            # to the patch: pictures need not be read twice.
            mirrored = _in_mirror(landmarks, self.options.size)
            looks.append(Look(mirrored, cells[:, ::-1].reshape(-1)))
        return PatchPlan(
            self.options.size,
            self.mean,
            self.whitening,
            tuple(looks),
            unit,
            self.offset.exp(),
            self.options.both_signs,
            self.options.averages(self.image_shape).float() if self.options.smooth else None,
        )

    def cells(self) -> np.ndarray:
        """Return the finer cell of each place, (rows, columns) int64."""
        sides = self.options.read_shape(self.image_shape)[:2]
        rows, columns = (np.arange(side - self.options.size + 1) for side in sides)
        finer = self.options.finer(self.image_shape)
        down, right = rows * finer // len(rows), columns * finer // len(columns)
        return down[:, None] * finer + right


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
    if options.mirrors_patches:
        mean = _symmetric(mean, options.size)
    patches -= mean
    whitening = _whitening(patches, options)
    patches = functional.normalize(patches @ whitening)
    landmarks = spherical_means(patches, options.filters, generator=generator)
    answers = patches[:_QUANTILE_SAMPLE] @ landmarks.T
    gain = options.gain / answers.std(0, correction=0).clamp(min=1e-3)
    rank = max(1, round(options.quantile * len(answers)))
    offset = gain * answers.T.contiguous().kthvalue(rank, dim=1).values
    offset = offset.clamp(-_OFFSET_LIMIT, _OFFSET_LIMIT)
    # Row by row, as files keep it.
    filters = (landmarks.T * gain).contiguous()
    return PatchMap(options, image_shape, mean, whitening, filters, offset, first)


def _whitening(patches: Float[Tensor, "n d"], options: PatchOptions) -> Float[Tensor, "d d"]:
    """Return what makes the covariance of centred patches about the identity."""
    covariance = (patches.T @ patches).double() / len(patches)
    if options.mirrors_patches:
        covariance = _symmetric(covariance, options.size)
    values, vectors = torch.linalg.eigh(covariance)
    root = (values.clamp(min=0) + options.whitening).rsqrt()
    found = ((vectors * root) @ vectors.T).float()
    return _symmetric(found, options.size) if options.mirrors_patches else found


def _symmetric(moment: Tensor, size: int) -> Tensor:
    """Return the mean of what is known of patches, (d,) or (d, d), and that of their mirror images.

    Whoever does it twice changes nothing, to the last bit.
    """
    other = _in_mirror(moment, size)
    if moment.ndim == 2:
        other = _in_mirror(other.T, size).T
    return ((moment + other) / 2).contiguous()


def _in_mirror(entries: Tensor, size: int) -> Tensor:
    """Return entries of patches, along the first dimension, as the mirrored patch has them."""
    return entries.unflatten(0, (-1, size)).flip(1).flatten(0, 1)


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
