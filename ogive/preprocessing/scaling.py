"""Centring and scaling of columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._record import RecordReader, RecordWriter

# What `--scale` offers; "auto" is decided by the kind of data.
SCALINGS = ("auto", "none", "centre", "standard")


@dataclass(frozen=True, eq=False)
class Scaling:
    """(x - centre) / scale, column by column.

    Attributes
    ----------
    centre : ndarray of shape (d,) or None
        The training rows' means; None for sparse rows, which centring would fill.
    scale : ndarray of shape (d,) or None
        Their standard deviations, 1 where a column is constant; None if only centred.

    Examples
    --------
    >>> scaling = Scaling.fit(np.array([[1.0, 5.0], [3.0, 5.0]]), "standard")
    >>> scaling.apply(np.array([[5.0, 6.0]]))
    array([[3., 1.]])
    """

    centre: np.ndarray | None
    scale: np.ndarray | None

    @classmethod
    def fit(cls, X: Any, how: str) -> Scaling | None:
        """Measure the columns of X, dense or CSR; None for "none".

        Raises
        ------
        InvalidDataError
            If the squares of a column overflow.
        """
        check_scaling(how)
        if how == "none":
            return None
        from sklearn.preprocessing import StandardScaler

        dense = isinstance(X, np.ndarray)
        if not dense and how == "centre":
            raise InvalidParameterError(
                "scale='centre': the rows are sparse, and centring would fill them with numbers: "
                "choose 'none' or 'standard' (which then only scales)"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # told below, with the column
            fitted = StandardScaler(with_mean=dense, with_std=how == "standard").fit(X)
        found = cls(fitted.mean_ if dense else None, fitted.scale_)
        for figures in (found.centre, found.scale):
            if figures is not None and not np.isfinite(figures).all():
                column = int(np.argmin(np.isfinite(figures)))
                raise InvalidDataError(
                    f"column {column} of the numbers is too large to be scaled (up to "
                    f"{abs(X).max():.3g}): give it in another unit, or leave it out"
                )
        return found

    def apply(self, X: Any) -> Any:
        """Return the columns of X, centred and scaled; in the type of X."""
        if isinstance(X, np.ndarray):
            if self.centre is not None:
                X = X - self.centre.astype(X.dtype)
            return X if self.scale is None else X / self.scale.astype(X.dtype)
        from scipy import sparse

        if self.scale is None:
            return X
        return sparse.csr_matrix(X @ sparse.diags_array((1 / self.scale).astype(X.dtype)))

    def __str__(self) -> str:
        if self.scale is None:
            return "centred"
        return "scaled to unit variance" if self.centre is None else "centred, scaled"

    def write(self, writer: RecordWriter) -> None:
        """Write the figures."""
        for name, array in (("centre", self.centre), ("scale", self.scale)):
            if array is not None:
                writer.array(name, array)

    @classmethod
    def read(cls, reader: RecordReader, width: str) -> Scaling:
        """Read what `write` wrote; ``width`` names the dimension of its columns."""
        found = {
            name: reader.array(name, (width,)) if reader.has(name) else None
            for name in ("centre", "scale")
        }
        scale = found["scale"]
        if scale is not None and not (scale > 0).all():
            reader.fail("scale", "has entries that are not positive")
        return cls(found["centre"], scale)


def write_scaling(scaling: Scaling | None, writer: RecordWriter) -> None:
    """Write a scaling, if there is one, as a part of its own."""
    if scaling is not None:
        scaling.write(writer.part("scaling"))


def read_scaling(reader: RecordReader, columns: str, count: int) -> Scaling | None:
    """Read what `write_scaling` wrote, for ``count`` columns, called ``columns`` in messages."""
    if not reader.has("scaling"):
        return None
    part = reader.part("scaling")
    part.bind(columns, count)
    return Scaling.read(part, columns)


def check_scaling(how: str) -> None:
    """Raise unless ``how`` is one of `SCALINGS`."""
    if how not in SCALINGS:
        raise InvalidParameterError(f"scale={how!r} is unknown; {nearest_name(str(how), SCALINGS)}")
