"""Linear discriminant analysis of features that are in memory, with a ridge."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ogive._errors import InvalidParameterError
from ogive._typing import Float, Int
from ogive.solvers.components import feature_moments

_CHUNK = 4096  # rows of features taken to float64 at once


@dataclass(frozen=True)
class Discriminant:
    """Gaussian classes with one covariance: scores z coefficients + intercept, and coordinates.

    Attributes
    ----------
    coefficients : Tensor of shape (r, c)
        float64. The softmax of the scores are the probabilities of classes.
    intercept : Tensor of shape (c,)
    axes : Tensor of shape (r, q)
        Coordinates in which classes differ most, less their mean: z axes + origin; the covariance
        within classes, with the ridge, is 1 in them.
    origin : Tensor of shape (q,)
    ratios : Tensor of shape (q,)
        Scatter between classes over that within them, of each coordinate; largest first.
    """

    coefficients: Float[Tensor, "r c"]
    intercept: Float[Tensor, " c"]
    axes: Float[Tensor, "r q"]
    origin: Float[Tensor, " q"]
    ratios: Float[Tensor, " q"]


def discriminant(
    features: Float[Tensor, "n r"],
    classes: Int[Tensor, " n"],
    mu: float,
    priors: Float[Tensor, " c"],
    *,
    weight: Float[Tensor, " n"] | None = None,
    size: Float[Tensor, " r"] | None = None,
) -> Discriminant:
    """Return the discriminant of features Z with the covariance S_w + mu t I within classes.

    S_w = Σ_c π_c Cov_c and S_b = Σ_c π_c (m_c - m)(m_c - m)ᵀ with priors π, classes' means m_c,
    m = Σ_c π_c m_c and Cov_c divided by the weight of the class; t = trace(S_w + S_b) is the mean
    squared norm of the features, so mu has no unit. Axes solve S_b v = e (S_w + mu t I) v. With
    T = S_w + S_b + mu t I and N = diag(√π) (M - m) T^-½ = U diag(s) Vᵀ, a matrix with as many rows
    as classes: axes are T^-½ V (1 - s²)^-½, and (S_w + mu t I)⁻¹ = T^-½ (I - NᵀN)⁻¹ T^-½.

    Parameters
    ----------
    features : Tensor of shape (n, r)
    classes : Tensor of shape (n,)
        0 … c - 1, each with rows of positive weight.
    mu : float
        At least 0.
    priors : Tensor of shape (c,)
        float64, at least 0, with the sum 1.
    weight : Tensor of shape (n,), optional
        At least 0.
    size : Tensor of shape (r,), optional
        Diagonal of S_w + S_b where that is a diagonal matrix, and m is 0: no decomposition of
        that matrix is needed then.

    Returns
    -------
    Discriminant
        With min(c - 1, r) axes.

    Raises
    ------
    InvalidParameterError
        If S_w + mu t I is singular.

    References
    ----------
    Haasdonk and Pękalska, Indefinite kernel Fisher discriminant, ICPR 2008; Friedman, Regularized
    discriminant analysis, JASA 84(405), 1989.

    Examples
    --------
    >>> z = torch.tensor([[-3.0], [-1.0], [1.0], [3.0]], dtype=torch.float64)
    >>> halves = torch.tensor([0.5, 0.5], dtype=torch.float64)
    >>> found = discriminant(z, torch.tensor([0, 0, 1, 1]), 0.0, halves)
    >>> found.coefficients.round(decimals=10)
    tensor([[-2.,  2.]], dtype=torch.float64)
    >>> round(float(found.ratios), 10)  # 4 between classes, 1 within
    4.0
    """
    w = torch.ones_like(classes, dtype=torch.float64) if weight is None else weight.double()
    codes = functional.one_hot(classes, len(priors)).double()
    totals = codes.T @ w
    means = _products((codes * w[:, None]).T, features) / totals[:, None]
    middle = priors @ means
    spread = means - middle
    if size is None:
        size, turn = _total_scatter(features, w * (priors / totals)[classes])
    else:
        turn = None
    ridge = mu * float(size.sum())
    seen = size + ridge > len(size) * torch.finfo(size.dtype).eps * (size.max() + ridge)
    inverse_root = torch.where(seen, (size + ridge).rsqrt(), 0.0)
    turned = (spread if turn is None else spread @ turn) * inverse_root
    _, singular, right = torch.linalg.svd(priors.sqrt()[:, None] * turned, full_matrices=False)
    rest = 1 - singular.square()
    if float(rest.min()) <= 100 * len(size) * torch.finfo(size.dtype).eps:
        raise InvalidParameterError(
            f"mu={mu!r} is too small: the features separate the classes without an error, so the "
            "scatter within them is singular; give a larger mu, such as 1e-3"
        )

    def returned(block: Tensor) -> Tensor:
        block = block * inverse_root[:, None]
        return block if turn is None else turn @ block

    inner = turned.T + right.T @ ((singular.square() / rest)[:, None] * (right @ turned.T))
    coefficients = returned(inner)
    offset = -(middle @ coefficients) - 0.5 * (spread * coefficients.T).sum(1)
    count = min(len(priors) - 1, len(size))
    axes = returned((right.T * rest.rsqrt())[:, :count])
    placed = spread @ axes
    # The class that is farthest along an axis is on its positive side: one choice of signs.
    axes = axes * torch.where(-placed.amin(0) > placed.amax(0), -1.0, 1.0).to(axes)
    ratios = (singular.square() / rest)[:count]
    return Discriminant(coefficients, offset + priors.log(), axes, -(middle @ axes), ratios)


def _products(left: Tensor, features: Tensor) -> Tensor:
    """Return left (c, n) times features (n, r), added up in float64."""
    total = left.new_zeros(len(left), features.shape[1])
    for part, some in zip(features.split(_CHUNK), left.split(_CHUNK, dim=1), strict=True):
        total += some @ part.double()
    return total


def _total_scatter(features: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues and eigenvectors of the covariance with shares of rows that sum to 1."""
    slices = [slice(at, at + _CHUNK) for at in range(0, len(features), _CHUNK)]
    blocks = ((part, features[part].double()) for part in slices)
    scatter = feature_moments(blocks, len(features), share, fit_intercept=True).centred()[0]
    values, vectors = torch.linalg.eigh(scatter)
    return values.clamp(min=0), vectors
