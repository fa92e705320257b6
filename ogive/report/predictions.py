"""The answers of a model as a file or as lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ogive._errors import InvalidParameterError, MissingDependencyError
from ogive._writing import PathLike, write_bytes, write_text

ENDINGS = (".csv", ".tsv", ".parquet")


def check_predictions_path(path: PathLike) -> None:
    """Raise unless predictions can be written to a file of this name."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise InvalidParameterError(
            f"output={str(path)!r} must end in {', '.join(ENDINGS)}: name the file so"
        )
    if ending == ".parquet":
        _pyarrow()


def prediction_columns(
    labels: Sequence[Any],
    label_kind: str,
    predictions: np.ndarray,
    classes: Sequence[str] = (),
    probabilities: np.ndarray | None = None,
) -> dict[str, list[Any]]:
    """Return the answers as named columns.

    Parameters
    ----------
    labels : sequence of length n
        The file or the number of each row. A name that is not UTF-8 is written with escapes.
    label_kind : str
        The name of their column.
    predictions : ndarray of shape (n,)
        Class names or values.
    classes : sequence of str
    probabilities : ndarray of shape (n, classes), optional

    Examples
    --------
    >>> prediction_columns([0, 1], "row", np.array(["cat", "dog"], dtype=object))
    {'row': [0, 1], 'prediction': ['cat', 'dog']}
    """
    columns = {
        label_kind: [_encodable(label) for label in labels],
        "prediction": [_encodable(prediction) for prediction in predictions.tolist()],
    }
    if probabilities is not None:
        for name, column in zip(classes, probabilities.T, strict=True):
            columns[_encodable(f"probability_{name}")] = column.tolist()
    return columns


def component_columns(
    labels: Sequence[Any], label_kind: str, components: np.ndarray
) -> dict[str, list[Any]]:
    """Return the coordinates of rows as named columns.

    Parameters
    ----------
    labels, label_kind
        As in `prediction_columns`.
    components : ndarray of shape (n, components)

    Examples
    --------
    >>> component_columns([0, 1], "row", np.array([[0.5, 1.0], [2.0, -1.0]]))
    {'row': [0, 1], 'component_1': [0.5, 2.0], 'component_2': [1.0, -1.0]}
    """
    columns = {label_kind: [_encodable(label) for label in labels]}
    for number, column in enumerate(components.T, start=1):
        columns[f"component_{number}"] = column.tolist()
    return columns


def write_predictions(path: PathLike, columns: dict[str, list[Any]]) -> Path:
    """Write the columns as .csv, .tsv or .parquet, whole or not at all.

    Raises
    ------
    InvalidParameterError
        If the ending is none of these.
    MissingDependencyError
        If parquet is asked for and pyarrow is not installed.
    OutputError
        If the file cannot be written.
    """
    check_predictions_path(path)
    ending = Path(path).suffix.lower()
    if ending == ".parquet":
        pa, pq = _pyarrow()
        stream = io.BytesIO()
        pq.write_table(pa.table(columns), stream)
        return write_bytes(path, stream.getvalue())
    return write_text(path, delimited(columns, "\t" if ending == ".tsv" else ","))


def delimited(columns: dict[str, list[Any]], delimiter: str = ",") -> str:
    r"""Return the columns as lines of text with a header.

    Examples
    --------
    >>> delimited({"row": [0], "prediction": ["a,b"]})
    'row,prediction\n0,"a,b"\n'
    """
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()


def _encodable(value: Any) -> Any:
    # Names of files that are not UTF-8 come with lone surrogates, which no output takes.
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError.for_extra("pyarrow", "data", "Writing parquet") from error
    return pa, pq
