"""Sparse data in the text format of SVMlight and LIBSVM."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data._files import PathLike, existing_file
from ogive.data._labels import encode_array
from ogive.data.dataset import Dataset

# A line may claim any index; a matrix that wide would need arrays of that length elsewhere.
MAX_FEATURES = 50_000_000


def read_svmlight(path: PathLike, n_features: int | None = None) -> Dataset:
    r"""Read lines of ``target index:value index:value ...`` as a sparse data set.

    Column j holds the values with index j, so a file that counts from 1, as LIBSVM's do, has an
    empty column 0. This way the files of one data set always fit each other, whichever indices
    happen to occur in them.

    Parameters
    ----------
    path : str or path
        The file; .gz and .bz2 are decompressed.
    n_features : int, optional
        The number of columns, where it is known; by default the largest index plus one.

    Returns
    -------
    Dataset
        X a CSR matrix of shape (n, d), float64.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If a line is malformed (the message has its number), an index is negative, out of order or
        beyond `n_features`, or a value is not finite.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.svmlight"
    ...     _ = file.write_text("+1 1:0.5 3:2\n-1 2:1 # a comment\n")
    ...     read_svmlight(file)
    Dataset('two': 2 rows × 4 features (float64, sparse), 2 classes)
    """
    from sklearn.datasets import load_svmlight_file

    file = existing_file(path)
    if n_features is not None and (type(n_features) is not int or n_features < 1):
        raise InvalidParameterError(f"n_features={n_features!r} must be a positive integer")
    if n_features is not None and n_features > MAX_FEATURES:
        raise InvalidParameterError(f"n_features={n_features} is over the limit of {MAX_FEATURES}")
    try:
        X, y = load_svmlight_file(str(file), zero_based=True)
    except (ValueError, OverflowError, OSError, EOFError, zlib.error) as error:
        raise InvalidDataError(_what_is_wrong(file, error)) from error
    if X.shape[0] == 0:
        raise InvalidDataError(f"{file} holds no rows: give one line a row")
    width = X.shape[1] if n_features is None else n_features
    if X.shape[1] > width or width > MAX_FEATURES:
        limit = min(width, MAX_FEATURES)
        raise InvalidDataError(
            f"{file} has the index {X.shape[1] - 1} where {limit} columns are expected, which are "
            f"0 to {limit - 1}: is it another data set?"
        )
    if not np.isfinite(X.data).all():
        row = int(np.searchsorted(X.indptr, np.argmin(np.isfinite(X.data)), side="right")) - 1
        raise InvalidDataError(f"{file}, row {row}: a value is not finite: mend or remove the row")
    X.resize(X.shape[0], max(width, 1))
    codes, classes = encode_array(y, str(file))
    return Dataset(_stem(file), X, codes, classes)


def _stem(file: Path) -> str:
    return Path(file.stem).stem if file.suffix in (".gz", ".bz2") else file.stem


def _what_is_wrong(file: Path, error: Exception) -> str:
    """Find the first bad line, which scikit-learn's message does not name."""
    cure = "mend the line (target index:value index:value ..., indices rising)"
    try:
        with _opened(file) as stream:
            for number, line in enumerate(stream, 1):
                if problem := _problem(line.decode("utf-8", "replace")):
                    return f"{file}, line {number}: {problem}: {cure}"
    except (OSError, EOFError, zlib.error):
        return f"{file} is damaged ({error}): compress it again"
    return f"{file} is no svmlight file ({error}): {cure}"


def _opened(file: Path) -> BinaryIO:
    if file.suffix == ".gz":
        return cast(BinaryIO, gzip.open(file))
    return cast(BinaryIO, bz2.open(file)) if file.suffix == ".bz2" else file.open("rb")


def _problem(line: str) -> str:
    """Return what is wrong with a line, or an empty string."""
    cells = line.split("#", 1)[0].split()
    if not cells:
        return ""
    if len(cells) > 1 and cells[1].startswith("qid:"):  # of ranking data; not read
        del cells[1]
    try:
        float(cells[0])
    except ValueError:
        return f"the target {cells[0]!r} is no number"
    last = -1
    for cell in cells[1:]:
        index, colon, value = cell.partition(":")
        try:
            number, _ = int(index), float(value)
        except ValueError:
            return f"{cell!r} is no index:value"
        if not colon or number <= last:
            return f"the index of {cell!r} does not rise"
        if number >= MAX_FEATURES:
            return f"the index of {cell!r} is over the limit of {MAX_FEATURES}"
        last = number
    return ""
