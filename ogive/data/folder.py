"""Folders of pictures, one sub-folder a class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, overload

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError
from ogive.data._files import PathLike
from ogive.data._picture_files import Skipped, check_choices, first_reasons, read_picture_files
from ogive.data._pixels import Size
from ogive.data.dataset import Dataset

EXTENSIONS = frozenset(
    (
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
    )
)
# Pictures, but not for us: to leave them out without a word would be a silent loss.
_OTHER_EXTENSIONS = frozenset((".heic", ".heif", ".avif", ".jxl", ".jp2"))


@overload
def read_image_folder(
    path: PathLike,
    *,
    size: Size | Literal["common"] | None = None,
    on_error: Literal["raise"] = "raise",
) -> Dataset: ...
@overload
def read_image_folder(
    path: PathLike,
    *,
    size: Size | Literal["common"] | None = None,
    on_error: Literal["skip"],
) -> tuple[Dataset, list[Skipped]]: ...


def read_image_folder(
    path: PathLike,
    *,
    size: Size | Literal["common"] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> Dataset | tuple[Dataset, list[Skipped]]:
    """Read a folder that holds one sub-folder of pictures a class.

    Classes and pictures come in the order of their names. Pictures are read as a viewer shows
    them: 16 bits scaled to 8, transparency over white, upright by EXIF, the first frame of an
    animation. Grey pictures stay one channel unless there is a colour picture too; everything else
    is converted to RGB. Files that are no pictures by their extension, hidden ones and deeper
    folders are left alone.

    Parameters
    ----------
    path : str or path
        The folder above the classes.
    size : (int, int) or "common", optional
        Height and width to resize every picture to; "common": those that most pictures have (of
        several, the first met).
    on_error : {"raise", "skip"}
        What to do about a picture that cannot be read: raise, or leave it out. With "skip" and no
        `size`, pictures of differing sizes are resized to the common one.

    Returns
    -------
    Dataset
        X uint8 of shape (n, height × width × channels).
    list of Skipped
        Only with "skip": what was left out, and why. A `DataWarning` names the first few.

    Raises
    ------
    DataNotFoundError
        If there is no such folder.
    InvalidDataError
        If there are no class folders or one without a picture that can be read; with "raise", if
        a picture cannot be read, or sizes differ and `size` is not given.
    InvalidParameterError
        If `size` or `on_error` is none of the above.

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
    check_choices(size, on_error)
    root = Path(path).expanduser()
    folders = _classes_within(root)
    pictures = [_pictures_of(folder) for folder in folders]
    picked = read_picture_files([*chain(*pictures)], size, on_error, root)
    left_out = {skipped.path for skipped in picked.skipped}
    codes: list[int] = []
    for code, (folder, own) in enumerate(zip(folders, pictures, strict=True)):
        readable = [code for picture in own if picture not in left_out]
        if not readable:
            raise _nothing_left(folder, [s for s in picked.skipped if s.path in set(own)])
        codes += readable
    X, image_shape = picked.stack.rows()
    classes = tuple(folder.name for folder in folders)
    name = root.resolve().name
    found = Dataset(name, X, np.array(codes, dtype=np.int64), classes, image_shape, None)
    picked.warn(name)
    return (found, picked.skipped) if on_error == "skip" else found


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
    return [found] if _is_picture(found) else []


@overload
def read_pictures(
    paths: Sequence[PathLike],
    size: Size | Literal["common"] | None = None,
    on_error: Literal["raise"] = "raise",
) -> np.ndarray: ...
@overload
def read_pictures(
    paths: Sequence[PathLike],
    size: Size | Literal["common"] | None = None,
    *,
    on_error: Literal["skip"],
) -> tuple[np.ndarray, list[Skipped]]: ...


def read_pictures(
    paths: Sequence[PathLike],
    size: Size | Literal["common"] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> np.ndarray | tuple[np.ndarray, list[Skipped]]:
    """Return pictures as an array (n, height, width, channels), uint8, as a viewer shows them.

    Parameters
    ----------
    paths : sequence of path
        At least one.
    size, on_error
        As for `read_image_folder`.

    Returns
    -------
    ndarray of shape (n, height, width, channels)
    list of Skipped
        Only with "skip": what was left out, and why. A `DataWarning` names the first few.

    Raises
    ------
    DataNotFoundError
        With "raise", if a file is not there.
    InvalidDataError
        If none can be read; with "raise", if a picture cannot, or sizes differ and `size` is not
        given.
    InvalidParameterError
        If `size` or `on_error` is none of those.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     picture = Path(folder) / "grey.png"
    ...     Image.new("L", (4, 3)).save(picture)
    ...     read_pictures([picture]).shape
    (1, 3, 4, 1)
    """
    check_choices(size, on_error)
    files = [Path(path).expanduser() for path in paths]
    picked = read_picture_files(files, size, on_error)
    if files and len(picked.skipped) == len(files):
        several = f"none of the {len(files):,} pictures can be read: " if len(files) > 1 else ""
        raise InvalidDataError(several + first_reasons(picked.skipped))
    rows, image_shape = picked.stack.rows()
    picked.warn()
    images = rows.reshape(-1, *image_shape)
    return (images, picked.skipped) if on_error == "skip" else images


def class_folders(root: Path) -> list[Path]:
    """Return the sub-folders in the order of their names, hidden ones left out.

    Raises
    ------
    InvalidDataError
        If the folder may not be listed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("dog", "cat", ".cache"):
    ...         (Path(folder) / name).mkdir()
    ...     [entry.name for entry in class_folders(Path(folder))]
    ['cat', 'dog']
    """
    return [entry for entry, is_folder in _entries(root) if is_folder]


def _classes_within(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataNotFoundError(f"{root} is not a folder on this machine: check the path")
    folders = class_folders(root)
    if not folders:
        raise InvalidDataError(
            f"{root} has no class folders: put the pictures of each class into a sub-folder named "
            f"after it, as in {root / 'cat' / '1.png'} and {root / 'dog' / '1.png'}"
        )
    return folders


def _pictures_of(folder: Path) -> list[Path]:
    pictures = _pictures(folder)
    if not pictures:
        raise InvalidDataError(
            f"{folder} holds no pictures ({', '.join(sorted(EXTENSIONS))}): "
            "add some, or remove the folder"
        )
    return pictures


def _pictures(folder: Path) -> list[Path]:
    # Links that lead nowhere are among them: what cannot be read is to be told, not left out.
    return [entry for entry, is_folder in _entries(folder) if not is_folder and _is_picture(entry)]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS | _OTHER_EXTENSIONS


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    """Return what is not hidden in a folder, by name, and whether each is a folder itself."""
    try:
        names = sorted((e for e in folder.iterdir() if e.name[0] != "."), key=lambda e: e.name)
        return [(entry, entry.is_dir()) for entry in names]
    except OSError as error:
        raise InvalidDataError(
            f"{folder} cannot be listed ({error.strerror}): change its permissions or remove it"
        ) from error


def _nothing_left(folder: Path, skipped: list[Skipped]) -> InvalidDataError:
    return InvalidDataError(
        f"{folder} holds no picture that can be read ({first_reasons(skipped, folder)}): "
        "add some, or remove the folder"
    )
