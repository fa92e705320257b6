"""Kernel values for what was ranked by inner products."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ogive._errors import InvalidParameterError, InvalidTypeError
from ogive.kernels import Logistic, Sigmoid


def check_ranking(kernel: Sigmoid | Logistic) -> None:
    """Raise unless ranking by a kernel is ranking by inner products.

    tanh(gamma ⟨x, y⟩ + coef0) ascends with ⟨x, y⟩ if gamma > 0, and so does the logistic function.

    Raises
    ------
    InvalidTypeError
        If it is no sigmoid or logistic kernel, or its gamma is a rule and not a number.
    InvalidParameterError
        If gamma ≤ 0.

    Examples
    --------
    >>> check_ranking(Sigmoid(-2.0))
    Traceback (most recent call last):
    ...
    ogive._errors.InvalidParameterError: gamma=-2.0; it must be above 0: ...
    """
    if not isinstance(kernel, Sigmoid | Logistic):
        raise InvalidTypeError(
            f"kernel is a {type(kernel).__name__}; pictures are ranked by Sigmoid or Logistic"
        )
    for name, value in (("gamma", kernel.gamma), ("coef0", kernel.coef0)):
        if isinstance(value, str):
            raise InvalidTypeError(
                f"{name}={value!r} is read off data; give a number, Sigmoid(2.0) say"
            )
    gamma = float(kernel.gamma)
    if gamma <= 0:
        why = "is largest for what is least alike" if gamma else "is the same for all pictures"
        raise InvalidParameterError(
            f"gamma={gamma!r}; it must be above 0: pictures are ranked by inner products, and with "
            f"this gamma the kernel {why}"
        )


def kernel_values(kernel: Sigmoid | Logistic, products: Any) -> Any:
    """Return φ(gamma p + coef0) of inner products p, in their own precision.

    It is computed after the ranking, because far from 0 neighbours tie in it: tanh is 1 in float32
    from 9.01 on.

    Parameters
    ----------
    kernel : Sigmoid or Logistic
        With gamma > 0.
    products : ndarray or Tensor

    Raises
    ------
    InvalidTypeError, InvalidParameterError
        As `check_ranking`.

    Examples
    --------
    >>> kernel_values(Sigmoid(2.0), np.array([1.0, 0.5, 0.0])).round(3)
    array([0.964, 0.762, 0.   ])
    """
    check_ranking(kernel)
    gamma, coef0 = float(kernel.gamma), float(kernel.coef0)
    if isinstance(products, Tensor):
        return kernel.epilogue.overwrite(gamma * products + coef0)
    return kernel.epilogue.formula(gamma * np.asarray(products) + coef0, np)
