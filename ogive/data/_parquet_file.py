"""Opening parquet files: is pyarrow there, and is the file whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ogive._errors import InvalidDataError, MissingDependencyError


def import_pyarrow() -> tuple[Any, Any]:
    """Return the modules pyarrow and pyarrow.parquet.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError.for_extra("pyarrow", "data", "Reading parquet") from error
    return pa, pq


@contextmanager
def opened_parquet(file: Path, cure: str) -> Iterator[Any]:
    """Open a file within a with-statement; what pyarrow cannot read in there is damage.

    Raises
    ------
    InvalidDataError
        If the file is damaged; the message ends in the cure.
    MissingDependencyError
        If pyarrow is not installed.
    """
    pa, pq = import_pyarrow()
    try:
        with pq.ParquetFile(file) as opened:
            yield opened
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidDataError(
            f"{file} is truncated or no parquet file ({error}): {cure}"
        ) from error
