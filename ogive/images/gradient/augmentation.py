"""Random changes of pictures that leave their class as it is."""

from __future__ import annotations

import torch
from torch import Tensor

from ogive._errors import InvalidParameterError


def augmented(
    pictures: Tensor, generator: torch.Generator, *, flip: bool = False, shift: int = 0
) -> Tensor:
    """Return pictures, each mirrored with probability ½ and shifted by up to so many pixels.

    Parameters
    ----------
    pictures : Tensor of shape (n, channels, height, width)
        Of any type: pixels are moved, not changed.
    generator : torch.Generator
    flip : bool, default False
        Whether left and right may be exchanged.
    shift : int, default 0
        The most pixels in each direction; what comes in from outside is the picture's reflection.

    Raises
    ------
    InvalidParameterError
        If shift is below 0, or not below the shorter side.

    Examples
    --------
    >>> row = torch.arange(4, dtype=torch.uint8).expand(1, 1, 4, 4)
    >>> generator = torch.Generator().manual_seed(8)
    >>> augmented(row, generator, shift=1)[0, 0, 0]
    tensor([0, 1, 2, 3], dtype=torch.uint8)
    """
    n, _, height, width = pictures.shape
    if not 0 <= shift < min(height, width):
        raise InvalidParameterError(
            f"shift={shift!r}: must be from 0 to {min(height, width) - 1}, less than the shorter "
            f"side of these {height}×{width} pictures"
        )
    if not flip and not shift:
        return pictures
    rows, columns = (
        _reflected(torch.arange(side) + _moves(n, shift, generator), side)
        for side in (height, width)
    )
    if flip:
        mirrored = torch.rand(n, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    picture = torch.arange(n)[:, None, None]
    # Channels last is also what convolutions prefer.
    moved = pictures.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None]]
    return moved.permute(0, 3, 1, 2)


def _moves(n: int, shift: int, generator: torch.Generator) -> Tensor:
    return torch.randint(-shift, shift + 1, (n, 1), generator=generator)


def _reflected(places: Tensor, side: int) -> Tensor:
    """Return places beyond an edge as those as far within it; the edge itself is not repeated."""
    places = places.abs()
    return torch.where(places < side, places, 2 * (side - 1) - places)
