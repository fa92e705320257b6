"""Random choices that depend on seed and step alone, so that a resumed training repeats none."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ogive._checks import check_count


def generator_at(seed: int, *place: int) -> torch.Generator:
    """Return a generator whose numbers depend on the seed and on what they are for.

    Parameters
    ----------
    seed : int, at least 0
    *place : int, at least 0
        The number of a step or an epoch, and whatever tells one use from another.

    Examples
    --------
    >>> draws = [torch.rand(1, generator=generator_at(0, step)).item() for step in (7, 8, 7)]
    >>> draws[0] == draws[2] != draws[1]
    True
    """
    number = np.random.SeedSequence([seed, len(place), *place]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(number >> np.uint64(1)))


class Batches:
    """Which rows each step sees: every row once an epoch, in an order of the epoch's own.

    Parameters
    ----------
    rows : int
        How many there are.
    size : int
        The most rows of a batch; sizes differ by one at most.
    seed : int, default 0

    Examples
    --------
    >>> batches = Batches(10, 4, seed=1)
    >>> batches.per_epoch, [len(batches[step]) for step in range(3)]
    (3, [3, 3, 4])
    >>> torch.cat([batches[step] for step in range(3, 6)]).sort().values.tolist() == list(range(10))
    True
    """

    def __init__(self, rows: int, size: int, seed: int = 0) -> None:
        self.rows, self.size = check_count(rows, "rows"), check_count(size, "size")
        self.seed = seed
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    @property
    def per_epoch(self) -> int:
        """Number of batches that hold every row once."""
        return -(-self.rows // self.size)

    def __getitem__(self, step: int) -> Tensor:
        """Return the rows of a step's batch, int64; steps count from 0."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            generator = generator_at(self.seed, epoch)
            self._epoch, self._order = epoch, torch.randperm(self.rows, generator=generator)
        start, end = (p * self.rows // self.per_epoch for p in (place, place + 1))
        return self._order[start:end]
