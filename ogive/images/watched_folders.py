"""Which folders a picture index looks into, and what in them it leaves out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ogive._errors import DataNotFoundError
from ogive.images.picture_files import PictureFile, find_files


class WatchedFolders:
    """Folders whose new pictures are to be indexed, but for those that were removed by hand.

    Attributes
    ----------
    roots : list of str
        Absolute.
    excluded : set of str
        Files and folders.

    Examples
    --------
    >>> folders = WatchedFolders(["/photos"], {"/photos/private"})
    >>> folders.leaves_out("/photos/private/1.jpg"), folders.leaves_out("/photos/1.jpg")
    (True, False)
    """

    def __init__(self, roots: Iterable[str] = (), excluded: Iterable[str] = ()) -> None:
        self.roots, self.excluded = list(roots), set(excluded)

    def watch(self, places: Sequence[str], files: Sequence[PictureFile]) -> None:
        """Watch those places that are folders; they and the files are left out no longer."""
        for place in places:
            if Path(place).is_dir() and place not in self.roots:
                self.roots.append(place)
        wanted = {file.path for file in files}
        self.excluded = {
            name
            for name in self.excluded - wanted
            if not any(is_within(name, place) for place in places)
        }

    def forget(self, places: Sequence[str]) -> None:
        """Stop watching what lies in some places, and leave it out where a root still holds it."""
        self.roots = [r for r in self.roots if not any(is_within(r, place) for place in places)]
        self.excluded = {*self.excluded, *places} if self.roots else set()

    def leaves_out(self, name: str) -> bool:
        """Return whether a file was removed, or a folder that it lies in."""
        return any(part in self.excluded for part in (name, *map(str, Path(name).parents)))

    def files(self) -> dict[str, PictureFile]:
        """Return the picture files that are there now, by path.

        Raises
        ------
        DataNotFoundError
            If a root is gone as a whole: a disk that is not there should not empty an index.
        """
        for root in self.roots:
            if not Path(root).is_dir():
                raise DataNotFoundError(
                    f"the indexed folder {root} is not there: mount its disk, or remove the "
                    "folder from the index"
                )
        found = (file for root in self.roots for file in find_files(root))
        return {file.path: file for file in found if not self.leaves_out(file.path)}


def is_within(name: str, folder: str) -> bool:
    """Return whether a path is a folder itself or leads into it.

    Examples
    --------
    >>> is_within("/photos/1.jpg", "/photos"), is_within("/photos2", "/photos")
    (True, False)
    """
    return name == folder or name.startswith(folder.rstrip(os.sep) + os.sep)
