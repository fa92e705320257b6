"""Fitted functions of new rows: their kernel with the rows that were kept, times coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, from_numpy
from ogive._devices import on_device
from ogive.estimators.ridge_fit import prediction_form
from ogive.kernels import Kernel
from ogive.operators import KernelOperator


def kernel_values(
    kernel: Kernel | str,
    kept: tuple[Any, np.ndarray | None],
    x: Rows,
    coefficients: np.ndarray,
    *,
    centred: bool,
    memory: int | float | str,
    device: torch.device,
) -> np.ndarray:
    """Return Σ_j k(x_i, row_j) coefficients_j.

    Parameters
    ----------
    kernel : Kernel or "precomputed"
    kept : (rows, indices)
        The rows of the sum, an array or a CSR matrix; with "precomputed" None, and which columns
        of x they are.
    x : Tensor or csr_matrix of shape (n, d)
        With "precomputed" the kernel of these rows with the training rows.
    coefficients : ndarray of shape (m,) or (m, k)
        float64: large ones of both signs nearly cancel.
    centred : bool
        Whether a constant in the kernel does not matter.
    memory : int or str
        Budget of the kernel's working buffers.
    device : torch.device

    Returns
    -------
    ndarray of shape (n,) or (n, k), float64

    Examples
    --------
    >>> from ogive.kernels import Linear
    >>> kept, x = (np.eye(2), None), torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    >>> options = {"centred": False, "memory": "1 MB", "device": torch.device("cpu")}
    >>> kernel_values(Linear(), kept, x, np.array([10.0, 1.0]), **options)
    array([13.])
    """
    rows, indices = kept
    if isinstance(kernel, str):
        matrix: Any = x.numpy() if isinstance(x, Tensor) else x
        return matrix[:, indices] @ coefficients
    form = prediction_form(kernel, centred)
    landmarks = on_device(as_rows(rows), device)
    operator = KernelOperator(form, on_device(x, device), landmarks, memory=memory)
    return (operator @ from_numpy(coefficients).to(operator.device)).cpu().numpy()
