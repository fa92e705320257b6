"""What pictures share that are drawn with Pillow: their paper, their letters and their file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import matplotlib
from PIL import Image, ImageFont

from ogive._errors import InvalidParameterError
from ogive._writing import PathLike, write_bytes
from ogive.data._encoding import png_bytes

PAPER = "#ffffff"


def font(size: int, weight: Literal["plain", "bold"] = "plain") -> ImageFont.FreeTypeFont:
    """Return letters of so many pixels, from the font that comes with matplotlib."""
    name = "DejaVuSans.ttf" if weight == "plain" else "DejaVuSans-Bold.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)


def check_png_path(path: PathLike, parameter: str) -> None:
    """Raise InvalidParameterError, which names the parameter, unless a path ends in .png."""
    if Path(path).suffix.lower() != ".png":
        raise InvalidParameterError(f"{parameter}={str(path)!r} must end in .png: name the file so")


def write_png(path: PathLike, image: Image.Image) -> Path:
    """Write a picture to a .png file, whole or not at all; OutputError if it cannot be."""
    return write_bytes(path, png_bytes(image, optimise=True))
