"""Naive float64 oracles for kernels: the textbook formula, one pair of rows at a time.

Nothing here calls the library. An oracle is a function of two arrays (n, d) and (m, d) that returns
the kernel matrix (n, m); the functions below return oracles for given parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[[Any, Any], np.ndarray]


def pairwise(function: Callable[[list[float], list[float]], float]) -> Oracle:
    """Return the oracle that calls a function for every pair of rows."""

    def matrix(x: Any, z: Any) -> np.ndarray:
        left = np.asarray(x, dtype=np.float64).tolist()
        right = np.asarray(z, dtype=np.float64).tolist()
        return np.array([[function(a, b) for b in right] for a in left], dtype=np.float64)

    return matrix


def linear() -> Oracle:
    """⟨x, z⟩."""
    return pairwise(_dot)


def polynomial(degree: float, gamma: float, coef0: float) -> Oracle:
    """(gamma ⟨x, z⟩ + coef0)^degree."""
    return pairwise(lambda a, b: (gamma * _dot(a, b) + coef0) ** degree)


def gaussian(gamma: float) -> Oracle:
    """exp(-gamma ‖x - z‖²)."""
    return pairwise(
        lambda a, b: math.exp(
            -gamma * math.fsum((p - q) * (p - q) for p, q in zip(a, b, strict=True))
        )
    )


def sigmoid(gamma: float, coef0: float) -> Oracle:
    """tanh(gamma ⟨x, z⟩ + coef0)."""
    return pairwise(lambda a, b: math.tanh(gamma * _dot(a, b) + coef0))


def logistic(gamma: float, coef0: float) -> Oracle:
    """1 / (1 + exp(-(gamma ⟨x, z⟩ + coef0)))."""
    return pairwise(lambda a, b: 1.0 / (1.0 + math.exp(-(gamma * _dot(a, b) + coef0))))


def tanh_plus_one(gamma: float, coef0: float) -> Oracle:
    """1 + tanh(gamma ⟨x, z⟩ + coef0) = 2 / (1 + exp(-2 (…))), with all digits where it is small."""
    return pairwise(lambda a, b: 2.0 / (1.0 + math.exp(-2.0 * (gamma * _dot(a, b) + coef0))))


def tanh_minus_one(gamma: float, coef0: float) -> Oracle:
    """tanh(gamma ⟨x, z⟩ + coef0) - 1 = -2 / (1 + exp(2 (…))), with all digits where it is small."""
    return pairwise(lambda a, b: -2.0 / (1.0 + math.exp(2.0 * (gamma * _dot(a, b) + coef0))))


def additive(alpha: Any, beta: Any, gamma: Any, weight: Any) -> Oracle:
    """Σ_h weight_h / (1 + exp(-(alpha_hᵀx + beta_hᵀz + gamma_h)))."""
    left, right = np.atleast_2d(alpha).tolist(), np.atleast_2d(beta).tolist()
    heads = len(left)
    offsets = np.broadcast_to(np.asarray(gamma, dtype=float), heads).tolist()
    weights = np.broadcast_to(np.asarray(weight, dtype=float), heads).tolist()

    def value(a: list[float], b: list[float]) -> float:
        total = 0.0
        for h in range(heads):
            z = _dot(left[h], a) + _dot(right[h], b) + offsets[h]
            total += weights[h] / (1.0 + math.exp(-z))
        return total

    return pairwise(value)


def smallest_common(x: Any, z: Any) -> np.ndarray:
    """Σ_k min(x_k, z_k): the histogram kernel, for kernels given as functions."""
    return pairwise(lambda a, b: math.fsum(min(p, q) for p, q in zip(a, b, strict=True)))(x, z)


def total(left: Oracle, right: Oracle) -> Oracle:
    """Return the sum of two kernels."""
    return lambda x, z: left(x, z) + right(x, z)


def product(left: Oracle, right: Oracle) -> Oracle:
    """Return the product of two kernels."""
    return lambda x, z: left(x, z) * right(x, z)


def multiple(factor: float, inner: Oracle) -> Oracle:
    """Return a number times a kernel."""
    return lambda x, z: factor * inner(x, z)


def negative_share(matrix: np.ndarray, tolerance: float) -> tuple[int, float]:
    """Return how many eigenvalues of a symmetric matrix are negative, and their share of Σ|λ|."""
    values = np.linalg.eigvalsh(matrix)
    size = np.abs(values)
    below = values < -tolerance * size.max()
    return int(below.sum()), float(size[below].sum() / size.sum())


def centred(matrix: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Return H K Hᵀ with the matrix H = I - 1wᵀ/Σw written out."""
    n = len(matrix)
    w = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    h = np.eye(n) - np.outer(np.ones(n), w) / w.sum()
    return h @ matrix @ h.T


def gamma_rule(x: Any, rule: str) -> float:
    """Return gamma by the rules "scale", "auto" and "suggest", from numpy's own moments."""
    x = np.asarray(x, dtype=np.float64)
    if rule == "auto":
        return 1.0 / x.shape[1]
    size = x.shape[1] * x.var() if rule == "scale" else 2.0 * np.mean(np.sum(x**2, axis=1))
    return float(1.0 / size) if size > 0 else 1.0


def _dot(a: list[float], b: list[float]) -> float:
    return math.fsum(p * q for p, q in zip(a, b, strict=True))
