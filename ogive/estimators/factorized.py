"""What estimators share that are linear in the components of their kernel."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from ogive._checks import as_rows
from ogive._devices import check_device
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.estimators.base import (
    KernelEstimator,
    checked_weight,
    seed_of,
    small_integers_as_float,
)
from ogive.estimators.factorization import Factorization, factorize, require_identity
from ogive.estimators.feature_map import FeatureOptions
from ogive.estimators.kernel_names import PRECOMPUTED, build_kernel
from ogive.estimators.kernel_values import kernel_values
from ogive.estimators.ridge_fit import print_progress

_KERNEL_PARAMETERS = ("kernel", "gamma", "coef0", "degree")


class _Adopted(NamedTuple):
    """Which factorization a model was fitted on, and its functions of the components."""

    identity: str
    functions: dict[str, tuple[np.ndarray, np.ndarray]]


class FactorizationUser(KernelEstimator):
    """Base of estimators that take a `Factorization` in the place of rows; not for direct use."""

    memory: int | float | str
    device: str
    _adopted: _Adopted | None = None

    def _validated(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Any]:
        """Check data and targets; a factorization has been checked already."""
        if not isinstance(X, Factorization):
            self.__dict__.pop("_adopted", None)
            return validate_data(
                self,
                small_integers_as_float(X),
                y,
                accept_sparse="csr",
                dtype=[np.float64, np.float32],
                **checks,
            )
        if y is None:
            raise InvalidDataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        self._adopt(X)
        y = _check_y(y, estimator=self, **checks)
        check_consistent_length(X, y)
        return X, y

    def _validated_rows(self, X: Any) -> Any:
        """Check data without targets."""
        if isinstance(X, Factorization):
            self._adopt(X)
            return X
        self.__dict__.pop("_adopted", None)
        return validate_data(
            self, small_integers_as_float(X), accept_sparse="csr", dtype=[np.float64, np.float32]
        )

    def _adopt(self, factorization: Factorization) -> None:
        """Take the kernel and the columns from a factorization."""
        self._check_kernel(factorization)
        if not len(factorization):
            raise InvalidDataError("the factorization has no rows; give a view of at least one")
        self.n_features_in_ = factorization.n_features
        self.__dict__.pop("feature_names_in_", None)
        if factorization.feature_names is not None:
            self.feature_names_in_ = factorization.feature_names
        self._adopted = _Adopted(factorization.identity, {})

    def _check_kernel(self, factorization: Factorization) -> None:
        parameters = inspect.signature(type(self)).parameters
        mine = {name: getattr(self, name) for name in _KERNEL_PARAMETERS}
        if all(_same(value, parameters[name].default) for name, value in mine.items()):
            return
        if self._precomputed:
            kernel: Any = PRECOMPUTED
        else:
            kernel = build_kernel(**mine, n_features=factorization.n_features)
        if not any(_same(kernel, known) for known in (factorization.kernel, factorization.asked)):
            raise InvalidParameterError(
                f"kernel={self.kernel!r} and X is a factorization of {factorization.kernel}; leave "
                "the kernel and its parameters at their defaults, or factorise with this kernel"
            )

    def _check_intercept(self, factorization: Factorization, fit_intercept: bool) -> None:
        if factorization.fit_intercept != bool(fit_intercept):
            raise InvalidParameterError(
                f"X is a factorization with fit_intercept={factorization.fit_intercept}, and this "
                f"{type(self).__name__} needs one with fit_intercept={bool(fit_intercept)}; "
                "factorise the rows that way"
            )

    def _row_weight(self, X: Any, sample_weight: Any) -> np.ndarray | None:
        """Return the weights of rows; those of a factorization where none are given."""
        if not isinstance(X, Factorization):
            return checked_weight(sample_weight, X)
        if sample_weight is None:
            return X.weights
        return checked_weight(sample_weight, X.components)

    def _keep_rows(self, factorization: Factorization) -> None:
        """Keep what the kernel of new rows is taken with."""
        self.kernel_ = factorization.kernel
        self.X_fit_ = factorization.rows
        self.component_indices_ = factorization.component_indices
        self.plan_ = factorization.plan

    def _kept(
        self, name: str, factorization: Factorization, beta: np.ndarray, intercept: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a function of components as coefficients of the kept rows, and an intercept.

        If the factorization is the user's, the function of components is kept beside.
        """
        if self._adopted is not None:
            self._adopted.functions[name] = (beta, intercept)
        return factorization.feature_map.function(beta, intercept)

    def _values(
        self, name: str, X: Any, coefficients: np.ndarray, intercept: Any, *, centred: bool
    ) -> np.ndarray:
        """Return Σ_j k(x, row_j) coefficients_j + intercept for new rows, in float64."""
        if isinstance(X, Factorization):
            require_identity(X, None if self._adopted is None else self._adopted.identity)
            assert self._adopted is not None
            beta, constant = self._adopted.functions[name]
            found: np.ndarray = X.components @ beta + constant
            return found
        x = self._rows(small_integers_as_float(X))
        values = kernel_values(
            self.kernel_,
            (self.X_fit_, self.component_indices_),
            x,
            coefficients,
            centred=centred,
            memory=self.memory,
            device=check_device(self.device),
        )
        return values + intercept

    def _features(
        self, name: str, X: Any, coefficients: np.ndarray, intercept: np.ndarray
    ) -> np.ndarray:
        """Return `_values` of a centred kernel in the type of the data."""
        found = self._values(name, X, coefficients, intercept, centred=True)
        single = getattr(X, "dtype", None) == np.float32
        return found.astype(np.float32) if single else found


class FactorizedEstimator(FactorizationUser):
    """Base of estimators that factorise the kernel of their rows; not for direct use."""

    approximation: str
    landmarks: Any
    random_state: Any
    verbose: int

    def _factorized(
        self,
        X: Any,
        weight: np.ndarray | None,
        *,
        fit_intercept: bool,
        count: int | None,
        count_name: str = "n_components",
        leading: int | None = None,
    ) -> Factorization:
        """Return the factorization of checked rows, or the one that was given."""
        if isinstance(X, Factorization):
            self._check_intercept(X, fit_intercept)
            found = X
        else:
            x = as_rows(X)
            options = FeatureOptions(
                fit_intercept=bool(fit_intercept),
                approximation=self.approximation,
                count=count,
                landmarks=self.landmarks,
                memory=self.memory,
                device=check_device(self.device),
                seed=seed_of(self.random_state),
                count_name=count_name,
                leading=leading,
                progress=print_progress if self.verbose else None,
            )
            kernel = PRECOMPUTED if self._precomputed else self._resolved_kernel(x, weight)
            found = factorize(kernel, x, weight, options)
        self._keep_rows(found)
        return found


def _same(mine: Any, other: Any) -> bool:
    return type(mine) is type(other) and bool(mine == other)
