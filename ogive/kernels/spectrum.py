"""Is a kernel positive definite? Measured on a sample of rows, plain and centred."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_positive
from ogive._errors import InvalidParameterError
from ogive._typing import Float, Matrix
from ogive.kernels.base import Kernel

POSITIVE = "positive definite"
CONDITIONAL = "conditionally positive definite"
INDEFINITE = "indefinite"


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of a symmetric kernel matrix and how negative they are.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n,)
        Ascending, float64.
    negative_count : int
        How many are below minus the tolerance times the largest absolute one.
    negative_mass : float
        Their share of the sum of absolute eigenvalues, 0 … 1.
    """

    eigenvalues: np.ndarray = field(repr=False)
    negative_count: int
    negative_mass: float

    @classmethod
    def of(cls, matrix: Float[Tensor, "n n"], tolerance: float) -> Spectrum:
        """Return the spectrum of a symmetric float64 matrix."""
        eigenvalues = torch.linalg.eigvalsh(matrix).numpy()
        size = np.abs(eigenvalues)
        negative = eigenvalues < -tolerance * size.max(initial=0.0)
        total = size.sum()
        mass = float(size[negative].sum() / total) if total > 0 else 0.0
        return cls(eigenvalues, int(negative.sum()), mass)


@dataclass(frozen=True)
class Definiteness:
    """What `definiteness` found.

    Attributes
    ----------
    verdict : str
        "positive definite", "conditionally positive definite" (negative eigenvalues that vanish
        when the matrix is centred) or "indefinite". Semi-definite counts as definite.
    plain, centred : Spectrum
        Of the kernel matrix K, and of HKH with H = I - 11ᵀ/n.
    sample_size : int
        Number of rows that were looked at.
    tolerance : float
        Eigenvalues within this fraction of the largest absolute one count as zero.
    """

    verdict: str
    plain: Spectrum
    centred: Spectrum
    sample_size: int
    tolerance: float

    def __str__(self) -> str:
        return (
            f"{self.verdict}: {self.plain.negative_count} of {self.sample_size} eigenvalues "
            f"negative, {_percent(self.plain.negative_mass)} of the mass; centred "
            f"{self.centred.negative_count}, {_percent(self.centred.negative_mass)}"
        )


def definiteness(
    kernel: Kernel,
    X: Matrix,
    *,
    sample_size: int = 1000,
    tolerance: float = 1e-10,
    random_state: int | np.random.Generator = 0,
) -> Definiteness:
    """Measure how far a symmetric kernel is from positive definite on a sample of rows.

    K is formed in float64. The centred spectrum is that of the kernel's form without its constant
    (`Kernel.up_to_constant`), so that a constant near -1 does not hide the digits below it.

    Parameters
    ----------
    kernel : Kernel
        Symmetric; parameters that name a rule are resolved on all of X.
    X : array, Tensor or sparse matrix of shape (n, d)
    sample_size : int, default 1000
        At most so many rows are drawn, without replacement. Cost grows with its cube.
    tolerance : float, default 1e-10
        Eigenvalues within this fraction of the largest absolute one count as zero.
    random_state : int or numpy Generator, default 0

    Returns
    -------
    Definiteness

    Raises
    ------
    InvalidParameterError
        If the kernel is not symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> from ogive.kernels import Sigmoid
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> print(definiteness(Sigmoid(0.2, 0.0), X))
    indefinite: 32 of 60 eigenvalues negative, 16 % of the mass; centred 31, 16 %
    """
    check_positive(sample_size, "sample_size")
    check_positive(tolerance, "tolerance", allow_zero=True)
    if not kernel.symmetric:
        raise InvalidParameterError(
            f"kernel={kernel!r} is not symmetric, so it has no real spectrum to judge; "
            "use a tied kernel"
        )
    kernel = kernel.resolve(X)
    sample = sample_rows(as_rows(X), int(sample_size), random_state)
    plain = Spectrum.of(symmetric_matrix(kernel, sample), tolerance)
    precise = symmetric_matrix(kernel.up_to_constant(), sample)
    centred = Spectrum.of(centre(precise), tolerance)
    if plain.negative_count == 0:
        verdict = POSITIVE
    else:
        verdict = CONDITIONAL if centred.negative_count == 0 else INDEFINITE
    return Definiteness(verdict, plain, centred, sample.shape[0], tolerance)


def sample_rows(x: Rows, size: int, random_state: int | np.random.Generator) -> Rows:
    """Return at most ``size`` rows, drawn without replacement and kept in order, in float64."""
    if x.shape[0] > size:
        generator = np.random.default_rng(random_state)
        x = x[np.sort(generator.choice(x.shape[0], size, replace=False))]
    return x.detach().double() if isinstance(x, Tensor) else x.astype(np.float64)


def symmetric_matrix(kernel: Kernel, x: Rows) -> Float[Tensor, "n n"]:
    """Return the kernel matrix of rows with themselves, exactly symmetric and without gradient."""
    with torch.no_grad():
        matrix = kernel.matrix(x, x)
        return matrix.add_(matrix.T.clone()).mul_(0.5)


def centre(
    matrix: Float[Tensor, "n n"], weight: Float[Tensor, " n"] | None = None
) -> Float[Tensor, "n n"]:
    """Return H K Hᵀ, with H = I - 1wᵀ/Σw: the kernel of rows measured from their mean."""
    n = matrix.shape[0]
    share = matrix.new_full((n,), 1 / n) if weight is None else weight / weight.sum()
    means = matrix @ share
    return matrix - means[:, None] - means[None, :] + share @ means


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"
