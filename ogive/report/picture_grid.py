"""Rows of small pictures, each row with a name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ogive._errors import InvalidParameterError
from ogive._writing import PathLike
from ogive.data._encoding import as_picture
from ogive.report.drawing import PAPER, check_png_path, font, write_png
from ogive.report.style import INK, label

# All in pixels. Small pictures are enlarged by whole numbers, so that their pixels stay square.
_MARGIN, _GAP, _CELL, _TEXT = 12, 4, 56, 13
_LONGEST = 24  # letters of a name


def write_picture_grid(path: PathLike, rows: Sequence[np.ndarray], names: Sequence[str]) -> Path:
    """Draw a grid of pictures into a .png file, whole or not at all.

    Raises
    ------
    InvalidParameterError
        If the path ends otherwise, or as `picture_grid`.
    OutputError
        If the file cannot be written.
    """
    check_grid_path(path)
    return write_png(path, picture_grid(rows, names))


def check_grid_path(path: PathLike) -> None:
    """Raise InvalidParameterError unless a grid can be a file of this name."""
    check_png_path(path, "output")


def picture_grid(rows: Sequence[np.ndarray], names: Sequence[str]) -> Image.Image:
    """Return a picture of rows of pictures, the name of each row to its left.

    Parameters
    ----------
    rows : sequence of ndarrays of shape (n, height, width, channels)
        uint8, of one size; see `as_picture` for channels. Rows may be of different lengths.
    names : sequence of str
        One a row; no room is taken for them if all are empty.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    InvalidParameterError
        If there is no picture, or not a name for each row.

    Examples
    --------
    >>> row = np.zeros((8, 28, 28, 1), np.uint8)
    >>> picture_grid([row, row[:3]], ["", ""]).size
    (500, 140)
    """
    if len(rows) != len(names) or not any(len(row) for row in rows):
        raise InvalidParameterError(
            f"{len(rows)} rows and {len(names)} names: give a name for each row, and one picture "
            "at least"
        )
    letters = font(_TEXT)
    shown = [label(name, _LONGEST) for name in names]
    height, width = rows[0].shape[1:3]
    scale = max(1, _CELL // max(height, width))
    high, wide = scale * height + _GAP, scale * width + _GAP
    left = _MARGIN + round(max(map(letters.getlength, shown)) + (_MARGIN if any(shown) else 0))
    size = (
        left + max(map(len, rows)) * wide - _GAP + _MARGIN,
        2 * _MARGIN + len(rows) * high - _GAP,
    )
    grid = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(grid)
    for place, (row, name) in enumerate(zip(rows, shown, strict=True)):
        top = _MARGIN + place * high
        draw.text((_MARGIN, top + (high - _GAP) / 2), name, INK, letters, anchor="lm")
        for column, pixels in enumerate(row):
            picture = as_picture(pixels).resize(
                (wide - _GAP, high - _GAP), Image.Resampling.NEAREST
            )
            grid.paste(picture, (left + column * wide, top))
    return grid
