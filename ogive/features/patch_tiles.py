"""Patch features of some pictures, one after another, in one core's cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ogive._threads import scratch
from ogive._typing import Float, Int
from ogive._whole_numbers import MOST_DIGIT, whole_product
from ogive.features import patch_loops

FLOOR = 0.05  # of a patch's sum of squares: a flat patch is no structure
LEAST_SQUARE = 1e-8  # of a whitened patch: what is far below it is rounding, and no direction
_ENTRIES = 2**18  # of products at a time: within a core's cache
_INT32 = torch.empty(0, dtype=torch.int32)


@dataclass(frozen=True)
class Look:
    """One way of looking at the patches of a picture: as they are, or in a mirror.

    Attributes
    ----------
    landmarks : Tensor of shape (d, m)
        int8.
    cells : int64 array of shape (places,)
        The cell of each place.
    """

    landmarks: Int[Tensor, "d m"]
    cells: np.ndarray


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
    looks : sequence of Look
        Features are the mean of theirs.
    unit : Tensor of shape (m,)
        What a step of the whole landmarks is worth.
    ceiling : Tensor of shape (m,)
        exp(offset).
    both_signs : bool
    averages : Tensor of shape (features' cells, cells), optional
        What each cell counts in what a feature averages over; one cell if left out.
    """

    size: int
    mean: Float[Tensor, " d"]
    whitening: Float[Tensor, "d d"]
    looks: tuple[Look, ...]
    unit: Float[Tensor, " m"]
    ceiling: Float[Tensor, " m"]
    both_signs: bool
    averages: Float[Tensor, "out cells"] | None = None

    @property
    def places(self) -> int:
        """Number of patches of a picture."""
        return len(self.looks[0].cells)


def whole_landmarks(
    filters: Float[Tensor, "d m"],
) -> tuple[Int[Tensor, "d m"], Float[Tensor, " m"]]:
    """Return each column as 8-bit integers, and the number to multiply them by."""
    unit = filters.abs().amax(0).clamp(min=torch.finfo(filters.dtype).tiny) / MOST_DIGIT
    return (filters / unit).round_().to(torch.int8), unit


def write_features(
    plan: PatchPlan,
    pictures: Float[Tensor, "n channels height width"],
    out: Tensor,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the features of pictures into ``out`` (n, width), by one thread."""
    together = max(1, _ENTRIES // (plan.places * len(plan.unit)))
    for some, rows in zip(pictures.split(together), out.split(together), strict=True):
        work = _Work(plan, len(some))
        work.read(some)
        for look in plan.looks:
            work.add(look)
        found = work.total if plan.averages is None else plan.averages @ work.total
        found = found.transpose(0, 1)
        rows.unflatten(1, found.shape[1:]).copy_(found)
    if progress is not None:
        progress(len(pictures))


class _Work:
    """One thread's memory for the patches, products and features of a few pictures."""

    def __init__(self, plan: PatchPlan, pictures: int) -> None:
        self.plan, self.pictures = plan, pictures
        places, entries, filters = pictures * plan.places, len(plan.mean), len(plan.unit)
        self.patches = scratch(0, (places, entries), plan.mean)
        self.white = scratch(1, (places, entries), plan.mean)
        self.whole = scratch(2, (places, entries), plan.looks[0].landmarks)
        self.scale = scratch(3, (places,), plan.mean)
        self.products = scratch(4, (places, filters), _INT32)
        counts = np.bincount(plan.looks[0].cells)  # as in a mirror
        self.weights = np.tile((1 / (counts * len(plan.looks))).astype(np.float32), pictures)
        self.later = np.arange(pictures)[:, None] * len(counts)
        shape = (1 + plan.both_signs, pictures, len(counts), filters)
        self.total = scratch(5, shape, plan.mean).zero_()

    def read(self, pictures: Float[Tensor, "n channels height width"]) -> None:
        """Make whitened patches of the pictures, in 8 bits."""
        plan, patches = self.plan, self.patches.numpy()
        floor, mean = np.float32(FLOOR), plan.mean.numpy()
        patch_loops.normalised_patches(pictures.numpy(), plan.size, floor, mean, patches)
        torch.mm(self.patches, plan.whitening, out=self.white)
        white, least = self.white.numpy(), np.float32(LEAST_SQUARE)
        patch_loops.eight_bits(white, least, self.whole.numpy(), self.scale.numpy())

    def add(self, look: Look) -> None:
        """Add the answers of a look to the total."""
        plan = self.plan
        whole_product(self.whole, look.landmarks, out=self.products)
        total = self.total.flatten(1, 2).numpy()
        common = (self.products.numpy(), self.scale.numpy(), plan.unit.numpy())
        cells = (look.cells + self.later).reshape(-1)
        if plan.both_signs:
            patch_loops.pool_both_signs(*common, plan.ceiling.numpy(), cells, self.weights, *total)
        else:
            patch_loops.pool_logistic(*common, plan.ceiling.numpy(), cells, self.weights, *total)
