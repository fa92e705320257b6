"""Probabilities from decision values: one temperature, fitted on rows that were left out."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.base import clone

_FOLDS = 5
_LEAST = 1e-7  # probability of a class, as in LIBSVM
_ENTRIES = 2**23  # of systems of equations solved at once
_LOGARITHMS = (-7.0, 7.0)  # of temperatures: classes that never meet have no best one


def coupled_probabilities(
    values: np.ndarray, temperature: float, winner: np.ndarray | None = None
) -> np.ndarray:
    """Return probabilities of classes from the decision values of pairs of them.

    Of a pair the first class has r_ij = σ(temperature · value); the probabilities minimise
    Σ_i Σ_{j≠i} (r_ji p_i - r_ij p_j)² with Σ p_i = 1.

    Parameters
    ----------
    values : array of shape (n, pairs)
        Above 0 for the first of the two; pairs in the order (0, 1), (0, 2), …, (1, 2), …
    temperature : float
        Above 0.
    winner : int array of shape (n,), optional
        The classes predicted. Where another class is likelier, the two change places.

    Returns
    -------
    ndarray of shape (n, classes), float64

    References
    ----------
    Wu, Lin and Weng, Probability estimates for multi-class classification by pairwise coupling,
    JMLR 5, 2004, equation 19.

    Examples
    --------
    >>> coupled_probabilities(np.array([[0.0], [2.0]]), 1.0).round(3)
    array([[0.5  , 0.5  ],
           [0.881, 0.119]])
    >>> coupled_probabilities(np.array([[3.0, 3.0, 0.0]]), 1.0).round(3)
    array([[0.909, 0.045, 0.045]])
    """
    first = np.clip(expit(temperature * values), _LEAST, 1 - _LEAST)
    classes = round((1 + (1 + 8 * values.shape[1]) ** 0.5) / 2)
    if classes == 2:
        found = np.concatenate([first, 1 - first], axis=1)
    else:
        together = max(1, _ENTRIES // (classes + 1) ** 2)
        parts = [first[i : i + together] for i in range(0, len(first), together)]
        found = np.concatenate([_coupled(part, classes) for part in parts] or [first[:, :classes]])
    return found if winner is None else _with_largest(found, winner)


def _coupled(first: np.ndarray, classes: int) -> np.ndarray:
    ratio = np.zeros((len(first), classes, classes))
    i, j = np.triu_indices(classes, 1)
    ratio[:, i, j], ratio[:, j, i] = first, 1 - first
    system = np.ones((len(first), classes + 1, classes + 1))
    system[:, :-1, :-1] = -ratio * ratio.transpose(0, 2, 1)
    diagonal = np.arange(classes)
    system[:, diagonal, diagonal] = np.square(ratio).sum(1)
    system[:, -1, -1] = 0
    right = np.zeros((len(first), classes + 1, 1))
    right[:, -1] = 1
    found = np.linalg.solve(system, right)[:, :-1, 0].clip(min=_LEAST)
    return found / found.sum(1, keepdims=True)


def _with_largest(found: np.ndarray, winner: np.ndarray) -> np.ndarray:
    """Let the classes predicted be the likeliest: votes may decide otherwise than values."""
    rows = np.flatnonzero(found.argmax(1) != winner)
    own, largest = winner[rows], found[rows].argmax(1)
    found[rows, own], found[rows, largest] = found[rows, largest], found[rows, own]
    # Of equal ones the first would be named.
    found[rows, own] = np.nextafter(found[rows, own], 2)
    return found


def fitted_temperature(model: Any, X: Any, y: np.ndarray, sample_weight: Any) -> float:
    """Return the temperature that makes the classes of left-out rows likeliest.

    Each row is judged by a model that was fitted without it and without its equals (Guo, Pleiss,
    Sun and Weinberger, On calibration of modern neural networks, ICML 2017).

    Parameters
    ----------
    model : KernelSVC
        Of whose copies, without probabilities, the decision values are taken.
    X : array or sparse matrix of shape (n, d)
    y : array of shape (n,)
    sample_weight : float64 array of shape (n,) or None

    Returns
    -------
    float
    """
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    counted = np.flatnonzero(weight > 0)
    square = X[:, counted] if model._precomputed else X
    X, y, weight = square[counted], y[counted], weight[counted]
    numbers = fold_numbers(X, y)
    values, codes, weights = [], [], []
    for fold in range(_FOLDS):
        held, rest = np.flatnonzero(numbers == fold), np.flatnonzero(numbers != fold)
        part = clone(model).set_params(probability=False)
        if not len(held) or len(np.unique(y[rest])) < len(model.classes_):
            continue
        columns = rest if part._precomputed else slice(None)
        part.fit(X[rest][:, columns], y[rest], sample_weight=weight[rest])
        values.append(part._values(X[held][:, columns]))
        codes.append(np.searchsorted(part.classes_, y[held]))
        weights.append(weight[held])
    if not values:
        return 1.0
    return best_temperature(np.concatenate(values), np.concatenate(codes), np.concatenate(weights))


def best_temperature(values: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> float:
    """Return the temperature with the smallest weighted mean of -log p of the rows' own classes.

    Parameters
    ----------
    values : array of shape (n, pairs)
    codes : int array of shape (n,)
        0 … classes - 1.
    weight : array of shape (n,)

    Examples
    --------
    >>> values = np.array([[1.0], [1.0], [1.0], [-1.0]])
    >>> round(best_temperature(values, np.array([0, 0, 1, 1]), np.ones(4)), 3)
    1.099
    """
    rows = np.arange(len(codes))

    def loss(logarithm: float) -> float:
        own = coupled_probabilities(values, float(np.exp(logarithm)))[rows, codes]
        return -float(weight @ np.log(own))

    found = minimize_scalar(loss, bounds=_LOGARITHMS, method="bounded", options={"xatol": 1e-8})
    return float(np.exp(found.x))


def fold_numbers(X: Any, y: np.ndarray) -> np.ndarray:
    """Return the fold of each row, by its contents: neither order nor repetitions matter.

    Of each class the different rows are dealt out in the order of their digests; a class of one
    has none to leave out, and its number is -1.
    """
    digests = np.array([_digest(row) for row in _row_bytes(X)])
    numbers = np.full(len(y), -1)
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        different, place = np.unique(digests[own], return_inverse=True)
        if len(different) > 1:
            numbers[own] = place % _FOLDS
    return numbers


def _digest(data: bytes) -> bytes:
    # Hexadecimal: numpy's byte strings lose zeros at their ends.
    return hashlib.blake2b(data, digest_size=8).hexdigest().encode()


def _row_bytes(X: Any) -> list[bytes]:
    if not sparse.issparse(X):
        return [row.tobytes() for row in np.ascontiguousarray(X)]
    rows: Any = sparse.csr_matrix(X).sorted_indices()  # type: ignore[call-overload]
    rows.eliminate_zeros()
    parts = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    return [rows.indices[a:b].tobytes() + rows.data[a:b].tobytes() for a, b in parts]
