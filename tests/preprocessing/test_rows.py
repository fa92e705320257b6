"""Rows that are rows already: pixels, numbers, sparse rows, and pictures of another kind."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.data import Dataset, Table
from ogive.preprocessing import RowPreprocessing

generator = np.random.default_rng(0)
CODES = np.arange(12) % 2


def data_of(X, shape=None):
    return Dataset("made-up", X, CODES[: X.shape[0]], ("a", "b"), shape)


def pictures(*shape):
    return generator.integers(0, 256, (12, *shape)).astype(np.uint8)


def picture_data(*shape):
    return data_of(pictures(*shape).reshape(12, -1), shape)


NUMBERS = data_of(generator.normal(size=(12, 3)) * [1, 50, 0] + 4)
GREY, COLOUR = picture_data(2, 3, 1), picture_data(2, 3, 3)
WORDS = data_of(sparse.csr_matrix(NUMBERS.X * (NUMBERS.X > 4)))


def test_pixels_are_fractions():
    rows = RowPreprocessing.fit(COLOUR)
    found = rows.transform(COLOUR)
    assert found.dtype == np.float32 and rows.width == 18
    np.testing.assert_array_equal(found, COLOUR.features())
    assert rows.describe() == ["2 × 3 colour pictures, pixels divided by 255"]
    assert RowPreprocessing.fit(GREY).describe()[0].startswith("2 × 3 grey pictures")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16])
def test_pixels_in_whatever_form(dtype):
    rows, expected = RowPreprocessing.fit(GREY), GREY.features()
    for given in (GREY.X.astype(dtype), GREY.images().astype(dtype), GREY.X.astype(dtype).tolist()):
        np.testing.assert_array_equal(rows.transform(given), expected)
    np.testing.assert_array_equal(rows.transform(sparse.csr_matrix(GREY.X.astype(dtype))), expected)
    np.testing.assert_array_equal(rows.transform(expected), expected)  # fractions stay


@pytest.mark.parametrize(
    "wrong",
    [GREY.X.astype(float), GREY.X.astype(int) + 100, GREY.X.astype(int) - 100, -1.0, np.nan],
)
def test_pixels_out_of_range(wrong):
    rows = RowPreprocessing.fit(GREY)
    if isinstance(wrong, float):
        wrong = np.full((1, 6), wrong)
    with pytest.raises(InvalidDataError, match=r"the pixels run from .* fractions from 0 to 1"):
        rows.transform(wrong)


def test_numbers_are_standardised_by_default():
    rows = RowPreprocessing.fit(NUMBERS)
    spread = NUMBERS.X.std(0)
    spread[2] = 1
    expected = (NUMBERS.X - NUMBERS.X.mean(0)) / spread
    np.testing.assert_allclose(rows.transform(NUMBERS), expected, atol=1e-12)
    assert rows.describe() == ["3 columns of numbers, centred, scaled"]


@pytest.mark.parametrize(
    ("data", "scale", "how"),
    [
        (GREY, "auto", None),
        (WORDS, "auto", None),
        (NUMBERS, "none", None),
        (NUMBERS, "centre", "centred"),
        (GREY, "standard", "centred, scaled"),
        (WORDS, "standard", "scaled to unit variance"),
    ],
)
def test_which_scaling(data, scale, how):
    rows = RowPreprocessing.fit(data, scale)
    assert (None if rows.scaling is None else str(rows.scaling)) == how
    assert rows.describe()[0].endswith(how or ("255" if data is GREY else "numbers"))


def test_scaled_pictures_are_scaled_as_fractions():
    rows = RowPreprocessing.fit(GREY, "standard")
    fractions = GREY.features(np.float64)
    expected = (fractions - fractions.mean(0)) / fractions.std(0)
    np.testing.assert_allclose(rows.transform(GREY), expected, atol=1e-5)  # float32


def test_unknown_scaling():
    with pytest.raises(InvalidParameterError, match="scale='both' is unknown"):
        RowPreprocessing.fit(NUMBERS, "both")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        *((dtype, "float32") for dtype in (np.uint8, np.int16, np.float16, np.float32)),
        *((dtype, "float64") for dtype in (np.int32, np.int64, np.float64)),
    ],
)
def test_small_types_become_float32(dtype, expected):
    rows = RowPreprocessing.fit(data_of(np.eye(12)[:, :4].astype(dtype)))
    assert rows.transform(np.ones((2, 4))).dtype == rows.dtype == expected


def test_sparse_rows_stay_sparse():
    rows = RowPreprocessing.fit(WORDS)
    for given in (WORDS, WORDS.X, WORDS.X.tocsc(), WORDS.X.toarray()):
        found = rows.transform(given)
        assert isinstance(found, sparse.csr_matrix)
        assert (found != WORDS.X).nnz == 0
    assert rows.describe() == ["3 sparse columns of numbers"]
    dense = RowPreprocessing.fit(NUMBERS)
    found = dense.transform(sparse.csr_matrix(NUMBERS.X))
    np.testing.assert_array_equal(found, dense.transform(NUMBERS.X))


def test_colours_turn_grey_as_pillow_turns_them():
    rows = RowPreprocessing.fit(picture_data(100, 100, 1))
    images = generator.integers(0, 256, (3, 100, 100, 3)).astype(np.uint8)
    images[0, 0, :8] = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    expected = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    found = rows.transform(images).reshape(3, 100, 100) * np.float32(255)
    np.testing.assert_array_equal(np.rint(found), expected)


def test_grey_becomes_three_equal_channels():
    rows = RowPreprocessing.fit(COLOUR)
    found = rows.transform(GREY).reshape(12, 2, 3, 3)
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel].reshape(12, -1), GREY.features())


@pytest.mark.parametrize(
    ("fitted", "given", "words"),
    [
        (GREY, pictures(3, 2, 1), "the pictures have 3 × 2 pixels, and .* fitted on 2 × 3"),
        (GREY, picture_data(3, 2, 1), "the pictures have 3 × 2 pixels"),
        (GREY, pictures(2, 3, 4), "the pictures have 4 channels, and .* fitted on 1"),
        (COLOUR, pictures(2, 3, 2), "2 channels, and .* fitted on 3: convert them first"),
        (GREY, pictures(2, 3, 3) / 255, "3 channels"),
        (GREY, pictures(2, 3), r"shape \(12, 2, 3\), and the model was fitted on 6 pixels a row"),
        (GREY, np.ones((2, 5)), r"shape \(2, 5\), .* 6 pixels a row \(2 × 3\)"),
        (NUMBERS, np.ones((2, 4)), r"shape \(2, 4\), .* fitted on 3 columns a row: give"),
        (NUMBERS, np.ones(3), r"shape \(3,\)"),
        (NUMBERS, GREY, r"shape \(12, 6\)"),
        (WORDS, sparse.csr_matrix((2, 4)), r"shape \(2, 4\)"),
    ],
)
def test_data_of_another_size(fitted, given, words):
    with pytest.raises(InvalidDataError, match=words):
        RowPreprocessing.fit(fitted).transform(given)


def test_what_holds_no_numbers():
    table = Table("t", "t.csv", ("a",), True, {}, {}, {}, 1, [1])
    for wrong in (table, [["a", "b", "c"]], np.array([[None, 1, 2]])):
        with pytest.raises(InvalidTypeError, match=r"the data are a .* of dtype .* 3 columns"):
            RowPreprocessing.fit(NUMBERS).transform(wrong)


def test_no_rows_are_no_rows():
    assert RowPreprocessing.fit(GREY).transform(np.zeros((0, 2, 3, 1), np.uint8)).shape == (0, 6)
    assert RowPreprocessing.fit(NUMBERS).transform(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("data", "scale"),
    [
        *((NUMBERS, scale) for scale in ("auto", "centre", "none")),
        *((GREY, "auto"), (COLOUR, "standard"), (WORDS, "none"), (WORDS, "standard")),
    ],
)
def test_written_and_read_again(again, data, scale):
    rows = RowPreprocessing.fit(data, scale)
    found = again(rows)
    assert type(found) is RowPreprocessing
    before, after = rows.transform(data), found.transform(data)
    assert before.dtype == after.dtype
    assert (before != after).nnz == 0 if sparse.issparse(before) else (before == after).all()
    assert (found.width, found.describe()) == (rows.width, rows.describe())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("kind", "row", "'row', which is unknown; did you mean 'rows'"),
        ("kind", 1, "it must be str"),
        ("features", 7, "image_shape .* does not give 7 columns"),
        ("features", True, "it must be int"),
        ("image_shape", [2, 3], "does not give 6 columns"),
        ("image_shape", [-2, -3, 1], "does not give 6 columns"),
        ("image_shape", [2, 3, True], "does not give 6 columns"),
        ("image_shape", "2x3", "it must be list or null"),
        ("pixels", 1, "it must be bool"),
        ("sparse", None, "it must be bool"),
        ("dtype", "float16", "unknown"),
        ("more", 1, "'more' is there and means nothing"),
        ("scaling.more", 1, "'scaling.more' is there and means nothing"),
        ("scaling.centre", np.zeros(5), r"scaling.centre has shape \(5,\); it must be \(6,\)"),
        ("scaling.centre", np.full(6, np.nan), "NaN"),
        ("scaling.scale", np.zeros(6), "not positive"),
        ("scaling.scale", -np.ones(6), "not positive"),
        ("scaling.scale", np.ones((6, 1)), "has shape"),
        ("scaling.scale", np.ones(6, dtype=int), "dtype int64"),
    ],
)
def test_tampered_records(tampered, name, value, words):
    tampered(RowPreprocessing.fit(GREY, "standard"), name, value, words)


def test_missing_entries(tampered, dropped):
    for name in ("kind", "features", "image_shape", "pixels", "sparse", "dtype"):
        tampered(RowPreprocessing.fit(GREY), name, dropped, f"{name} is missing")
