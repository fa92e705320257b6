"""What the support vector machines share: parameters, fitting as planned, evaluation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data
from torch import Tensor

from ogive._checks import Rows, as_rows, check_positive, from_numpy
from ogive._devices import check_device, on_device
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.estimators.base import KernelEstimator, resolved, small_integers_as_float
from ogive.estimators.kernel_names import build_kernel
from ogive.estimators.precomputed import square_matrix, taken
from ogive.estimators.support_functions import SupportFunctions
from ogive.estimators.svm_fit import SupportFit, SvmSettings, fit_svm, fit_svm_on_matrix
from ogive.estimators.svm_problem import Effort, SvmProblem
from ogive.kernels import Kernel
from ogive.operators import KernelOperator
from ogive.operators.kernel_operator import DEFAULT_MEMORY
from ogive.solvers.svm_selection import SvmPlan, centred_mass, plan_svm, select_svm_solver

_NO_LIMIT = -1
# Far above what scaled data take; steps on unscaled ones would go on for hours.
_MOST_STEPS, _STEPS_A_ROW = 1_000_000, 100
_SAMPLE = 1000


class SupportVectorModel(KernelEstimator):
    """Parameters and numerics of `KernelSVC` and `KernelSVR`; not for direct use."""

    C: float
    tol: float
    max_iter: int
    treatment: str
    approximation: str
    n_components: int | None
    landmarks: Any
    memory: int | float | str
    device: str
    random_state: Any
    verbose: int
    _functions: SupportFunctions

    def _resolved_kernel(self, x: Rows, sample_weight: np.ndarray | None) -> Kernel:
        """Resolve the kernel with the defaults of scikit-learn's SVC, which are not KernelRidge's.

        gamma is "scale" there and coef0 is 0.
        """
        named = isinstance(self.kernel, str)
        kernel = build_kernel(
            self.kernel,
            gamma="scale" if named and self.gamma is None else self.gamma,
            coef0=0.0 if named and self.coef0 is None else self.coef0,
            degree=self.degree,
            n_features=x.shape[1],
        )
        return resolved(kernel, x, sample_weight)

    def _validated(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Any]:
        return validate_data(
            self,
            small_integers_as_float(X),
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            **checks,
        )

    def _check_parameters(self) -> None:
        check_positive(self.C, "C")
        check_positive(self.tol, "tol")
        steps = self.max_iter
        if not isinstance(steps, int | np.integer) or (steps < 1 and steps != _NO_LIMIT):
            raise InvalidParameterError(
                f"max_iter={steps!r}; it must be a whole number of at least 1, or -1 for no limit "
                "of your own"
            )

    def _fit_problem(
        self, x: Rows, kept: np.ndarray, weight: np.ndarray | None, problem: SvmProblem
    ) -> np.ndarray:
        """Fit to the rows ``kept``, in that order, and return the numbers of those that carry it.

        Parameters
        ----------
        x : Tensor or csr_matrix of shape (n, d)
        kept : int64 array
        weight : float64 array of shape (n,) or None
        problem : SvmProblem
            Of the kept rows.
        """
        matrix = square_matrix(x) if self._precomputed else None
        asked: dict[str, Any] = {
            "treatment": self.treatment,
            "approximation": self.approximation,
            "n_components": self.n_components,
            "memory": self.memory,
        }
        weights = None if weight is None else weight[kept]
        settings = self._settings(problem)
        if matrix is None:
            some = x[kept]
            self.kernel_ = self._resolved_kernel(x, weight)
            self.plan_ = select_svm_solver(self.kernel_, some, **asked)
            fit = fit_svm(self.kernel_, some, weights, problem, plan=self.plan_, settings=settings)
        else:
            matrix = taken(matrix, kept)
            self.kernel_ = self.kernel
            self.plan_ = _plan_of_matrix(matrix, asked)
            fit = fit_svm_on_matrix(
                matrix.numpy(), weights, problem, plan=self.plan_, settings=settings
            )
        self.treatment_ = self.plan_.treatment
        self._keep(fit)
        if fit.indices is None:
            return np.empty(0, dtype=np.int64)
        found: np.ndarray = kept[fit.indices]
        return found

    def _settings(self, problem: Any) -> SvmSettings:
        steps = int(self.max_iter)
        if steps == _NO_LIMIT:
            steps = max(_MOST_STEPS, _STEPS_A_ROW * len(problem.box))
        effort = Effort(float(self.tol), steps, int(self.verbose))
        return SvmSettings(effort, self.landmarks, check_device(self.device), self.random_state)

    def _keep(self, fit: SupportFit) -> None:
        functions = fit.functions
        if not (
            np.isfinite(functions.coefficient).all() and np.isfinite(functions.intercept).all()
        ):
            raise InvalidDataError(
                "the coefficients overflowed: kernel values are too large; scale the data, or "
                "lower gamma"
            )
        self._functions = functions
        rows = fit.rows
        self.support_vectors_: Any = rows.numpy() if isinstance(rows, Tensor) else rows
        self._steps = fit.learned.steps
        kind = "landmarks" if self.plan_.approximation == "nystroem" else "support vectors"
        self.solution_ = (
            f"{functions.carried:,} {kind}, {int(self._steps.sum()):,} steps of two coefficients"
        )
        if fit.learned.unsolved:
            warnings.warn(
                f"{fit.learned.unsolved} of {len(fit.learned.steps)} problems were not solved to "
                f"tol={self.tol:g} within {int(self._steps.max()):,} steps; the best so far is "
                "kept. Scale the data (StandardScaler), lower C or gamma, or raise max_iter",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _values(self, X: Any) -> np.ndarray:
        """Return the functions' values at the rows of X, (n, functions)."""
        x = self._rows(small_integers_as_float(X))
        if self._precomputed:
            matrix = x if isinstance(x, Tensor) else from_numpy(x.toarray())
            block = matrix[:, from_numpy(self.support_)]
            return self._functions.values(iter([(slice(None), block)]), len(block))
        device = check_device(self.device)
        if not self.support_vectors_.shape[0]:  # constant functions
            return np.tile(self._functions.intercept, (x.shape[0], 1))
        rows = on_device(as_rows(self.support_vectors_), device)
        operator = KernelOperator(
            self.kernel_.up_to_constant(), on_device(x, device), rows, memory=DEFAULT_MEMORY
        )
        # Coefficients mapped back from an eigendecomposition are large ones of both signs.
        dtype = torch.float64 if self.plan_.spectral else None
        return self._functions.values(operator.row_blocks(dtype), x.shape[0])


def box_of(penalty: float, weight: np.ndarray | None, rows: int) -> np.ndarray:
    """Return the largest absolute coefficient of each row."""
    return np.full(rows, float(penalty)) if weight is None else penalty * weight


def _plan_of_matrix(matrix: Tensor, asked: dict[str, Any]) -> SvmPlan:
    if asked["approximation"] == "nystroem":
        raise InvalidParameterError(
            "approximation='nystroem' with kernel='precomputed': landmarks need the kernel itself; "
            "give a kernel object, a name or a callable"
        )
    step = -(-len(matrix) // _SAMPLE)
    sample = taken(matrix, np.arange(0, len(matrix), step)).double()
    asked = {**asked, "approximation": "exact"}
    return plan_svm(len(matrix), matrix.element_size(), centred_mass(sample), **asked)
