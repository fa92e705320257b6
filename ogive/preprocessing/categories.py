"""One column of categories as columns of zeros and ones."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ogive._errors import DataWarning, InvalidDataError
from ogive._record import RecordReader, RecordWriter

# One-hot encoding more than this is a sign that the column is a name, a date or a number.
MOST_CATEGORIES = 10_000
_SHOWN = 3


@dataclass(frozen=True)
class Categories:
    """The categories of a column; each becomes a column that is 1 where it occurs.

    Attributes
    ----------
    column : str
        Its name.
    values : tuple of str
        Sorted; an empty cell is a category too.

    Examples
    --------
    >>> Categories.fit("colour", ["red", "blue", "red"]).encode(["blue", "red"])
    array([[1., 0.],
           [0., 1.]])
    """

    column: str
    values: tuple[str, ...]

    @classmethod
    def fit(cls, column: str, cells: Sequence[str]) -> Categories:
        """Collect the distinct cells.

        Raises
        ------
        InvalidDataError
            If there are more than 10,000.
        """
        values = tuple(sorted({cell.strip() for cell in cells}))
        if len(values) > MOST_CATEGORIES:
            raise InvalidDataError(
                f"column {column!r} has {len(values):,} categories, and more than "
                f"{MOST_CATEGORIES:,} are not encoded: treat it as text, or leave it out (drop)"
            )
        return cls(column, values)

    @property
    def width(self) -> int:
        """Number of columns it becomes."""
        return len(self.values)

    def encode(self, cells: Sequence[str]) -> np.ndarray:
        """Return the columns; rows of an unknown category are all zero, with a warning."""
        code = {value: index for index, value in enumerate(self.values)}
        codes = np.fromiter(
            (code.get(cell.strip(), -1) for cell in cells), dtype=np.int64, count=len(cells)
        )
        found = np.zeros((len(cells), self.width))
        known = np.flatnonzero(codes >= 0)
        found[known, codes[known]] = 1.0
        if len(known) < len(cells):
            unknown = sorted({cells[i].strip() for i in np.flatnonzero(codes < 0).tolist()})
            shown = ", ".join(map(repr, unknown[:_SHOWN])) + (
                ", …" if len(unknown) > _SHOWN else ""
            )
            warnings.warn(
                f"column {self.column!r} has categories that the model was not fitted on ({shown}) "
                f"in {len(cells) - len(known):,} of {len(cells):,} rows: they count as none of "
                "the known ones",
                DataWarning,
                stacklevel=2,
            )
        return found

    def write(self, writer: RecordWriter) -> None:
        """Write what `read` needs."""
        writer.value("column", self.column)
        writer.value("values", list(self.values))

    @classmethod
    def read(cls, reader: RecordReader) -> Categories:
        """Read what `write` wrote."""
        found = cls(reader.value("column", str), reader.strings("values"))
        if not found.values or list(found.values) != sorted(set(found.values)):
            reader.fail("values", "are not sorted and distinct")
        return found
