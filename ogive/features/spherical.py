"""Directions that stand for many: spherical k-means."""

from __future__ import annotations

import torch
from torch import Tensor

from ogive._checks import check_positive
from ogive._typing import Float

_ENTRIES = 2**22  # of products at a time


def spherical_means(
    rows: Float[Tensor, "n d"],
    count: int,
    *,
    steps: int = 8,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "m d"]:
    """Return unit vectors z that many rows are near: Lloyd steps on Σᵢ max_j ⟨xᵢ, z_j⟩.

    Parameters
    ----------
    rows : Tensor of shape (n, d)
        Unit vectors.
    count : int
        m; with fewer rows, some are taken twice.
    steps : int, default 8
        Each gives every z_j the direction of the sum of the rows that are nearest to it; one that
        none is nearest to stays.
    generator : torch.Generator, optional
        Draws the rows to start from.

    Returns
    -------
    Tensor of shape (m, d)

    Notes
    -----
    Source: Coates and Ng, Learning feature representations with k-means (2012), section 2.

    Examples
    --------
    >>> rows = torch.nn.functional.normalize(torch.tensor([[1.0, 0.1], [1.0, -0.1], [0.0, 1.0]]))
    >>> found = spherical_means(rows, 2, generator=torch.Generator().manual_seed(0))
    >>> sorted(found.round(decimals=2).tolist())
    [[0.0, 1.0], [1.0, 0.0]]
    """
    check_positive(count, "count")
    order = torch.randperm(len(rows), generator=generator)
    centres = rows[order[torch.arange(count) % len(rows)]].clone()
    chunk = max(1, _ENTRIES // count)
    for _ in range(steps):
        sums = torch.zeros_like(centres)
        for part in rows.split(chunk):
            products = part @ centres.T
            nearest = products.argmax(1, keepdim=True)
            # A product with ones and zeros adds rows up many times faster than index_add does.
            sums.addmm_(products.zero_().scatter_(1, nearest, 1.0).T, part)
        lengths = torch.linalg.vector_norm(sums, dim=1, keepdim=True)
        centres = torch.where(lengths > 0, sums / lengths.clamp(min=1e-30), centres)
    return centres
