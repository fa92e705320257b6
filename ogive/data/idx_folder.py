"""A folder of IDX files laid out as MNIST's: images and labels, train and t10k."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError
from ogive.data._files import PathLike
from ogive.data._labels import encode_array
from ogive.data.arrays import rows_and_shape
from ogive.data.dataset import Dataset
from ogive.data.idx import read_idx

_PREFIX = {"train": "train", "test": "t10k"}


def idx_files(folder: PathLike, split: str) -> tuple[Path, Path] | None:
    """Return the paths of a split's images and labels, or None if one is not in the folder.

    Both spellings in use (`images-idx3-ubyte`, `images.idx3-ubyte`) count, with `.gz` or without.

    Examples
    --------
    >>> idx_files("/nowhere", "train") is None
    True
    """
    images = _first(Path(folder), f"{_PREFIX[split]}-images", "idx3-ubyte")
    labels = _first(Path(folder), f"{_PREFIX[split]}-labels", "idx1-ubyte")
    return (images, labels) if images and labels else None


def idx_splits(folder: PathLike) -> tuple[str, ...]:
    """Return which of "train" and "test" the folder holds whole.

    Examples
    --------
    >>> idx_splits("/nowhere")
    ()
    """
    return tuple(split for split in _PREFIX if idx_files(folder, split))


def read_idx_folder(
    folder: PathLike,
    split: str = "train",
    *,
    name: str | None = None,
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    """Read one split of a folder of IDX files.

    Parameters
    ----------
    folder : str or path
        Holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k`.
    split : {"train", "test"}
        Which pair of files to read.
    name : str, optional
        The name of the set; the folder's by default.
    classes : tuple of str, optional
        The names of labels 0, 1, ...; by default the distinct labels of all splits present.

    Returns
    -------
    Dataset
        X of dtype uint8 as a rule, shape (n, height × width).

    Raises
    ------
    DataNotFoundError
        If a file is missing.
    InvalidDataError
        If a file is damaged, or the two do not fit together.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images = Path(folder) / "train-images-idx3-ubyte"
    ...     _ = images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8]))
    ...     labels = Path(folder) / "train-labels-idx1-ubyte"
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 5]))
    ...     read_idx_folder(folder, name="one")
    Dataset('one': 1 rows × 2 features (uint8), 1 classes, images 1×2×1)
    """
    files = idx_files(folder, split)
    if files is None:
        raise DataNotFoundError(
            f"{folder} does not hold {_PREFIX[split]}-images-idx3-ubyte and "
            f"{_PREFIX[split]}-labels-idx1-ubyte (or .gz): put both files there"
        )
    images, labels = files
    title = name or Path(folder).resolve().name
    X, image_shape = rows_and_shape(read_idx(images), str(images))
    target = read_idx(labels)
    if classes is None:
        others = [
            read_idx(pair[1])
            for other in _PREFIX
            if other != split and (pair := idx_files(folder, other))
        ]
        codes, found = encode_array(target, str(labels), others)
        return Dataset(title, X, codes, found, image_shape, None)
    if target.dtype.kind not in "iu" or (target.size and int(target.max()) >= len(classes)):
        raise InvalidDataError(
            f"{labels} holds {target.dtype} labels up to {target.max()} where {title} has "
            f"{len(classes)} classes: it belongs to another set, put the right files there"
        )
    return Dataset(title, X, target.astype(np.int64), classes, image_shape, None)


def _first(folder: Path, stem: str, suffix: str) -> Path | None:
    spellings = (f"{stem}{joint}{suffix}{packed}" for joint in "-." for packed in ("", ".gz"))
    return next((folder / name for name in spellings if (folder / name).is_file()), None)
