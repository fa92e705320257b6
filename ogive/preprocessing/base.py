"""What all preprocessing has in common, and how it is kept in a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from ogive._record import RecordReader, RecordWriter


class Preprocessing(ABC):
    """Fitted on training data; turns them and later data into rows for an estimator."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of columns of the rows that it makes."""

    @abstractmethod
    def transform(self, data: Any) -> Any:
        """Return the rows of ``data`` as an ndarray or CSR matrix of shape (n, width)."""

    @abstractmethod
    def describe(self) -> list[str]:
        """Return what it does, a line for each thing."""

    @abstractmethod
    def write(self, writer: RecordWriter) -> None:
        """Write what `read` needs."""

    @classmethod
    @abstractmethod
    def read(cls, reader: RecordReader) -> Self:
        """Read what `write` wrote."""


def write_preprocessing(preprocessing: Preprocessing, writer: RecordWriter) -> None:
    """Write a preprocessing together with its kind."""
    writer.value("kind", preprocessing.kind)
    preprocessing.write(writer)


def read_preprocessing(reader: RecordReader) -> Preprocessing:
    """Read what `write_preprocessing` wrote.

    Raises
    ------
    InvalidModelError
        If the kind is unknown, or what belongs to it is missing or does not fit together.
    """
    from ogive.preprocessing.columns import ColumnPreprocessing
    from ogive.preprocessing.rows import RowPreprocessing

    kinds: dict[str, type[Preprocessing]] = {
        kind.kind: kind for kind in (RowPreprocessing, ColumnPreprocessing)
    }
    return kinds[reader.value("kind", str, choices=tuple(kinds))].read(reader)
