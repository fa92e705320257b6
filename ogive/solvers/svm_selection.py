"""How support vector machines get solved, and why: one place that can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ogive._checks import Rows, check_count, memory_bytes
from ogive._errors import InvalidParameterError, nearest_name
from ogive._resources import available_memory
from ogive._typing import Float
from ogive.kernels import Kernel
from ogive.kernels.base import torch_dtype
from ogive.kernels.spectrum import Spectrum, centre, sample_rows, symmetric_matrix
from ogive.solvers.components import rounding_noise

# An eigendecomposition of so many rows in float64 takes about a minute.
KREIN_ROWS = 5000
SVM_LANDMARKS = 2000
# Share of negative eigenvalues, centred, below which the ordinary dual problem is solved.
NEARLY_DEFINITE_MASS = 1e-3
_SAMPLE = 1000
_SHARE = 0.7  # of the memory that is free
_APPROXIMATIONS = ("auto", "exact", "nystroem")
TREATMENTS = ("auto", "krein", "none", "clip", "shift")

Treatment = Literal["definite", "krein", "none", "clip", "shift"]


@dataclass(frozen=True)
class SvmPlan:
    """How a support vector machine will be solved.

    Attributes
    ----------
    approximation : str
        "exact" or "nystroem" (signed features of landmarks).
    treatment : str
        "definite": the ordinary dual problem. "krein": absolute eigenvalues, mapped back.
        "none": the ordinary problem although the kernel is indefinite. "clip": without the
        negative eigenvalues. "shift": with the smallest of them added to the diagonal.
    landmarks : int
        0 if exact.
    whole : bool
        Whether the kernel matrix is kept whole; otherwise its rows are computed when needed.
    memory : int
        Bytes for it, or for the rows that are kept.
    negative_mass : float or None
        Measured share of negative eigenvalues, centred; None where the formula decides.
    reason : str
    """

    approximation: Literal["exact", "nystroem"]
    treatment: Treatment
    landmarks: int
    whole: bool
    memory: int
    negative_mass: float | None
    reason: str

    @property
    def spectral(self) -> bool:
        """Whether it takes an eigendecomposition."""
        return self.approximation == "nystroem" or self.treatment in {"krein", "clip", "shift"}


def select_svm_solver(
    kernel: Kernel,
    x: Rows,
    *,
    treatment: str = "auto",
    approximation: str = "auto",
    n_components: int | None = None,
    memory: int | float | str = "auto",
) -> SvmPlan:
    """Return how a support vector machine with this kernel on these rows will be solved.

    Parameters
    ----------
    kernel : Kernel
        Resolved.
    x : Tensor or csr_matrix of shape (n, d)
    treatment : {"auto", "krein", "none", "clip", "shift"}
        Of an indefinite kernel. "auto" is the ordinary problem for kernels that are positive
        definite, or nearly so (less than a thousandth of the centred eigenvalues' mass is
        negative), otherwise "krein".
    approximation : {"auto", "exact", "nystroem"}
        "auto" is exact where the ordinary problem is solved, and up to 5,000 rows otherwise.
    n_components : int, optional
        Number of landmarks; 2,000 if left out.
    memory : int or str
        Budget of the kernel matrix; "auto" is 70 % of the memory that is free.

    Raises
    ------
    InvalidParameterError
        For an unknown name, a number of landmarks below 1, or a kernel that saturates everywhere.

    Examples
    --------
    >>> import torch
    >>> from ogive.kernels import Gaussian
    >>> plan = select_svm_solver(Gaussian(0.1), torch.rand(50, 3))
    >>> plan.treatment, plan.whole, plan.reason
    ('definite', True, 'positive definite by formula; 50 rows, whole kernel matrix of 10.0 kB')
    """
    check_treatment(treatment)
    mass = None if kernel.positive_definite else _centred_mass(kernel, x)
    return plan_svm(
        x.shape[0],
        torch_dtype(x).itemsize,
        mass,
        treatment=treatment,
        approximation=approximation,
        n_components=n_components,
        memory=memory,
    )


def plan_svm(
    rows: int,
    itemsize: int,
    mass: float | None,
    *,
    treatment: str = "auto",
    approximation: str = "auto",
    n_components: int | None = None,
    memory: int | float | str = "auto",
) -> SvmPlan:
    """Return the plan for so many rows and a measured negative mass; see `select_svm_solver`.

    Parameters
    ----------
    rows : int
    itemsize : int
        Bytes of an entry of the kernel matrix.
    mass : float or None
        Share of negative eigenvalues, centred; None for kernels that are positive definite.
    treatment, approximation, n_components, memory
        As in `select_svm_solver`.
    """
    check_treatment(treatment)
    if approximation not in _APPROXIMATIONS:
        raise InvalidParameterError(
            f"approximation={approximation!r} is unknown; "
            f"{nearest_name(str(approximation), _APPROXIMATIONS)}"
        )
    if n_components is not None:
        check_count(n_components, "n_components")
    if approximation == "nystroem" and treatment in {"clip", "shift"}:
        raise InvalidParameterError(
            f"treatment={treatment!r} with approximation='nystroem': it is for exact solutions, to "
            "compare; take 'krein' or 'auto'"
        )
    budget = int(_SHARE * available_memory()) if memory == "auto" else memory_bytes(memory)
    chosen = _treatment(treatment, mass)
    words = _in_words(mass)
    spectral = chosen not in {"definite", "none"}
    exact = approximation == "exact" or (
        approximation == "auto" and (chosen != "krein" or rows <= KREIN_ROWS)
    )
    if not exact:
        count = min(rows, int(n_components or SVM_LANDMARKS))
        how = f"{words}; {rows:,} rows, signed features of {count:,} landmarks"
        return SvmPlan("nystroem", chosen, count, False, budget, mass, how)
    if spectral:
        how = f"{words}; {rows:,} rows, eigendecomposition of their kernel matrix"
        return SvmPlan("exact", chosen, 0, True, budget, mass, how)
    needed = rows * rows * itemsize
    whole = needed <= budget
    kept = "whole kernel matrix of" if whole else f"rows as needed, within {size_text(budget)} of"
    how = f"{words}; {rows:,} rows, {kept} {size_text(needed)}"
    return SvmPlan("exact", chosen, 0, whole, budget, mass, how)


def check_treatment(treatment: str) -> None:
    """Raise InvalidParameterError for a treatment that there is not."""
    if treatment not in TREATMENTS:
        raise InvalidParameterError(
            f"treatment={treatment!r} is unknown; {nearest_name(str(treatment), TREATMENTS)}"
        )


def size_text(size: float) -> str:
    """Return a number of bytes for reading.

    Examples
    --------
    >>> size_text(14.4e9), size_text(10000)
    ('14.4 GB', '10.0 kB')
    """
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size:.0f} bytes"


def _treatment(asked: str, mass: float | None) -> Treatment:
    if asked != "auto":
        # What is positive definite by its formula needs none.
        return "definite" if mass is None else asked  # type: ignore[return-value]
    return "definite" if mass is None or mass <= NEARLY_DEFINITE_MASS else "krein"


def _in_words(mass: float | None) -> str:
    if mass is None:
        return "positive definite by formula"
    nearly = "nearly definite" if mass <= NEARLY_DEFINITE_MASS else "indefinite"
    return f"{nearly}, negative mass {mass:.2g} on a sample"


def centred_mass(matrix: Float[Tensor, "n n"]) -> float:
    """Return the share of the negative eigenvalues of a centred kernel matrix, float64.

    What is rounding of its entries counts as none: a constant has no negative ones.
    """
    seen = centre(matrix)
    largest = float(torch.linalg.vector_norm(matrix, torch.inf))
    if float(torch.linalg.vector_norm(seen, torch.inf)) <= rounding_noise(len(matrix), largest):
        return 0.0
    return Spectrum.of(seen, 0.0).negative_mass


def _centred_mass(kernel: Kernel, x: Rows) -> float:
    sample = sample_rows(x, _SAMPLE, 0)
    return centred_mass(symmetric_matrix(kernel.up_to_constant(), sample).cpu())
