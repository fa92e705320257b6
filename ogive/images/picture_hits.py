"""What a search of pictures answers."""

from __future__ import annotations

from dataclasses import dataclass

from ogive.images.picture_entries import Entries, Entry
from ogive.images.ranking import kernel_values
from ogive.images.vectors import Neighbours
from ogive.kernels import Logistic, Sigmoid


@dataclass(frozen=True)
class Hit:
    """A picture that was found.

    Attributes
    ----------
    rank : int
        From 1.
    entry : Entry
    product : float
        The inner product with the query's unit vector, -1 to 1.
    value : float
        The kernel's value, in float64.
    """

    rank: int
    entry: Entry
    product: float
    value: float


def hits_of(
    found: Neighbours, entries: Entries, kernel: Sigmoid | Logistic
) -> list[tuple[Hit, ...]]:
    """Return for each query its hits, from neighbours that are arrays."""
    values = kernel_values(kernel, found.products)
    rows = zip(found.ids.tolist(), found.products.tolist(), values.tolist(), strict=True)
    return [
        tuple(
            Hit(rank, entries[id], product, value)
            for rank, (id, product, value) in enumerate(zip(*row, strict=True), 1)
        )
        for row in rows
    ]
