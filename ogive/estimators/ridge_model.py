"""What both ridge estimators are made of: parameters, fitting of targets, evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import validate_data
from torch import Tensor

from ogive._checks import Rows, as_rows, from_numpy
from ogive._devices import check_device, on_device
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.estimators.base import KernelEstimator, checked_weight, seed_of
from ogive.estimators.ridge_fit import (
    RidgeOptions,
    check_options,
    fit_ridge,
    prediction_form,
    solve_exact,
)
from ogive.operators import KernelOperator
from ogive.solvers import RidgePlan


class RidgeModel(KernelEstimator):
    """Parameters and numerics of `KernelRidge` and `KernelRidgeClassifier`; not for direct use."""

    def __init__(
        self,
        alpha: float | str = 1.0,
        *,
        kernel: Any = "linear",
        gamma: Any = None,
        coef0: Any = None,
        degree: Any = None,
        fit_intercept: bool = True,
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        penalty: str = "function",
        memory: int | float | str = "256 MB",
        device: str = "cpu",
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.alpha = alpha
        self.kernel = kernel
        self.gamma = gamma
        self.coef0 = coef0
        self.degree = degree
        self.fit_intercept = fit_intercept
        self.approximation = approximation
        self.n_components = n_components
        self.landmarks = landmarks
        self.penalty = penalty
        self.memory = memory
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _validated(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Any]:
        return validate_data(
            self,
            small_integers_as_float(X),
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            **checks,
        )

    def _fit_targets(
        self, X: Any, targets: Tensor, sample_weight: Any, *, classes: bool = False
    ) -> None:
        weight = checked_weight(sample_weight, X)
        options = RidgeOptions(
            alpha=self.alpha,
            fit_intercept=self.fit_intercept,
            approximation=self.approximation,
            n_components=self.n_components,
            landmarks=self.landmarks,
            penalty=self.penalty,
            memory=self.memory,
            device=check_device(self.device),
            seed=seed_of(self.random_state),
            verbose=self.verbose,
            classes=classes,
        )
        x = as_rows(X)
        if self._precomputed:
            self._fit_precomputed(x, targets, weight, options)
            return
        self.kernel_ = self._resolved_kernel(x, weight)
        fit = fit_ridge(self.kernel_, x, targets, weight, options)
        self.X_fit_ = _native(fit.rows)
        self.component_indices_ = fit.indices
        self.plan_ = fit.plan
        self._keep(fit.solution)

    def _fit_precomputed(
        self, x: Rows, targets: Tensor, weight: np.ndarray | None, options: RidgeOptions
    ) -> None:
        check_options(options)
        if options.penalty != "function":
            raise InvalidParameterError(
                f"penalty={options.penalty!r} with kernel='precomputed' is not offered: give the "
                "kernel itself"
            )
        matrix = (x if isinstance(x, Tensor) else from_numpy(x.toarray())).double()
        if matrix.shape[0] != matrix.shape[1]:
            raise InvalidDataError(
                f"kernel='precomputed' and X has shape {tuple(matrix.shape)}; fit needs the square "
                "matrix of the training rows with themselves"
            )
        if not torch.allclose(matrix, matrix.T, rtol=1e-5, atol=1e-8):
            raise InvalidDataError(
                "kernel='precomputed' and X is not symmetric; ridge regression needs a symmetric "
                "kernel matrix: use the columns of X as features of a linear model instead"
            )
        kept = np.arange(len(matrix)) if weight is None else np.flatnonzero(weight > 0)
        index = from_numpy(kept)
        weights = None if weight is None else from_numpy(weight)[index]
        plan = RidgePlan("exact", 0, "krein", None, "precomputed kernel matrix")
        matrix = matrix[index][:, index]
        solution, self.plan_ = solve_exact(matrix, targets[index], weights, options, plan, x=matrix)
        self.kernel_ = self.kernel
        self.X_fit_, self.component_indices_ = None, kept
        self._keep(solution)

    def _keep(self, solution: Any) -> None:
        self.alpha_ = solution.alpha
        self.dual_coef_ = solution.value.cpu().numpy()
        self.intercept_ = solution.intercept.cpu().numpy()
        self.solution_ = solution.reason

    def _decision(self, X: Any) -> np.ndarray:
        x = self._rows(small_integers_as_float(X))
        if self._precomputed:
            matrix = x.numpy() if isinstance(x, Tensor) else x
            chosen: Any = self.component_indices_
            return matrix[:, chosen] @ self.dual_coef_ + self.intercept_
        form = prediction_form(self.kernel_, self.fit_intercept)
        device = check_device(self.device)
        landmarks = on_device(as_rows(self.X_fit_), device)
        operator = KernelOperator(form, on_device(x, device), landmarks, memory=self.memory)
        # float64 coefficients: large ones of both signs nearly cancel.
        coefficients = from_numpy(self.dual_coef_).to(operator.device)
        return (operator @ coefficients).cpu().numpy() + self.intercept_


def small_integers_as_float(X: Any) -> Any:
    """Return pixels and counts as float32, which holds them exactly in half of float64's room."""
    small = (np.uint8, np.int8, np.int16, np.uint16)
    return X.astype(np.float32) if isinstance(X, np.ndarray) and X.dtype in small else X


def _native(rows: Rows) -> Any:
    return rows.numpy() if isinstance(rows, Tensor) else rows
