"""Kernels by name, with scikit-learn's names and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ogive._errors import InvalidParameterError, InvalidTypeError, nearest_name
from ogive.kernels import (
    AdditiveSigmoid,
    CallableKernel,
    Gaussian,
    Kernel,
    Linear,
    Logistic,
    Polynomial,
    Sigmoid,
)

PRECOMPUTED = "precomputed"

_Builder = Callable[[Any, Any, Any, int], Kernel]
_BUILDERS: dict[str, _Builder] = {
    "linear": lambda gamma, coef0, degree, d: Linear(),
    "polynomial": lambda gamma, coef0, degree, d: Polynomial(degree, gamma, coef0),
    "gaussian": lambda gamma, coef0, degree, d: Gaussian(gamma),
    "sigmoid": lambda gamma, coef0, degree, d: Sigmoid(gamma, coef0),
    "logistic": lambda gamma, coef0, degree, d: Logistic(gamma, coef0),
    "additive": lambda gamma, coef0, degree, d: AdditiveSigmoid.random(d, tied=True),
}
_BUILDERS |= {"poly": _BUILDERS["polynomial"], "rbf": _BUILDERS["gaussian"]}
KERNEL_NAMES = (*_BUILDERS, PRECOMPUTED)


def build_kernel(kernel: Any, *, gamma: Any, coef0: Any, degree: Any, n_features: int) -> Kernel:
    """Return the kernel that an estimator's parameters describe.

    Parameters
    ----------
    kernel : Kernel, str or callable
        An object, a name, or a function of two matrices that returns the kernel matrix.
    gamma, coef0, degree : float, str or None
        For names; None stands for the default (gamma 1/d, coef0 1, degree 3). With an object they
        must be left at None.
    n_features : int

    Raises
    ------
    InvalidParameterError
        For an unknown name, parameters beside an object, or an asymmetric kernel.
    """
    if isinstance(kernel, str):
        if kernel not in _BUILDERS:
            raise InvalidParameterError(
                f"kernel={kernel!r} is unknown; {nearest_name(kernel, KERNEL_NAMES)}"
            )
        return _BUILDERS[kernel](
            "auto" if gamma is None else gamma,
            1.0 if coef0 is None else coef0,
            3 if degree is None else degree,
            n_features,
        )
    _refuse_loose_parameters(kernel, gamma=gamma, coef0=coef0, degree=degree)
    if not isinstance(kernel, Kernel):
        if not callable(kernel):
            raise InvalidTypeError(
                f"kernel={kernel!r}; it must be a kernel object, a name or a callable"
            )
        return CallableKernel(kernel)
    if not kernel.symmetric:
        raise InvalidParameterError(
            f"kernel={kernel!r} is not symmetric, which this estimator needs; tie the kernel "
            "(beta = alpha), or use its columns as features: a linear model on kernel(X, landmarks)"
        )
    return kernel


def _refuse_loose_parameters(kernel: Any, **parameters: Any) -> None:
    for name, value in parameters.items():
        if value is not None:
            raise InvalidParameterError(
                f"{name}={value!r} is given beside kernel={kernel!r}, which has parameters of its "
                f"own; set them there, or use kernel__{name}"
            )
