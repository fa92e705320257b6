"""What both ridge estimators are made of: parameters, fitting of targets, evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ogive._checks import Rows, as_rows, from_numpy
from ogive._devices import check_device
from ogive._errors import InvalidParameterError
from ogive.estimators.base import seed_of
from ogive.estimators.factorization import Factorization
from ogive.estimators.factorized import FactorizationUser
from ogive.estimators.feature_map import native
from ogive.estimators.feature_ridge_fit import fit_components
from ogive.estimators.precomputed import equal_rows, square_matrix, taken
from ogive.estimators.ridge_fit import RidgeOptions, check_options, fit_ridge, solve_exact
from ogive.solvers import RidgePlan


class RidgeModel(FactorizationUser):
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

    def _fit_targets(
        self, X: Any, targets: Tensor, sample_weight: Any, *, classes: bool = False
    ) -> None:
        weight = self._row_weight(X, sample_weight)
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
        if isinstance(X, Factorization):
            self._fit_factorization(X, targets, weight, options)
            return
        x = as_rows(X)
        if self._precomputed:
            self._fit_precomputed(x, targets, weight, options)
            return
        self.kernel_ = self._resolved_kernel(x, weight)
        fit = fit_ridge(self.kernel_, x, targets, weight, options)
        self.X_fit_ = native(fit.rows)
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
        matrix = square_matrix(x).double()
        kept = np.arange(len(matrix)) if weight is None else np.flatnonzero(weight > 0)
        weights = None if weight is None else from_numpy(weight[kept])
        plan = RidgePlan("exact", 0, "krein", None, "precomputed kernel matrix")
        matrix, targets = taken(matrix, kept), targets[from_numpy(kept)]
        solution, self.plan_ = solve_exact(
            matrix, targets, weights, options, plan, group=equal_rows(matrix)
        )
        self.kernel_ = self.kernel
        self.X_fit_, self.component_indices_ = None, kept
        self._keep(solution)

    def _fit_factorization(
        self,
        factorization: Factorization,
        targets: Tensor,
        weight: np.ndarray | None,
        options: RidgeOptions,
    ) -> None:
        check_options(options)
        if options.penalty != "function":
            raise InvalidParameterError(
                f"penalty={options.penalty!r} is about coefficients, which a factorization does "
                "not have; take penalty='function', or give the rows"
            )
        self._check_intercept(factorization, self.fit_intercept)
        self._keep_rows(factorization)
        fit = fit_components(factorization, targets, weight, options.alpha)
        self._kept("function", factorization, fit.beta.numpy(), fit.constant.numpy())
        self._keep(fit.solution)

    def _keep(self, solution: Any) -> None:
        self.alpha_ = solution.alpha
        self.leave_one_out_error_ = solution.left_out
        # Row by row, as a file keeps it: products with it then round the same.
        self.dual_coef_ = np.ascontiguousarray(solution.value.cpu().numpy())
        self.intercept_ = solution.intercept.cpu().numpy()
        self.solution_ = solution.reason

    def _decision(self, X: Any) -> np.ndarray:
        dual = self.dual_coef_
        found = self._values("function", X, dual, self.intercept_, centred=self.fit_intercept)
        return found.reshape(len(found), *dual.shape[1:])
