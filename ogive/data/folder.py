"""Folders of pictures, one sub-folder a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError
from ogive.data._files import PathLike, existing_file
from ogive.data._pixels import ImageStack, Size, check_size, decode_image
from ogive.data.dataset import Dataset

EXTENSIONS = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)


def read_image_folder(path: PathLike, *, size: Size | None = None) -> Dataset:
    """Read a folder that holds one sub-folder of pictures a class.

    Classes and pictures come in the order of their names. Files that are no pictures by their
    extension, hidden ones and deeper folders are left alone. Greyscale pictures stay one channel
    unless there is a colour picture too; everything else is converted to RGB.

    Parameters
    ----------
    path : str or path
        The folder above the classes.
    size : (int, int), optional
        Height and width to resize every picture to.

    Returns
    -------
    Dataset
        X uint8 of shape (n, height × width × channels).

    Raises
    ------
    DataNotFoundError
        If there is no such folder.
    InvalidDataError
        If there are no class folders or an empty one, a broken picture, or sizes differ.
    InvalidParameterError
        If `size` is not two positive integers.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         (Path(folder) / name).mkdir()
    ...         Image.new("RGB", (4, 3)).save(Path(folder) / name / "one.png")
    ...     pets = read_image_folder(folder)
    >>> pets.classes, pets.images().shape
    (('cat', 'dog'), (2, 3, 4, 3))
    """
    check_size(size)
    root = Path(path).expanduser()
    if not root.is_dir():
        raise DataNotFoundError(f"{root} is not a folder on this machine: check the path")
    folders = class_folders(root)
    if not folders:
        raise InvalidDataError(
            f"{root} has no class folders: put the pictures of each class into a sub-folder named "
            f"after it, as in {root / 'cat' / '1.png'} and {root / 'dog' / '1.png'}"
        )
    stack = ImageStack()
    codes: list[int] = []
    for code, folder in enumerate(folders):
        pictures = _pictures(folder)
        if not pictures:
            raise InvalidDataError(
                f"{folder} holds no pictures ({', '.join(sorted(EXTENSIONS))}): "
                "add some, or remove the folder"
            )
        for picture in pictures:
            data = picture.read_bytes()
            stack.add(decode_image(data, str(picture), size), str(picture), len(data))
            codes.append(code)
    X, image_shape = stack.rows()
    classes = tuple(folder.name for folder in folders)
    return Dataset(
        root.resolve().name, X, np.array(codes, dtype=np.int64), classes, image_shape, None
    )


def find_pictures(path: PathLike) -> list[Path]:
    """Return a picture file itself, or the pictures of a folder and of its sub-folders.

    Empty if it is neither, or the folder holds none.

    Examples
    --------
    >>> find_pictures("holiday.jpg")
    [PosixPath('holiday.jpg')]
    """
    found = Path(path).expanduser()
    if found.is_dir():
        inner = [picture for folder in class_folders(found) for picture in _pictures(folder)]
        return _pictures(found) + inner
    return [found] if found.suffix.lower() in EXTENSIONS else []


def read_pictures(paths: Sequence[Path], size: Size | None = None) -> np.ndarray:
    """Return pictures as an array (n, height, width, channels), uint8.

    Parameters
    ----------
    paths : sequence of path
        At least one.
    size : (int, int), optional
        Height and width to resize every picture to.

    Raises
    ------
    DataNotFoundError
        If a file is not there.
    InvalidDataError
        If a picture is broken, or sizes differ.
    """
    check_size(size)
    stack = ImageStack()
    for path in paths:
        data = existing_file(path).read_bytes()
        stack.add(decode_image(data, str(path), size), str(path), len(data))
    rows, image_shape = stack.rows()
    return rows.reshape(-1, *image_shape)


def class_folders(root: Path) -> list[Path]:
    """Return the sub-folders in the order of their names, hidden ones left out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("dog", "cat", ".cache"):
    ...         (Path(folder) / name).mkdir()
    ...     [entry.name for entry in class_folders(Path(folder))]
    ['cat', 'dog']
    """
    return sorted(
        (entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")),
        key=lambda entry: entry.name,
    )


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        (
            entry
            for entry in folder.iterdir()
            if entry.suffix.lower() in EXTENSIONS
            and not entry.name.startswith(".")
            and entry.is_file()
        ),
        key=lambda entry: entry.name,
    )
