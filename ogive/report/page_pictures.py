"""What the report page shows of a search, and of digits that were drawn."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ogive.data._encoding import png_bytes
from ogive.report.demo_result import DrawnDigits, Search
from ogive.report.plots import picture
from ogive.report.style import label

_LONGEST = 40  # letters of a class


@dataclass(frozen=True)
class Found:
    """A picture of the search as a ``data:`` URI.

    Attributes
    ----------
    uri : str
    label : str
        Its class.
    value : float or None
        The kernel's; None for the picture that was searched for.
    same : bool
        Whether it is of the class that was searched for.
    """

    uri: str
    label: str
    value: float | None
    same: bool


@dataclass(frozen=True)
class Strip:
    """Drawn digits side by side as a ``data:`` URI, and what was asked for."""

    uri: str
    label: str


def search_lines(search: Search) -> list[list[Found]]:
    """Return for each query that is shown a line: itself, and what was found."""
    return [
        [
            Found(picture(query.picture), label(query.label, _LONGEST), None, True),
            *(
                Found(
                    picture(hit.picture),
                    label(hit.label, _LONGEST),
                    hit.value,
                    hit.label == query.label,
                )
                for hit in query.hits
                if hit.picture is not None
            ),
        ]
        for query in search.shown
    ]


def digit_strips(digits: DrawnDigits) -> list[Strip]:
    """Return a strip for each class, with a transparent column between two digits."""
    return [
        Strip(_strip(row[..., 0]), label(name, _LONGEST))
        for row, name in zip(digits.pictures, digits.classes, strict=True)
    ]


def _strip(row: np.ndarray) -> str:
    opaque = np.stack([row, np.full_like(row, 255)], axis=-1)
    spaced = np.pad(opaque, ((0, 0), (0, 0), (0, 1), (0, 0)))  # grey and opacity 0
    strip = np.concatenate(list(spaced), axis=1)[:, :-1]
    data = png_bytes(Image.fromarray(np.ascontiguousarray(strip)), optimise=True)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")
