"""Pixels as pictures again, and pictures too large to become pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from ogive.data._encoding import as_picture, png_bytes
from ogive.data._pixels import OversizedPictureError, decode_image, image_size


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("optimise", [False, True])
def test_there_and_back(channels, optimise):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    data = png_bytes(as_picture(pixels), optimise=optimise)
    assert np.array_equal(decode_image(data, "it"), pixels)


@pytest.mark.parametrize(("channels", "mode"), [(2, "L"), (4, "RGB")])
def test_opacity_is_laid_over_white(channels, mode):
    pixels = np.full((1, 3, channels), 100, np.uint8)
    pixels[0, :, -1] = (0, 51, 255)
    picture = as_picture(pixels)
    assert picture.mode == mode
    for given, seen in zip(pixels[0], np.asarray(picture).reshape(3, -1), strict=True):
        share = given[-1] / 255
        assert np.abs(seen - (100 * share + 255 * (1 - share))).max() <= 1


def test_too_many_pixels_are_an_error_of_their_own(monkeypatch):
    stream = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(stream, "PNG")
    for read in (image_size, decode_image):
        with pytest.raises(OversizedPictureError, match="resize it first"):
            read(stream.getvalue(), "it")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own bound
    with pytest.raises(OversizedPictureError, match="resize it first"):
        image_size(stream.getvalue(), "it")
