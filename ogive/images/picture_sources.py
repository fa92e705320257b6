"""What people name to have its pictures indexed: files and folders, or a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ogive._errors import InvalidParameterError
from ogive.data import Dataset, load, names, splits
from ogive.images.picture_files import contains_pictures


@dataclass(frozen=True, eq=False)
class PictureSource:
    """Pictures that can be added in one go.

    Attributes
    ----------
    content : list of str, or Dataset
        Paths of pictures and folders, or rows.
    source : str or None
        What `ogive.data.load` takes for the rows.
    split : str
        Their part.
    """

    content: list[str] | Dataset
    source: str | None = None
    split: str = "train"


def picture_sources(sources: Sequence[str], split: str | None = None) -> list[PictureSource]:
    """Return all files and folders of pictures as one, and each data set by itself.

    A name of `ogive.data.names()` is that data set; a path that holds no picture files is read as
    data.

    Parameters
    ----------
    sources : sequence of str
    split : {"train", "test"} or None
        The part of data that have parts; by default the train part.

    Raises
    ------
    DataNotFoundError, InvalidDataError
        If something is not there, or neither pictures nor data.
    InvalidParameterError
        If a split is asked of folders of pictures.

    Examples
    --------
    >>> picture_sources(["digits"])[0].content
    Dataset('digits': 1437 rows × 64 features (float64), 10 classes, images 8×8×1)
    """
    paths = [name for name in sources if name not in names() and contains_pictures(name)]
    if split is not None and paths:
        raise InvalidParameterError(
            f"split={split!r}: {paths[0]} holds pictures and has no parts: name a folder in it"
        )
    found = [PictureSource(paths)] if paths else []
    for name in sources:
        if name not in paths:
            part = split or splits(name)[0]
            found.append(PictureSource(load(name, part), name, part))
    return found
