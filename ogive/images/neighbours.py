"""Whether generated feature vectors lie among real ones: tile by tile, and exact where it decides.

Squared distances by a matrix product, ‖x‖² + ‖y‖² - 2⟨x, y⟩, are fast and lose digits where rows
lie close together. They choose the candidates here; what is returned or compared is Σ (x - y)².
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ogive._checks import check_count, like_input, memory_bytes
from ogive._errors import InvalidParameterError
from ogive._typing import Bool, Float, Int, Matrix
from ogive.images._feature_rows import feature_pair

_MEMORY = "256 MB"
# Candidates beyond those asked for, so that rounding cannot hide the right one.
_SPARE = 4
# Buffers of a tile: products, their comparison, and the indices of what is compared again.
_BUFFERS = 4


class Nearest(NamedTuple):
    """The nearest real row of each generated one.

    Attributes
    ----------
    index : ndarray or Tensor of shape (m,)
    distance : ndarray or Tensor of shape (m,)
        Euclidean.
    """

    index: Any
    distance: Any


def coverage(
    real: Matrix, generated: Matrix, neighbours: int = 5, *, memory: int | float | str = _MEMORY
) -> float:
    """Return the share of real rows that have a generated one near: how much of them is reached.

    1/n Σ_i 1[some generated row lies in the ball around x_i], where the ball reaches up to the k-th
    nearest of the other real rows and is open, as in the authors' code: around a row with k exact
    copies it is empty. Two sets of one distribution and of equal size give about 1 - 2⁻ᵏ.

    Parameters
    ----------
    real, generated : array or Tensor of shape (n, d) and (m, d)
    neighbours : int
        k, below n.
    memory : int or str
        Budget of the tiles, beside copies of the data in float64.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    InvalidParameterError
        If there are not more real rows than neighbours.
    InvalidDataError, InvalidTypeError
        If data are not finite or sparse, or the numbers of features differ.

    References
    ----------
    Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020,
    equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> real = np.arange(10.0)[:, None]
    >>> coverage(real, real[:5], neighbours=2), coverage(real, real + 100)
    (0.5, 0.0)
    """
    rows, others, radii, budget = _balls(real, generated, neighbours, memory)
    reached = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    for inside in _inside_balls(others, rows, radii, budget):
        reached |= inside.any(0)
    return float(reached.double().mean())


def density(
    real: Matrix, generated: Matrix, neighbours: int = 5, *, memory: int | float | str = _MEMORY
) -> float:
    """Return how densely real rows surround generated ones: how real these look.

    1/(k m) Σ_j Σ_i 1[y_j lies in the ball around x_i], with the balls of `coverage`. Two sets of
    one distribution give about 1; generated rows where real ones are dense give more.

    Parameters
    ----------
    real, generated, neighbours, memory
        As for `coverage`.

    Returns
    -------
    float
        At least 0; it may exceed 1.

    Raises
    ------
    InvalidParameterError, InvalidDataError, InvalidTypeError
        As for `coverage`.

    References
    ----------
    Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020,
    equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> real = np.random.default_rng(0).normal(size=(100, 4))
    >>> density(real, real), density(real, real + 100)
    (1.0, 0.0)
    """
    rows, others, radii, budget = _balls(real, generated, neighbours, memory)
    hits = sum(int(inside.sum()) for inside in _inside_balls(others, rows, radii, budget))
    return hits / (neighbours * len(others))


def nearest(real: Matrix, generated: Matrix, *, memory: int | float | str = _MEMORY) -> Nearest:
    """Return the nearest real row of each generated one, which tells copies from new ones.

    Parameters
    ----------
    real, generated : array or Tensor of shape (n, d) and (m, d)
    memory : int or str
        Budget of the tiles, beside copies of the data in float64.

    Returns
    -------
    Nearest
        Index and Euclidean distance, numpy unless `generated` is a tensor.

    Raises
    ------
    InvalidDataError, InvalidTypeError
        If data are not finite or sparse, or the numbers of features differ.

    Examples
    --------
    >>> import numpy as np
    >>> found = nearest(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0, 3.0], [0.0, 0.0]]))
    >>> found.index.tolist(), found.distance.tolist()
    ([1, 0], [1.0, 0.0])
    """
    rows, others = _centred(*feature_pair(real, generated, ("real", "generated")))
    index, squared = _nearest_rows(others, rows, memory_bytes(memory))
    return Nearest(like_input(index, generated), like_input(squared.sqrt(), generated))


def _balls(
    real: Matrix, generated: Matrix, neighbours: int, memory: int | float | str
) -> tuple[Tensor, Tensor, Tensor, int]:
    """Return both sets, the squared radii of the balls around real rows, and the budget."""
    rows, others = feature_pair(real, generated, ("real", "generated"))
    check_count(neighbours, "neighbours")
    if neighbours >= len(rows):
        raise InvalidParameterError(
            f"neighbours={neighbours} of {len(rows)} real rows; it must be at most {len(rows) - 1}"
        )
    budget = memory_bytes(memory)
    rows, others = _centred(rows, others)
    return rows, others, _squared_radii(rows, neighbours, budget), budget


def _centred(rows: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float64 around the mean of the first: products keep their digits there."""
    mean = rows.mean(0, dtype=torch.float64)
    return rows.double() - mean, others.double() - mean


def _nearest_rows(
    rows: Float[Tensor, "m d"], others: Float[Tensor, "n d"], memory: int
) -> tuple[Int[Tensor, " m"], Float[Tensor, " m"]]:
    """Return index and squared distance of the nearest of the others for each row."""
    kept = [
        _nearest(tile, block, others, 1, memory) for tile, block in _tiles(rows, others, memory)
    ]
    found, squared = (torch.cat(part) for part in zip(*kept, strict=True))
    return found[:, 0], squared[:, 0]


def _squared_radii(rows: Float[Tensor, "n d"], neighbours: int, memory: int) -> Float[Tensor, " n"]:
    """Return the squared distance of each row from its k-th nearest among the others."""
    radii = torch.empty(len(rows), dtype=rows.dtype, device=rows.device)
    start = 0
    for tile, block in _tiles(rows, rows, memory):
        own = torch.arange(len(block), device=rows.device)
        tile[own, own + start] = torch.inf  # a row is no neighbour of itself
        _, squared = _nearest(tile, block, rows, neighbours, memory)
        radii[start : start + len(block)] = squared[:, -1]
        start += len(block)
    return radii


def _inside_balls(
    rows: Float[Tensor, "m d"],
    centres: Float[Tensor, "n d"],
    radii: Float[Tensor, " n"],
    memory: int,
) -> Iterator[Bool[Tensor, "b n"]]:
    """Yield for blocks of rows whether each lies inside the open ball around each centre.

    The radii are squared. A tile is valid until the next.
    """
    norms = centres.square().sum(1)
    # The rounding of a product of d terms, generously.
    share = (rows.shape[1] + 8) * torch.finfo(rows.dtype).eps
    for tile, block in _tiles(rows, centres, memory):
        inside = tile < radii
        slack = share * (block.square().sum(1)[:, None] + norms)
        doubtful = tile.sub_(radii).abs_() <= slack
        for row, centre in _in_parts(doubtful.nonzero(), rows.shape[1], memory):
            exact = (block[row] - centres[centre]).square().sum(1)
            inside[row, centre] = exact < radii[centre]
        yield inside


def _nearest(
    tile: Float[Tensor, "b n"],
    block: Float[Tensor, "b d"],
    others: Float[Tensor, "n d"],
    count: int,
    memory: int,
) -> tuple[Int[Tensor, "b k"], Float[Tensor, "b k"]]:
    """Return indices and exact squared distances of the nearest others, in ascending order."""
    finite = int(torch.isfinite(tile[0]).sum())
    candidates = tile.topk(min(count + _SPARE, finite), largest=False).indices
    exact = torch.empty(candidates.shape, dtype=block.dtype, device=block.device)
    every = torch.arange(len(block), device=block.device).repeat_interleave(candidates.shape[1])
    pairs = torch.stack([every, candidates.flatten()], 1)
    parts = [
        (block[row] - others[other]).square().sum(1)
        for row, other in _in_parts(pairs, block.shape[1], memory)
    ]
    exact.view(-1)[:] = torch.cat(parts)
    # Of rows at the same distance the first one: by index, then stably by distance.
    candidates, order = candidates.sort(1)
    exact, ascending = exact.gather(1, order).sort(stable=True, dim=1)
    return candidates.gather(1, ascending)[:, :count], exact[:, :count]


def _tiles(
    rows: Float[Tensor, "m d"], others: Float[Tensor, "n d"], memory: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (squared distances, block of rows), in one buffer that the next tile overwrites."""
    n = len(others)
    height = max(1, min(len(rows), memory // (_BUFFERS * n * rows.element_size())))
    buffer = torch.empty(height, n, dtype=rows.dtype, device=rows.device)
    norms = others.square().sum(1)
    for block in rows.split(height):
        tile = torch.mm(block, others.T, out=buffer[: len(block)])
        tile.mul_(-2).add_(norms).add_(block.square().sum(1)[:, None])
        yield tile, block


def _in_parts(
    pairs: Int[Tensor, "p 2"], width: int, memory: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut pairs of indices so that what they gather stays within the memory."""
    for part in pairs.split(max(1, memory // (_BUFFERS * 8 * width))):
        yield part[:, 0], part[:, 1]
