"""Columns by name, by number and by default: which one is meant, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidParameterError
from ogive.data.columns import (
    Layout,
    find_column,
    find_columns,
    find_named_target,
    find_target,
    names_a_title,
    unnamed,
)

PETS = Layout("pets.csv", ("weight", "kind", "2001", "1"), True)


@pytest.mark.parametrize(
    ("reference", "position"),
    [
        ("kind", 1),
        (2, 2),
        (-1, 3),
        ("-4", 0),
        (" 2 ", 2),
        ("2001", 2),  # a name, and no position
        ("1", 3),  # a name and a position: the name counts
        (1, 1),
        ("0", 0),
    ],
)
def test_by_name_or_number(reference, position):
    assert find_column(PETS, reference, "target") == position


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("Kind", "target='Kind': pets.csv has no column of that name: did you mean 'kind'"),
        ("", "no column of that name"),
        ("--1", "no column of that name"),
        ("+1", "no column of that name"),
        ("1.0", "no column of that name"),
        ("²", "no column of that name"),
        ("12345678901234567890", "no column of that name"),
        ("4", "has 4 columns: pass a name, or an index from -4 to 3"),
        (-5, "index from -4 to 3"),
        (False, "index from -4 to 3"),
    ],
)
def test_refused(reference, words):
    with pytest.raises(InvalidParameterError, match=words):
        find_column(PETS, reference, "target")


def test_a_name_that_is_there_twice():
    layout = Layout("a.csv", ("a", "b", "a"), True)
    with pytest.raises(InvalidParameterError, match=r"drop='a': a.csv has several .* from 0 to 2"):
        find_column(layout, "a", "drop")
    assert find_column(layout, 2, "drop") == 2


def test_several_columns_each_once():
    assert find_columns(PETS, ["kind", 0, "1", -3, "weight"], "text") == (1, 0, 3)
    assert find_columns(PETS, (), "text") == ()
    with pytest.raises(InvalidParameterError, match="text='size'"):
        find_columns(PETS, ["kind", "size"], "text")


@pytest.mark.parametrize(
    ("names", "position"),
    [
        (("a", "b"), 1),
        (("y", "Label", "b"), 1),  # in the order target, label, class, y
        (("class", "TARGET", "label"), 1),
        (("a", "Y", "b"), 1),
        (("y", "y", "b"), 0),
        (("classes", "b"), 1),
        (unnamed(3), 2),
    ],
)
def test_the_target_by_default(names, position):
    assert find_target(Layout("a.csv", names, True), None) == position


@pytest.mark.parametrize(
    ("names", "target", "position"),
    [(("a", "b"), None, None), (("a", "LABEL", "b"), None, 1), (("y", "b"), "b", 1)],
)
def test_a_target_that_a_name_tells(names, target, position):
    assert find_named_target(Layout("a.csv", names, True), target) == position


def test_the_target_by_reference():
    assert find_target(PETS, "kind") == 1
    assert find_target(PETS, 0) == 0


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["kind"], True),
        ([None, 1, "nothing"], False),
        (["2001"], True),
        (["1"], False),  # more likely the position than a title
        (["-1"], False),
        ([], False),
    ],
)
def test_whether_a_reference_is_a_title(references, expected):
    assert names_a_title(["kind", "1", "-1", "2001"], references) is expected


@given(st.lists(st.text(max_size=5), min_size=1, max_size=8, unique=True))
def test_every_name_and_every_number_finds_its_column(names):
    layout = Layout("a.csv", tuple(names), True)
    for position, name in enumerate(names):
        assert find_column(layout, name, "target") == position
        assert find_column(layout, position, "target") == position
        assert find_column(layout, position - len(names), "target") == position
        if str(position) not in names:
            assert find_column(layout, str(position), "target") == position
