"""How much a request may ask for."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ogive._checks import check_count


@dataclass(frozen=True)
class Limits:
    """Bounds of what one request may send, ask for and wait for.

    Attributes
    ----------
    upload_bytes : int
        Of an encoded picture.
    pixels : int
        Of a picture, known from its header before it is decoded.
    hits : int
        Most alike pictures.
    count : int
        Pictures generated at a time.
    steps : int
        Of the generator.
    waiting : int
        Computations that run or wait for their turn; more are sent away.
    thumbnail : int
        Pixels of the longer side of an indexed picture as it is shown.

    Raises
    ------
    InvalidParameterError
        If one is no whole number of at least 1.

    Examples
    --------
    >>> Limits(count=4).count
    4
    """

    upload_bytes: int = 20 << 20
    pixels: int = 40_000_000
    hits: int = 100
    count: int = 64
    steps: int = 100
    waiting: int = 8
    thumbnail: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            check_count(getattr(self, field.name), field.name)
