"""A labelled data set in memory: rows, targets, and the names that go with them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Rows and their targets, read from a file or a named set.

    Parameters
    ----------
    name : str
        What to call the set in messages and reports.
    X : ndarray or csr_matrix of shape (n, d)
        uint8 pixels (height × width × channels, flattened in C order) or numbers.
    y : ndarray of shape (n,)
        int64 codes into `classes`; float64 values if `classes` is empty.
    classes : tuple of str
        The class names; empty for a target of real numbers.
    image_shape : tuple of int or None
        (height, width, channels) if the rows are images.
    feature_names : tuple of str or None
        The d column names, if the source has them.

    Raises
    ------
    InvalidTypeError
        If X or y is no array, or of a dtype that is not listed above.
    InvalidDataError
        If the set is empty, or shapes, codes and names do not fit together.

    Examples
    --------
    >>> pixels = np.zeros((2, 12), dtype=np.uint8)
    >>> pair = Dataset("two", pixels, np.array([1, 0]), ("cat", "dog"), (2, 2, 3), None)
    >>> pair
    Dataset('two': 2 rows × 12 features (uint8), 2 classes, images 2×2×3)
    >>> pair.images().shape, pair.features().dtype
    ((2, 2, 2, 3), dtype('float32'))
    >>> len(pair.take([1]))
    1
    """

    name: str
    X: Any  # csr_matrix would have to be imported to be named
    y: np.ndarray
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int] | None = None
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_arrays(self.name, self.X, self.y)
        _check_target(self.name, self.y, self.classes)
        width = self.X.shape[1]
        if self.sparse and self.image_shape is not None:
            raise InvalidDataError(
                f"{self.name}: image_shape={self.image_shape} with a sparse X: pass X.toarray()"
            )
        if self.image_shape is not None and (
            len(self.image_shape) != 3 or math.prod(self.image_shape) != width
        ):
            raise InvalidDataError(
                f"{self.name}: image_shape={self.image_shape} does not give the {width} columns of "
                "X: pass (height, width, channels)"
            )
        if self.feature_names is not None and len(self.feature_names) != width:
            raise InvalidDataError(
                f"{self.name}: {len(self.feature_names)} feature_names for {width} columns of X: "
                "give one name a column"
            )

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __repr__(self) -> str:
        target = f"{len(self.classes)} classes" if self.classes else "a real target"
        shape = (
            "" if self.image_shape is None else ", images " + "×".join(map(str, self.image_shape))
        )
        rows, width = self.X.shape
        kind = f"{self.X.dtype}{', sparse' if self.sparse else ''}"
        size = f"{rows} rows × {width} features ({kind})"
        return f"Dataset({self.name!r}: {size}, {target}{shape})"

    @property
    def sparse(self) -> bool:
        """Whether X is a sparse matrix."""
        return not isinstance(self.X, np.ndarray)

    def features(self, dtype: npt.DTypeLike = np.float32) -> Any:
        """Return the rows as numbers: uint8 pixels divided by 255, anything else cast.

        Parameters
        ----------
        dtype : floating dtype
            Of the result.

        Returns
        -------
        ndarray or csr_matrix of shape (n, d)
            X itself, not a copy, if nothing had to change.

        Raises
        ------
        InvalidTypeError
            If `dtype` is not floating.
        """
        if not np.issubdtype(np.dtype(dtype), np.floating):
            raise InvalidTypeError(
                f"dtype={np.dtype(dtype)} must be floating: pass np.float32 or np.float64 "
                "(the pixels as stored are in X)"
            )
        numbers = self.X.astype(dtype, copy=False)
        if self.image_shape is not None and self.X.dtype == np.uint8:
            numbers /= 255  # a fresh array: the cast from uint8 has just made it
        return numbers

    def take(self, indices: npt.ArrayLike) -> Dataset:
        """Return the rows at `indices` (or where a boolean mask is true), in that order.

        Raises
        ------
        InvalidTypeError
            If the indices are neither integers nor booleans.
        InvalidParameterError
            If none is left, or one is out of range.
        """
        rows = np.asarray(indices)
        if rows.size and rows.dtype.kind not in "iub":
            raise InvalidTypeError(
                f"indices of dtype {rows.dtype} cannot pick rows: pass integers or a boolean mask"
            )
        if rows.dtype.kind == "b":
            if rows.shape != (len(self),):
                raise InvalidParameterError(
                    f"a mask of shape {rows.shape} does not fit {len(self)} rows: "
                    "pass one value a row"
                )
            rows = np.flatnonzero(rows)
        if rows.ndim != 1 or rows.size == 0:
            raise InvalidParameterError(
                f"indices of shape {rows.shape} pick no list of rows: "
                "pass at least one, in one axis"
            )
        if rows.min() < -len(self) or rows.max() >= len(self):
            raise InvalidParameterError(
                f"indices from {rows.min()} to {rows.max()} leave the {len(self)} rows of "
                f"{self.name}: they must be {-len(self)} to {len(self) - 1}"
            )
        return replace(self, X=self.X[rows], y=self.y[rows])

    def images(self) -> np.ndarray:
        """Return the rows as images (n, height, width, channels), a view of X.

        Raises
        ------
        InvalidDataError
            If the rows are not images.
        """
        if self.image_shape is None:
            raise InvalidDataError(
                f"{self.name} holds no images (image_shape is None): use features()"
            )
        return self.X.reshape(len(self), *self.image_shape)


def _check_arrays(name: str, X: Any, y: Any) -> None:
    for label, array in (("X", X), ("y", y)):
        if not isinstance(array, np.ndarray) and not (label == "X" and _is_csr(array)):
            cure = "scipy.sparse.csr_matrix(X)" if _is_sparse(array) else f"np.asarray({label})"
            raise InvalidTypeError(
                f"{name}: {label} is a {type(array).__name__} where a numpy array is expected: "
                f"pass {cure}"
            )
    if X.ndim != 2 or y.ndim != 1 or X.shape[0] != len(y):
        raise InvalidDataError(
            f"{name}: X has shape {X.shape} and y {y.shape} where (n, d) and (n,) are expected: "
            "give one target a row"
        )
    if 0 in X.shape:
        raise InvalidDataError(f"{name}: X has shape {X.shape}, so there is nothing to learn from")
    if X.dtype.kind not in "biuf":
        raise InvalidTypeError(f"{name}: X has dtype {X.dtype}: convert it to numbers first")


def _is_csr(array: Any) -> bool:
    return _is_sparse(array) and isinstance(array, sys.modules["scipy.sparse"].csr_matrix)


def _is_sparse(array: Any) -> bool:
    # Nobody can have made a sparse matrix without scipy: no need to import it for the others.
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(array))


def _check_target(name: str, y: np.ndarray, classes: tuple[str, ...]) -> None:
    expected = np.int64 if classes else np.float64
    if y.dtype != expected:
        raise InvalidTypeError(
            f"{name}: y has dtype {y.dtype} where {np.dtype(expected)} is expected "
            f"({'codes into classes' if classes else 'values, as classes is empty'}): cast it"
        )
    if classes and not 0 <= y.min() <= y.max() < len(classes):
        raise InvalidDataError(
            f"{name}: y runs from {y.min()} to {y.max()} but there are {len(classes)} classes: "
            f"codes must be 0 to {len(classes) - 1}"
        )
