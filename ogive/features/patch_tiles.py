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
_ENTRIES = 2**18  # of products at a time: within a core's cache


@dataclass(frozen=True)
class PatchPlan:
    """What one picture's features are computed from.

    Attributes
    ----------
    size : int
        Side of a patch.
    mean : Tensor of shape (d,)
        Of normalised patches.
    whitening : Tensor of shape (d, d), or (3 d, d)
        As `split_whitening` returns it, if products may be formed in bfloat16.
    filters : Tensor of shape (d, m)
        Representable in bfloat16.
    ceiling : Tensor of shape (m,)
        exp(offset).
    cells : int64 array of shape (places,)
        The cell of each place.
    both_signs, mirror : bool
    averages : Tensor of shape (features' cells, cells), optional
        What each cell counts in what a feature averages over; one cell if left out.
    """

    size: int
    mean: Float[Tensor, " d"]
    whitening: Float[Tensor, "d_or_3d d"]
    filters: Float[Tensor, "d m"]
    ceiling: Float[Tensor, " m"]
    cells: np.ndarray
    both_signs: bool
    mirror: bool
    averages: Float[Tensor, "out cells"] | None = None


def write_features(
    plan: PatchPlan,
    pictures: Float[Tensor, "n channels height width"],
    out: Tensor,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the features of pictures into ``out`` (n, width), by one thread."""
    together = max(1, _ENTRIES // (len(plan.cells) * plan.filters.shape[1]))
    for some, rows in zip(pictures.split(together), out.split(together), strict=True):
        work = _Work(plan, len(some))
        if plan.mirror:
            work.add(some, 0.5)
            work.add(some.flip(3), 0.5)
        else:
            work.add(some, 1.0)
        found = work.total if plan.averages is None else plan.averages @ work.total
        found = found.transpose(0, 1)
        rows.unflatten(1, found.shape[1:]).copy_(found)
    if progress is not None:
        progress(len(pictures))


class _Work:
    """One thread's memory for the patches, products and features of a few pictures."""

    def __init__(self, plan: PatchPlan, pictures: int) -> None:
        self.plan = plan
        entries, filters = plan.filters.shape
        counts = np.bincount(plan.cells)
        self.weights = np.tile((1 / counts).astype(np.float32), pictures)
        later = np.arange(pictures)[:, None] * len(counts)
        self.cells = (plan.cells + later).reshape(-1)
        places, like = len(self.cells), plan.mean
        self.patches = scratch(0, (places, entries), like)
        self.white = scratch(1, (places, entries), like)
        self.split = len(plan.whitening) > entries
        self.parts = scratch(5, (places, len(plan.whitening)), like) if self.split else None
        self.products = scratch(2, (places, filters), like)
        self.scale = scratch(3, (places,), like)
        shape = (1 + plan.both_signs, pictures, len(counts), filters)
        self.total = scratch(4, shape, like).zero_()

    def add(self, pictures: Float[Tensor, "n channels height width"], share: float) -> None:
        """Add ``share`` times the features of the pictures to the total."""
        plan = self.plan
        floor, mean = np.float32(FLOOR), plan.mean.numpy()
        given, patches = pictures.numpy(), self.patches.numpy()
        patch_loops.normalised_patches(given, plan.size, floor, mean, patches)
        self._whiten()
        # In whichever way the processor multiplies, it is these rounded numbers that it multiplies.
        self.white.copy_(self.white.bfloat16())
        patch_loops.negative_inverse_norms(self.white.numpy(), self.scale.numpy())
        torch.mm(self.white, plan.filters, out=self.products)
        total = self.total.flatten(1, 2).numpy()
        weights = self.weights * np.float32(share)
        common = (self.products.numpy(), self.scale.numpy(), plan.ceiling.numpy(), self.cells)
        if plan.both_signs:
            patch_loops.pool_both_signs(*common, weights, total[0], total[1])
        else:
            patch_loops.pool_logistic(*common, weights, total[0])

    def _whiten(self) -> None:
        """Multiply patches by the whitening; small eigenvalues leave no digit to spare."""
        if self.parts is None:
            torch.mm(self.patches, self.plan.whitening, out=self.white)
            return
        entries = self.patches.shape[1]
        high = self.parts[:, :entries].copy_(self.patches.bfloat16())
        torch.sub(self.patches, high, out=self.parts[:, entries : 2 * entries])
        self.parts[:, 2 * entries :] = high
        torch.mm(self.parts, self.plan.whitening, out=self.white)


def split_whitening(whitening: Float[Tensor, "d d"]) -> Float[Tensor, "d3 d"]:
    """Return W₁, W₁ and W₂ below one another, W₁ being W in bfloat16 and W₂ what is missing.

    With P = P₁ + P₂ likewise, P₁W₁ + P₂W₁ + P₁W₂ is P W to 16 bits where a processor rounds what
    it multiplies to 8.
    """
    high = whitening.bfloat16().float()
    return torch.cat([high, high, whitening - high])
