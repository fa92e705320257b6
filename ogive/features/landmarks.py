"""Choosing landmarks: a few rows that stand for all."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ogive._checks import Rows, check_positive
from ogive._errors import InvalidParameterError, nearest_name
from ogive.features.nystrom import signed_root
from ogive.kernels import Kernel
from ogive.kernels.pairing import DenseProducts
from ogive.kernels.spectrum import symmetric_matrix

LANDMARK_METHODS = ("uniform", "k-means++", "leverage")

_CHUNK = 4096
_SEQUENTIAL = 32  # k-means++ centres drawn one at a time before batches begin


def select_landmarks(
    x: Rows,
    count: int,
    method: str = "uniform",
    *,
    kernel: Kernel | None = None,
    distinct: np.ndarray | None = None,
    random_state: int | np.random.Generator = 0,
) -> np.ndarray:
    """Return the indices of rows to serve as landmarks, chosen among the distinct rows.

    The choice depends on which rows there are, not on their order or on how often each occurs.

    Parameters
    ----------
    x : Tensor or csr_matrix of shape (n, d)
    count : int
        Number of landmarks; if there are fewer distinct rows, all of them are returned.
    method : {"uniform", "k-means++", "leverage"}
        Uniform draw; draw by squared distance from the landmarks so far (Arthur and Vassilvitskii
        2007, in growing batches as in k-means||, Bahmani and others 2012); or draw by approximate
        ridge leverage scores of the kernel (Alaoui and Mahoney 2015), estimated from a uniform
        pilot.
    kernel : Kernel, optional
        Needed by "leverage".
    distinct : ndarray of int64, optional
        `distinct_rows(x)`, where it is known already.
    random_state : int or numpy Generator, default 0

    Returns
    -------
    ndarray of shape (min(count, distinct rows),), int64

    Raises
    ------
    InvalidParameterError
        For an unknown method, a count below 1, or "leverage" without a kernel.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [0.0], [1.0], [2.0]])
    >>> sorted(x[select_landmarks(x, 3)].flatten().tolist())
    [0.0, 1.0, 2.0]
    """
    check_positive(count, "n_components")
    if method not in LANDMARK_METHODS:
        raise InvalidParameterError(
            f"landmarks={method!r} is unknown; {nearest_name(str(method), LANDMARK_METHODS)}"
        )
    distinct = distinct_rows(x) if distinct is None else distinct
    if count >= len(distinct):
        return distinct
    generator = np.random.default_rng(random_state)
    if method == "uniform":
        return distinct[generator.choice(len(distinct), count, replace=False)]
    candidates = x[distinct]
    if method == "k-means++":
        return distinct[_distance_draw(candidates, count, generator)]
    if kernel is None:
        raise InvalidParameterError("landmarks='leverage' needs a kernel; pass kernel=...")
    scores = leverage_scores(kernel, candidates, pilot=min(count, 1000), generator=generator)
    chosen = generator.choice(len(distinct), count, replace=False, p=scores / scores.sum())
    return distinct[chosen]


def leverage_scores(
    kernel: Kernel, x: Rows, *, pilot: int, generator: np.random.Generator
) -> np.ndarray:
    """Return approximate ridge leverage scores of the rows, for the absolute kernel |K|.

    l_i = L_i (LᵀL + λI)^-1 L_iᵀ with signed features L on ``pilot`` uniform landmarks and
    λ = trace(LᵀL) / (1000 · pilot): directions that carry less than a thousandth of the mean
    count little.

    Parameters
    ----------
    kernel : Kernel
        Symmetric.
    x : Tensor or csr_matrix of shape (n, d)
    pilot : int
    generator : numpy Generator

    Returns
    -------
    ndarray of shape (n,), float64, positive
    """
    landmarks = x[np.sort(generator.choice(x.shape[0], min(pilot, x.shape[0]), replace=False))]
    root = signed_root(symmetric_matrix(kernel, landmarks).double(), cut=1e-6).root
    with torch.no_grad():
        blocks = [kernel.matrix(x[s], landmarks).double() @ root for s in _slices(x.shape[0])]
    features = torch.cat(blocks)
    gram = features.T @ features
    ridge = gram.trace() / (1000 * len(gram))
    factor = torch.linalg.cholesky(gram + ridge * torch.eye(len(gram), dtype=gram.dtype))
    whitened = torch.linalg.solve_triangular(factor, features.T, upper=False)
    return whitened.square().sum(0).numpy()


def distinct_rows(x: Rows) -> np.ndarray:
    """Return the index of the first of each set of equal rows, ordered by the rows' contents.

    Parameters
    ----------
    x : Tensor or csr_matrix of shape (n, d)

    Returns
    -------
    ndarray of shape (k,), int64
    """
    return group_rows(x)[0]


def group_rows(x: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Group equal rows.

    Parameters
    ----------
    x : Tensor or csr_matrix of shape (n, d)

    Returns
    -------
    first : ndarray of shape (k,), int64
        As `distinct_rows`.
    group : ndarray of shape (n,), int64
        Which of them each row equals.
    """
    prints = _sparse_prints(x) if isinstance(x, sparse.csr_matrix) else _dense_prints(x)
    _, first, inverse = np.unique(prints, return_index=True, return_inverse=True)
    repeats = np.flatnonzero(first[inverse] != np.arange(x.shape[0]))
    if len(repeats) and not _rows_equal(x, repeats, first[inverse[repeats]]):
        # Two different rows share a fingerprint (odds of about 1 in 10⁹ for 100,000 rows).
        dense = x.toarray() if isinstance(x, sparse.csr_matrix) else x.detach().numpy()
        _, first, inverse = np.unique(dense, axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()


def _distance_draw(x: Rows, count: int, generator: np.random.Generator) -> np.ndarray:
    chosen = [int(generator.integers(x.shape[0]))]
    distance = _distances(x, x[chosen])
    while len(chosen) < count:
        batch = 1 if len(chosen) < _SEQUENTIAL else min(len(chosen) // 8, count - len(chosen))
        # Rounding may leave less than a batch of rows with a positive distance.
        reachable = int((distance > 0).sum())
        weights = distance if reachable >= batch else distance + distance.max() + 1.0
        weights[chosen] = 0.0
        new = generator.choice(len(weights), batch, replace=False, p=weights / weights.sum())
        chosen += new.tolist()
        distance = np.minimum(distance, _distances(x, x[new]))
    return np.array(chosen)


def _distances(x: Rows, centres: Rows) -> np.ndarray:
    with torch.no_grad():
        nearest = [
            DenseProducts(x[s], centres, in_place=True).squared_distance().amin(1)
            for s in _slices(x.shape[0])
        ]
    return torch.cat(nearest).double().numpy()


def _slices(n: int) -> list[slice]:
    return [slice(i, i + _CHUNK) for i in range(0, n, _CHUNK)]


# Fingerprints: whole-number arithmetic modulo 2⁶⁴, so equal rows have equal fingerprints wherever
# they stand (floating-point sums of a matrix product may differ with a row's position).


_PRINT_ENTRIES = 2**18


def _multipliers(d: int) -> np.ndarray:
    return np.random.default_rng(0x0E1BE).integers(0, 2**63, d, dtype=np.uint64) * 2 + 1


def _bits(values: np.ndarray) -> np.ndarray:
    single = values.dtype == np.float32
    bits = (values + values.dtype.type(0)).view(np.uint32 if single else np.uint64)
    # (+ 0 makes -0.0 and 0.0 one value.) Round numbers differ in their high bits only, and a
    # product modulo 2⁶⁴ carries those upwards: bring them down first.
    bits ^= bits >> bits.dtype.type(15 if single else 29)
    return bits.astype(np.uint64)


def _dense_prints(x: Tensor) -> np.ndarray:
    values, multipliers = x.detach().cpu().numpy(), _multipliers(x.shape[1])
    # Few rows at a time, so that what is between stays within the caches.
    step = max(1, _PRINT_ENTRIES // x.shape[1])
    slices = [values[i : i + step] for i in range(0, len(x), step)]
    return np.concatenate([_bits(np.ascontiguousarray(part)) @ multipliers for part in slices])


def _sparse_prints(x: sparse.csr_matrix) -> np.ndarray:
    x = x.copy()
    x.sum_duplicates()
    x.eliminate_zeros()
    terms = _bits(x.data) * _multipliers(x.shape[1])[x.indices]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return sums[x.indptr[1:]] - sums[x.indptr[:-1]]


def _rows_equal(x: Rows, left: np.ndarray, right: np.ndarray) -> bool:
    if isinstance(x, sparse.csr_matrix):
        return abs(x[left] - x[right]).nnz == 0
    return all(bool(torch.equal(x[left[s]] + 0.0, x[right[s]] + 0.0)) for s in _slices(len(left)))
