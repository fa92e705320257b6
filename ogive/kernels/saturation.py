"""Kernels whose values are almost all at their limits, where they tell rows apart no more."""

from __future__ import annotations

import warnings

import numpy as np
from torch import Tensor

from ogive._checks import Rows
from ogive._errors import SaturationWarning
from ogive.kernels.base import Kernel
from ogive.kernels.gaussian import Gaussian
from ogive.kernels.sigmoid import Logistic, Sigmoid
from ogive.kernels.spectrum import sample_rows, symmetric_matrix

_SAMPLE = 300
_FLAT = 1e-3  # distance of a value from where it ends
_SHARE = 0.99  # of the values that must be there for a warning
_ROUNDING = 1e-13  # of the largest value, that equal ones may differ by
_FIT = 5  # frames up to the caller of an estimator's fit


def saturated_share(kernel: Kernel, x: Rows) -> float:
    """Return the share of kernel values of different rows that are flat.

    Those of a Gaussian are within .001 of 0. Those of tanh and the logistic function are so near
    the limit that coef0 lies away from, or less than .001 of the largest distance from the other
    one: near that, far below the bend, the kernel is exp(2 gamma ⟨x, z⟩) but for a constant and a
    factor, and tells rows apart. Other kernels are never flat: 0.

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
    >>> x = torch.tensor([[3.0], [-4.0], [5.0]])
    >>> saturated_share(Sigmoid(10.0, 0.0), x), saturated_share(Sigmoid(0.01, -9.0), x)
    (1.0, 0.0)
    """
    return 0.0 if x.shape[0] < 2 else _flat_share(kernel, _sampled(kernel, x))


def warn_if_flat(kernel: Kernel, x: Rows) -> None:
    """Warn where a resolved kernel is constant on a sample of rows, or 99 % of it is flat."""
    if x.shape[0] < 2:
        return
    matrix = _sampled(kernel, x)
    share = _flat_share(kernel, matrix)
    if share >= _SHARE:
        warnings.warn(
            f"{100 * share:.0f} % of the values of {kernel!r} on these rows are within {_FLAT:g} "
            "of its limits, where it can hardly tell rows apart: scale the data (StandardScaler), "
            "or lower gamma (gamma='scale', gamma='suggest')",
            SaturationWarning,
            stacklevel=_FIT,
        )
        return
    if float(matrix.max() - matrix.min()) <= _ROUNDING * float(matrix.abs().max()):
        warnings.warn(
            f"{kernel!r} is the same for all pairs of the {len(matrix)} rows looked at, so it "
            "cannot tell them apart, and predictions will be constant: is gamma 0, or are all "
            "rows equal? Change gamma, or give columns that vary",
            SaturationWarning,
            stacklevel=_FIT,
        )


def _sampled(kernel: Kernel, x: Rows) -> Tensor:
    """Return the kernel matrix of a sample of rows, but for a constant."""
    return symmetric_matrix(kernel.up_to_constant(), sample_rows(x, _SAMPLE, 0)).cpu()


def _flat_share(kernel: Kernel, matrix: Tensor) -> float:
    span = {Sigmoid: 2.0, Logistic: 1.0, Gaussian: None}.get(type(kernel), 0.0)
    if span == 0.0:
        return 0.0
    values = matrix.abs().numpy()[~np.eye(len(matrix), dtype=bool)]
    if span is None:
        return float((values < _FLAT).mean())
    return float(((values > span - _FLAT) | (values < _FLAT * values.max())).mean())
