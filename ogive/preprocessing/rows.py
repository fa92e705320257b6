"""Preprocessing of data that are rows already: pictures, arrays, sparse matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.data import Dataset
from ogive.preprocessing.base import Preprocessing
from ogive.preprocessing.scaling import Scaling, check_scaling, read_scaling, write_scaling

# The weights of red, green and blue in a grey level (ITU-R BT.601), as Pillow has them.
_GREY = np.array([19595, 38470, 7471], dtype=np.uint32)


@dataclass(frozen=True, eq=False)
class RowPreprocessing(Preprocessing):
    """Pixels as numbers from 0 to 1; centring and scaling where asked for.

    Attributes
    ----------
    features : int
        Columns of the training rows.
    image_shape : tuple of int or None
        (height, width, channels) of the training pictures.
    pixels : bool
        Whether the training rows were pixels of 0 to 255, which are divided by 255.
    sparse : bool
        Whether they were sparse.
    dtype : str
        "float32" or "float64": the type of the rows it makes.
    scaling : Scaling or None

    Examples
    --------
    >>> from ogive.data import load
    >>> test = load("digits", "test")
    >>> RowPreprocessing.fit(test).transform(test).shape
    (360, 64)
    """

    kind: ClassVar[str] = "rows"

    features: int
    image_shape: tuple[int, int, int] | None
    pixels: bool
    sparse: bool
    dtype: str
    scaling: Scaling | None

    @classmethod
    def fit(cls, data: Dataset, scale: str = "auto") -> RowPreprocessing:
        """Measure the training rows.

        Parameters
        ----------
        data : Dataset
        scale : {"auto", "none", "centre", "standard"}
            "auto" leaves pictures and sparse rows as they are, and standardises others.
        """
        check_scaling(scale)
        pixels = data.image_shape is not None and data.X.dtype == np.uint8
        small = data.X.dtype.itemsize < 4 or data.X.dtype == np.float32
        dtype = "float32" if small else "float64"
        if scale == "auto":
            scale = "none" if data.image_shape is not None or data.sparse else "standard"
        scaling = Scaling.fit(data.features(dtype), scale)
        return cls(data.X.shape[1], data.image_shape, pixels, data.sparse, dtype, scaling)

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.features

    def transform(self, data: Any) -> Any:
        """Return the rows of a data set, an array or a CSR matrix.

        Parameters
        ----------
        data : Dataset, ndarray or csr_matrix of shape (n, d), or pictures (n, h, w, channels)
            Pictures with one channel where three are expected are repeated, those with three
            where one is expected turn grey. Pixels are whole numbers up to 255, or fractions.

        Returns
        -------
        ndarray or csr_matrix of shape (n, features)

        Raises
        ------
        InvalidDataError
            If width or size differ from the training rows', or pixels are out of range.
        InvalidTypeError
            If it holds no numbers.
        """
        if isinstance(data, Dataset):
            data = data.images() if data.image_shape is not None else data.X
        if not sparse.issparse(data):
            given, data = type(data).__name__, np.asarray(data)
            if data.dtype.kind not in "biuf":
                raise InvalidTypeError(
                    f"the data are a {given} of dtype {data.dtype}, and the model was fitted on "
                    f"{self.describe()[0]}: give data of the same kind"
                )
            if data.ndim == 4 and self.image_shape is not None:
                data = _like(data, self.image_shape)
            data = data.reshape(len(data), math.prod(data.shape[1:])) if data.ndim == 4 else data
        rows = self._numbers(data)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            what = "pixels" if self.image_shape is not None else "columns"
            shown = "" if self.image_shape is None else f" ({_size(self.image_shape)})"
            raise InvalidDataError(
                f"the data have shape {rows.shape}, and the model was fitted on {self.features} "
                f"{what} a row{shown}: give data of the same kind"
            )
        return rows if self.scaling is None else self.scaling.apply(rows)

    def _numbers(self, rows: Any) -> Any:
        if not isinstance(rows, np.ndarray):
            found: Any = sparse.csr_matrix(rows)
            if self.sparse:
                return found.astype(self.dtype)
            rows = found.toarray()
        whole = rows.dtype.kind in "iu"
        if self.pixels and rows.size and not 0 <= rows.min() <= rows.max() <= (255 if whole else 1):
            raise InvalidDataError(
                f"the pixels run from {rows.min()} to {rows.max()}, and the model was fitted on "
                "pixels of 0 to 255: give whole numbers in that range, or fractions from 0 to 1"
            )
        rows = rows.astype(self.dtype, copy=False)
        if self.pixels and whole:
            return rows / 255
        return sparse.csr_matrix(rows) if self.sparse else rows

    def describe(self) -> list[str]:
        """Return what it does."""
        if self.image_shape is not None:
            shade = "grey" if self.image_shape[2] == 1 else "colour"
            first = f"{_size(self.image_shape)} {shade} pictures"
            first += ", pixels divided by 255" if self.pixels else ""
        else:
            first = f"{self.features:,} {'sparse ' if self.sparse else ''}columns of numbers"
        return [first if self.scaling is None else f"{first}, {self.scaling}"]

    def write(self, writer: RecordWriter) -> None:
        """Write what `read` needs."""
        writer.value("features", self.features)
        writer.value("image_shape", None if self.image_shape is None else list(self.image_shape))
        for name in ("pixels", "sparse", "dtype"):
            writer.value(name, getattr(self, name))
        write_scaling(self.scaling, writer)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Read what `write` wrote."""
        features = reader.value("features", int)
        shape = reader.value("image_shape", (list, None))
        if shape is not None and (
            len(shape) != 3
            or not all(type(side) is int and side > 0 for side in shape)
            or math.prod(shape) != features
        ):
            reader.fail("image_shape", f"is {shape!r}, which does not give {features} columns")
        return cls(
            features,
            None if shape is None else (shape[0], shape[1], shape[2]),
            reader.value("pixels", bool),
            reader.value("sparse", bool),
            reader.value("dtype", str, choices=("float32", "float64")),
            read_scaling(reader, "features", features),
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} × {shape[1]}"


def _like(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return pictures with the channels of ``shape``: repeated, or weighed to a grey level."""
    if images.shape[1:3] != shape[:2]:
        raise InvalidDataError(
            f"the pictures have {_size(images.shape[1:])} pixels, and the model was fitted on "
            f"{_size(shape)}: give pictures of that size"
        )
    found, wanted = images.shape[3], shape[2]
    if found == wanted:
        return images
    if found == 1:
        return np.repeat(images, wanted, axis=3)
    if wanted == 1 and found == 3 and images.dtype == np.uint8:
        grey = images.astype(np.uint32) @ _GREY
        return ((grey + 2**15) >> 16).astype(np.uint8)[..., None]
    raise InvalidDataError(
        f"the pictures have {found} channels, and the model was fitted on {wanted}: convert them "
        "first"
    )
