"""Finding picture files, telling whether they changed, and decoding many of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError, OgiveError
from ogive._typing import ImageShape
from ogive._writing import PathLike
from ogive.data import read_pictures
from ogive.data.folder import EXTENSIONS
from ogive.images.picture_shapes import resize_pictures

_DECODERS = 4  # Pillow decodes outside the interpreter's lock


@dataclass(frozen=True)
class PictureFile:
    """A picture file as it was found.

    Attributes
    ----------
    path : str
        Absolute, links followed: two ways to write a path give one.
    label : str or None
        The class: the name of the folder in which it lies, unless that is the one that was given.
    size, mtime_ns : int
        Bytes, and when it was last changed.
    identity : (int, int)
        Of the disk and of the file on it: hard links share one.
    """

    path: str
    label: str | None
    size: int
    mtime_ns: int
    identity: tuple[int, int]


def listed(paths: PathLike | Iterable[PathLike]) -> list[PathLike]:
    """Return one path, or several, as a list."""
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def real_path(path: PathLike) -> str:
    """Return a path, of something that may be gone, absolute and with links followed."""
    return os.path.realpath(Path(path).expanduser())


def find_files(source: PathLike) -> list[PictureFile]:
    """Return a picture file, or all those in a folder and the folders in it, by name.

    Hidden files and folders, and links to folders, are left out.

    Raises
    ------
    DataNotFoundError
        If nothing is there.
    InvalidDataError
        If it is a file whose name does not end as one of a picture.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "cat").mkdir()
    ...     Image.new("L", (4, 3)).save(Path(folder) / "cat" / "tom.png")
    ...     [(Path(file.path).name, file.label) for file in find_files(folder)]
    [('tom.png', 'cat')]
    """
    root = real_path(source)
    if not os.path.lexists(root):
        raise DataNotFoundError(f"{source} does not exist: check the path (here is {Path.cwd()})")
    if not Path(root).is_dir():
        if Path(root).suffix.lower() not in EXTENSIONS:
            raise InvalidDataError(
                f"{source} is no picture by its name; pictures end in "
                f"{', '.join(sorted(EXTENSIONS))}"
            )
        return [file for file in [_file(root, None)] if file is not None]
    found = (_file(path, _label(path, root)) for path in _walk(root))
    return [file for file in found if file is not None]


def contains_pictures(source: PathLike) -> bool:
    """Tell whether a path is a picture file, or a folder with one somewhere in it."""
    root = real_path(source)
    if Path(root).is_dir():
        return next(_walk(root), None) is not None
    return Path(root).suffix.lower() in EXTENSIONS


def existing(paths: Iterable[str]) -> dict[str, PictureFile]:
    """Return those of some files that are still there, as they are now, by path."""
    found = (_file(path, None) for path in paths)
    return {file.path: file for file in found if file is not None}


def read_each(paths: Sequence[str], image_shape: ImageShape) -> list[np.ndarray | str]:
    """Decode picture files into one shape, in several threads.

    Returns
    -------
    list of ndarray or str
        For each file its pixels, uint8 of `image_shape`, or why it cannot be read.
    """

    def read(path: str) -> np.ndarray | str:
        try:
            return resize_pictures(read_pictures([Path(path)], image_shape[:2]), image_shape)[0]
        except (OgiveError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return str(reason).removeprefix(f"{path} ").removeprefix("is ")

    with ThreadPoolExecutor(min(_DECODERS, os.cpu_count() or 1)) as threads:
        return list(threads.map(read, paths))


def _walk(root: str) -> Iterator[str]:
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in EXTENSIONS:
                yield str(Path(folder) / name)


def _file(path: str, label: str | None) -> PictureFile | None:
    try:
        resolved = os.path.realpath(path)
        status = Path(resolved).stat()
    except (OSError, ValueError):
        return None  # a link to nothing, or gone since the folder was read
    if not Path(resolved).is_file():
        return None  # opening a pipe would wait for somebody to write into it
    identity = (status.st_dev, status.st_ino)
    return PictureFile(resolved, label, status.st_size, status.st_mtime_ns, identity)


def _label(path: str, root: str) -> str | None:
    parts = Path(path).relative_to(root).parts
    return parts[-2] if len(parts) > 1 else None
