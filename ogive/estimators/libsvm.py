"""Classification models that LIBSVM has written, as `KernelSVC`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse

from ogive._errors import DataNotFoundError, InvalidModelError, nearest_name
from ogive._writing import PathLike
from ogive.estimators.kernel_names import PRECOMPUTED
from ogive.estimators.kernel_svc import KernelSVC
from ogive.estimators.support_functions import SupportFunctions
from ogive.kernels import Gaussian, Kernel, Linear, Polynomial, Sigmoid
from ogive.solvers.svm_selection import SvmPlan

_TYPES = ("c_svc", "nu_svc")
_KERNELS = ("linear", "polynomial", "rbf", "sigmoid", "precomputed")


def read_libsvm_model(path: PathLike, *, n_features: int | None = None) -> KernelSVC:
    """Return the classifier in a model file of LIBSVM's svm-train.

    Its decision values are those of LIBSVM. Probabilities (probA, probB) are not taken over.

    Parameters
    ----------
    path : path
    n_features : int, optional
        Number of columns, where it is more than the largest index in the file.

    Returns
    -------
    KernelSVC
        Fitted; ``support_`` numbers the support vectors, for the file does not say which rows they
        were (except for precomputed kernels).

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidModelError
        If it is no classification model, or is cut short or damaged.

    References
    ----------
    Chang and Lin, LIBSVM: a library for support vector machines, 2011.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise DataNotFoundError(f"{path}: there is no such file") from None
    try:
        return _model(_Header.of(lines), lines, n_features)
    except (ValueError, IndexError, OverflowError) as error:
        if isinstance(error, InvalidModelError):
            raise InvalidModelError(f"{path} cannot be converted: {error}") from None
        raise InvalidModelError(
            f"{path} cannot be converted: a number is damaged ({error}); write it again with "
            "svm-train"
        ) from None


@dataclass
class _Header:
    """What stands above the support vectors."""

    values: dict[str, list[str]] = field(default_factory=dict)
    lines: int = 0

    @classmethod
    def of(cls, lines: list[str]) -> _Header:
        found = cls()
        for number, line in enumerate(lines):
            words = line.split()
            if words == ["SV"]:
                found.lines = number + 1
                return found
            if words:
                found.values[words[0]] = words[1:]
        if "svm_type" not in found.values:
            raise InvalidModelError("it is no LIBSVM model: the line 'svm_type' is missing")
        raise InvalidModelError("it is cut short: the line 'SV' is missing")

    def words(self, name: str, count: int | None = None) -> list[str]:
        if name not in self.values:
            raise InvalidModelError(f"the line {name!r} is missing")
        words = self.values[name]
        if count is not None and len(words) != count:
            raise InvalidModelError(
                f"the line {name!r} has {len(words)} entries instead of {count}"
            )
        return words

    def word(self, name: str, known: tuple[str, ...]) -> str:
        word = self.words(name, 1)[0]
        if word not in known:
            raise InvalidModelError(f"{name} is {word!r}; {nearest_name(word, known)}")
        return word

    def number(self, name: str) -> float:
        return float(self.words(name, 1)[0])

    def kernel(self) -> Kernel | str:
        name = self.word("kernel_type", _KERNELS)
        if name == "precomputed":
            return PRECOMPUTED
        if name == "linear":
            return Linear()
        gamma = self.number("gamma")
        if name == "rbf":
            return Gaussian(gamma)
        if name == "sigmoid":
            return Sigmoid(gamma, self.number("coef0"))
        return Polynomial(int(self.number("degree")), gamma, self.number("coef0"))


def _model(header: _Header, lines: list[str], n_features: int | None) -> KernelSVC:
    header.word("svm_type", _TYPES)
    kernel = header.kernel()
    classes = int(header.number("nr_class"))
    if classes < 2:
        raise InvalidModelError(f"nr_class is {classes}; a classifier has two classes or more")
    pairs = classes * (classes - 1) // 2
    rho = np.array(header.words("rho", pairs), dtype=np.float64)
    labels = np.array(header.words("label", classes), dtype=np.int64)
    counts = [int(word) for word in header.words("nr_sv", classes)]
    total = int(header.number("total_sv"))
    if min(counts) < 0 or sum(counts) != total:
        raise InvalidModelError(f"nr_sv adds up to {sum(counts)}, and total_sv is {total}")
    vectors = [line for line in lines[header.lines :] if line.strip()]
    if len(vectors) != total:
        raise InvalidModelError(
            f"it holds {len(vectors):,} support vectors and should hold {total:,}: it is cut short "
            "or damaged"
        )
    coefficient, rows = _support_vectors(vectors, classes, kernel == PRECOMPUTED)
    if not (np.isfinite(coefficient).all() and np.isfinite(rho).all()):
        raise InvalidModelError("a coefficient is not finite")
    width = max(n_features or 0, rows.shape[1], 1)
    return _fitted(kernel, labels, SupportFunctions(coefficient, -rho, tuple(counts)), rows, width)


def _fitted(
    kernel: Kernel | str,
    labels: np.ndarray,
    functions: SupportFunctions,
    rows: sparse.csr_matrix,
    width: int,
) -> KernelSVC:
    model = KernelSVC(kernel=kernel)
    model.kernel_ = kernel  # type: ignore[assignment]
    # In the file's order, not sorted: the functions of pairs and equal votes go by it.
    model.classes_ = labels
    model._functions, model._steps = functions, np.zeros(len(functions.intercept), dtype=np.int64)
    model.n_support_ = np.array(functions.counts, dtype=np.int64)
    model.support_ = np.arange(rows.shape[0])
    model.n_features_in_ = width
    if kernel == PRECOMPUTED:
        model.support_ = rows.toarray()[:, 0].astype(np.int64) - 1 if width else model.support_
        model.n_features_in_ = max(width, int(model.support_.max(initial=0)) + 1)
        model.support_vectors_ = None
    else:
        parts = rows.data, rows.indices, rows.indptr
        model.support_vectors_ = sparse.csr_matrix(parts, shape=(rows.shape[0], width))
    model.plan_ = SvmPlan("exact", "none", 0, True, 0, None, "solved by LIBSVM")
    model.treatment_ = model.plan_.treatment
    model.solution_ = f"{len(model.support_):,} support vectors, by LIBSVM"
    return model


def _support_vectors(
    lines: list[str], classes: int, precomputed: bool
) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Return coefficients (classes - 1, m) and rows; columns are numbered from 1 in the file."""
    coefficient = np.empty((classes - 1, len(lines)))
    data: list[float] = []
    columns: list[int] = []
    ends = [0]
    first = 0 if precomputed else 1
    for number, line in enumerate(lines):
        words = line.split()
        if len(words) < classes - 1:
            raise InvalidModelError(f"support vector {number + 1} is cut short")
        coefficient[:, number] = [float(word) for word in words[: classes - 1]]
        for word in words[classes - 1 :]:
            column, _, value = word.partition(":")
            if int(column) < first:
                raise InvalidModelError(f"support vector {number + 1} has the column {column}")
            columns.append(int(column) - first)
            data.append(float(value))
        ends.append(len(data))
    width = max(columns, default=-1) + 1
    if not np.isfinite(data).all():
        raise InvalidModelError("a support vector holds a number that is not finite")
    rows = sparse.csr_matrix((data, columns, ends), shape=(len(lines), width))
    if precomputed and (np.diff(ends) < 1).any():
        raise InvalidModelError("a support vector of a precomputed kernel has no number")
    return coefficient, rows
