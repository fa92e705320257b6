"""Reading picture files of which some may be broken: what could be read, and what was left out."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ogive._errors import DataNotFoundError, DataWarning, InvalidDataError, InvalidParameterError
from ogive.data._files import existing_file
from ogive.data._pixels import ImageStack, Size, check_size, decode_image, image_size

COMMON = "common"
_ON_ERROR = ("raise", "skip")
_NAMED = 3  # of many pictures left out, so many are named

_Unreadable = (InvalidDataError, DataNotFoundError)


@dataclass(frozen=True)
class Skipped:
    """A picture that was left out.

    Attributes
    ----------
    path : Path
    reason : str
        Why, and what cures it; to be read after the path.

    Examples
    --------
    >>> print(Skipped(Path("cat/1.png"), "is empty: remove it"))
    cat/1.png is empty: remove it
    """

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


@dataclass(frozen=True, eq=False)
class Picked:
    """What could be read of some picture files.

    Attributes
    ----------
    stack : ImageStack
        The pictures, in the order of the files.
    skipped : list of Skipped
    count : int
        How many files there were.
    resized : int
        How many were resized without having been asked for.
    size : (int, int) or None
        To which all were resized.
    root : Path or None
        The folder that warnings name the files from.
    """

    stack: ImageStack
    skipped: list[Skipped]
    count: int
    resized: int
    size: Size | None
    root: Path | None

    def warn(self, name: str | None = None) -> None:
        """Warn of what was left out or resized; ``name`` is what people call the folder."""
        where = f" of {name}" if name else ""
        if self.skipped:
            warnings.warn(
                f"{len(self.skipped):,} of the {self.count:,} pictures{where} left out: "
                f"{first_reasons(self.skipped, self.root)}",
                DataWarning,
                stacklevel=3,
            )
        if self.resized and self.size:
            height, width = self.size
            warnings.warn(
                f"pictures{where} differ in size: {self.resized:,} of "
                f"{self.count - len(self.skipped):,} resized to the commonest, {height}×{width} "
                "(height×width); pass size to choose another",
                DataWarning,
                stacklevel=3,
            )


def read_picture_files(
    paths: Sequence[Path], size: Size | str | None, on_error: str, root: Path | None = None
) -> Picked:
    """Read picture files into a stack, and list or raise what cannot be read.

    Parameters
    ----------
    paths : sequence of Path
    size : (int, int), "common" or None
        As for `read_image_folder`.
    on_error : {"raise", "skip"}
    root : Path, optional
        The folder that warnings name the files from.

    Raises
    ------
    DataNotFoundError, InvalidDataError
        As for `read_pictures`; that nothing is left is the caller's to say.
    """
    by_itself = size is None and on_error == "skip"
    sizes = _sizes(paths) if by_itself or size == COMMON else {}
    target = None if isinstance(size, str) else size
    if sizes:  # of several commonest ones, the first met
        target = Counter(sizes.values()).most_common(1)[0][0]
    stack, skipped, resized = ImageStack(), [], 0
    for path in paths:
        try:
            pixels, encoded_bytes = _read(path, target)
        except _Unreadable as error:
            if on_error == "raise":
                raise
            skipped.append(Skipped(path, str(error).removeprefix(f"{path} ")))
        else:
            stack.add(pixels, str(path), encoded_bytes)
            resized += by_itself and sizes.get(path) != target
    return Picked(stack, skipped, len(paths), resized, target, root)


def first_reasons(skipped: Sequence[Skipped], root: Path | None = None) -> str:
    """Name the first few pictures that were left out, each with its reason.

    Examples
    --------
    >>> pictures = [Skipped(Path(f"pets/cat/{n}.png"), "is empty") for n in "12345"]
    >>> first_reasons(pictures, Path("pets"))
    'cat/1.png is empty; cat/2.png is empty; cat/3.png is empty; and 2 more'
    """
    named = [str(s if root is None else _seen_from(root, s)) for s in skipped[:_NAMED]]
    rest = len(skipped) - len(named)
    return "; ".join([*named, *([f"and {rest:,} more"] if rest else [])])


def check_choices(size: Size | str | None, on_error: str) -> None:
    """Raise InvalidParameterError unless both are values that readers of pictures take."""
    if on_error not in _ON_ERROR:
        raise InvalidParameterError(f"on_error={on_error!r} must be 'raise' or 'skip'")
    if isinstance(size, str):
        if size != COMMON:
            raise InvalidParameterError(
                f"size={size!r} must be (height, width), or 'common' for the size that most "
                "pictures have"
            )
    else:
        check_size(size)


def _seen_from(root: Path, skipped: Skipped) -> Skipped:
    return Skipped(skipped.path.relative_to(root), skipped.reason)


def _sizes(paths: Sequence[Path]) -> dict[Path, Size]:
    """Return the sizes that the headers of the files tell; files without one are left out."""
    found: dict[Path, Size] = {}
    for path in paths:
        try:
            with _regular(path).open("rb") as stream:
                found[path] = image_size(stream, str(path))
        except (*_Unreadable, OSError):
            continue  # reading it will tell why
    return found


def _read(path: Path, size: Size | None) -> tuple[np.ndarray, int]:
    """Return the pixels of a picture file, and how many bytes it has."""
    try:
        with _regular(path).open("rb") as stream:
            # From the open file: of a video that is called a picture only the beginning is read.
            pixels = decode_image(stream, str(path), size)
            return pixels, os.fstat(stream.fileno()).st_size
    except _Unreadable:
        raise
    except OSError as error:
        raise InvalidDataError(
            f"{path} cannot be read ({error.strerror or error}): change its permissions, or "
            "remove it"
        ) from error


def _regular(path: Path) -> Path:
    if path.is_symlink() and not path.exists():
        raise InvalidDataError(f"{path} is a link that leads nowhere: mend or remove it")
    return existing_file(path)
