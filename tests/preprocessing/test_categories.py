"""Categories as columns of zeros and ones."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import DataWarning, InvalidDataError
from ogive.preprocessing.categories import MOST_CATEGORIES, Categories

cells = st.lists(st.text("ab ñ\t", max_size=3), min_size=1, max_size=20)


@given(cells, cells)
def test_equals_a_naive_encoding(training, later):
    found = Categories.fit("c", training)
    assert found.values == tuple(sorted({cell.strip() for cell in training}))
    assert found.width == len(found.values)
    unknown = [cell for cell in later if cell.strip() not in found.values]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        encoded = found.encode(later)
    assert len(told) == (1 if unknown else 0)
    expected = [[float(cell.strip() == value) for value in found.values] for cell in later]
    np.testing.assert_array_equal(encoded, np.array(expected).reshape(len(later), found.width))


def test_empty_cells_and_blanks():
    found = Categories.fit("c", ["red ", "", " red", "  "])
    assert found.values == ("", "red")
    np.testing.assert_array_equal(found.encode([" ", "red"]), np.eye(2))


def test_unseen_categories_are_told_once():
    found = Categories.fit("colour", ["red", "blue"])
    words = r"column 'colour' has categories .*\('green'\) in 2 of 3 rows: they count as none"
    with pytest.warns(DataWarning, match=words) as told:
        encoded = found.encode(["green", "red", " green "])
    assert len(told) == 1
    np.testing.assert_array_equal(encoded.sum(1), [0, 1, 0])
    with pytest.warns(DataWarning, match=r"\('a', 'b', 'c', …\) in 4 of 4 rows"):
        assert not found.encode(["d", "c", "b", "a"]).any()


def test_too_many_to_encode():
    names = [str(i) for i in range(MOST_CATEGORIES + 1)]
    assert Categories.fit("id", names[1:]).width == MOST_CATEGORIES
    with pytest.raises(InvalidDataError, match=r"column 'id' has 10,001 categories.*as text, or"):
        Categories.fit("id", names)
