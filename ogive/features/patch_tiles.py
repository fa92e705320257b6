"""Patch features of some pictures, one after another, in one core's cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ogive._threads import scratch
from ogive._typing import Float
from ogive.features import patch_loops

FLOOR = 0.05  # of a patch's sum of squares: a flat patch is no structure


@dataclass(frozen=True)
class PatchPlan:
    """What one picture's features are computed from.

    Attributes
    ----------
    size : int
        Side of a patch.
    mean : Tensor of shape (d,)
        Of normalised patches.
    whitening : Tensor of shape (d, d)
    filters : Tensor of shape (d, m)
        Representable in bfloat16.
    ceiling : Tensor of shape (m,)
        exp(offset).
    cells : int64 array of shape (places,)
        The cell of each place.
    both_signs, mirror : bool
    """

    size: int
    mean: Float[Tensor, " d"]
    whitening: Float[Tensor, "d d"]
    filters: Float[Tensor, "d m"]
    ceiling: Float[Tensor, " m"]
    cells: np.ndarray
    both_signs: bool
    mirror: bool


def write_features(
    plan: PatchPlan,
    pictures: Float[Tensor, "n channels height width"],
    out: Tensor,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the features of pictures into ``out`` (n, width), by one thread."""
    work = _Work(plan)
    mirrored = pictures.flip(3) if plan.mirror else None
    for index in range(len(pictures)):
        work.begin()
        work.add(pictures[index], 1.0 if mirrored is None else 0.5)
        if mirrored is not None:
            work.add(mirrored[index], 0.5)
        out[index] = work.total.flatten()
    if progress is not None:
        progress(len(pictures))


class _Work:
    """One thread's memory for one picture's patches, products and features."""

    def __init__(self, plan: PatchPlan) -> None:
        self.plan = plan
        entries, filters = plan.filters.shape
        counts = np.bincount(plan.cells)
        self.weights = (1 / counts).astype(np.float32)
        places, like = len(plan.cells), plan.mean
        self.patches = scratch(0, (places, entries), like)
        self.white = scratch(1, (places, entries), like)
        self.products = scratch(2, (places, filters), like)
        self.total = scratch(3, (1 + plan.both_signs, len(counts), filters), like)
        self.scale = scratch(4, (places,), like)

    def begin(self) -> None:
        """Forget the picture before."""
        self.total.zero_()

    def add(self, picture: Float[Tensor, "channels height width"], share: float) -> None:
        """Add ``share`` times the features of a picture to the total."""
        plan = self.plan
        patch_loops.normalised_patches(
            picture.numpy(), plan.size, np.float32(FLOOR), plan.mean.numpy(), self.patches.numpy()
        )
        torch.mm(self.patches, plan.whitening, out=self.white)
        # In whichever way the processor multiplies, it is these rounded numbers that it multiplies.
        self.white.copy_(self.white.bfloat16())
        patch_loops.negative_inverse_norms(self.white.numpy(), self.scale.numpy())
        torch.mm(self.white, plan.filters, out=self.products)
        total, weights = self.total.numpy(), self.weights * np.float32(share)
        common = (self.products.numpy(), self.scale.numpy(), plan.ceiling.numpy(), plan.cells)
        if plan.both_signs:
            patch_loops.pool_both_signs(*common, weights, total[0], total[1])
        else:
            patch_loops.pool_logistic(*common, weights, total[0])
