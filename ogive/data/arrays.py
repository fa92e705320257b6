"""numpy's own files: a .npz archive, or a pair X.npy and y.npy. Pickles are never read."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data._files import DEFLATE_RATIO, PathLike, existing_file
from ogive.data._labels import encode_array
from ogive.data._npy import read_npy_stream
from ogive.data.dataset import Dataset

# Compared without case, so that X and x are one.
_PAIRS = (("x", "y"), ("data", "target"), ("images", "labels"))
_SPLIT_PAIRS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
_CURE = "save it again"


def read_npz(path: PathLike, split: str = "train") -> Dataset:
    """Read a data set from a .npz archive.

    The arrays are found by their keys, in any case: `X` and `y`, `data` and `target`, `images` and
    `labels`; or, with a split, `x_train` and `y_train` (`x_test` and `y_test`), `train_images` and
    `train_labels`.

    Parameters
    ----------
    path : str or path
        The archive, as `np.savez` or `np.savez_compressed` write it.
    split : {"train", "test"}
        Which arrays to take if the archive has both; "train" is everything if it has no split.

    Returns
    -------
    Dataset
        X keeps its dtype; arrays (n, h, w) and (n, h, w, c) are flattened, `image_shape` set.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If the archive is damaged, or holds other keys, pickled objects or values not finite.
    InvalidParameterError
        If `split` is "test" and the archive has none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "pair.npz"
    ...     np.savez(file, X=np.eye(2), y=["no", "yes"])
    ...     read_npz(file)
    Dataset('pair': 2 rows × 2 features (float64), 2 classes)
    """
    file = existing_file(path)
    with _open_archive(file) as archive:
        keys = _find_keys(archive, file, split)
        X, y, *others = [_read_member(archive, key, file) for key in keys]
    rows, image_shape = rows_and_shape(X, f"{file}, array {keys[0]!r}")
    codes, classes = encode_array(y, f"{file}, array {keys[1]!r}", others)
    return Dataset(file.stem, rows, codes, classes, image_shape, None)


def npz_has_split(path: PathLike) -> bool:
    """Tell whether a .npz archive holds a training and a test part, by its keys.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If it is no archive.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "pair.npz"
    ...     np.savez(file, X=np.eye(2), y=[0, 1])
    ...     npz_has_split(file)
    False
    """
    with _open_archive(existing_file(path)) as archive:
        keys = _keys(archive)
    return all(any(_held(pair, keys) for pair in pairs) for pairs in _SPLIT_PAIRS.values())


def read_npy(path: PathLike) -> Dataset:
    """Read `X.npy` and the targets beside it in `y.npy` (`X_train.npy`: `y_train.npy`).

    Raises
    ------
    DataNotFoundError
        If a file of the pair is missing.
    InvalidDataError
        If the name does not begin with X, or an array is damaged, pickled or not finite.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "X.npy", np.eye(2))
    ...     np.save(Path(folder) / "y.npy", [3, 7])
    ...     read_npy(Path(folder) / "X.npy").classes
    ('3', '7')
    """
    file = existing_file(path)
    if file.stem.lower() != "x" and not file.stem.lower().startswith("x_"):
        raise InvalidDataError(
            f"{file} is one array, and a data set needs targets too: name the pair X.npy and "
            "y.npy in one folder and give X.npy, or save both in one .npz"
        )
    target = file.with_name("y" + file.name[1:])
    if not target.is_file():
        raise DataNotFoundError(f"{file} has no targets beside it: put them in {target}")
    X, image_shape = rows_and_shape(_read_npy_file(file), str(file))
    codes, classes = encode_array(_read_npy_file(target), str(target))
    return Dataset(file.stem, X, codes, classes, image_shape, None)


def read_array(path: PathLike) -> np.ndarray:
    """Read the rows of one .npy file, without targets.

    Returns
    -------
    ndarray of shape (n, d), or (n, height, width, channels)
        In the dtype of the file.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If the array is damaged, pickled, not finite, or of another shape.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "new.npy", np.eye(2))
    ...     read_array(Path(folder) / "new.npy").shape
    (2, 2)
    """
    file = existing_file(path)
    rows, image_shape = rows_and_shape(_read_npy_file(file), str(file))
    return rows if image_shape is None else rows.reshape(-1, *image_shape)


def rows_and_shape(
    array: np.ndarray, origin: str
) -> tuple[np.ndarray, tuple[int, int, int] | None]:
    """Return an array as rows (n, d), and the image shape if it held images.

    Examples
    --------
    >>> rows, shape = rows_and_shape(np.zeros((5, 4, 3)), "an example")
    >>> rows.shape, shape
    ((5, 12), (4, 3, 1))
    """
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in "biuf":
        raise InvalidDataError(
            f"{origin} has shape {array.shape} and dtype {array.dtype} where real numbers (n, d), "
            "(n, height, width) or (n, height, width, channels) are expected: reshape or convert it"
        )
    if array.ndim == 4 and array.shape[3] > 4 and array.shape[1] <= 4:
        raise InvalidDataError(
            f"{origin} has shape {array.shape}, which looks channels-first: save "
            "X.transpose(0, 2, 3, 1)"
        )
    height_width_channels = (*array.shape[1:], 1)[:3] if array.ndim > 2 else None
    rows = array.reshape(len(array), math.prod(array.shape[1:]))
    if rows.dtype.kind == "f":
        # One flag a row first: a whole table of flags would be an eighth of the data or more.
        finite = np.fromiter((np.isfinite(row).all() for row in rows), dtype=bool, count=len(rows))
        if not finite.all():
            raise InvalidDataError(
                f"{origin} holds a value that is not finite in row {int(np.argmin(finite))}: "
                "fill in or remove the row"
            )
    return rows, height_width_channels


def _open_archive(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InvalidDataError(f"{file} is no .npz archive ({error}): {_CURE}") from error


def _keys(archive: zipfile.ZipFile) -> dict[str, str]:
    """Map lower-case keys to the keys as stored."""
    names = (name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    return {name.lower(): name for name in names}


def _held(pair: tuple[str, str], keys: dict[str, str]) -> bool:
    return all(key in keys for key in pair)


def _find_keys(archive: zipfile.ZipFile, file: Path, split: str) -> list[str]:
    """Return the keys of X, of y, and of the other split's y if there is one."""
    keys = _keys(archive)
    if split not in _SPLIT_PAIRS:
        raise InvalidParameterError(f"split={split!r} must be 'train' or 'test'")
    wanted = (*_SPLIT_PAIRS[split], *(_PAIRS if split == "train" else ()))
    pair = next((pair for pair in wanted if _held(pair, keys)), None)
    found = ", ".join(repr(key) for key in keys.values()) or "none"
    if pair is None and split == "test" and any(_held(pair, keys) for pair in _PAIRS):
        raise InvalidParameterError(
            f"split='test': {file} has no test part (keys found: {found}): use load_pair"
        )
    if pair is None:
        names = " or ".join(f"{a} and {b}" for a, b in wanted)
        raise InvalidDataError(f"{file}: keys found: {found}; expected {names}: rename the arrays")
    other = "test" if split == "train" else "train"
    twins = [twin[1] for twin in _SPLIT_PAIRS[other] if twin[1] in keys and pair not in _PAIRS]
    return [keys[key] for key in (*pair, *twins[:1])]


def _read_member(archive: zipfile.ZipFile, key: str, file: Path) -> np.ndarray:
    member = archive.getinfo(f"{key}.npy")
    ratios = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: DEFLATE_RATIO}
    if member.compress_type not in ratios:
        raise InvalidDataError(
            f"{file}, array {key!r} is compressed by method {member.compress_type}, which numpy "
            f"does not write: {_CURE} with np.savez_compressed"
        )
    # Neither the archive's own sizes nor the array's header are to be trusted; the file's is.
    most = min(member.compress_size, file.stat().st_size) * ratios[member.compress_type]
    try:
        with archive.open(member) as stream:
            return read_npy_stream(stream, most, f"{file}, array {key!r}")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise InvalidDataError(f"{file}, array {key!r} is damaged ({error}): {_CURE}") from error


def _read_npy_file(file: Path) -> np.ndarray:
    with file.open("rb") as stream:
        return read_npy_stream(stream, os.fstat(stream.fileno()).st_size, str(file))
