"""A picture as a viewer shows it: upright, opaque, grey or RGB, eight bits a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

# Modes of more than eight bits a channel, which Pillow would clip and not scale.
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_GREY_MODES = ("1", "L", "LA", "La")
# Where neither the format nor the type of the numbers says what is white.
_INTEGER_WHITES = (2**8 - 1, 2**16 - 1, 2**32 - 1)

# Tags of TIFF and EXIF.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _SAMPLE_FORMAT = 258, 262, 274, 339
_WHITE_IS_ZERO, _UNSIGNED = 0, 1
# What undoes each orientation: names of Pillow's Transpose (EXIF 2.32, table 5).
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_LYING = 5  # from this orientation on, height and width change places


def as_shown(image: Image.Image) -> Image.Image:
    """Return an opened picture as a viewer shows it; of an animation, the frame that it is at.

    16 bits are scaled to 8 (65535 becomes 255). Of 32-bit integers and of floating numbers no
    format says what is white: it is the first of 1 (floating numbers only), 255, 65535 and
    2³² - 1 that no pixel exceeds; what is negative or not a number is black. CMYK, YCbCr, LAB and
    palettes become RGB (colour profiles are ignored), transparency is laid over white, and the
    orientation that a camera noted in EXIF is applied.

    Parameters
    ----------
    image : PIL.Image.Image
        As ``Image.open`` returned it: a converted copy has lost its format.

    Returns
    -------
    PIL.Image.Image
        Of mode L if it is grey, otherwise RGB.
    """
    image.load()
    turn = _TURNS.get(_orientation(image))
    flat = _eight_bits(image) if image.mode in _DEEP_MODES else _opaque(image)
    if turn is None:
        return flat
    from PIL import Image

    return flat.transpose(Image.Transpose[turn])


def shown_size(image: Image.Image) -> tuple[int, int]:
    """Return height and width as a viewer shows it, from the header alone."""
    width, height = image.size
    # Pillow turns a TIFF by itself. Behind the pixels of a PNG there may be EXIF data too: they
    # are not worth decoding it.
    headless = image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info)
    lying = not headless and _orientation(image) in range(_LYING, 9)
    return (width, height) if lying else (height, width)


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data: a viewer shows the picture as it lies
        return 1


def _opaque(image: Image.Image) -> Image.Image:
    """Return it as L or RGB, with what is transparent over white."""
    from PIL import Image

    base, with_alpha = ("L", "LA") if image.mode in _GREY_MODES else ("RGB", "RGBA")
    if not image.has_transparency_data:
        return image if image.mode == base else image.convert(base)
    layered = image.convert(with_alpha)
    canvas = Image.new(base, image.size, "white")
    canvas.paste(layered.convert(base), mask=layered.getchannel("A"))
    return canvas


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a deep grey picture as L, its black and white kept where they are."""
    from PIL import Image

    tags = getattr(image, "tag_v2", {})  # of TIFF only
    stored = np.asarray(image)
    unsigned = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED
    if tags and image.mode == "I" and unsigned:
        stored = stored.view(np.uint32)  # Pillow reads what is over 2³¹ as negative
    values = np.nan_to_num(stored.astype(np.float32), copy=False, posinf=np.inf)
    white = _white(image, values)
    np.clip(values, 0, white, out=values)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        np.subtract(white, values, out=values)
    values *= 255 / white
    shown = np.rint(values, out=values).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        shown[stored == transparent] = 255
    return Image.fromarray(shown)


def _white(image: Image.Image, values: np.ndarray) -> float:
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
        highest = float(values.max(initial=0.0, where=np.isfinite(values)))
        whites = (1, *_INTEGER_WHITES) if image.mode == "F" else _INTEGER_WHITES
        # Of numbers above 2³² the largest is as good a white as any.
        return next((float(white) for white in whites if highest <= np.float32(white)), highest)
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    return float(2 ** min(bits, 16) - 1)
