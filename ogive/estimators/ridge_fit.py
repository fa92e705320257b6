"""The one way in which both ridge estimators are fitted: plan, solve, say what happened."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from ogive._checks import Rows, as_rows, from_numpy
from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.features import SignedRoot, group_rows, select_landmarks, signed_root
from ogive.features.nystrom import PREDICTION_CUT
from ogive.kernels import Kernel
from ogive.kernels.spectrum import symmetric_matrix
from ogive.operators import KernelOperator
from ogive.solvers import (
    RidgePlan,
    Solution,
    coefficient_ridge,
    definite_ridge,
    krein_ridge,
    landmark_ridge,
    select_ridge_solver,
)

_PENALTIES = ("function", "coefficients")


@dataclass(frozen=True)
class RidgeOptions:
    """The parameters of both estimators that are not about the kernel."""

    alpha: float
    fit_intercept: bool
    approximation: str
    n_components: int | None
    landmarks: Any
    penalty: str
    memory: int | float | str
    seed: int
    verbose: int


@dataclass(frozen=True)
class RidgeFit:
    """A fitted function f(x) = Σ_j k(x, row_j) coefficient_j + intercept.

    Attributes
    ----------
    rows : Rows
        The training rows, or the landmarks.
    indices : ndarray or None
        Which training rows they are; None for landmarks that the user gave.
    solution : Solution
    plan : RidgePlan
    """

    rows: Rows
    indices: np.ndarray | None
    solution: Solution
    plan: RidgePlan


def fit_ridge(
    kernel: Kernel,
    x: Rows,
    targets: Float[Tensor, "n k"],
    weight: np.ndarray | None,
    options: RidgeOptions,
) -> RidgeFit:
    """Fit ridge regression with a symmetric kernel; rows of weight 0 are left out."""
    _check_options(options)
    kept = np.arange(x.shape[0]) if weight is None else np.flatnonzero(weight > 0)
    if len(kept) < x.shape[0]:
        x, targets, weight = x[kept], targets[kept], weight[kept]  # type: ignore[index]
    weights = None if weight is None else from_numpy(np.ascontiguousarray(weight))
    plan = select_ridge_solver(
        kernel,
        x,
        approximation="exact" if options.penalty == "coefficients" else options.approximation,
        n_components=options.n_components,
        fit_intercept=options.fit_intercept,
    )
    form = prediction_form(kernel, options.fit_intercept)
    if plan.approximation == "nystroem":
        rows, indices = _landmarks(kernel, x, plan.landmarks, options)
        operator = KernelOperator(form, x, rows, memory=options.memory)
        root = _landmark_root(operator, weights, options)
        solution = landmark_ridge(
            operator,
            root,
            targets,
            options.alpha,
            weight=weights,
            fit_intercept=options.fit_intercept,
            progress=_print_progress if options.verbose else None,
        )
        found = None if indices is None else kept[indices]
        plan = replace(plan, landmarks=rows.shape[0], negative_mass=root.negative_mass)
        return _checked(RidgeFit(rows, found, solution, plan))
    if options.penalty == "coefficients":
        operator = KernelOperator(form, x, memory=options.memory)
        solution = coefficient_ridge(
            operator, targets, options.alpha, weight=weights, fit_intercept=options.fit_intercept
        )
    else:
        double = x.double() if isinstance(x, Tensor) else x.astype(np.float64)
        solution, plan = solve_exact(
            symmetric_matrix(form, double), targets, weights, options, plan
        )
    return _checked(RidgeFit(x, kept, solution, plan))


def solve_exact(
    matrix: Float[Tensor, "n n"],
    targets: Float[Tensor, "n k"],
    weights: Tensor | None,
    options: RidgeOptions,
    plan: RidgePlan,
) -> tuple[Solution, RidgePlan]:
    """Solve on the whole matrix as planned; by Krein's way if Cholesky's fails."""
    keywords: dict[str, Any] = {"weight": weights, "fit_intercept": options.fit_intercept}
    if plan.treatment == "definite":
        solution = definite_ridge(matrix, targets, options.alpha, **keywords)
        if solution is not None:
            return solution, plan
        reason = f"{plan.reason}; but not numerically so with alpha={options.alpha:g}"
        plan = replace(plan, treatment="krein", reason=reason)
    return krein_ridge(matrix, targets, options.alpha, **keywords), plan


def prediction_form(kernel: Kernel, fit_intercept: bool) -> Kernel:
    """Return the kernel to compute with: with an intercept, a constant does not matter.

    The coefficients then sum to zero, so both forms give the same function, and the form without
    its constant keeps the digits that tell rows apart.
    """
    return kernel.up_to_constant() if fit_intercept else kernel


def _landmarks(
    kernel: Kernel, x: Rows, count: int, options: RidgeOptions
) -> tuple[Rows, np.ndarray | None]:
    if not isinstance(options.landmarks, str):
        return as_rows(options.landmarks, "landmarks"), None
    indices = select_landmarks(
        x, count, options.landmarks, kernel=kernel, random_state=options.seed
    )
    return x[indices], indices


def _landmark_root(
    operator: KernelOperator, weights: Tensor | None, options: RidgeOptions
) -> SignedRoot:
    x, landmarks = operator.sides()
    return signed_root(
        symmetric_matrix(operator.kernel, landmarks).double(),
        cut=PREDICTION_CUT[operator.dtype],
        centred=options.fit_intercept and landmarks.shape[0] > 1,  # one alone has no spread
        weight=_landmark_weight(x, landmarks, weights),
    )


def _landmark_weight(x: Rows, landmarks: Rows, weights: Tensor | None) -> Tensor | None:
    """Return the total weight of the rows equal to each landmark: what makes repetitions count."""
    everything = _stacked(x, landmarks)
    _, group = group_rows(everything)
    n = x.shape[0]
    row_weight = np.ones(n) if weights is None else weights.numpy()
    total = np.bincount(group[:n], weights=row_weight, minlength=group.max() + 1)[group[n:]]
    # Landmarks of the user's own need not be training rows.
    return from_numpy(np.where(total > 0, total, row_weight.mean()))


def _stacked(x: Rows, landmarks: Rows) -> Rows:
    if isinstance(x, Tensor) and isinstance(landmarks, Tensor):
        return torch.cat([x, landmarks.to(x.dtype)])
    from scipy import sparse

    return sparse.csr_matrix(sparse.vstack([sparse.csr_matrix(x), sparse.csr_matrix(landmarks)]))


def _check_options(options: RidgeOptions) -> None:
    if options.penalty not in _PENALTIES:
        raise InvalidParameterError(
            f"penalty={options.penalty!r} is unknown; {nearest_name(options.penalty, _PENALTIES)}"
        )
    alpha = options.alpha
    if not isinstance(alpha, int | float | np.number) or not np.isfinite(alpha) or alpha < 0:
        raise InvalidParameterError(f"alpha={alpha!r}; it must be a finite number of at least 0")


def _checked(fit: RidgeFit) -> RidgeFit:
    if not bool(torch.isfinite(fit.solution.value).all()):
        raise InvalidDataError(
            "the coefficients overflowed: kernel values or targets are too large; scale the data, "
            "or lower gamma"
        )
    if not fit.solution.converged:
        warnings.warn(fit.solution.reason, ConvergenceWarning, stacklevel=4)
    return fit


def _print_progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"  {done:,} of {total:,} rows", end=end, file=sys.stderr, flush=True)
