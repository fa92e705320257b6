"""How well a search finds pictures of the same class: recall@k and MAP@R."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ogive._checks import check_count, memory_bytes
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.images.unit_rows import unit_rows

# Of a product: its float32, and twice the 64 bits that it is sorted by.
_ENTRY_BYTES = 20


@dataclass(frozen=True)
class RetrievalScores:
    """What `retrieval_scores` measured.

    Attributes
    ----------
    recall : dict of int to float
        recall@k by k: the share of queries with one of their class among the first k.
    map_at_r : float
        Mean average precision at R.
    queries, lone : int
        Queries that count, and those left out because no reference has their class.
    """

    recall: dict[int, float]
    map_at_r: float
    queries: int
    lone: int


def retrieval_scores(
    queries: npt.ArrayLike | Tensor,
    labels: npt.ArrayLike | Tensor,
    references: npt.ArrayLike | Tensor | None = None,
    reference_labels: npt.ArrayLike | Tensor | None = None,
    *,
    k: Sequence[int] = (1, 2, 4, 8),
    memory: int | str = "256 MB",
) -> RetrievalScores:
    """Return recall@k and MAP@R of a search by inner products of unit vectors.

    With R references of the query's class, P(i) the precision among the first i, and rel(i) = 1
    where the i-th is of the class: average precision at R = 1/R Σ_{i ≤ R} P(i) rel(i). Without
    references, each query is searched among the other queries. Queries whose class no reference
    has are left out of all means. Of equally near references the first counts as nearer.

    Parameters
    ----------
    queries : array_like or Tensor of shape (q, d)
        Scaled to length one.
    labels : array_like of shape (q,)
    references : array_like or Tensor of shape (n, d), optional
    reference_labels : array_like of shape (n,), optional
    k : sequence of int
    memory : int or str
        Budget of a tile: queries by all references.

    Returns
    -------
    RetrievalScores

    Raises
    ------
    InvalidDataError
        If shapes do not fit together, or no query has a reference of its class.
    InvalidParameterError
        If only one of references and reference_labels is given, or k is none.

    Notes
    -----
    Musgrave, Belongie and Lim, A metric learning reality check, ECCV 2020, section 3.2; the
    protocol is that of the library pytorch-metric-learning.

    Examples
    --------
    >>> scores = retrieval_scores([[1, 0], [2, 1], [0, 1], [1, 3]], [0, 1, 1, 0], k=(1, 2))
    >>> scores.recall, scores.map_at_r
    ({1: 0.0, 2: 0.5}, 0.0)
    """
    counts = sorted({check_count(one, "k") for one in k})
    if (references is None) != (reference_labels is None):
        raise InvalidParameterError("references and reference_labels: give both, or neither")
    left = unit_rows(queries, name="queries")
    own = references is None
    right = left if own else unit_rows(references, left.shape[1], "references")  # type: ignore[arg-type]
    codes, reference_codes = _codes(labels, labels if own else reference_labels)
    for name, array, rows in (
        ("labels", codes, left),
        ("reference_labels", reference_codes, right),
    ):
        if len(array) != len(rows):
            raise InvalidDataError(f"{name} has {len(array)} entries for {len(rows)} vectors")
    size = int(max(codes.max(initial=-1), reference_codes.max(initial=-1))) + 1
    relevant = np.bincount(reference_codes, minlength=size)[codes] - int(own)
    kept = np.flatnonzero(relevant > 0)
    if not len(kept):
        raise InvalidDataError(
            f"none of the {len(codes)} queries has a reference of its class: nothing to find"
        )
    depth = min(len(right) - int(own), max(counts[-1] if counts else 1, int(relevant.max())))
    step = max(1, memory_bytes(memory) // (_ENTRY_BYTES * len(right)))
    first, precision = [], 0.0
    for start in range(0, len(kept), step):
        rows = kept[start : start + step]
        nearest = _nearest(left[rows], right, depth, rows if own else None)
        same = reference_codes[nearest] == codes[rows, None]
        # Where the first one of the class is; beyond all, if that is not among them.
        first.append(np.where(same.any(axis=1), same.argmax(axis=1), len(right)))
        precision += _average_precision(same, relevant[rows]).sum()
    place = np.concatenate(first)
    recall = {count: float((place < count).mean()) for count in counts}
    return RetrievalScores(recall, float(precision / len(kept)), len(kept), len(codes) - len(kept))


def _codes(labels: object, reference_labels: object) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides' labels as numbers of the classes of both."""
    sides = [
        side.detach().cpu().numpy() if isinstance(side, Tensor) else np.asarray(side)
        for side in (labels, reference_labels)
    ]
    for name, side in zip(("labels", "reference_labels"), sides, strict=True):
        if side.ndim != 1:
            raise InvalidDataError(f"{name} has shape {side.shape}; it must have one dimension")
    _, codes = np.unique(np.concatenate(sides), return_inverse=True)
    return codes[: len(sides[0])], codes[len(sides[0]) :]


def _nearest(
    queries: np.ndarray, references: np.ndarray, depth: int, self_at: np.ndarray | None
) -> np.ndarray:
    """Return positions of the nearest references, (q, depth), each query itself left out."""
    products = queries @ references.T
    if self_at is not None:
        products[np.arange(len(queries)), self_at] = -np.inf
    # Floats sort like the integers that they are stored as, once the negative ones are flipped;
    # beside the position in one key, ties are decided by it.
    bits = products.view(np.int32).astype(np.int64)
    keys = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    np.negative(keys, out=keys)
    keys <<= 32
    keys += np.arange(keys.shape[1])
    if depth < keys.shape[1]:
        keys = np.partition(keys, depth - 1, axis=1)[:, :depth]
    keys.sort(axis=1)
    nearest: np.ndarray = keys & 0xFFFFFFFF
    return nearest


def _average_precision(same: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Return the average precision at R of each query, given what is of its class, in order."""
    width = min(int(relevant.max()), same.shape[1])
    hits = same[:, :width] & (np.arange(width) < relevant[:, None])
    precision = np.cumsum(hits, axis=1) / np.arange(1, width + 1)
    total: np.ndarray = (precision * hits).sum(axis=1) / relevant
    return total
