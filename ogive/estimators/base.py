"""What Ogive's estimators share: kernels as parameters, and checked data."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, validate_data

from ogive._checks import Rows, as_rows
from ogive.estimators.kernel_names import PRECOMPUTED, build_kernel
from ogive.kernels import Kernel
from ogive.kernels.saturation import warn_if_flat


class KernelEstimator(BaseEstimator):
    """Base of estimators with a ``kernel`` parameter and gamma, coef0, degree for named kernels."""

    kernel: Any
    gamma: Any
    coef0: Any
    degree: Any

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``kernel__gamma`` replaces the kernel by a changed copy."""
        own = {name: value for name, value in params.items() if not name.startswith("kernel__")}
        super().set_params(**own)
        changes = {n.removeprefix("kernel__"): v for n, v in params.items() if n not in own}
        if changes:
            self.kernel = _changed(self.kernel, changes)
        return self

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what data the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self._precomputed
        return tags

    @property
    def _precomputed(self) -> bool:
        return isinstance(self.kernel, str) and self.kernel == PRECOMPUTED

    def _resolved_kernel(self, x: Rows, sample_weight: np.ndarray | None) -> Kernel:
        kernel = build_kernel(
            self.kernel,
            gamma=self.gamma,
            coef0=self.coef0,
            degree=self.degree,
            n_features=x.shape[1],
        )
        return resolved(kernel, x, sample_weight)

    def _rows(self, X: Any) -> Rows:
        """Check new data against those of fit."""
        checked = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        return as_rows(checked)


def resolved(kernel: Kernel, x: Rows, sample_weight: np.ndarray | None) -> Kernel:
    """Return the kernel with numbers taken from the rows; warn where it is flat on them."""
    found = kernel.resolve(x, sample_weight)
    warn_if_flat(found, x)
    return found


def checked_weight(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Return the weights as float64, or None where none were given."""
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def seed_of(random_state: Any) -> int:
    """Return a seed drawn as scikit-learn's ``random_state`` says; None draws afresh."""
    from sklearn.utils import check_random_state

    return int(check_random_state(random_state).randint(2**31 - 1))


def small_integers_as_float(X: Any) -> Any:
    """Return pixels and counts as float32, which holds them exactly in half of float64's room."""
    small = (np.uint8, np.int8, np.int16, np.uint16)
    return X.astype(np.float32) if isinstance(X, np.ndarray) and X.dtype in small else X


def _changed(kernel: Any, changes: dict[str, Any]) -> Kernel:
    if not isinstance(kernel, Kernel):
        raise ValueError(
            f"kernel__{next(iter(changes))} needs a kernel object, and kernel={kernel!r}; "
            f"use the parameter {next(iter(changes))!r} itself"
        )
    direct = {name: value for name, value in changes.items() if "__" not in name}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        if "__" in name:
            part, inner = name.split("__", 1)
            nested.setdefault(part, {})[inner] = value
    parts = kernel.replace(**direct).parameters()
    return kernel.replace(**direct, **{n: _changed(parts.get(n), c) for n, c in nested.items()})
