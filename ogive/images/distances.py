"""How far generated pictures are from real ones, measured on their feature vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from ogive._checks import check_count, memory_bytes
from ogive._errors import InvalidParameterError, InvalidTypeError
from ogive._typing import Float, Matrix
from ogive.images._feature_rows import feature_pair, feature_rows
from ogive.images.neighbours import Nearest, coverage, density, nearest
from ogive.kernels import Kernel, Polynomial
from ogive.operators import KernelOperator

# Measures by neighbours are distances too, and are to be found here.
__all__ = [
    "KernelDistance",
    "Nearest",
    "coverage",
    "density",
    "frechet_distance",
    "half_floor",
    "kernel_distance",
    "nearest",
]

# Rows of a subset, at most: what figures are commonly published with.
_SUBSET_ROWS = 1000
_MEMORY = "256 MB"

Answer = TypeVar("Answer")


class KernelDistance(NamedTuple):
    """A squared maximum mean discrepancy, averaged over subsets.

    Attributes
    ----------
    mean : float
    error : float
        Standard error of the mean over the subsets; NaN of a single one. It tells how much the
        drawing matters, not how much other sets of the same sizes would differ.
    """

    mean: float
    error: float


def frechet_distance(a: Matrix, b: Matrix) -> float:
    """Return the squared Fréchet distance of two normal distributions fitted to two sets.

    ‖μ_a - μ_b‖² + tr(S_a + S_b - 2 (S_a S_b)^½), with the means μ and the covariances S (divided by
    n - 1). With S_a = AᵀA and S_b = BᵀB the last trace is the sum of the singular values of ABᵀ
    (their squares are the eigenvalues of a symmetric product), so that no root of a matrix is
    taken and fewer rows than features do no harm. It is biased: a set of fewer rows is farther away
    (`half_floor` shows by how much), so compare only figures of equally large sets.

    Parameters
    ----------
    a, b : array or Tensor of shape (n, d) and (m, d)
        At least two rows each.

    Returns
    -------
    float
        Computed in float64; 0 but for rounding if both sets are the same.

    Raises
    ------
    InvalidDataError
        If a set has fewer than two rows, is not finite, or the numbers of features differ.
    InvalidTypeError
        If a set is sparse.

    References
    ----------
    Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium, NeurIPS 2017, equation 6.

    Examples
    --------
    >>> a = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> round(frechet_distance(a, a + [3.0, 4.0]), 6)
    25.0
    """
    rows, others = feature_pair(a, b, ("a", "b"), least=2)
    (mean, root), (other_mean, other_root) = _moments(rows), _moments(others)
    shared = torch.linalg.svdvals(root @ other_root.T).sum()
    spread = root.square().sum() + other_root.square().sum() - 2 * shared
    distance = (mean - other_mean).square().sum() + spread
    return max(0.0, float(distance))  # below zero is rounding only


def kernel_distance(
    a: Matrix,
    b: Matrix,
    kernel: Kernel | None = None,
    *,
    subsets: int = 100,
    size: int | None = None,
    seed: int = 0,
    memory: int | float | str = _MEMORY,
) -> KernelDistance:
    """Return the squared maximum mean discrepancy of two sets, unbiased.

    Of m rows x and m rows y drawn from both sets without replacement, it is
    Σ_{i≠j} (k(x_i, x_j) + k(y_i, y_j)) / (m (m - 1)) - 2 Σ_{ij} k(x_i, y_j) / m²: around zero, also
    below, if both come from one distribution, whatever m is.

    Parameters
    ----------
    a, b : array or Tensor of shape (n, d) and (m, d)
        At least two rows each.
    kernel : Kernel, optional
        Positive definite; (⟨x, y⟩ / d + 1)³ by default. Parameters that name a rule are resolved
        on `a`.
    subsets : int
        How many pairs of subsets are drawn.
    size : int, optional
        Rows of a subset; by default half of the smaller set, and 1,000 at most.
    seed : int
        Of the drawing.
    memory : int or str
        Budget of the kernel's tiles.

    Returns
    -------
    KernelDistance
        Mean and standard error over the subsets, computed in float64.

    Raises
    ------
    InvalidParameterError
        If the kernel is not known to be positive definite, or `size` is larger than a set.
    InvalidDataError
        If a set has fewer than two rows, is not finite, or the numbers of features differ.
    InvalidTypeError
        If a set is sparse, or the kernel is none.

    References
    ----------
    Bińkowski et al., Demystifying MMD GANs, ICLR 2018 (the kernel inception distance); Gretton et
    al., A Kernel Two-Sample Test, JMLR 13, 2012, equation 3.

    Examples
    --------
    >>> a, b = np.random.default_rng(0).normal(size=(2, 500, 8))
    >>> near, far = (kernel_distance(a, other, subsets=20) for other in (b, b + 1))
    >>> abs(near.mean) < 0.02 and far.mean > 10 * abs(near.mean)
    True
    """
    rows, others = feature_pair(a, b, ("a", "b"), least=2)
    kernel = _definite(kernel, rows)
    smaller = min(len(rows), len(others))
    count = max(2, min(_SUBSET_ROWS, smaller // 2)) if size is None else check_count(size, "size")
    if not 2 <= count <= smaller:
        raise InvalidParameterError(
            f"size={count}; it must be 2 to {smaller}, the rows of the smaller set"
        )
    budget = memory_bytes(memory)
    generator = np.random.default_rng(seed)
    found = np.empty(check_count(subsets, "subsets"))
    for i in range(subsets):
        x, y = (_draw(side, count, generator) for side in (rows, others))
        found[i] = _discrepancy(kernel, x, y, budget)
    error = float(found.std(ddof=1)) / math.sqrt(subsets) if subsets > 1 else math.nan
    return KernelDistance(float(found.mean()), error)


def half_floor(real: Matrix, measure: Callable[[Any, Any], Answer], seed: int = 0) -> Answer:
    """Return the distance between two random halves of the real rows: nothing need be nearer.

    The halves are smaller than the set, and a measure that is biased (`frechet_distance`) is larger
    on them: for a fair floor compare the generated rows with as many real ones.

    Parameters
    ----------
    real : array or Tensor of shape (n, d)
        At least two rows; of an odd number one is left out.
    measure : callable
        Takes two sets: one of this module's functions, or a `functools.partial` of one.
    seed : int
        Of the halving.

    Returns
    -------
    Whatever the measure returns.

    Raises
    ------
    InvalidDataError
        If there are fewer than two rows, or they are not finite.

    Examples
    --------
    >>> real = np.random.default_rng(0).normal(size=(2000, 4))
    >>> half_floor(real, frechet_distance) < 0.02 < frechet_distance(real, real + 0.2)
    True
    """
    count = len(feature_rows(real, "real", least=2))
    half = count // 2
    order = np.random.default_rng(seed).permutation(count)
    rows = real if isinstance(real, Tensor) else np.asarray(real)
    chosen = torch.from_numpy(order).to(real.device) if isinstance(real, Tensor) else order
    return measure(rows[chosen[:half]], rows[chosen[half : 2 * half]])


def _moments(rows: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, "r d"]]:
    """Return the mean, and R of at most d rows with RᵀR the covariance, in blocks of rows."""
    width = rows.shape[1]
    mean = rows.mean(0, dtype=torch.float64)
    root = mean.new_empty(0, width)
    for block in rows.split(max(1024, 2 * width)):
        root = torch.cat([root, block.double() - mean])
        if len(root) > width:
            root = torch.linalg.qr(root, mode="r").R
    return mean, root / math.sqrt(len(rows) - 1)


def _definite(kernel: Kernel | None, rows: Float[Tensor, "n d"]) -> Kernel:
    """Return the kernel with numbers for parameters, if it is known to be positive definite."""
    if kernel is None:
        return Polynomial(3, 1 / rows.shape[1], 1.0)
    if not isinstance(kernel, Kernel):
        raise InvalidTypeError(
            f"kernel={kernel!r} is no kernel: pass one of ogive.kernels, Gaussian('scale') say"
        )
    found = kernel.resolve(rows)
    if not found.positive_definite:
        raise InvalidParameterError(
            f"kernel={kernel!r} is not known to be positive definite, and without that the "
            "discrepancy is no distance: it can be zero, or negative, between sets that differ; "
            "pass Gaussian, Linear, or Polynomial of whole degree with gamma and coef0 not negative"
        )
    return found


def _draw(rows: Tensor, count: int, generator: np.random.Generator) -> Float[Tensor, "m d"]:
    chosen = generator.choice(len(rows), count, replace=False)
    return rows[torch.from_numpy(chosen).to(rows.device)].double()


def _discrepancy(
    kernel: Kernel, x: Float[Tensor, "m d"], y: Float[Tensor, "m d"], memory: int
) -> float:
    """Return the unbiased estimate of the squared discrepancy of two sets of m rows."""
    m = len(x)
    ones = x.new_ones(m)

    def total(left: Tensor, right: Tensor) -> Tensor:
        operator = KernelOperator(kernel, left, right, memory=memory)
        return (operator @ ones).sum()

    within = total(x, x) + total(y, y) - kernel.diagonal(x).sum() - kernel.diagonal(y).sum()
    return float(within / (m * (m - 1)) - 2 * total(x, y) / m**2)
