"""From rows to the signed components of their kernel, exactly or by landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_same_width, from_numpy, memory_bytes
from ogive._devices import on_device
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Float
from ogive.estimators.kernel_names import PRECOMPUTED
from ogive.estimators.kernel_values import kernel_values
from ogive.estimators.precomputed import square_matrix, taken
from ogive.estimators.ridge_fit import prediction_form
from ogive.features import select_landmarks
from ogive.features.landmarks import distinct_rows
from ogive.kernels import Kernel
from ogive.kernels.spectrum import symmetric_matrix
from ogive.operators import KernelOperator
from ogive.solvers import RidgePlan
from ogive.solvers.components import SignedComponents, exact_components
from ogive.solvers.landmark_components import landmark_components, landmark_root
from ogive.solvers.selection import choose_approximation


@dataclass(frozen=True)
class FeatureOptions:
    """How components are made: the parameters that are not about the kernel.

    Attributes
    ----------
    fit_intercept : bool
        Whether to centre.
    approximation : {"auto", "exact", "nystroem"}
    count : int or None
        Number of landmarks.
    count_name : str
        What error messages call it.
    landmarks : str or array
    memory : int or str
    device : torch.device
    seed : int
    leading : int or None
        Keep so many components at most.
    progress : callable(done, total) or None
    """

    fit_intercept: bool
    approximation: str
    count: int | None
    landmarks: Any
    memory: int | float | str
    device: torch.device
    seed: int
    count_name: str = "n_components"
    leading: int | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """z(x) = k(x, rows) projection + offset.

    Attributes
    ----------
    kernel : Kernel or "precomputed"
        With parameters that are numbers.
    rows : ndarray, csr_matrix or None
        Of shape (m, d): training rows or landmarks; None with "precomputed".
    indices : ndarray of shape (m,) or None
        Which training rows they are; None for landmarks that the user gave.
    projection : ndarray of shape (m, r), float64
    offset : ndarray of shape (r,)
    options : FeatureOptions
        Those it was made with.
    """

    kernel: Kernel | str
    rows: Any
    indices: np.ndarray | None
    projection: np.ndarray
    offset: np.ndarray
    options: FeatureOptions

    def __call__(self, x: Rows) -> np.ndarray:
        """Return the features of checked rows, (n, r) in float64."""
        return self.values(x, self.projection, self.offset)

    def values(self, x: Rows, coefficients: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return k(x, rows) coefficients + intercept."""
        found = kernel_values(
            self.kernel,
            (self.rows, self.indices),
            x,
            coefficients,
            centred=self.options.fit_intercept,
            memory=self.options.memory,
            device=self.options.device,
        )
        return found + intercept

    def function(self, beta: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return z(x) beta + intercept as coefficients (m, k) of the rows, and an intercept."""
        return self.projection @ beta, intercept + self.offset @ beta


def make_features(
    kernel: Kernel | str, x: Rows, weight: np.ndarray | None, options: FeatureOptions
) -> tuple[FeatureMap, SignedComponents, RidgePlan]:
    """Return the map, the components of all rows and how they were made.

    Rows of weight 0 have no say in them.

    Parameters
    ----------
    kernel : Kernel or "precomputed"
        Symmetric and resolved.
    x : Tensor or csr_matrix of shape (n, d)
    weight : ndarray of shape (n,) or None
    options : FeatureOptions
    """
    memory_bytes(options.memory)
    kept = _counted(x, weight)
    count, how = choose_approximation(
        len(kept), options.approximation, options.count, name=options.count_name
    )
    if isinstance(kernel, str):
        if options.approximation == "nystroem":
            raise InvalidParameterError(
                f"approximation='nystroem' with kernel={PRECOMPUTED!r}: the whole matrix is there "
                "already; take 'auto' or 'exact', or give the kernel itself"
            )
        return _exact(kernel, x, weight, options, f"{len(kept)} rows, precomputed kernel")
    if count:
        return _with_landmarks(kernel, x, weight, options, count)
    return _exact(kernel, x, weight, options, how)


def _exact(
    kernel: Kernel | str,
    x: Rows,
    weight: np.ndarray | None,
    options: FeatureOptions,
    how: str,
) -> tuple[FeatureMap, SignedComponents, RidgePlan]:
    kept = _counted(x, weight)
    rows = x if len(kept) == x.shape[0] else x[kept]
    if isinstance(kernel, str):
        matrix = taken(square_matrix(x).double(), kept).to(options.device)
    else:
        double = rows.double() if isinstance(rows, Tensor) else rows.astype(np.float64)
        form = prediction_form(kernel, options.fit_intercept)
        matrix = symmetric_matrix(form, on_device(double, options.device))
    _check_values(matrix)
    weights = None if weight is None else from_numpy(weight[kept]).to(options.device)
    found = exact_components(matrix, weights, fit_intercept=options.fit_intercept)
    if options.leading is not None:
        found = found.leading(options.leading)
    mapping = _map(
        kernel, None if isinstance(kernel, str) else native(rows), kept, found, options=options
    )
    if len(kept) < x.shape[0]:
        values = torch.empty(x.shape[0], found.rank, dtype=torch.float64)
        values[from_numpy(kept)] = found.values
        dropped = np.setdiff1d(np.arange(x.shape[0]), kept)
        values[from_numpy(dropped)] = from_numpy(mapping(x[dropped]))
        found = SignedComponents(
            values, found.eigenvalues, found.projection, found.offset, found.negative_mass
        )
    return mapping, found, _plan("exact", 0, found, how)


def _with_landmarks(
    kernel: Kernel,
    x: Rows,
    weight: np.ndarray | None,
    options: FeatureOptions,
    count: int,
) -> tuple[FeatureMap, SignedComponents, RidgePlan]:
    kept, complete = _counted(x, weight), False
    indices: np.ndarray | None = None
    if isinstance(options.landmarks, str):
        candidates = x if len(kept) == x.shape[0] else x[kept]
        distinct = distinct_rows(candidates)
        chosen = select_landmarks(
            candidates,
            count,
            options.landmarks,
            kernel=kernel,
            distinct=distinct,
            random_state=options.seed,
        )
        indices, complete = kept[chosen], len(chosen) == len(distinct)
        rows = x[indices]
    else:
        rows = as_rows(options.landmarks, "landmarks")
        check_same_width(x, rows, "X", "landmarks")
    form = prediction_form(kernel, options.fit_intercept)
    sides = on_device(x, options.device), on_device(rows, options.device)
    operator = KernelOperator(form, *sides, memory=options.memory)
    marks = operator.sides()[1]
    double = marks.double() if isinstance(marks, Tensor) else marks.astype(np.float64)
    matrix = symmetric_matrix(form, double)
    _check_values(matrix)
    root = landmark_root(
        matrix, operator.dtype, fit_intercept=options.fit_intercept, complete=complete
    )
    found = landmark_components(
        operator,
        root,
        None if weight is None else from_numpy(weight),
        fit_intercept=options.fit_intercept,
        count=options.leading,
        progress=options.progress,
    )
    mapping = _map(kernel, native(rows), indices, found, options=options)
    how = f"{len(kept)} rows, {rows.shape[0]} landmarks"
    return mapping, found, _plan("nystroem", rows.shape[0], found, how)


def _counted(x: Rows, weight: np.ndarray | None) -> np.ndarray:
    """Return which rows have a positive weight."""
    return np.arange(x.shape[0]) if weight is None else np.flatnonzero(weight > 0)


def native(rows: Rows) -> Any:
    """Return rows as numpy or scipy hold them."""
    return rows.numpy() if isinstance(rows, Tensor) else rows


def _map(
    kernel: Kernel | str,
    rows: Any,
    indices: np.ndarray | None,
    found: SignedComponents,
    *,
    options: FeatureOptions,
) -> FeatureMap:
    # Row by row, as a file keeps it: products with it then round the same.
    projection = np.ascontiguousarray(found.projection.numpy())
    return FeatureMap(kernel, rows, indices, projection, found.offset.numpy(), options)


def _plan(approximation: Any, count: int, found: SignedComponents, how: str) -> RidgePlan:
    mass = found.negative_mass
    reason = f"{how}; rank {found.rank}, negative eigenvalue mass {mass:.2g}"
    return RidgePlan(approximation, count, "krein", mass, reason)


def _check_values(matrix: Float[Tensor, "n n"]) -> None:
    if not bool(torch.isfinite(matrix).all()):
        raise InvalidDataError("kernel values overflowed: scale the data, or lower gamma or degree")
