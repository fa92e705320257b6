"""Signed Nyström features: what a few landmarks say about an indefinite kernel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._errors import InvalidDataError
from ogive._typing import Float

# Eigenvalues of the landmarks' matrix that are smaller than this fraction of the largest are
# rounding noise in that precision: kept for prediction, they would be amplified by their root.
PREDICTION_CUT = {torch.float32: 1e-7, torch.float64: 1e-13}
# An indefinite kernel is approximated better without its small eigenvalues: C W⁺ Cᵀ can be
# arbitrarily wrong through them (Park and Nakatsukasa, on indefinite Nyström).
APPROXIMATION_CUT = 1e-4


@dataclass(frozen=True)
class SignedRoot:
    """The inverse square root of a symmetric indefinite matrix W, with its signature.

    With C the kernel of rows against the landmarks, the features are L = C · root, and
    L diag(signature) Lᵀ = C W⁺ Cᵀ approximates the kernel of the rows.

    Attributes
    ----------
    root : Tensor of shape (m, r)
        V |w|^-1/2, float64.
    signature : Tensor of shape (r,)
        Signs of the eigenvalues, 1 or -1.
    eigenvalues : Tensor of shape (r,)
        Those that were kept, largest in absolute value first.
    negative_mass : float
        Share of the negative eigenvalues in the sum of all absolute ones.
    """

    root: Float[Tensor, "m r"]
    signature: Float[Tensor, " r"]
    eigenvalues: Float[Tensor, " r"]
    negative_mass: float

    @property
    def rank(self) -> int:
        """Number of features."""
        return self.root.shape[1]


def signed_root(
    matrix: Float[Tensor, "m m"],
    *,
    cut: float,
) -> SignedRoot:
    """Return the signed root of the landmarks' kernel matrix W = V diag(w) Vᵀ.

    Parameters
    ----------
    matrix : Tensor of shape (m, m)
        Symmetric, float64.
    cut : float
        Eigenvalues below this fraction of the largest absolute one are dropped.

    Returns
    -------
    SignedRoot

    Raises
    ------
    InvalidDataError
        If nothing is left: the kernel cannot tell the landmarks apart.

    Examples
    --------
    >>> root = signed_root(torch.tensor([[0.0, 2.0], [2.0, 0.0]], dtype=torch.float64), cut=1e-7)
    >>> root.signature.sort().values
    tensor([-1.,  1.], dtype=torch.float64)
    """
    noise = len(matrix) * torch.finfo(matrix.dtype).eps * float(matrix.abs().max())
    values, vectors = torch.linalg.eigh(matrix)
    size = values.abs()
    if float(size.max()) <= noise:
        raise InvalidDataError(
            "the kernel is constant on the landmarks, so it cannot tell rows apart; "
            "is gamma 0, are all rows equal, or does the kernel saturate?"
        )
    negative = float(size[values < 0].sum() / size.sum())
    order = size.argsort(descending=True)
    order = order[size[order] > cut * size.max()]
    kept = values[order]
    root = vectors[:, order] * kept.abs().rsqrt()
    return SignedRoot(root, kept.sign(), kept, negative)
