"""The demonstration's search and its drawn digits."""

from __future__ import annotations

import numpy as np
import pytest

from ogive.data import Dataset, load_pair
from ogive.report.demo_pictures import draw_digits, search_pictures, whole_pictures

NAMES = ("square", "bar", "noise")


def shapes(count, seed, channels=1):
    """Return pictures of three kinds that anybody tells apart."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 60, (count, 9, 9, channels))
    y = np.arange(count) % 3
    pixels[y == 0, 2:7, 2:7] += 190
    pixels[y == 1, :, 4] += 190
    pixels[y == 2] = generator.integers(0, 256, pixels[y == 2].shape)
    return Dataset("shapes", pixels.astype(np.uint8).reshape(count, -1), y, NAMES, (9, 9, channels))


@pytest.mark.parametrize("channels", [1, 3])
def test_hits_are_what_a_picture_is(channels):
    train, test = shapes(90, 0, channels), shapes(30, 1, channels)
    found = search_pictures(train, test)
    assert found.pictures == 90 and found.queries == 30 and found.precision > 0.95
    assert [query.label for query in found.shown] == sorted(NAMES, key=NAMES.index)
    rows = {
        image.tobytes(): NAMES[code] for image, code in zip(train.images(), train.y, strict=True)
    }
    for query in found.shown:
        assert len(query.hits) == 5
        values = [hit.value for hit in query.hits]
        assert values == sorted(values, reverse=True) and np.tanh(2) > values[0]
        assert all(rows[hit.picture.tobytes()] == hit.label for hit in query.hits)


def test_a_picture_of_the_index_finds_itself():
    train = shapes(30, 0)
    found = search_pictures(train, train)
    for query in found.shown:
        assert np.array_equal(query.hits[0].picture, query.picture)
        assert query.hits[0].value == pytest.approx(np.tanh(2), abs=1e-5)


def test_fractions_are_pictures_too():
    train, test = load_pair("digits")
    found = search_pictures(train, test)
    assert found.precision > 0.9 and found.shown[0].picture.max() == 255


@pytest.mark.parametrize(
    "data",
    [
        Dataset("table", np.zeros((4, 4)), np.array([0, 1, 0, 1]), ("a", "b")),
        Dataset("wild", np.full((4, 4), 1e6), np.array([0, 1, 0, 1]), ("a", "b"), (2, 2, 1)),
        Dataset("blank", np.zeros((4, 4), np.uint8), np.array([0, 1, 0, 1]), ("a", "b"), (2, 2, 1)),
    ],
)
def test_where_there_is_nothing_to_search(data):
    assert search_pictures(data, data) is None
    assert (whole_pictures(data) is None) == (data.name != "blank")


def test_a_single_picture_and_few_of_a_class():
    train = shapes(4, 0)
    assert search_pictures(train.take([0]), train) is None
    assert len(search_pictures(train, train).shown[0].hits) == 4


@pytest.mark.slow
def test_digits_are_what_was_asked_for():
    drawn = draw_digits()
    assert drawn.pictures.shape == (10, 10, 8, 8, 1) and drawn.classes == tuple("0123456789")
    assert drawn.agreement > 0.9 and drawn.reader_accuracy > 0.95
    assert drawn.summary()["rows"] == drawn.rows and "pictures" not in drawn.summary()
    darkest = drawn.pictures.reshape(10, 10, -1).mean(1)
    assert len(np.unique(darkest, axis=0)) == 10
