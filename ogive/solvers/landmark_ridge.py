"""Ridge regression on landmarks, one pass over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ogive._typing import Float, Int
from ogive.operators import KernelOperator
from ogive.solvers.landmark_norm import LandmarkNorm, Progress, landmark_equations
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.penalty import AUTO, choose_penalty
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting

_MOST_JUDGED = 20_000
HELD_OUT = 5  # every fifth row judges the strength of the penalty, if that is to be chosen


def landmark_ridge(
    operator: KernelOperator,
    targets: Float[Tensor, "n k"],
    alpha: float | Literal["auto"],
    *,
    weight: Float[Tensor, " n"] | None = None,
    landmark_weight: Float[Tensor, " m"] | None = None,
    fit_intercept: bool = True,
    group: Int[Tensor, " n"] | None = None,
    classes: bool = False,
    progress: Progress | None = None,
) -> Solution:
    """Minimise Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha ‖f‖² over f = C c and b, C the kernel with landmarks.

    With A = P S C D P' = U diag(σ) Vᵀ (S the roots of the rows' weights and D those of the
    landmarks', P and P' centring if there is an intercept) and ρ = ΣD² / ΣS², in simple cases m/n:
    ‖f‖² = √ρ c̃ᵀ (AᵀA)^½ c̃ for c = D P' c̃, and c̃ = V diag(1 / (σ + alpha √ρ)) Uᵀ P S y.

    If all rows are landmarks σ is |λ|, and this is `krein_ridge`. Otherwise singular values tell
    the size of a function on all rows; the eigenvalues of the landmarks' own matrix, of which
    indefinite kernels have many near zero, do not. Where the kernel is definite, both agree.

    Parameters
    ----------
    operator : KernelOperator of shape (n, m)
        C; its rows are formed once, block by block. Sums over rows and the solution are float64.
    targets : Tensor of shape (n, k)
        float64.
    alpha : float or "auto"
        At least 0; 0 takes the pseudo-inverse. "auto" takes the strength with which a fit to four
        fifths of the rows has the smallest squared error on the others (every fifth), and then
        fits to all of them; this takes no second pass over the rows. See ``classes``.
    weight : Tensor of shape (n,), optional
        All positive.
    landmark_weight : Tensor of shape (m,), optional
        The weight of all rows that are equal to each landmark; 1 if left out.
    fit_intercept : bool, default True
    group : Tensor of shape (n,), optional
        For "auto": every fifth number is held out, with all of its rows; each row has its own if
        left out. Equal rows belong together: one would be judged by the other.
    classes : bool, default False
        Whether the targets are -1 and 1, the largest for a row's class. "auto" then takes, within
        a decade of the smallest squared error, the strength that names most rows right. Kernel
        values of float32 rows are rounded to 16 bits where that is faster; see `RoundedGram`.
    progress : callable(done, total), optional
        Called after each block with the numbers of rows.

    Returns
    -------
    Solution
        Coefficients of the landmarks.

    Raises
    ------
    InvalidDataError
        If the kernel cannot tell the rows apart.
    """
    weighting = Weighting.of(operator.shape[0], weight, fit_intercept=fit_intercept)
    columns = Weighting.of(
        operator.shape[1],
        landmark_weight,
        fit_intercept=fit_intercept and operator.shape[1] > 1,  # one landmark has no spread
        device=operator.device,
    )
    held_out = _every_fifth(operator.shape[0], group) if alpha == AUTO else None
    fitted, *held = landmark_equations(
        operator, weighting, targets, held_out, classes=classes, progress=progress
    )
    norm = LandmarkNorm.of(fitted + held[0] if held else fitted, columns, fit_intercept)
    norm.require_rank(operator.shape[0])
    chosen = alpha
    if held_out is not None:
        path = _Path(fitted, norm, fit_intercept)
        judged = _Judged.of(operator, held_out, targets, weighting) if classes else None
        held_error = held[0].mapped(norm.basis).squared_error
        chosen = choose_penalty(
            lambda strength: float(held_error(*path(strength))),
            norm.scale,
            None if judged is None else lambda strengths: judged.hits(path, strengths),
        )
    coefficients, intercept = norm.fit(float(chosen))
    reason = f"{operator.shape[1]} landmarks, rank {norm.rank}; singular values of their columns"
    if held:
        reason += f"; alpha {chosen:.2g} did best on a fifth of the rows"
    return Solution(coefficients.cpu(), intercept.cpu(), True, 0, reason, float(chosen))


def _every_fifth(rows: int, group: Tensor | None) -> Tensor:
    # From the first on, so that one is held out however few there are.
    return (torch.arange(rows) if group is None else group) % HELD_OUT == 0


class _Path:
    """Fits of different strengths to some of the rows, each made once.

    The norm is that of all rows; it knows nothing of their targets.
    """

    def __init__(self, equations: NormalEquations, norm: LandmarkNorm, fit_intercept: bool) -> None:
        self.basis, self._fit_intercept = norm.basis, fit_intercept
        self._equations = equations.mapped(norm.basis)
        self._found: dict[float, tuple[Tensor, Tensor]] = {}

    def __call__(self, alpha: float) -> tuple[Float[Tensor, "r k"], Float[Tensor, " k"]]:
        """Return coefficients of the features and intercept; NaN where they are of no use."""
        if alpha not in self._found:
            self._found[alpha] = self._fit(alpha)
        return self._found[alpha]

    def _fit(self, alpha: float) -> tuple[Float[Tensor, "r k"], Float[Tensor, " k"]]:
        sums = self._equations
        gram, moments = sums.centred() if self._fit_intercept else (sums.gram.clone(), sums.moments)
        gram.diagonal().add_(alpha)
        factor, failed = torch.linalg.cholesky_ex(gram)
        beta = torch.cholesky_solve(moments, factor)
        if int(failed):
            beta.fill_(torch.nan)
        if not self._fit_intercept:
            return beta, torch.zeros_like(sums.target_sums)
        return beta, sums.intercept(beta)


@dataclass(frozen=True)
class _Judged:
    """Rows held out whose class is to be named.

    Attributes
    ----------
    operator : KernelOperator of shape (h, m)
        Of those rows against the landmarks.
    truth : Tensor of shape (h,)
        Codes of their classes.
    weight : Tensor of shape (h,)
    """

    operator: KernelOperator
    truth: Int[Tensor, " h"]
    weight: Float[Tensor, " h"]

    @classmethod
    def of(
        cls,
        operator: KernelOperator,
        held_out: Tensor,
        targets: Float[Tensor, "n k"],
        weighting: Weighting,
    ) -> _Judged:
        """Take the rows held out, or an even choice of them if they are very many."""
        rows = held_out.nonzero()[:, 0]
        rows = rows[:: -(-len(rows) // _MOST_JUDGED)]
        x, landmarks = operator.sides()
        device = operator.device
        chosen = x[rows.to(device)] if isinstance(x, Tensor) else x[rows.numpy()]
        return cls(
            KernelOperator(operator.kernel, chosen, landmarks, memory=operator.memory),
            _named(targets[rows].to(device)),
            weighting.root[rows].square().to(device),
        )

    def hits(self, path: _Path, strengths: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Return which rows each strength names right, and the rows' weights."""
        fits = [path(strength) for strength in strengths]
        values = self.operator @ (path.basis @ torch.cat([beta for beta, _ in fits], 1))
        parts = values.split([beta.shape[1] for beta, _ in fits], 1)
        named = [_named(v + b) for v, (_, b) in zip(parts, fits, strict=True)]
        return torch.stack(named) == self.truth, self.weight


def _named(values: Float[Tensor, "h k"]) -> Int[Tensor, " h"]:
    """Return the class with the largest value; of two, that of the sign."""
    return values.argmax(1) if values.shape[1] > 1 else (values[:, 0] > 0).long()
