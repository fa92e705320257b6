"""Signed eigen-components: features of which an indefinite kernel is the signed inner product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ogive._errors import InvalidDataError
from ogive._typing import Float
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.weighting import Weighting

_CHUNK = 4096  # rows of features taken to float64 at once


@dataclass(frozen=True)
class SignedComponents:
    """Features z(x) = k(x) projection + offset, k(x) being the kernel of x with rows or landmarks.

    For the rows they were made from, with weights W and less their weighted mean if there is an
    intercept: Z diag(sign λ) Zᵀ is the kernel matrix, Zᵀ W Z = diag |λ|, and the mean of Z is 0.

    Attributes
    ----------
    values : Tensor of shape (n, r)
        Z.
    eigenvalues : Tensor of shape (r,)
        λ, those of P S K S P (see `Weighting`), largest in absolute value first.
    projection : Tensor of shape (m, r)
        float64.
    offset : Tensor of shape (r,)
    negative_mass : float
        Share of the negative eigenvalues in the sum of all absolute ones.
    """

    values: Float[Tensor, "n r"]
    eigenvalues: Float[Tensor, " r"]
    projection: Float[Tensor, "m r"]
    offset: Float[Tensor, " r"]
    negative_mass: float

    @property
    def rank(self) -> int:
        """Number of components."""
        return len(self.eigenvalues)

    @property
    def signature(self) -> Float[Tensor, " r"]:
        """1 or -1 for each component."""
        return self.eigenvalues.sign()

    def leading(self, count: int) -> SignedComponents:
        """Return the components with the largest absolute eigenvalues; all if there are fewer."""
        return replace(
            self,
            values=self.values[:, :count].contiguous(),
            eigenvalues=self.eigenvalues[:count],
            projection=self.projection[:, :count].contiguous(),
            offset=self.offset[:count],
        )


def exact_components(
    kernel: Float[Tensor, "n n"],
    weight: Float[Tensor, " n"] | None = None,
    *,
    fit_intercept: bool = True,
) -> SignedComponents:
    """Return the components of a whole kernel matrix.

    With A = P S K S P = V diag(λ) Vᵀ (see `Weighting`): Z = S⁻¹ V |λ|^½, and new rows are mapped
    by k(x) S P V sign(λ) |λ|^-½ plus the constant that makes the mean of Z zero.

    Parameters
    ----------
    kernel : Tensor of shape (n, n)
        Symmetric, float64.
    weight : Tensor of shape (n,), optional
        All positive: leave rows of weight 0 out.
    fit_intercept : bool, default True
        Whether to centre.

    Returns
    -------
    SignedComponents
        On the CPU. The largest absolute entry of each column of Z is positive.

    Raises
    ------
    InvalidDataError
        If the kernel cannot tell the rows apart.

    Examples
    --------
    >>> kernel = torch.tensor([[0.0, 2.0], [2.0, 0.0]], dtype=torch.float64)
    >>> found = exact_components(kernel, fit_intercept=False)
    >>> found.eigenvalues.sort().values
    tensor([-2.,  2.], dtype=torch.float64)
    >>> torch.allclose(found.values * found.signature @ found.values.T, kernel)
    True
    """
    weighting = Weighting.of(len(kernel), weight, fit_intercept=fit_intercept, device=kernel.device)
    values, vectors = torch.linalg.eigh(weighting.reduce_matrix(kernel))
    # Rounding errors are relative to the entries, before means were taken out.
    largest = float(torch.linalg.vector_norm(kernel, torch.inf) * weighting.root.square().max())
    noise = len(values) * torch.finfo(values.dtype).eps * float(values.abs().max())
    order = _visible(values, max(noise, rounding_noise(len(values), largest)))
    if not len(order):
        raise constant_kernel(len(values), "rows")
    kept, vectors = values[order], vectors[:, order]
    half = kept.abs().sqrt()
    projection = weighting.restore(vectors * (kept.sign() / half))
    share = weighting.root.square() / weighting.root.square().sum()
    offset = -((share @ kernel) @ projection) if fit_intercept else torch.zeros_like(kept)
    features = (vectors * half).div_(weighting.root[:, None])
    found = SignedComponents(
        features.cpu(), kept.cpu(), projection.cpu(), offset.cpu(), _negative_mass(kept)
    )
    return oriented(found, None)


def feature_components(
    features: Float[Tensor, "n q"],
    signature: Float[Tensor, " q"],
    weight: Float[Tensor, " n"] | None = None,
    *,
    fit_intercept: bool = True,
) -> SignedComponents:
    """Return the components of K = Φ diag(σ) Φᵀ for features Φ: of some rows of others, say.

    Parameters
    ----------
    features : Tensor of shape (n, q)
        Φ.
    signature : Tensor of shape (q,)
        σ, 1 or -1.
    weight, fit_intercept
        As in `landmark_components`.

    Returns
    -------
    SignedComponents
        Of which ``projection`` and ``offset`` act on features, in place of kernel values; Z has
        the features' type.

    Raises
    ------
    InvalidDataError
        If the features are the same for all rows.
    """
    slices = [slice(at, at + _CHUNK) for at in range(0, len(features), _CHUNK)]
    blocks = ((part, features[part].double()) for part in slices)
    sums = feature_moments(blocks, len(features), weight, fit_intercept=fit_intercept)
    axes = signed_axes(sums, signature.double(), fit_intercept=fit_intercept)
    offset = -(axes.mean @ axes.projection)
    values = torch.cat([features[s].double() @ axes.projection + offset for s in slices])
    found = SignedComponents(
        values.to(features), axes.eigenvalues, axes.projection, offset, axes.negative_mass
    )
    return oriented(found, weight)


@dataclass(frozen=True)
class SignedAxes:
    """From features Φ with signs σ to their components: (φ - mean) projection.

    Attributes
    ----------
    eigenvalues : Tensor of shape (r,)
    projection : Tensor of shape (q, r)
        diag(σ) U g^½ Q sign(λ) |λ|^-½, see `signed_axes`.
    mean : Tensor of shape (q,)
        Zeros without an intercept.
    negative_mass : float
    """

    eigenvalues: Float[Tensor, " r"]
    projection: Float[Tensor, "q r"]
    mean: Float[Tensor, " q"]
    negative_mass: float


def feature_moments(
    blocks: Iterable[tuple[slice, Tensor]],
    rows: int,
    weight: Float[Tensor, " n"] | None,
    *,
    fit_intercept: bool,
) -> NormalEquations:
    """Return weighted sums of float64 features that come block by block, without targets."""
    weighting = Weighting.of(rows, weight, fit_intercept=fit_intercept)
    sums: NormalEquations | None = None
    for part, block in blocks:
        scale = weighting.root[part].to(block.device)
        if sums is None:
            origin = block.mean(0) if fit_intercept else block.new_zeros(block.shape[1])
            sums = NormalEquations.empty(origin, 0)
        scaled = (block - sums.origin).mul_(scale[:, None])
        sums.add(scaled, scale, scaled[:, :0])
    assert sums is not None
    sums.complete()
    return sums


def signed_axes(
    sums: NormalEquations, signature: Float[Tensor, " q"], *, fit_intercept: bool
) -> SignedAxes:
    """Decompose Φ diag(σ) Φᵀ by way of G = Φᵀ W Φ = U diag(g) Uᵀ, Φ centred if asked.

    g^½ Uᵀ diag(σ) U g^½ = Q diag(λ) Qᵀ has the eigenvalues of S Φ diag(σ) Φᵀ S.

    Raises
    ------
    InvalidDataError
        If the features are the same for all rows.
    """
    gram = sums.centred()[0] if fit_intercept else sums.gram
    squares, axes = torch.linalg.eigh(gram)
    # Rounding errors are relative to what was summed, before means were taken out.
    rounding = torch.finfo(gram.dtype)
    noise = rounding.eps * (4 * float(sums.gram.trace()) + len(gram) * float(squares[-1]))
    seen = squares > max(noise, rounding.tiny)
    spread = axes[:, seen] * squares[seen].sqrt()
    values, turned = torch.linalg.eigh(spread.T @ (signature[:, None] * spread))
    order = _visible(values, len(values) * rounding.eps * float(squares[-1]))
    if not len(order):
        raise constant_kernel(int(sums.weight.round()), "rows")
    kept = values[order]
    turned = turned[:, order] * (kept.sign() * kept.abs().rsqrt())
    mean = sums.origin + sums.sums / sums.weight if fit_intercept else torch.zeros_like(sums.sums)
    return SignedAxes(kept, signature[:, None] * (spread @ turned), mean, _negative_mass(kept))


def rounding_noise(count: int, largest: float) -> float:
    """Return how large an eigenvalue may be that is rounding errors of ``count`` entries."""
    return 4 * count * torch.finfo(torch.float64).eps * largest


def constant_kernel(count: int, what: str) -> InvalidDataError:
    """Return the error of a kernel that is the same everywhere."""
    return InvalidDataError(
        f"the kernel is the same for all {what} (n_samples = {count}), so it cannot tell them "
        "apart; is gamma 0, are all rows equal, or does the kernel saturate? Change gamma or "
        "coef0, scale the data, or give more rows"
    )


def oriented(found: SignedComponents, weight: Float[Tensor, " n"] | None) -> SignedComponents:
    """Make the largest absolute entry of each column of Z positive, in place.

    Rows of weight 0 are left aside.
    """
    judged = found.values
    if weight is not None and bool((weight == 0).any()):
        judged = judged[weight.cpu() > 0]
    flip = torch.where(-judged.amin(0) > judged.amax(0), -1.0, 1.0).to(found.eigenvalues)
    found.values.mul_(flip.to(found.values))
    return replace(found, projection=found.projection * flip, offset=found.offset * flip)


def _visible(values: Tensor, noise: float) -> Tensor:
    """Return which eigenvalues are more than noise, largest in absolute value first."""
    size = values.abs()
    order = size.argsort(descending=True, stable=True)
    return order[size[order] > noise]


def _negative_mass(values: Tensor) -> float:
    return float(values.clamp(max=0).abs().sum() / values.abs().sum())
