"""Prototypes taken from data: what a kernel layer compares its inputs with."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ogive._checks import check_positive
from ogive._errors import InvalidDataError, InvalidTypeError
from ogive.features import select_landmarks
from ogive.nn.conv import KernelConv1d, KernelConv2d
from ogive.nn.linear import KernelLinear

Layer = TypeVar("Layer", KernelLinear, KernelConv1d, KernelConv2d)


@torch.no_grad()
def prototypes_(
    layer: Layer,
    data: Tensor,
    *,
    candidates: int = 20_000,
    generator: torch.Generator | None = None,
) -> Layer:
    """Set the prototypes of a kernel layer to inputs, or patches, that lie far apart (k-means++).

    Each is drawn among the inputs with probability proportional to the squared distance from those
    drawn before.

    Parameters
    ----------
    layer : KernelLinear, KernelConv1d or KernelConv2d
    data : Tensor of shape (..., in_features), or (n, in_channels, ...) for a convolution
        Inputs of the layer.
    candidates : int, default 20,000
        So many rows or patches are drawn to choose from. Patches are cut out around these places
        only, without padding; no image is unfolded as a whole.
    generator : torch.Generator, optional
        By default torch's own.

    Returns
    -------
    Layer
        ``layer``, changed in place. gamma and coef0 are kept: with a Gaussian kernel set gamma to
        the data's scale too (1 / (2 · mean squared distance), say).

    Raises
    ------
    InvalidDataError
        If the shape does not fit, a value is not finite, or fewer rows are distinct than the layer
        has units.

    Notes
    -----
    A group of a convolution takes prototypes from the patches of its own channels.

    Sources: Arthur and Vassilvitskii, k-means++ (2007); Coates and Ng, Learning feature
    representations with k-means (2012), on prototypes that are patches.

    Examples
    --------
    >>> layer = KernelLinear(5, 3, "gaussian")
    >>> data = torch.randn(50, 5)
    >>> (torch.cdist(prototypes_(layer, data).weight, data).min(1).values < 1e-3).tolist()
    [True, True, True]
    """
    check_positive(candidates, "candidates")
    if not isinstance(layer, KernelLinear | KernelConv1d | KernelConv2d):
        raise InvalidTypeError(
            f"layer is a {type(layer).__name__}; it must be a KernelLinear, KernelConv1d or "
            "KernelConv2d: for a network call this for each of its kernel layers"
        )
    _check_data(layer, data)
    groups = getattr(layer, "groups", 1)
    parts = data.chunk(groups, 1) if groups > 1 else (data,)
    for prototypes, part in zip(layer.weight.chunk(groups), parts, strict=True):
        rows = _rows(layer, part.detach(), int(candidates), generator).cpu()
        seed = int(torch.randint(2**31, (), generator=generator))
        chosen = select_landmarks(
            rows, len(prototypes), "k-means++", random_state=np.random.default_rng(seed)
        )
        if len(chosen) < len(prototypes):
            raise InvalidDataError(
                f"data holds {len(chosen)} distinct rows for the {len(prototypes)} prototypes of a "
                f"{type(layer).__name__}; give more data, or make the layer narrower"
            )
        prototypes.copy_(rows[chosen].reshape(prototypes.shape))
    return layer


def _check_data(layer: KernelLinear | KernelConv1d | KernelConv2d, data: Tensor) -> None:
    if isinstance(layer, KernelLinear):
        fits = data.ndim >= 2 and data.shape[-1] == layer.in_features
        expected = f"(..., {layer.in_features})"
    else:
        spatial = layer.dimensions
        window = _window(layer)
        fits = data.ndim == spatial + 2 and data.shape[1] == layer.in_channels
        fits = fits and all(s >= w for s, w in zip(data.shape[2:], window, strict=True))
        expected = f"(n, {layer.in_channels}, at least {' × '.join(map(str, window))})"
    if not fits or data.numel() == 0 or not data.is_floating_point():
        raise InvalidDataError(
            f"data is a {data.dtype} tensor of shape {tuple(data.shape)}; "
            f"this {type(layer).__name__} takes floating-point data of shape {expected}"
        )
    if not bool(torch.isfinite(data).all()):
        raise InvalidDataError(
            "data holds NaN or inf; every value must be finite: impute or drop the rows concerned"
        )


def _rows(
    layer: KernelLinear | KernelConv1d | KernelConv2d,
    data: Tensor,
    count: int,
    generator: torch.Generator | None,
) -> Tensor:
    """Return at most so many rows, or patches as rows, of the data."""
    if isinstance(layer, KernelLinear):
        rows = data.reshape(-1, data.shape[-1])
        return rows if len(rows) <= count else rows[_draw(len(rows), count, generator)]
    spatial = layer.dimensions
    # A view: every place's window, as further dimensions. Nothing is copied but the places drawn.
    windows = data
    for axis, (size, step) in enumerate(zip(_window(layer), layer.dilation, strict=True)):
        windows = windows.unfold(2 + axis, size, 1)[..., ::step]
    places = (windows.shape[0], *windows.shape[2 : 2 + spatial])
    total = int(np.prod(places))
    drawn = torch.arange(total) if total <= count else _draw(total, count, generator)
    index = torch.unravel_index(drawn.to(data.device), places)
    windows = windows.movedim(1, 1 + spatial)  # places first, then the channel and the window
    return windows[index].reshape(len(drawn), -1)


def _draw(total: int, count: int, generator: torch.Generator | None) -> Tensor:
    if total <= 10_000_000:
        return torch.randperm(total, generator=generator)[:count]
    return torch.randint(total, (count,), generator=generator)


def _window(layer: KernelConv1d | KernelConv2d) -> tuple[int, ...]:
    sizes = zip(layer.kernel_size, layer.dilation, strict=True)
    return tuple(step * (size - 1) + 1 for size, step in sizes)
