"""Contact sheets: a picture that was searched for, large, and beside it what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from ogive._errors import InvalidParameterError
from ogive._writing import PathLike
from ogive.data._encoding import as_picture
from ogive.report.drawing import PAPER, check_png_path, font, write_png
from ogive.report.style import FAINT, INK, RULE, label

MOST_HITS, MOST_QUERIES = 100, 50

# All in pixels. The query's side is that of two rows of hits, captions included.
_MARGIN, _GAP, _CELL, _CAPTION = 28, 14, 132, 40
_QUERY = 2 * _CELL + _CAPTION + _GAP
_WIDEST = 12  # columns of hits
_EMPTY = "#f4f2ee"
_TEXT, _LARGE_TEXT = 13, 15


@dataclass(frozen=True, eq=False)
class SheetHit:
    """A picture that was found.

    Attributes
    ----------
    picture : ndarray of shape (height, width, channels), or None
        uint8, see `as_picture`; None if it cannot be shown any more.
    value : float
        The kernel's value.
    label : str
        Its class, or its name.
    """

    picture: np.ndarray | None
    value: float
    label: str


@dataclass(frozen=True, eq=False)
class SheetQuery:
    """A picture that was searched for, and what was found, nearest first."""

    picture: np.ndarray
    label: str
    hits: Sequence[SheetHit]


def write_contact_sheet(path: PathLike, queries: Sequence[SheetQuery]) -> Path:
    """Draw a contact sheet into a .png file, whole or not at all.

    Raises
    ------
    InvalidParameterError
        If the path ends otherwise, or as `contact_sheet`.
    OutputError
        If the file cannot be written.
    """
    check_sheet_path(path)
    return write_png(path, contact_sheet(queries))


def check_sheet_path(path: PathLike) -> None:
    """Raise InvalidParameterError unless a contact sheet can be a file of this name."""
    check_png_path(path, "sheet")


def contact_sheet(queries: Sequence[SheetQuery]) -> Image.Image:
    """Return a picture of each query, large, beside its hits with rank, kernel value and class.

    Small pictures are enlarged by whole numbers, so that their pixels stay square; large ones are
    reduced; no side is stretched.

    Parameters
    ----------
    queries : sequence of SheetQuery
        One to fifty. Of the hits, the first hundred are drawn.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    InvalidParameterError
        If there is no query, or there are too many.

    Examples
    --------
    >>> picture = np.zeros((28, 28, 1), np.uint8)
    >>> contact_sheet([SheetQuery(picture, "mine", [SheetHit(picture, 0.964, "cat")])]).size
    (534, 414)
    """
    if not 1 <= len(queries) <= MOST_QUERIES:
        raise InvalidParameterError(
            f"{len(queries)} queries for a contact sheet; it holds 1 to {MOST_QUERIES}: draw "
            "several sheets"
        )
    columns = max(_columns(min(len(query.hits), MOST_HITS)) for query in queries)
    heights = [_height(query, columns) for query in queries]
    width = 2 * _MARGIN + _QUERY + (_GAP + columns * (_CELL + _GAP) if columns else 0)
    height = 2 * _MARGIN + sum(heights) + (len(heights) - 1) * 2 * _MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = _MARGIN
    for place, (query, tall) in enumerate(zip(queries, heights, strict=True)):
        if place:
            line = top - _MARGIN
            draw.line((_MARGIN, line, width - _MARGIN, line), fill=RULE)
        _draw_query(sheet, draw, query, top, columns)
        top += tall + 2 * _MARGIN
    return sheet


def _columns(hits: int) -> int:
    """Return how many columns make the hits about twice as wide as high."""
    return min(hits, max(math.ceil(hits / 2) if hits <= 10 else 5, _wide(hits)), _WIDEST)


def _wide(hits: int) -> int:
    return math.ceil(math.sqrt(1.6 * hits))


def _height(query: SheetQuery, columns: int) -> int:
    rows = math.ceil(min(len(query.hits), MOST_HITS) / columns) if columns else 0
    more = _CAPTION if len(query.hits) > MOST_HITS else 0
    return max(_QUERY + _CAPTION, rows * (_CELL + _CAPTION + _GAP) - _GAP) + more


def _draw_query(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, query: SheetQuery, top: int, columns: int
) -> None:
    _draw_picture(sheet, draw, query.picture, (_MARGIN, top), _QUERY)
    _write(
        draw,
        (_MARGIN, top + _QUERY + 6),
        query.label,
        _QUERY,
        weight="bold",
        size=_LARGE_TEXT,
        keep="end",
    )
    left = _MARGIN + _QUERY + 2 * _GAP
    for place, hit in enumerate(query.hits[:MOST_HITS]):
        x = left + place % columns * (_CELL + _GAP)
        y = top + place // columns * (_CELL + _CAPTION + _GAP)
        _draw_picture(sheet, draw, hit.picture, (x, y), _CELL)
        caption = y + _CELL + 4
        _write(draw, (x, caption), str(place + 1), _CELL, weight="bold")
        value = f"{hit.value:.4f}"
        letters = font(_TEXT)
        draw.text((x + _CELL - letters.getlength(value), caption), value, FAINT, letters)
        _write(draw, (x, caption + 17), hit.label, _CELL, weight="plain", keep="end")
    if len(query.hits) > MOST_HITS:
        text = f"and {len(query.hits) - MOST_HITS:,} more"
        _write(draw, (left, top + _height(query, columns) - 20), text, 20 * _CELL, weight="plain")


def _draw_picture(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    pixels: np.ndarray | None,
    place: tuple[int, int],
    side: int,
) -> None:
    """Draw a picture in the middle of a square, with a hairline around it."""
    x, y = place
    if pixels is None:
        draw.rectangle((x, y, x + side - 1, y + side - 1), fill=_EMPTY, outline=RULE)
        text, letters = "not there", font(_TEXT)
        left = x + (side - letters.getlength(text)) / 2
        draw.text((left, y + side / 2 - 8), text, FAINT, letters)
        return
    picture = as_picture(pixels).convert("RGB")  # grey cannot be blended in colour
    scale = min((side - 2) / picture.width, (side - 2) / picture.height)
    if scale >= 2:
        scale = math.floor(scale)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    method = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.LANCZOS
    x, y = x + (side - size[0]) // 2, y + (side - size[1]) // 2
    sheet.paste(picture.resize(size, method), (x, y))
    draw.rectangle((x - 1, y - 1, x + size[0], y + size[1]), outline=RULE)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    width: int,
    *,
    weight: Literal["plain", "bold"],
    size: int = _TEXT,
    keep: Literal["start", "end"] = "start",
) -> None:
    """Write a line, and shorten it to a width: the end of a path tells more than its start."""
    letters = font(size, weight)
    shown = text = label(text, len(text) or 1)
    while len(text) > 1 and letters.getlength(shown) > width:
        text = text[1:] if keep == "end" else text[:-1]
        shown = f"…{text}" if keep == "end" else f"{text}…"
    draw.text(place, shown, INK, letters)
