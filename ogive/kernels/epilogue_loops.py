"""Loops over the entries of a matrix, compiled: what torch's libraries are slow at on some CPUs."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_f = np.float32
# Reassociation would undo the rounding to whole numbers by adding and taking away a large one.
_OPTIONS: Any = {
    "nogil": True,
    "error_model": "numpy",  # a division that could raise would stop vector instructions
    "fastmath": {"contract", "nsz", "arcp"},
}


@numba.njit(inline="always", **_OPTIONS)
def exponential(x: Any) -> Any:
    """Return exp(x) for |x| ≤ 87, to 1e-7: 2^n times a polynomial in x - n log 2."""
    n = (x * _f(1.44269504) + _f(12582912)) - _f(12582912)
    r = (x - n * _f(0.693359375)) + n * _f(2.12194440e-4)
    p = _f(1.9875691500e-4)
    p = p * r + _f(1.3981999507e-3)
    p = p * r + _f(8.3334519073e-3)
    p = p * r + _f(4.1665795894e-2)
    p = p * r + _f(1.6666665459e-1)
    p = p * r + _f(5.0000001201e-1)
    p = p * r * r + r + _f(1)
    power = np.int32(np.int32(n) * np.int32(8388608) + np.int32(1065353216))
    return p * power.view(np.float32)


@numba.njit(cache=True, **_OPTIONS)
def tanh(z: np.ndarray) -> None:
    """Overwrite z by tanh(z), to 2e-7 of every value.

    Parameters
    ----------
    z : float32 array of shape (n,)

    References
    ----------
    Moshier, Methods and programs for mathematical functions, 1989: the polynomials of Cephes.
    """
    for i in range(z.shape[0]):
        x = z[i]
        square, size = x * x, abs(x)
        p = _f(-5.70498872745e-3)
        p = p * square + _f(2.06390887954e-2)
        p = p * square + _f(-5.37397155531e-2)
        p = p * square + _f(1.33314422036e-1)
        p = p * square + _f(-3.33332819422e-1)
        near = p * square * x + x
        far = _f(1) - _f(2) / (exponential(min(size + size, _f(30))) + _f(1))
        far = far if x >= _f(0) else -far
        z[i] = near if size < _f(0.625) else far
