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

from ogive._checks import Rows, from_numpy, memory_bytes
from ogive._devices import on_device
from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.estimators.chosen_landmarks import choose_landmarks
from ogive.features import group_rows
from ogive.kernels import Kernel
from ogive.kernels.spectrum import symmetric_matrix
from ogive.operators import KernelOperator
from ogive.solvers import (
    AUTO,
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

    alpha: Any  # a number, or "auto"
    fit_intercept: bool
    approximation: str
    n_components: int | None
    landmarks: Any
    penalty: str
    memory: int | float | str
    device: torch.device
    seed: int
    verbose: int
    classes: bool


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
    check_options(options)
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
        chosen = choose_landmarks(kernel, x, plan.landmarks, options.landmarks, options.seed)
        solution = landmark_ridge(
            chosen.operator(form, x, memory=options.memory, device=options.device),
            targets,
            options.alpha,
            weight=weights,
            landmark_weight=chosen.weight(weights),
            fit_intercept=options.fit_intercept,
            group=chosen.group,
            classes=options.classes,
            progress=print_progress if options.verbose else None,
        )
        found = None if chosen.indices is None else kept[chosen.indices]
        plan = replace(plan, landmarks=chosen.rows.shape[0])
        return _checked(RidgeFit(chosen.rows, found, solution, plan))
    if options.penalty == "coefficients":
        operator = KernelOperator(form, x, memory=options.memory)
        solution = coefficient_ridge(
            operator, targets, options.alpha, weight=weights, fit_intercept=options.fit_intercept
        )
    else:
        double = x.double() if isinstance(x, Tensor) else x.astype(np.float64)
        matrix = symmetric_matrix(form, on_device(double, options.device))
        solution, plan = solve_exact(
            matrix, targets, weights, options, plan, group=group_rows(x)[1]
        )
    return _checked(RidgeFit(x, kept, solution, plan))


def solve_exact(
    matrix: Float[Tensor, "n n"],
    targets: Float[Tensor, "n k"],
    weights: Tensor | None,
    options: RidgeOptions,
    plan: RidgePlan,
    *,
    group: np.ndarray,
) -> tuple[Solution, RidgePlan]:
    """Solve on the whole matrix as planned; by Krein's way if Cholesky's fails.

    Rows of the same number in ``group``, equal ones, are left out together where errors are
    measured so: a row of weight 2 then counts as two rows there too.
    """
    matrix, targets = matrix.to(options.device), targets.to(options.device)
    weights = None if weights is None else weights.to(options.device)
    keywords: dict[str, Any] = {"weight": weights, "fit_intercept": options.fit_intercept}
    if plan.treatment == "definite" and options.alpha != AUTO:
        solution = definite_ridge(matrix, targets, options.alpha, **keywords)
        if solution is not None:
            return solution, plan
        reason = f"{plan.reason}; but not numerically so with alpha={options.alpha:g}"
        plan = replace(plan, treatment="krein", reason=reason)
    solution = krein_ridge(matrix, targets, options.alpha, group=from_numpy(group), **keywords)
    return solution, plan


def prediction_form(kernel: Kernel, fit_intercept: bool) -> Kernel:
    """Return the kernel to compute with: with an intercept, a constant does not matter.

    The coefficients then sum to zero, so both forms give the same function, and the form without
    its constant keeps the digits that tell rows apart.
    """
    return kernel.up_to_constant() if fit_intercept else kernel


def check_options(options: RidgeOptions) -> None:
    """Raise InvalidParameterError for a penalty or an alpha that there is not."""
    if options.penalty not in _PENALTIES:
        raise InvalidParameterError(
            f"penalty={options.penalty!r} is unknown; {nearest_name(options.penalty, _PENALTIES)}"
        )
    memory_bytes(options.memory)
    alpha = options.alpha
    if isinstance(alpha, str) and alpha == AUTO:
        if options.penalty == "coefficients":
            raise InvalidParameterError(
                "alpha='auto' with penalty='coefficients': its error is not known in closed form; "
                "give a number"
            )
        return
    if not isinstance(alpha, int | float | np.number) or not np.isfinite(alpha) or alpha < 0:
        raise InvalidParameterError(
            f"alpha={alpha!r}; it must be a finite number of at least 0, or 'auto'"
        )


def _checked(fit: RidgeFit) -> RidgeFit:
    if not bool(torch.isfinite(fit.solution.value).all()):
        raise InvalidDataError(
            "the coefficients overflowed: kernel values or targets are too large; scale the data, "
            "or lower gamma"
        )
    if not fit.solution.converged:
        warnings.warn(fit.solution.reason, ConvergenceWarning, stacklevel=4)
    return fit


def print_progress(done: int, total: int) -> None:
    """Say on the standard error how many rows are done."""
    end = "\n" if done == total else "\r"
    print(f"  {done:,} of {total:,} rows", end=end, file=sys.stderr, flush=True)
