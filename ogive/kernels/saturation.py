"""Kernels whose values are almost all at their limits, where they tell rows apart no more."""

from __future__ import annotations

import warnings

import numpy as np

from ogive._checks import Rows
from ogive._errors import SaturationWarning
from ogive.kernels.base import Kernel
from ogive.kernels.gaussian import Gaussian
from ogive.kernels.sigmoid import Logistic, Sigmoid
from ogive.kernels.spectrum import sample_rows, symmetric_matrix

_SAMPLE = 300
_FLAT = 1e-3  # distance of a value from its limit
_SHARE = 0.99  # of the values that must be there for a warning


def saturated_share(kernel: Kernel, x: Rows) -> float:
    """Return the share of kernel values of different rows that are within .001 of a limit.

    The limits are -1 and 1 for tanh, 0 and 1 for the logistic function, and 0 for the Gaussian;
    other kernels have none, and 0 is returned.

    Parameters
    ----------
    kernel : Kernel
        Resolved.
    x : Tensor or csr_matrix of shape (n, d)
        Up to 300 of its rows are looked at.

    Examples
    --------
    >>> import torch
    >>> from ogive.kernels import Sigmoid
    >>> saturated_share(Sigmoid(10.0, 0.0), torch.tensor([[3.0], [-4.0], [5.0]]))
    1.0
    """
    limits = {Sigmoid: (-1.0, 1.0), Logistic: (0.0, 1.0), Gaussian: (0.0,)}.get(type(kernel))
    if limits is None or x.shape[0] < 2:
        return 0.0
    matrix = symmetric_matrix(kernel, sample_rows(x, _SAMPLE, 0)).cpu().numpy()
    values = matrix[~np.eye(len(matrix), dtype=bool)]
    near = np.zeros(values.shape, dtype=bool)
    for limit in limits:
        near |= np.abs(values - limit) < _FLAT
    return float(near.mean())


def warn_if_saturated(kernel: Kernel, x: Rows) -> None:
    """Warn where 99 % of the kernel's values or more are at its limits."""
    share = saturated_share(kernel, x)
    if share >= _SHARE:
        warnings.warn(
            f"{100 * share:.0f} % of the values of {kernel!r} on these rows are within {_FLAT:g} "
            "of its limits, where it can hardly tell rows apart: scale the data (StandardScaler), "
            "or lower gamma (gamma='scale', gamma='suggest')",
            SaturationWarning,
            stacklevel=5,
        )
