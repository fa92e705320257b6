"""What a fit will do, cost and need, told before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ogive._checks import Rows, as_rows
from ogive._errors import InvalidTypeError
from ogive.estimators.base import KernelEstimator, small_integers_as_float
from ogive.estimators.factorized import FactorizedEstimator
from ogive.estimators.ridge_model import RidgeModel
from ogive.estimators.support_vectors import SupportVectorModel
from ogive.kernels.base import torch_dtype
from ogive.solvers import RidgePlan, select_ridge_solver
from ogive.solvers.selection import choose_approximation
from ogive.solvers.svm_selection import SvmPlan, select_svm_solver, size_text

_DOUBLE = 8
# Multiplications and additions of a symmetric eigendecomposition with vectors, in units of n³.
_EIGENDECOMPOSITION = 9


@dataclass(frozen=True)
class SolverChoice:
    """How an estimator will solve its problem on given rows.

    Attributes
    ----------
    approximation : str
        "exact", or "nystroem" (landmarks).
    treatment : str
        "definite", "krein", "none", "clip" or "shift"; see `KernelSVC`.
    landmarks : int
        0 if exact.
    memory : int
        Bytes of the largest matrices it keeps at once; the rows themselves are not counted.
    operations : float
        About how many multiplications and additions; the steps of iterative solvers, of which
        nobody knows the number beforehand, are not counted.
    reason : str
        Why, with what was measured.
    """

    approximation: str
    treatment: str
    landmarks: int
    memory: int
    operations: float
    reason: str

    def __str__(self) -> str:
        how = f"{self.landmarks:,} landmarks" if self.landmarks else "exact"
        return (
            f"{how}, {self.treatment}: {size_text(self.memory)} of memory, "
            f"{self.operations:.1e} operations; {self.reason}"
        )


def select_solver(estimator: Any, X: Any) -> SolverChoice:
    """Return what ``estimator.fit(X, y)`` would do: nothing is fitted.

    An indefinite kernel is measured on a sample of rows, which takes a second at most.

    Parameters
    ----------
    estimator : KernelSVC, KernelSVR, KernelRidge, KernelRidgeClassifier, KernelLogistic, \
KernelDiscriminant or KernelPCA
        Not necessarily fitted.
    X : array or sparse matrix of shape (n, d)

    Returns
    -------
    SolverChoice

    Raises
    ------
    InvalidTypeError
        For another estimator, or a precomputed kernel, of which nothing is left to choose.

    Examples
    --------
    >>> import numpy as np
    >>> from ogive.estimators import KernelSVC
    >>> choice = select_solver(KernelSVC(), np.random.default_rng(0).normal(size=(500, 4)))
    >>> choice.treatment, choice.memory
    ('definite', 2000000)
    """
    known = SupportVectorModel, RidgeModel, FactorizedEstimator
    if not isinstance(estimator, known):
        raise InvalidTypeError(
            f"estimator is a {type(estimator).__name__}, which chooses no solver; give a kernel "
            "machine of Ogive's"
        )
    if estimator._precomputed:
        raise InvalidTypeError(
            "kernel='precomputed' leaves nothing to choose: it is solved exactly, on the matrix "
            "that was given"
        )
    x = as_rows(small_integers_as_float(X))
    if isinstance(estimator, SupportVectorModel):
        return _of_support_vectors(estimator, x)
    if isinstance(estimator, RidgeModel):
        return _of_ridge(estimator, x)
    return _of_components(estimator, x)


def _of_support_vectors(estimator: SupportVectorModel, x: Rows) -> SolverChoice:
    plan = select_svm_solver(
        estimator._resolved_kernel(x, None),
        x,
        treatment=estimator.treatment,
        approximation=estimator.approximation,
        n_components=estimator.n_components,
        memory=estimator.memory,
    )
    n, itemsize = x.shape[0], torch_dtype(x).itemsize
    if plan.landmarks:
        return _with_landmarks(plan, x)
    if plan.spectral:
        return _with_spectrum(plan, x)
    needed = n * n * itemsize if plan.whole else plan.memory
    return _choice(plan, needed, float(n) ** 2 * x.shape[1])


def _of_ridge(estimator: RidgeModel, x: Rows) -> SolverChoice:
    plan = select_ridge_solver(
        estimator._resolved_kernel(x, None),
        x,
        approximation="exact" if estimator.penalty == "coefficients" else estimator.approximation,
        n_components=estimator.n_components,
        fit_intercept=estimator.fit_intercept,
    )
    if plan.landmarks:  # of the features only sums are kept
        needed = 3 * plan.landmarks**2 * _DOUBLE
        return _choice(plan, needed, _landmark_operations(plan.landmarks, x))
    if plan.treatment == "krein":
        return _with_spectrum(plan, x)
    n = x.shape[0]
    return _choice(plan, 2 * n * n * _DOUBLE, float(n) ** 2 * x.shape[1] + n**3 / 3)


def _of_components(estimator: KernelEstimator, x: Rows) -> SolverChoice:
    name = "n_landmarks" if hasattr(estimator, "n_landmarks") else "n_components"
    options: Any = estimator
    count, how = choose_approximation(
        x.shape[0], options.approximation, getattr(estimator, name), name=name
    )
    plan = RidgePlan("nystroem" if count else "exact", count, "krein", None, how)
    return _with_landmarks(plan, x) if count else _with_spectrum(plan, x)


def _with_spectrum(plan: SvmPlan | RidgePlan, x: Rows) -> SolverChoice:
    n = x.shape[0]
    work = float(n) ** 2 * x.shape[1] + _EIGENDECOMPOSITION * float(n) ** 3
    return _choice(plan, 4 * n * n * _DOUBLE, work)


def _with_landmarks(plan: SvmPlan | RidgePlan, x: Rows) -> SolverChoice:
    """Features of all rows are kept, and a few matrices of the landmarks' size."""
    n, count = x.shape[0], plan.landmarks
    needed = n * count * torch_dtype(x).itemsize + 4 * count**2 * _DOUBLE
    return _choice(plan, needed, _landmark_operations(count, x) + 2 * float(n) * count**2)


def _landmark_operations(count: int, x: Rows) -> float:
    n, d = x.shape
    kernel, squares = 2.0 * n * count * d, float(n) * count**2
    return kernel + squares + _EIGENDECOMPOSITION * float(count) ** 3


def _choice(plan: SvmPlan | RidgePlan, memory: int, operations: float) -> SolverChoice:
    return SolverChoice(
        plan.approximation, plan.treatment, plan.landmarks, memory, operations, plan.reason
    )
