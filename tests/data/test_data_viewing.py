"""Pictures of every kind, as a viewer shows them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from ogive._errors import InvalidDataError
from ogive.data._pixels import decode_image, image_size

RED, WHITE = (255, 0, 0), (255, 255, 255)
TAG_BITS, TAG_PHOTOMETRIC, TAG_ORIENTATION = 258, 262, 274


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(image, kind="PNG", **options):
    return decode_image(encoded(image, kind, **options), "it")


def with_tag(tiff, tag, value):
    """Return a little-endian TIFF with one of its short tags changed."""
    (start,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", tiff, entry)[0] == tag:
            return tiff[: entry + 8] + struct.pack("<H", value) + tiff[entry + 10 :]
    raise AssertionError(f"no tag {tag}")


# Deep pictures


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled(kind):
    deep = np.array([[0, 128, 129], [257 * 40, 65534, 65535]], dtype=np.uint16)
    assert decoded(deep, kind)[..., 0].tolist() == [[0, 0, 1], [40, 255, 255]]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5))))
def test_sixteen_bits_of_eight_are_those_eight(grey):
    deep = grey.astype(np.uint16) * 257
    np.testing.assert_array_equal(decoded(deep)[..., 0], grey)
    np.testing.assert_array_equal(decoded(deep, "TIFF")[..., 0], grey)


def test_big_endian_tiffs():
    deep = Image.frombytes("I;16B", (2, 1), bytes([255, 255, 0, 255]))
    assert decoded(deep, "TIFF")[..., 0].tolist() == [[255, 1]]


def test_a_dark_sixteen_bit_picture_stays_dark():
    assert decoded(np.full((2, 2), 300, np.uint16)).max() == 1


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0, 100, 255], [0, 100, 255]),
        ([0, 256, 65535], [0, 1, 255]),
        ([0, 2**24, 2**30], [0, 1, 64]),
        ([-5, 0, 255], [0, 0, 255]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_thirty_two_bit_integers(values, shown):
    assert decoded(np.array([values], np.int32), "TIFF")[0, :, 0].tolist() == shown


def test_unsigned_integers_above_half_of_their_range():
    tiff = encoded(np.array([[0, 2**30, -1]], np.int32), "TIFF")
    unsigned = with_tag(tiff, 339, 1)
    assert decode_image(unsigned, "it")[0, :, 0].tolist() == [0, 64, 255]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0, 100, 255], [0, 100, 255]),
        ([0, 257, 65535], [0, 1, 255]),
        ([0, 1e11, 5e11], [0, 51, 255]),
        ([np.nan, 0.2, 1], [0, 51, 255]),
        ([-np.inf, -1, np.inf], [0, 0, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_floating_numbers(values, shown):
    assert decoded(np.array([values], np.float32), "TIFF")[0, :, 0].tolist() == shown


def test_negatives_of_deep_pictures():
    deep = encoded(np.array([[0, 257, 65535]], np.uint16), "TIFF")
    turned = with_tag(deep, TAG_PHOTOMETRIC, 0)
    assert decode_image(turned, "it")[0, :, 0].tolist() == [255, 254, 0]


def test_a_transparent_value_of_sixteen_bits_is_white():
    png = encoded(np.array([[7, 257 * 9]], np.uint16))
    chunk = b"tRNS" + struct.pack(">H", 7)
    at = png.index(b"IDAT") - 4
    crc = struct.pack(">I", zlib.crc32(chunk))
    png = png[:at] + struct.pack(">I", 2) + chunk + crc + png[at:]
    assert decode_image(png, "it")[0, :, 0].tolist() == [255, 9]


# Colours


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "P", "RGBA", "RGBX"])
def test_other_colours_become_rgb(mode):
    colour = (204, 51, 102)  # one of the web's palette
    image = Image.new("RGB", (4, 3), colour).convert(mode)
    pixels = decoded(image, "TIFF")
    assert pixels.shape == (3, 4, 3)
    assert np.abs(pixels.astype(int) - colour).max() <= 2  # what whole numbers of Lab lose


def test_cmyk_jpegs_are_not_inverted():
    pixels = decoded(Image.new("RGB", (8, 8), RED).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(pixels.astype(int) - RED).max() < 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "F"])
def test_grey_stays_one_channel(mode):
    kind = "PNG" if mode in ("LA", "1") else "TIFF"
    assert decoded(Image.new("L", (4, 3), 255).convert(mode), kind).shape == (3, 4, 1)


def test_black_and_white():
    stripes = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    image = Image.fromarray(stripes).convert("1")
    for kind in ("PNG", "TIFF", "PPM", "BMP"):
        np.testing.assert_array_equal(decoded(image, kind)[..., 0], stripes)


# Transparency


def test_transparency_lies_over_white():
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 128)])
    pixels = decoded(image)[0]
    assert pixels[:2].tolist() == [list(RED), list(WHITE)]
    assert np.abs(pixels[2].astype(int) - (255, 127, 127)).max() <= 1
    assert decoded(image, "WEBP", lossless=True)[0, 1].tolist() == list(WHITE)


def test_grey_transparency_lies_over_white():
    image = Image.new("LA", (3, 1))
    image.putdata([(10, 255), (10, 0), (10, 128)])
    assert decoded(image)[0, :, 0].tolist() == [10, 255, 132]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
def test_transparent_palettes(kind, transparency):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    if kind == "GIF" and isinstance(transparency, bytes):
        transparency = 0
    pixels = decoded(image, kind, transparency=transparency)
    assert pixels[0].tolist() == [list(WHITE), [0, 0, 255]]


@pytest.mark.parametrize(
    ("mode", "colour", "shape"), [("L", 7, (1, 1, 1)), ("RGB", RED, (1, 1, 3)), ("1", 0, (1, 1, 1))]
)
def test_one_transparent_colour(mode, colour, shape):
    pixels = decoded(Image.new(mode, (1, 1), colour), transparency=colour)
    assert pixels.shape == shape and (pixels == 255).all()


# Frames and turns


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels = decoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert pixels.shape == (3, 4, 3) and (pixels == RED).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_upright(kind, orientation):
    # How EXIF describes each: where the picture's top row and left column lie in what is stored.
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright[::-1, ::-1].T,
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[TAG_ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(np.ascontiguousarray(stored), kind, exif=exif, **options)
    pixels = decode_image(data, "it")
    assert pixels.shape[:2] == (16, 24)
    assert np.abs(pixels[..., 0].astype(int) - upright).max() <= 8
    assert image_size(data, "it") == (16, 24)
    assert decode_image(data, "it", size=(2, 3)).shape[:2] == (2, 3)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_orientations_that_are_none(orientation):
    exif = Image.Exif()
    exif[TAG_ORIENTATION] = orientation
    assert decoded(np.zeros((2, 3), np.uint8), exif=exif).shape == (2, 3, 1)


def test_damaged_exif_data():
    data = encoded(np.zeros((8, 16), np.uint8), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode_image(data, "it").shape == (8, 16, 1)
    assert image_size(data, "it") == (8, 16)


# Edges


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM"])
def test_one_pixel(kind):
    assert decoded(Image.new("RGB", (1, 1), WHITE), kind).tolist() == [[[255, 255, 255]]]


def test_a_file_in_place_of_bytes():
    data = encoded(np.full((2, 3), 9, np.uint8))
    assert (decode_image(io.BytesIO(data), "it") == 9).all()
    assert image_size(io.BytesIO(data), "it") == (2, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_no_cut_brings_anything_but_our_error(kind):
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    whole = encoded(noise, kind)
    for length in range(0, len(whole) - 1, max(1, len(whole) // 40)):
        try:
            decode_image(whole[:length], "it")
        except InvalidDataError as error:
            assert str(error).startswith("it is no readable picture (")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF"])
def test_half_a_picture_is_none(kind):
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    whole = encoded(noise, kind)
    with pytest.raises(InvalidDataError, match="it is no readable picture"):
        decode_image(whole[: len(whole) // 2], "it")


def test_a_bomb_is_refused_by_its_header():
    # A PNG that claims 60,000 × 60,000 pixels and holds none.
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    png += struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 0) + b"IDAT"
    png += struct.pack(">I", zlib.crc32(b"IDAT"))
    for read in (decode_image, image_size):
        with pytest.raises(InvalidDataError, match=r"it .*decompression bomb.*resize it first"):
            read(png, "it")
