"""Fitting a support vector machine as planned: which matrix the dual problem is solved on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, from_numpy
from ogive._devices import on_device
from ogive._typing import Float
from ogive.estimators.base import seed_of
from ogive.estimators.chosen_landmarks import choose_landmarks
from ogive.estimators.support_functions import SupportFunctions
from ogive.estimators.svm_problem import Effort, Learned, SvmProblem
from ogive.kernels import Kernel
from ogive.kernels.spectrum import centre, symmetric_matrix
from ogive.operators import KernelOperator
from ogive.operators.kernel_operator import DEFAULT_MEMORY
from ogive.solvers.components import exact_components
from ogive.solvers.kernel_rows import KernelRows
from ogive.solvers.landmark_norm import LandmarkNorm, landmark_equations
from ogive.solvers.rounded_products import inner_products, random_rotation, worth_rounding
from ogive.solvers.svm_selection import SvmPlan
from ogive.solvers.weighting import Weighting

_TOGETHER = 8192  # rows of features in float64 at once


@dataclass(frozen=True)
class SupportFit:
    """The rows that carry the functions, and the functions.

    Attributes
    ----------
    indices : int64 array of shape (m,) or None
        Which of the rows they are; None for landmarks that the user gave.
    rows : Rows, ndarray or None
        The rows themselves; None for a kernel matrix that was given.
    functions : SupportFunctions
    learned : Learned
    """

    indices: np.ndarray | None
    rows: Any
    functions: SupportFunctions
    learned: Learned


@dataclass(frozen=True)
class SvmSettings:
    """The parameters of the estimators that decide how a plan is carried out."""

    effort: Effort
    landmarks: Any
    device: torch.device
    random_state: Any


def fit_svm(
    kernel: Kernel,
    x: Rows,
    weight: np.ndarray | None,
    problem: SvmProblem,
    *,
    plan: SvmPlan,
    settings: SvmSettings,
) -> SupportFit:
    """Fit a support vector machine to rows in the order that the problem knows them by.

    Parameters
    ----------
    kernel : Kernel
        Resolved.
    x : Tensor or csr_matrix of shape (n, d)
    weight : float64 array of shape (n,) or None
        All positive; they are in the problem's box already, and count here for what is measured
        over all rows.
    problem : SvmProblem
    plan : SvmPlan
    settings : SvmSettings

    Returns
    -------
    SupportFit
    """
    form = kernel.up_to_constant()
    device = settings.device
    if plan.approximation == "nystroem":
        return _on_landmarks(kernel, x, weight, problem, plan=plan, settings=settings)
    if plan.spectral:
        double = x.double() if isinstance(x, Tensor) else x.astype(np.float64)
        matrix = symmetric_matrix(form, on_device(double, device))
        return _on_spectrum(matrix, x, weight, problem, plan=plan, settings=settings)
    if plan.whole:
        matrix = KernelOperator(form, on_device(x, device)).dense_tensor().cpu()
        return _support(x, problem.on_matrix(matrix.numpy(), settings.effort))

    def make(rows: np.ndarray, memory: int) -> tuple[KernelRows, np.ndarray]:
        some = on_device(x if len(rows) == x.shape[0] else x[rows], device)

        def compute(indices: np.ndarray) -> np.ndarray:
            operator = KernelOperator(form, some[indices], some, precision="full")
            return operator.dense_tensor().cpu().numpy()

        operator = KernelOperator(form, some)
        diagonal = operator.diagonal_tensor().double().cpu().numpy()
        dtype = np.dtype(str(operator.dtype).removeprefix("torch."))
        return KernelRows(compute, len(rows), dtype, memory=memory), diagonal

    return _support(x, problem.on_rows(make, plan.memory, settings.effort))


def fit_svm_on_matrix(
    matrix: np.ndarray,
    weight: np.ndarray | None,
    problem: SvmProblem,
    *,
    plan: SvmPlan,
    settings: SvmSettings,
) -> SupportFit:
    """Fit to a kernel matrix that was computed by the caller; as `fit_svm`."""
    if plan.spectral:
        double = torch.from_numpy(matrix.astype(np.float64))
        return _on_spectrum(double, None, weight, problem, plan=plan, settings=settings)
    return _support(None, problem.on_matrix(np.ascontiguousarray(matrix), settings.effort))


def _on_spectrum(
    matrix: Float[Tensor, "n n"],
    x: Rows | None,
    weight: np.ndarray | None,
    problem: SvmProblem,
    *,
    plan: SvmPlan,
    settings: SvmSettings,
) -> SupportFit:
    """Solve with absolute, clipped or shifted eigenvalues of the centred matrix.

    With the centred K = Z diag(s) Zᵀ the absolute value is |K| = Z Zᵀ, and a function Z u on the
    rows is k(·, rows) (projection u) + offset · u anywhere.
    """
    if plan.treatment == "shift":
        lowest = float(torch.linalg.eigvalsh(centre(matrix))[0])
        diagonal = torch.full((len(matrix),), max(-lowest, 0.0), dtype=matrix.dtype)
        shifted = matrix.cpu() + torch.diag(diagonal)
        return _support(x, problem.on_matrix(shifted.numpy(), settings.effort))
    found = exact_components(matrix, None if weight is None else from_numpy(weight))
    kept = found.signature > 0 if plan.treatment == "clip" else found.signature != 0
    z = found.values[:, kept]
    learned = problem.on_matrix((z @ z.T).numpy(), settings.effort)
    basis = found.projection[:, kept], found.offset[kept]
    functions = _mapped_back(z, *basis, learned)
    return SupportFit(np.arange(len(matrix)), x, functions, learned)


def _on_landmarks(
    kernel: Kernel,
    x: Rows,
    weight: np.ndarray | None,
    problem: SvmProblem,
    *,
    plan: SvmPlan,
    settings: SvmSettings,
) -> SupportFit:
    """Solve with inner products of the landmarks' features, whose norm is that on all rows."""
    weights = None if weight is None else from_numpy(weight)
    seed = seed_of(settings.random_state)
    chosen = choose_landmarks(kernel, x, plan.landmarks, settings.landmarks, seed)
    operator = chosen.operator(
        kernel.up_to_constant(), x, memory=DEFAULT_MEMORY, device=settings.device
    )
    norm = _landmark_norm(operator, weights, chosen.weight(weights))
    rows = operator.shape[0]
    whole = rows**2 * operator.dtype.itemsize <= plan.memory
    basis, offset = norm.basis, norm.offset
    if whole and worth_rounding(rows, operator.dtype):
        rotation = random_rotation(norm.rank, seed).to(basis.device)
        basis, offset = basis @ rotation, offset @ rotation
    z = torch.empty(rows, norm.rank, dtype=operator.dtype)
    single = offset.to(operator.dtype), basis.to(operator.dtype)
    for some, block in operator.row_blocks():
        z[some] = torch.addmm(single[0], block, single[1])
    if whole:
        learned = problem.on_matrix(inner_products(z).numpy(), settings.effort)
    else:
        learned = _on_products(z, problem, plan, settings)
    functions = _mapped_back(z, basis.cpu(), offset.cpu(), learned)
    return SupportFit(chosen.indices, chosen.rows, functions, learned)


def _landmark_norm(
    operator: KernelOperator, weights: Tensor | None, landmark_weights: Tensor | None
) -> LandmarkNorm:
    rows, count = operator.shape
    weighting = Weighting.of(rows, weights, fit_intercept=True)
    columns = Weighting.of(count, landmark_weights, fit_intercept=count > 1, device=operator.device)
    nothing = torch.empty(rows, 0, dtype=torch.float64)
    (equations,) = landmark_equations(
        operator, weighting, nothing, None, classes=True, progress=None
    )
    norm = LandmarkNorm.of(equations, columns, True)
    norm.require_rank(rows)
    return norm


def _on_products(
    z: Float[Tensor, "n r"], problem: SvmProblem, plan: SvmPlan, settings: SvmSettings
) -> Learned:
    """Solve with inner products of rows of z that are computed as they are needed."""

    def make(rows: np.ndarray, memory: int) -> tuple[KernelRows, np.ndarray]:
        some = z[from_numpy(rows)]

        def compute(indices: np.ndarray) -> np.ndarray:
            found: np.ndarray = (some[from_numpy(indices)] @ some.T).numpy()
            return found

        diagonal = some.square().sum(1, dtype=torch.float64).numpy()
        dtype = np.dtype(str(z.dtype).removeprefix("torch."))
        return KernelRows(compute, len(rows), dtype, memory=memory), diagonal

    return problem.on_rows(make, plan.memory, settings.effort)


def _mapped_back(
    z: Float[Tensor, "n r"],
    projection: Float[Tensor, "m r"],
    offset: Float[Tensor, " r"],
    learned: Learned,
) -> SupportFunctions:
    parts = zip(z.split(_TOGETHER), from_numpy(learned.dense).split(_TOGETHER), strict=True)
    direction = sum(some.T.double() @ dense for some, dense in parts)
    intercept = from_numpy(learned.functions.intercept) + offset @ direction
    return SupportFunctions((projection @ direction).numpy(), intercept.numpy())


def _support(x: Rows | None, learned: Learned) -> SupportFit:
    """Leave out the rows that no function needs."""
    functions = learned.functions
    coefficient, counts = functions.coefficient, functions.counts
    used = (coefficient != 0).any(axis=1 if counts is None else 0)
    indices = np.flatnonzero(used)
    if counts is None:
        kept = SupportFunctions(coefficient[indices], functions.intercept)
    else:
        bounds = np.concatenate([[0], np.cumsum(counts)])
        fewer = tuple(np.diff(np.searchsorted(indices, bounds)).tolist())
        some = np.ascontiguousarray(coefficient[:, indices])
        kept = SupportFunctions(some, functions.intercept, fewer)
    return SupportFit(indices, None if x is None else x[indices], kept, learned)
