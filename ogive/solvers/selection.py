"""Which solver a ridge problem gets, and why: one place that can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ogive._checks import Rows, check_positive
from ogive._errors import InvalidParameterError, nearest_name
from ogive.kernels import Kernel, definiteness
from ogive.kernels.spectrum import Spectrum

# Up to here an eigendecomposition in float64 takes seconds; beyond, minutes.
EXACT_ROWS = 3000
DEFAULT_LANDMARKS = 2000
# Share of negative eigenvalues, centred if there is an intercept, below which a kernel counts as
# positive definite: that of rounding in float64.
DEFINITE_MASS = 1e-12
_SAMPLE = 500
_APPROXIMATIONS = ("auto", "exact", "nystroem")


@dataclass(frozen=True)
class RidgePlan:
    """How a ridge problem will be solved.

    Attributes
    ----------
    approximation : str
        "exact" (a coefficient for each row) or "nystroem" (one for each landmark).
    landmarks : int
        Number of landmarks; 0 if exact.
    treatment : str
        "definite" (Cholesky) or "krein" (absolute eigenvalues; the same model where the kernel
        is definite after all).
    negative_mass : float or None
        Measured share of negative eigenvalues, centred if there is an intercept; None where the
        kernel's formula alone decides.
    reason : str
    """

    approximation: Literal["exact", "nystroem"]
    landmarks: int
    treatment: Literal["definite", "krein"]
    negative_mass: float | None
    reason: str


def select_ridge_solver(
    kernel: Kernel,
    x: Rows,
    *,
    approximation: str = "auto",
    n_components: int | None = None,
    fit_intercept: bool = True,
) -> RidgePlan:
    """Return how ridge regression with this kernel on these rows will be solved.

    Parameters
    ----------
    kernel : Kernel
        Resolved.
    x : Tensor or csr_matrix of shape (n, d)
    approximation : {"auto", "exact", "nystroem"}
        "auto" is exact up to 3,000 rows.
    n_components : int, optional
        Number of landmarks; min(n, 2000) if left out.
    fit_intercept : bool, default True
        With an intercept, conditional definiteness is enough.

    Raises
    ------
    InvalidParameterError
        For an unknown approximation or a number of landmarks below 1.

    Examples
    --------
    >>> import torch
    >>> from ogive.kernels import Gaussian
    >>> plan = select_ridge_solver(Gaussian(0.1), torch.rand(50, 3))
    >>> plan.approximation, plan.treatment, plan.reason
    ('exact', 'definite', '50 rows, up to 3000 are solved exactly; positive definite by formula')
    """
    count, how = choose_approximation(x.shape[0], approximation, n_components)
    spectrum = None if kernel.positive_definite else _spectrum(kernel, x, fit_intercept)
    mass = None if spectrum is None else spectrum.negative_mass
    measured = "" if mass is None else f"; negative eigenvalue mass {mass:.2g} on a sample"
    if count:
        return RidgePlan("nystroem", count, "krein", mass, how + measured)
    if kernel.positive_definite:
        return RidgePlan("exact", 0, "definite", None, f"{how}; positive definite by formula")
    treatment: Literal["definite", "krein"] = (
        "definite" if mass is not None and mass <= DEFINITE_MASS else "krein"
    )
    return RidgePlan("exact", 0, treatment, mass, how + measured)


def choose_approximation(
    rows: int, approximation: str, n_components: int | None, *, name: str = "n_components"
) -> tuple[int, str]:
    """Return how many landmarks so many rows get, 0 for an exact solution, and the reason.

    ``name`` is what error messages call ``n_components``; otherwise as in `select_ridge_solver`.

    Examples
    --------
    >>> choose_approximation(5000, "auto", 300)
    (300, '5000 rows, 300 landmarks')
    """
    if approximation not in _APPROXIMATIONS:
        raise InvalidParameterError(
            f"approximation={approximation!r} is unknown; "
            f"{nearest_name(str(approximation), _APPROXIMATIONS)}"
        )
    if n_components is not None:
        check_positive(n_components, name)
        check_positive(int(n_components), name)
    if approximation == "nystroem" or (approximation == "auto" and rows > EXACT_ROWS):
        count = min(rows, int(n_components or DEFAULT_LANDMARKS))
        return count, f"{rows} rows, {count} landmarks"
    asked = "asked for" if approximation == "exact" else f"up to {EXACT_ROWS} are solved exactly"
    return 0, f"{rows} rows, {asked}"


def _spectrum(kernel: Kernel, x: Rows, fit_intercept: bool) -> Spectrum:
    measured = definiteness(kernel, x, sample_size=_SAMPLE, tolerance=0.0)
    return measured.centred if fit_intercept else measured.plain
