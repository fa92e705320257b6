"""Ridge regression on signed landmark features, one pass over the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ogive._typing import Float, Int
from ogive.features import SignedRoot
from ogive.operators import KernelOperator
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.penalty import AUTO, choose_penalty
from ogive.solvers.solution import Solution
from ogive.solvers.weighting import Weighting

_MOST_JUDGED = 20_000
HELD_OUT = 5  # every fifth row judges the strength of the penalty, if that is to be chosen

Progress = Callable[[int, int], None]


def landmark_ridge(
    operator: KernelOperator,
    root: SignedRoot,
    targets: Float[Tensor, "n k"],
    alpha: float | Literal["auto"],
    *,
    weight: Float[Tensor, " n"] | None = None,
    fit_intercept: bool = True,
    group: Int[Tensor, " n"] | None = None,
    classes: bool = False,
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
    alpha : float or "auto"
        At least 0. "auto" takes the strength with which a fit to four fifths of the rows has the
        smallest squared error on the others (every fifth), and then fits to all of them; this
        takes no second pass over the rows. See ``classes``.
    weight : Tensor of shape (n,), optional
        All positive.
    fit_intercept : bool, default True
    group : Tensor of shape (n,), optional
        For "auto": every fifth number is held out, with all of its rows; each row has its own if
        left out. Equal rows belong together: one would be judged by the other.
    classes : bool, default False
        Whether the targets are -1 and 1, the largest for a row's class. "auto" then takes, within
        a decade of the smallest squared error, the strength that names most rows right.
    progress : callable(done, total), optional
        Called after each block with the numbers of rows.

    Returns
    -------
    Solution
        Coefficients of the landmarks.
    """
    weighting = Weighting.of(operator.shape[0], weight, fit_intercept=fit_intercept)
    held_out = _every_fifth(operator.shape[0], group) if alpha == AUTO else None
    fitted, *held = _accumulate(operator, root, weighting, targets, held_out, progress=progress)
    if held_out is None:
        equations, chosen = fitted, float(alpha)
    else:
        equations = fitted + held[0]
        path = _Path(fitted, fit_intercept)
        judged = _Judged.of(operator, root, held_out, targets, weighting) if classes else None
        chosen = choose_penalty(
            lambda strength: float(held[0].squared_error(*path(strength))),
            path.scale,
            None if judged is None else lambda strengths: judged.hits(path, strengths),
        )
    beta, intercept, reason = _fit(equations, chosen, fit_intercept)
    reason = f"{root.rank} landmark features; {reason}"
    if held:
        reason += f"; alpha {chosen:.2g} did best on a fifth of the rows"
    return Solution(root.root @ beta.cpu(), intercept.cpu(), True, 0, reason, chosen)


def _every_fifth(rows: int, group: Tensor | None) -> Tensor:
    # From the first on, so that one is held out however few there are.
    return (torch.arange(rows) if group is None else group) % HELD_OUT == 0


def _accumulate(
    operator: KernelOperator,
    root: SignedRoot,
    weighting: Weighting,
    targets: Float[Tensor, "n k"],
    held_out: Tensor | None,
    *,
    progress: Progress | None,
) -> list[NormalEquations]:
    """Return the equations of all rows, or those of the rows fitted to and of those held out."""
    # A float32 kernel carries errors far above those of float64 sums, so its Gram matrix is
    # summed as it is, at half the cost, and mapped to the features afterwards. A float64 kernel
    # keeps its digits only if it is mapped first: CᵀC squares the condition number.
    map_first = operator.dtype == torch.float64
    device = operator.device
    mapping = root.root.to(device)
    width = root.rank if map_first else operator.shape[1]
    parts = 1 if held_out is None else 2
    sums = [NormalEquations.zeros(width, targets.shape[1], device) for _ in range(parts)]
    for rows, block in operator.row_blocks(torch.float64):
        scale = weighting.root[rows].to(device)
        scaled_targets = scale[:, None] * targets[rows].to(device)
        features = block @ mapping if map_first else block
        features.mul_(scale[:, None])
        if held_out is None:
            sums[0].add(features, scale, scaled_targets)
        else:
            held = held_out[rows].to(device)
            for part, chosen in zip(sums, (~held, held), strict=True):
                part.add(features[chosen], scale[chosen], scaled_targets[chosen])
        if progress is not None:
            progress(rows.stop, operator.shape[0])
    return [part.mapped(None if map_first else mapping) for part in sums]


class _Path:
    """Fits of different strengths to the same equations, each made once."""

    def __init__(self, equations: NormalEquations, fit_intercept: bool) -> None:
        self._equations, self._fit_intercept = equations, fit_intercept
        self._found: dict[float, tuple[Tensor, Tensor]] = {}

    @property
    def scale(self) -> float:
        """The mean squared norm of the features."""
        gram = self._equations.centred()[0] if self._fit_intercept else self._equations.gram
        return float(gram.trace() / self._equations.weight)

    def __call__(self, alpha: float) -> tuple[Float[Tensor, "r k"], Float[Tensor, " k"]]:
        if alpha not in self._found:
            self._found[alpha] = _fit(self._equations, alpha, self._fit_intercept)[:2]
        return self._found[alpha]


@dataclass(frozen=True)
class _Judged:
    """Rows held out whose class is to be named.

    Attributes
    ----------
    operator : KernelOperator of shape (h, m)
        Of those rows against the landmarks.
    root : Tensor of shape (m, r)
    truth : Tensor of shape (h,)
        Codes of their classes.
    weight : Tensor of shape (h,)
    """

    operator: KernelOperator
    root: Float[Tensor, "m r"]
    truth: Int[Tensor, " h"]
    weight: Float[Tensor, " h"]

    @classmethod
    def of(
        cls,
        operator: KernelOperator,
        root: SignedRoot,
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
            root.root.to(device),
            _named(targets[rows].to(device)),
            weighting.root[rows].square().to(device),
        )

    def hits(self, path: _Path, strengths: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Return which rows each strength names right, and the rows' weights."""
        fits = [path(strength) for strength in strengths]
        coefficients = torch.cat([self.root @ beta for beta, _ in fits], 1)
        values = (self.operator @ coefficients).split([beta.shape[1] for beta, _ in fits], 1)
        named = [_named(v + b) for v, (_, b) in zip(values, fits, strict=True)]
        return torch.stack(named) == self.truth, self.weight


def _named(values: Float[Tensor, "h k"]) -> Int[Tensor, " h"]:
    """Return the class with the largest value; of two, that of the sign."""
    return values.argmax(1) if values.shape[1] > 1 else (values[:, 0] > 0).long()


def _fit(
    equations: NormalEquations, alpha: float, fit_intercept: bool
) -> tuple[Float[Tensor, "r k"], Float[Tensor, " k"], str]:
    """Return coefficients of the features, intercept, and how they were found."""
    if not fit_intercept:
        beta, reason = _solve(equations.gram, equations.moments, alpha)
        return beta, torch.zeros_like(equations.target_sums), reason
    beta, reason = _solve(*equations.centred(), alpha)
    return beta, (equations.target_sums - equations.sums @ beta) / equations.weight, reason


def _solve(
    gram: Float[Tensor, "r r"], moments: Float[Tensor, "r k"], alpha: float
) -> tuple[Float[Tensor, "r k"], str]:
    shifted = gram.clone()
    shifted.diagonal().add_(alpha)
    factor, failed = torch.linalg.cholesky_ex(shifted)
    if not int(failed):
        return torch.cholesky_solve(moments, factor), "Cholesky factorisation"
    # Only with alpha near 0 and dependent features: the least-norm solution.
    values, vectors = torch.linalg.eigh(shifted)
    keep = values > len(values) * torch.finfo(values.dtype).eps * values.max()
    inverse = torch.where(keep, 1 / values.clamp(min=1e-300), 0.0)
    return vectors @ (inverse[:, None] * (vectors.T @ moments)), "pseudo-inverse"
