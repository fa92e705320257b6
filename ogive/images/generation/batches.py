"""What each step of a flow's training sees: a function of the seed and the step's number."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._training import Batches, generator_at
from ogive._typing import Float, Int
from ogive.images.generation.coupling import couple
from ogive.images.generation.pixels import from_pixels

POOL = 16  # batches that are coupled at a time: within a class there must be many to choose from
_NOISE, _PATH = 1, 2  # what generators are for


@dataclass(frozen=True, eq=False)
class FlowBatch:
    """Places on paths from noise to pictures.

    Attributes
    ----------
    place : Tensor of shape (b, channels, height, width)
        (1 - t) noise + t picture.
    velocity : Tensor of that shape
        picture - noise.
    time : Tensor of shape (b,)
        t, from 0 to 1.
    label : Tensor of shape (b,)
        Codes of classes, or one past the last for none.
    """

    place: Float[Tensor, "b c h w"]
    velocity: Float[Tensor, "b c h w"]
    time: Float[Tensor, " b"]
    label: Int[Tensor, " b"]


class FlowBatches:
    """The batches of a flow's training, by step.

    Parameters
    ----------
    pictures : Tensor of shape (n, channels, height, width)
        uint8.
    labels : Tensor of shape (n,)
        int64 codes.
    classes : int
    size : int
        Pictures of a batch, at most.
    unlabelled : float
        The share of pictures whose class is kept back.
    seed : int

    Examples
    --------
    >>> pictures = torch.zeros(8, 1, 4, 4, dtype=torch.uint8)
    >>> batches = FlowBatches(pictures, torch.arange(8) % 2, 2, size=4, unlabelled=0.1, seed=0)
    >>> batch = batches[5]
    >>> torch.equal(batch.place, batches[5].place), batch.velocity.shape
    (True, torch.Size([4, 1, 4, 4]))
    """

    def __init__(
        self,
        pictures: Tensor,
        labels: Tensor,
        classes: int,
        *,
        size: int,
        unlabelled: float,
        seed: int,
    ) -> None:
        self.pictures, self.labels, self.classes = pictures, labels, classes
        self.unlabelled, self.seed = unlabelled, seed
        self.rows = Batches(len(pictures), size, seed)
        self._pool = -1
        self._content: list[tuple[Tensor, Tensor]] = []

    def __getitem__(self, step: int) -> FlowBatch:
        """Return the batch of a step; steps count from 0."""
        pool, place = divmod(step, POOL)
        if pool != self._pool:
            self._pool, self._content = pool, self.coupled(pool)
        rows, noise = self._content[place]
        generator = generator_at(self.seed, _PATH, step)
        time = torch.rand(len(rows), generator=generator)
        hidden = torch.rand(len(rows), generator=generator) < self.unlabelled
        pictures = from_pixels(self.pictures[rows])
        return FlowBatch(
            torch.lerp(noise, pictures, time[:, None, None, None]),
            pictures - noise,
            time,
            self.labels[rows].masked_fill(hidden, self.classes),
        )

    def coupled(self, pool: int) -> list[tuple[Tensor, Tensor]]:
        """Return rows and noise of each of the `POOL` batches that are coupled together."""
        batches = [self.rows[step] for step in range(pool * POOL, (pool + 1) * POOL)]
        rows = torch.cat(batches)
        pictures = from_pixels(self.pictures[rows])
        noise = torch.randn(pictures.shape, generator=generator_at(self.seed, _NOISE, pool))
        order = couple(noise.flatten(1), pictures.flatten(1), self.labels[rows])
        return list(zip(batches, noise[order].split([len(b) for b in batches]), strict=True))
