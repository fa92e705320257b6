"""Every plot is a valid image of the expected size and shows the figures it was given."""

from __future__ import annotations

import base64
import io
import re
import urllib.parse
import warnings
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from ogive.kernels.spectrum import INDEFINITE, POSITIVE
from ogive.report import plots

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ["<b>bold</b>", "cost $5 & $6", "漢字", "a\nb\x00\udcff"]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def svg_of(uri):
    """Return the root of an SVG image, its texts and its size in CSS pixels."""
    head, _, body = uri.partition(",")
    assert head == "data:image/svg+xml"
    assert not re.search(r"[\"'<>&#%\s](?<![% ])", body.replace("%", "")), (
        "not fit for an attribute"
    )
    root = ElementTree.fromstring(urllib.parse.unquote(body))
    assert root.tag == SVG + "svg"
    size = tuple(float(root.attrib[side].removesuffix("pt")) / 0.75 for side in ("width", "height"))
    return root, ["".join(text.itertext()) for text in root.iter(SVG + "text")], size


def raster_of(root):
    """Return the first picture inside an SVG image; a second one is the colour bar."""
    image = next(root.iter(SVG + "image"))
    return pixels_of(image.attrib["{http://www.w3.org/1999/xlink}href"])


def pixels_of(uri):
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(body, validate=False)))


def test_kernel_matrix_orders_rows_by_class():
    codes = np.array([2, 0, 1, 0, 2, 1] * 5)
    same = codes[:, None] == codes
    root, texts, size = svg_of(plots.kernel_matrix(np.where(same, 1.0, -1.0), codes, "abc"))
    assert size == pytest.approx((540, 480))
    assert [text for text in texts if text in "abc"] == ["a", "b", "c"] * 2
    pixels = np.asarray(raster_of(root).convert("RGB")).astype(int)
    blocks = np.repeat(np.arange(3), 10)
    red, blue = pixels[..., 0], pixels[..., 2]
    np.testing.assert_array_equal(red > blue, blocks[:, None] == blocks)


def test_kernel_matrix_of_one_sign_is_not_diverging():
    matrix = np.linspace(0.5, 0.9, 100).reshape(10, 10)
    root, texts, _ = svg_of(plots.kernel_matrix(matrix, np.zeros(10, int), ["only"]))
    assert texts.count("only") == 2
    pixels = np.asarray(raster_of(root).convert("RGB")).astype(int)
    assert pixels[0, 0, 2] > pixels[0, 0, 0] and pixels[-1, -1, 0] > pixels[-1, -1, 2]


def test_kernel_matrix_centres_zero():
    matrix = np.zeros((9, 9))
    matrix[0], matrix[1] = 1.0, -0.1
    root, _, _ = svg_of(plots.kernel_matrix(matrix, np.zeros(9, int), ["only"]))
    zero = np.asarray(raster_of(root).convert("RGB"))[5, 5]
    assert zero.min() > 240  # white, though the values reach further up than down


@pytest.mark.parametrize("size", [1, 2, 361, 1000])
def test_kernel_matrix_of_any_size_stays_small(size):
    generator = np.random.default_rng(0)
    matrix = np.tanh(generator.normal(size=(size, size)))
    uri = plots.kernel_matrix(matrix, np.arange(size) % 100, [str(c) for c in range(100)])
    root, _, _ = svg_of(uri)
    assert max(raster_of(root).size) == min(size, {361: 181, 1000: 334}.get(size, size))
    assert len(uri) < 500_000


def test_kernel_matrix_of_one_value():
    svg_of(plots.kernel_matrix(np.ones((4, 4)), np.zeros(4, int), ["a"]))


def test_spectrum_states_the_negative_share(make_definiteness):
    found = make_definiteness(INDEFINITE)
    root, texts, size = svg_of(plots.spectrum(found))
    assert size == pytest.approx((540, 480))
    share = f"{100 * found.plain.negative_mass:.2g}"
    assert texts.count(f"negative: 2, {share} % of the mass") == 2
    assert texts.count("positive: 18") == 2
    assert "10⁰" in texts
    marks = len(list(root.iter(SVG + "use")))
    assert marks >= 2 * 20


def test_spectrum_without_negative_eigenvalues(make_definiteness):
    _, texts, _ = svg_of(plots.spectrum(make_definiteness(POSITIVE)))
    assert texts.count("negative: 0") == 2 and texts.count("positive: 20") == 2


def test_spectrum_leaves_out_what_counts_as_zero(make_definiteness):
    found = make_definiteness(POSITIVE, size=60)
    _, texts, _ = svg_of(plots.spectrum(found))
    kept = int((found.plain.eigenvalues > 1e-10).sum())
    assert kept < 60 and f"positive: {kept}" in texts


def test_confusion_shows_every_count():
    counts = np.array([[9, 1], [30, 70]])
    root, texts, size = svg_of(plots.confusion(counts, ["yes", "no"]))
    assert size == pytest.approx((540, 500))
    assert [text for text in texts if text.isdigit()] == ["9", "1", "30", "70"]
    pixels = np.asarray(raster_of(root))
    assert pixels.shape == (2, 2, 4)
    # Rows are normalised: 9 of 10 is stronger than 70 of 100; right is blue, wrong vermilion.
    assert pixels[0, 0, 3] > pixels[1, 1, 3] > pixels[1, 0, 3] > pixels[0, 1, 3]
    assert pixels[0, 0, 2] > pixels[0, 0, 0] and pixels[1, 0, 0] > pixels[1, 0, 2]


def contrast(first, second):
    """Return the contrast of two RGB colours in 0 … 1, as WCAG 2 defines it."""

    def luminance(rgb):
        rgb = np.asarray(rgb)
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("paper", "ink"), [("#fdfcf9", plots.INK), ("#16181c", "#e8e5de")], ids=["light", "dark"]
)
def test_confusion_numbers_are_legible(paper, ink):
    rgb = matplotlib.colors.to_rgb
    for right in (*range(0, 101, 10), 48, 49, 50, 51):
        counts = np.array([[right, 100 - right], [100 - right, right]])
        root, _, _ = svg_of(plots.confusion(counts, ["a", "b"]))
        pixels = np.asarray(raster_of(root))[0] / 255
        texts = [t for t in root.iter(SVG + "text") if "".join(t.itertext()).isdigit()][:2]
        for pixel, text in zip(pixels, texts, strict=True):
            cell = pixel[3] * pixel[:3] + (1 - pixel[3]) * np.array(rgb(paper))
            tone = "#ffffff" if "#ffffff" in text.attrib["style"] else ink
            if "".join(text.itertext()) != "0":
                assert contrast(rgb(tone), cell) > 3.5


@pytest.mark.parametrize(("size", "numbered"), [(16, True), (17, False), (100, False)])
def test_confusion_of_many_classes(size, numbered):
    counts = np.eye(size, dtype=int) * 7
    _, texts, _ = svg_of(plots.confusion(counts, [f"c{code}" for code in range(size)]))
    assert texts.count("7") == (size if numbered else 0)
    assert 10 <= sum(text.startswith("c") for text in texts) / 2 <= 26


def test_confusion_of_an_absent_class():
    svg_of(plots.confusion(np.array([[3, 0], [0, 0]]), ["a", "b"]))


def test_bars_carry_their_values():
    bars = [("scikit-learn", 0.125, False), ("Ogive", 1.0, True), ("none", 0.0, True)]
    _, texts, size = svg_of(plots.accuracy_bars(bars))
    assert size == pytest.approx((540, 46 + 150))
    for text in ("scikit-learn", "12.5 %", "Ogive", "100.0 %", "0.0 %"):
        assert text in texts


def test_any_class_name_can_be_drawn():
    counts = np.eye(4, dtype=int)
    _, texts, _ = svg_of(plots.confusion(counts, NAMES))
    for name in ("<b>bold</b>", "cost $5 & $6", "漢字", "a\ufffdb\ufffd\ufffd"):
        assert texts.count(name) == 2
    svg_of(plots.accuracy_bars([(name, 0.5, True) for name in NAMES]))


def test_plots_adapt_to_dark_mode_and_repeat_exactly():
    first = plots.confusion(np.eye(2, dtype=int), ["a", "b"])
    assert first == plots.confusion(np.eye(2, dtype=int), ["a", "b"])
    assert "prefers-color-scheme:dark" in urllib.parse.unquote(first)


def test_settings_of_the_user_neither_matter_nor_change():
    plain = plots.accuracy_bars([("a", 0.5, True)])
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert plots.accuracy_bars([("a", 0.5, True)]) == plain
        assert dict(matplotlib.rcParams) == before


def test_examples_are_the_surest():
    true = np.array([0, 0, 1, 0, 1, 1])
    predicted = np.array([0, 0, 1, 1, 1, 0])
    margin = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.7])
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    right, wrong = plots.examples(images, true, predicted, margin)
    shown = [int(np.asarray(pixels_of(example.uri))[0, 0]) for example in (*right, *wrong)]
    assert shown == [0, 2, 1, 4, 5, 3]  # classes in turn, ties by place; then the surest mistakes
    assert [(e.true, e.predicted) for e in wrong] == [(1, 0), (0, 1)]
    right, wrong = plots.examples(images, true, true, margin, count=2)
    assert (len(right), len(wrong)) == (2, 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_picture_keeps_its_pixels(channels, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)
    given = pixels if dtype == np.uint8 else pixels.astype(dtype) / 255
    found = np.asarray(pixels_of(plots.picture(given)))
    np.testing.assert_array_equal(found, pixels[..., 0] if channels == 1 else pixels)


def test_picture_of_any_shape():
    assert pixels_of(plots.picture(np.zeros((300, 200, 3), np.uint8))).size == (48, 72)
    assert pixels_of(plots.picture(np.full((4, 4, 1), np.nan))).size == (4, 4)
    width, height = pixels_of(plots.picture(np.zeros((1, 784, 1)))).size
    assert width == 72 and height > 8
