"""The pictures of an index, as a browser may ask for them: by number, never by path."""

from __future__ import annotations

import threading
from http import HTTPStatus

import numpy as np

from ogive._errors import OgiveError
from ogive.images.picture_index import PictureIndex
from ogive.images.picture_viewer import PictureViewer
from ogive.web.pictures import thumbnail
from ogive.web.refusal import RefusedError


class IndexedPictures:
    """Reads pictures of an index again, one at a time.

    Parameters
    ----------
    index : PictureIndex
    """

    def __init__(self, index: PictureIndex) -> None:
        self._entries = index.entries
        self._viewer = PictureViewer(index)
        self._reading = threading.Lock()  # a data set is loaded once, large files one by one

    def check(self, number: int) -> None:
        """Raise RefusedError (404) unless there is a picture of that number."""
        try:
            self._entries[number]
        except KeyError:
            raise RefusedError(
                HTTPStatus.NOT_FOUND, f"The index has no picture number {number!s:.20}."
            ) from None

    def pixels(self, number: int) -> np.ndarray:
        """Return a picture, uint8 of shape (height, width, 1 or 3).

        Raises
        ------
        RefusedError
            If there is none of that number, or it cannot be read any more (404).
        """
        self.check(number)
        try:
            with self._reading:
                return self._viewer.entry(self._entries[number])
        except (OgiveError, OSError) as error:  # whose words may hold a path
            raise RefusedError(
                HTTPStatus.NOT_FOUND,
                f"Picture number {number} is gone or damaged since it was indexed.",
            ) from error

    def thumbnail(self, number: int, side: int) -> bytes:
        """Return a picture as a PNG file whose longer side is reduced; raises as `pixels`."""
        return thumbnail(self.pixels(number), side)
