"""Ridge regression on signed landmark features, one pass over the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ogive._typing import Float
from ogive.features import SignedRoot
from ogive.operators import KernelOperator
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting

_PANELS = 6  # a Gram matrix in column panels from the diagonal down costs 58 % of the whole
Progress = Callable[[int, int], None]


@dataclass
class NormalEquations:
    """Sums over the rows of a block of features: all that a least-squares fit needs.

    Attributes
    ----------
    gram : Tensor of shape (r, r)
        Σ wᵢ φᵢ φᵢᵀ, its lower triangle; float64.
    moments : Tensor of shape (r, k)
        Σ wᵢ φᵢ yᵢᵀ.
    sums : Tensor of shape (r,)
        Σ wᵢ φᵢ.
    """

    gram: Float[Tensor, "r r"]
    moments: Float[Tensor, "r k"]
    sums: Float[Tensor, " r"]

    @classmethod
    def zeros(cls, width: int, targets: int) -> NormalEquations:
        """Return empty sums."""
        zeros = torch.zeros
        double = torch.float64
        return cls(
            zeros(width, width, dtype=double),
            zeros(width, targets, dtype=double),
            zeros(width, dtype=double),
        )

    def add(self, block: Tensor, root_weight: Tensor, scaled_targets: Tensor) -> None:
        """Add the rows of a block of features, already multiplied by the root of their weights."""
        self.moments.addmm_(block.T, scaled_targets)
        self.sums.addmv_(block.T, root_weight)
        width = len(self.gram)
        step = -(-width // _PANELS)
        for start in range(0, width, step):
            stop = min(start + step, width)
            self.gram[start:, start:stop].addmm_(block[:, start:].T, block[:, start:stop])

    def mapped(self, root: Float[Tensor, "r s"]) -> NormalEquations:
        """Return the equations of the features φᵢᵀ root; both Gram matrices are symmetric."""
        lower = self.gram.tril()
        whole = lower + lower.tril(-1).T
        return NormalEquations(root.T @ (whole @ root), root.T @ self.moments, root.T @ self.sums)


def landmark_ridge(
    operator: KernelOperator,
    root: SignedRoot,
    targets: Float[Tensor, "n k"],
    alpha: float,
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
    progress: Progress | None = None,
) -> Solution:
    """Minimise Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha cᵀ|W|c over f = C c and b.

    C is the kernel of the rows against the landmarks and W that of the landmarks, of which
    ``root`` is the signed root. In the features L = C · root the penalty is alpha ‖β‖² and
    (LᵀL + alpha I) β = Lᵀ(y - b), c = root · β. The sums over rows and the solution are float64.

    Parameters
    ----------
    operator : KernelOperator of shape (n, m)
        C; its rows are formed once, block by block.
    root : SignedRoot
        Centred if there is an intercept.
    targets : Tensor of shape (n, k)
        float64.
    alpha : float
        At least 0.
    weight : Tensor of shape (n,), optional
        All positive.
    fit_intercept : bool, default True
    progress : callable(done, total), optional
        Called after each block with the numbers of rows.

    Returns
    -------
    Solution
        Coefficients of the landmarks.
    """
    weighting = Weighting.of(operator.shape[0], weight, fit_intercept=fit_intercept)
    equations = _accumulate(operator, root, weighting, targets, progress)
    gram, moments = equations.gram, equations.moments
    total = weighting.root.square().sum()
    centre = (weighting.root.square() @ targets) / total
    if fit_intercept:
        gram = gram - torch.outer(equations.sums, equations.sums) / total
        moments = moments - torch.outer(equations.sums, centre)
    beta, reason = _solve(gram, moments, alpha)
    intercept = torch.zeros_like(centre)
    if fit_intercept:
        intercept = centre - (equations.sums @ beta) / total
    return Solution(
        root.root @ beta, intercept, True, 0, f"{root.rank} landmark features; {reason}"
    )


def _accumulate(
    operator: KernelOperator,
    root: SignedRoot,
    weighting: Weighting,
    targets: Float[Tensor, "n k"],
    progress: Progress | None,
) -> NormalEquations:
    # A float32 kernel carries errors far above those of float64 sums, so its Gram matrix is
    # summed as it is, at half the cost, and mapped to the features afterwards. A float64 kernel
    # keeps its digits only if it is mapped first: CᵀC squares the condition number.
    map_first = operator.dtype == torch.float64
    width = root.rank if map_first else operator.shape[1]
    equations = NormalEquations.zeros(width, targets.shape[1])
    for rows, block in operator.row_blocks(torch.float64):
        scale = weighting.root[rows]
        features = block @ root.root if map_first else block
        features.mul_(scale[:, None])
        equations.add(features, scale, scale[:, None] * targets[rows])
        if progress is not None:
            progress(rows.stop, operator.shape[0])
    return _symmetric(equations) if map_first else equations.mapped(root.root)


def _symmetric(equations: NormalEquations) -> NormalEquations:
    lower = equations.gram.tril()
    return NormalEquations(lower + lower.tril(-1).T, equations.moments, equations.sums)


def _solve(
    gram: Float[Tensor, "r r"], moments: Float[Tensor, "r k"], alpha: float
) -> tuple[Float[Tensor, "r k"], str]:
    shifted = gram + alpha * torch.eye(len(gram), dtype=gram.dtype)
    factor, failed = torch.linalg.cholesky_ex(shifted)
    if not int(failed):
        return torch.cholesky_solve(moments, factor), "Cholesky factorisation"
    # Only with alpha near 0 and dependent features: the least-norm solution.
    values, vectors = torch.linalg.eigh(shifted)
    keep = values > len(values) * torch.finfo(values.dtype).eps * values.max()
    inverse = torch.where(keep, 1 / values.clamp(min=1e-300), 0.0)
    return vectors @ (inverse[:, None] * (vectors.T @ moments)), "pseudo-inverse"
