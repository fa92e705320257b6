"""Patch features of pictures as a layer: a fitted patch map whose landmarks can be trained."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._errors import InvalidDataError
from ogive._typing import Float
from ogive.features.patch_options import PatchOptions
from ogive.features.patch_tiles import FLOOR, LEAST_SQUARE
from ogive.features.patches import PatchMap


class PatchFeatures(nn.Module):
    """Mean answers σ(gain_j ⟨p, z_j⟩ - offset_j) of landmarks z_j to the patches p of a cell.

    What `ogive.features.patches.PatchMap` computes, as a layer: p is a patch less its mean, over
    √(its sum of squares + 0.05), whitened and of unit norm. Mean, whitening and the sums of squares
    are convolutions of the picture: patches are never unfolded.

    Parameters
    ----------
    image_shape : (height, width, channels)
    options : PatchOptions
    device, dtype
        Of the parameters.

    Attributes
    ----------
    weight : Parameter of shape (m, d)
        The landmarks, d = channels · size².
    gain, offset : Parameters of shape (m,)
    mean : Tensor of shape (d,), whitening : Tensor of shape (d, d)
        Buffers: of patches, and applied to them.
    first : PatchFeatures or None
        The layer before, where the options ask for one.

    Raises
    ------
    InvalidParameterError
        If an option is impossible for such pictures.

    Notes
    -----
    The input has shape (batch, channels, height, width), the answer (batch, width); its columns run
    over signs, then cells, then landmarks. Bytes are to be divided by 255.

    A `PatchMap` rounds patches and landmarks to 8 bits, which changes features by about 1e-3,
    several times that through two layers; this layer rounds nothing, except under autocast, where
    whitening stays in float32.

    Sources: those of `PatchMap`.

    Examples
    --------
    >>> layer = PatchFeatures((12, 12, 1), PatchOptions(filters=8, size=4, grid=2))
    >>> layer(torch.rand(5, 1, 12, 12)).shape
    torch.Size([5, 32])
    """

    mean: Tensor
    whitening: Tensor
    _cells: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        options: PatchOptions,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.image_shape, self.options = image_shape, options.checked(image_shape)
        self._read_shape = options.read_shape(image_shape)
        entries, filters = self._read_shape[2] * options.size**2, options.filters

        def made(*shape: int) -> Tensor:
            return torch.empty(shape, device=device, dtype=dtype)

        self.weight = nn.Parameter(made(filters, entries))
        self.gain = nn.Parameter(made(filters))
        self.offset = nn.Parameter(made(filters))
        self.register_buffer("mean", made(entries))
        self.register_buffer("whitening", made(entries, entries))
        self.register_buffer("_cells", self._cell_shares().to(self.mean), persistent=False)
        self.first: PatchFeatures | None = None
        self.reset_parameters()
        if options.first:
            before = options.before(image_shape)
            self.first = PatchFeatures(image_shape, before, device=device, dtype=dtype)

    @classmethod
    def of(cls, patch_map: PatchMap) -> Self:
        """Return the layer of a fitted map; what it was fitted to is its start.

        Examples
        --------
        >>> from ogive.features.patches import fit_patch_map
        >>> pictures = torch.rand(20, 12, 12, 1, generator=torch.Generator().manual_seed(0))
        >>> patches = fit_patch_map(pictures, PatchOptions(filters=8, grid=2), sample=500)
        >>> found = PatchFeatures.of(patches)(pictures.permute(0, 3, 1, 2))
        >>> bool((found - patches.features(pictures)).abs().mean() < 1e-3)
        True
        """
        layer = cls(patch_map.image_shape, patch_map.options)
        with torch.no_grad():
            layer.mean.copy_(patch_map.mean)
            layer.whitening.copy_(patch_map.whitening)
            gain = patch_map.filters.norm(dim=0)
            layer.gain.copy_(gain)
            layer.weight.copy_((patch_map.filters / gain).T)
            layer.offset.copy_(patch_map.offset)
        if patch_map.first is not None:
            layer.first = cls.of(patch_map.first)
        return layer

    def patch_map(self) -> PatchMap:
        """Return the map with this layer's landmarks: much faster where nothing is trained."""

        def kept(tensor: Tensor) -> Tensor:
            return tensor.detach().float().cpu().clone().contiguous()

        return PatchMap(
            self.options,
            self.image_shape,
            kept(self.mean),
            kept(self.whitening),
            kept((self.gain[:, None] * self.weight).T),
            kept(self.offset),
            None if self.first is None else self.first.patch_map(),
        )

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw landmarks on the unit sphere; patches are taken as they are, not whitened.

        gain and offset suit directions that are spread evenly, in which ⟨p, z⟩ has variance 1 / d.
        """
        options, entries = self.options, self.weight.shape[1]
        self.mean.zero_()
        nn.init.eye_(self.whitening)
        self.weight.copy_(functional.normalize(self.weight.normal_()))
        self.gain.fill_(options.gain * entries**0.5)
        quantile = torch.tensor(options.quantile, dtype=torch.float64)
        self.offset.fill_(options.gain * float(torch.special.ndtri(quantile)))
        if self.first is not None:
            self.first.reset_parameters()

    def forward(
        self, input: Float[Tensor, "n channels height width"]
    ) -> Float[Tensor, "n features"]:
        """Return the features of pictures with pixels from 0 to 1."""
        height, width, channels = self.image_shape
        if tuple(input.shape[1:]) != (channels, height, width):
            raise InvalidDataError(
                f"input has shape {tuple(input.shape)}; this PatchFeatures was made for (n, "
                f"{channels}, {height}, {width}): resize the pictures, channels first"
            )
        found = self._pooled(input)
        if self.options.mirror:
            found = (found + self._pooled(input.flip(3))) / 2
        return found.flatten(1)

    def _pooled(self, input: Tensor) -> Float[Tensor, "n signs_cells m"]:
        if self.first is not None:
            input = self.first(input).unflatten(1, (*self._read_shape[:2], -1)).permute(0, 3, 1, 2)
        patches, landmarks = self._patches(input), self.gain[:, None] * self.weight
        found = [
            self._means(functional.linear(patches, sign, -self.offset).sigmoid_())
            for sign in ((landmarks, -landmarks) if self.options.both_signs else (landmarks,))
        ]
        return torch.cat(found, 1)

    def _means(self, answers: Float[Tensor, "n places m"]) -> Float[Tensor, "n cells m"]:
        return self._cells.to(answers.dtype) @ answers

    def _patches(self, input: Tensor) -> Float[Tensor, "n places d"]:
        """Return normalised, whitened patches of unit norm."""
        size, entries = self.options.size, self.whitening.shape[0]
        # Under autocast the small eigenvalues would be lost: they leave no digit to spare.
        with torch.autocast(input.device.type, enabled=False):
            x = input.to(self.whitening.dtype) - 0.5  # a constant changes nothing but rounding
            total, square = (
                functional.avg_pool2d(part.sum(1, keepdim=True), size, 1, divisor_override=1)
                for part in (x, x.square())
            )
            scale = ((square - total.square() / entries).clamp(min=0) + FLOOR).rsqrt()
            centred = self.whitening - self.whitening.mean(1, keepdim=True)
            white = functional.conv2d(x, centred.unflatten(1, (-1, size, size))) * scale
            white = white - (self.whitening @ self.mean)[:, None, None]
            white = white * (white.square().sum(1, keepdim=True) + LEAST_SQUARE).rsqrt()
            return white.flatten(2).transpose(1, 2)

    def _cell_shares(self) -> Float[Tensor, "cells places"]:
        """Return the matrix that averages the answers of the places of each cell."""
        finer = self.options.finer(self.image_shape)
        rows, columns = (
            functional.one_hot(torch.arange(places) * finer // places)
            for places in (side - self.options.size + 1 for side in self._read_shape[:2])
        )
        member = torch.einsum("hg,wk->gkhw", rows, columns).flatten(2).flatten(0, 1).double()
        return self.options.averages(self.image_shape) @ (member / member.sum(1, keepdim=True))

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        options = self.options._asdict()
        return ", ".join([f"{self.image_shape}", *(f"{k}={v!r}" for k, v in options.items())])
