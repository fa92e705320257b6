"""Signed eigen-components of an approximate kernel, from a few landmarks and two passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor

from ogive._typing import Float
from ogive.features.nystrom import APPROXIMATION_CUT, PREDICTION_CUT, SignedRoot, signed_root
from ogive.kernels.spectrum import centre
from ogive.operators import KernelOperator
from ogive.solvers.components import (
    SignedComponents,
    constant_kernel,
    feature_moments,
    oriented,
    rounding_noise,
    signed_axes,
)
from ogive.solvers.normal_equations import NormalEquations

Progress = Callable[[int, int], None]


def landmark_root(
    matrix: Float[Tensor, "m m"], dtype: torch.dtype, *, fit_intercept: bool, complete: bool
) -> SignedRoot:
    """Return the signed root of the landmarks' kernel matrix that their components are made of.

    Dropped are eigenvalues that are rounding noise in the type of the data and, unless all
    distinct rows are landmarks, those of an indefinite matrix that are as small as its smaller
    side: through these C W⁺ Cᵀ can be arbitrarily far from the kernel (Park and Nakatsukasa).

    Parameters
    ----------
    matrix : Tensor of shape (m, m)
        W, symmetric, float64.
    dtype : torch.dtype
        Of the rows.
    fit_intercept : bool
        Whether to centre W: columns of the root then sum to zero, so a constant in the kernel
        changes nothing.
    complete : bool
        Whether all distinct rows are landmarks: then C W⁺ Cᵀ is the kernel.

    Raises
    ------
    InvalidDataError
        If the kernel is the same for all landmarks.
    """
    # One landmark has no spread.
    centred = fit_intercept and len(matrix) > 1
    seen = centre(matrix) if centred else matrix
    largest = float(torch.linalg.vector_norm(matrix, torch.inf))
    cut = PREDICTION_CUT[dtype]
    noise = max(rounding_noise(len(matrix), largest), cut * float(torch.linalg.matrix_norm(matrix)))
    if float(torch.linalg.vector_norm(seen, torch.inf)) <= rounding_noise(len(matrix), largest):
        raise constant_kernel(len(matrix), "landmarks")
    root = signed_root(seen, cut=cut)
    size = root.eigenvalues.abs()
    if not complete:
        sides = [float(torch.where(root.signature == s, size, 0.0).max()) for s in (1, -1)]
        noise = max(noise, min(*sides, APPROXIMATION_CUT * float(size[0])))
    count = int((size > noise).sum())
    if not count:
        raise constant_kernel(len(matrix), "landmarks")
    kept = root.root[:, :count]
    return replace(
        root,
        root=kept - kept.mean(0) if centred else kept,
        signature=root.signature[:count],
        eigenvalues=root.eigenvalues[:count],
    )


def landmark_components(
    operator: KernelOperator,
    root: SignedRoot,
    weight: Float[Tensor, " n"] | None = None,
    *,
    fit_intercept: bool = True,
    count: int | None = None,
    progress: Progress | None = None,
) -> SignedComponents:
    """Return the components of K̃ = L diag(σ) Lᵀ, L = C root, C the kernel with landmarks.

    With L centred, G = Lᵀ W L = U diag(g) Uᵀ and g^½ Uᵀ diag(σ) U g^½ = Q diag(λ) Qᵀ, in which the
    signs of σ meet the centred L: Z = L diag(σ) U g^½ Q sign(λ) |λ|^-½.

    Parameters
    ----------
    operator : KernelOperator of shape (n, m)
        C; its rows are formed twice, block by block. Sums over rows are float64; Z is
        computed in the type of the operator.
    root : SignedRoot
        Of the landmarks' own matrix, see `landmark_root`.
    weight : Tensor of shape (n,), optional
        At least 0: rows of weight 0 get features and have no say.
    fit_intercept : bool, default True
        Whether to centre.
    count : int, optional
        Keep so many components at most.
    progress : callable(done, total), optional
        Called after each block of the first pass with the numbers of rows.

    Returns
    -------
    SignedComponents
        On the CPU; Z has the type of the operator. The largest absolute entry of each of its
        columns is positive, rows of weight 0 left aside.

    Raises
    ------
    InvalidDataError
        If the kernel with the landmarks cannot tell the rows apart.
    """
    mapping = root.root.to(operator.device)
    sums = _moments(operator, mapping, weight, fit_intercept=fit_intercept, progress=progress)
    signature = root.signature.to(operator.device)
    axes = signed_axes(sums, signature, fit_intercept=fit_intercept)
    kept, turned, mean = axes.eigenvalues[:count], axes.projection[:, :count], axes.mean
    projection, offset = mapping @ turned, -(mean @ turned)
    features = _mapped(operator, projection, offset)
    found = SignedComponents(
        features, kept.cpu(), projection.cpu(), offset.cpu(), axes.negative_mass
    )
    return oriented(found, weight)


def _moments(
    operator: KernelOperator,
    mapping: Float[Tensor, "m q"],
    weight: Float[Tensor, " n"] | None,
    *,
    fit_intercept: bool,
    progress: Progress | None,
) -> NormalEquations:
    """Return the sums of the features L = C mapping.

    Of float32 kernel values they follow from the sums of C, one long product fewer. What is lost
    so shows in components of 1e-12 of the largest, in which the values' own rounding shows too; of
    float64 values more would be lost than that.
    """
    single = operator.dtype == torch.float32

    def blocks() -> Iterable[tuple[slice, Tensor]]:
        for part, block in operator.row_blocks(torch.float64):
            yield part, block if single else block @ mapping
            if progress is not None:
                progress(part.stop, operator.shape[0])

    sums = feature_moments(blocks(), operator.shape[0], weight, fit_intercept=fit_intercept)
    return sums.mapped(mapping) if single else sums


def _mapped(
    operator: KernelOperator, projection: Float[Tensor, "m r"], offset: Float[Tensor, " r"]
) -> Float[Tensor, "n r"]:
    """Return C projection + offset, on the CPU and in the operator's type."""
    features = torch.empty(operator.shape[0], len(offset), dtype=operator.dtype)
    own = projection.to(operator.dtype)
    origin: Tensor | None = None
    for part, block in operator.row_blocks():
        if origin is None:
            # Products of float32 numbers keep more digits of what is near zero.
            origin = block.mean(0)
            shift = (origin.double() @ projection + offset).to(own)
        features[part] = torch.addmm(shift, block.sub_(origin), own)
    return features
