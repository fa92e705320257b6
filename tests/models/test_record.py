"""Records: values and arrays are read back, and whatever does not fit is refused."""

import math

import numpy as np
import pytest
import torch

from ogive._errors import InvalidModelError, InvalidParameterError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from tests.models.records import reader_of

# Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1, 1),
        (True, True),
        (None, None),
        ("text", "text"),
        (0.1, 0.1),
        (-math.inf, -math.inf),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.10000000149011612),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        ((1, (2.0, "x")), [1, [2.0, "x"]]),
        ({"a": np.float32(0.5)}, {"a": 0.5}),
    ],
)
def test_values_become_plain_and_survive(given, expected):
    reader = reader_of(lambda writer: writer.value("it", given))
    found = reader.value("it", (int, float, bool, str, list, dict, None))
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("value", [math.nan, np.float32("nan"), [1, {"a": math.nan}]])
def test_nan_is_not_written(value):
    with pytest.raises(InvalidParameterError, match=r"part.it.*nan; a model file holds no NaN"):
        RecordWriter().part("part").value("it", value)


@pytest.mark.parametrize("value", [object(), {1: 2}, {3}, 1j, np.zeros(2), b"x", torch.zeros(2)])
def test_other_values_are_not_written(value):
    with pytest.raises(InvalidTypeError, match=r"it=.* is a .*; a model file holds"):
        RecordWriter().value("it", value)


@pytest.mark.parametrize(
    ("value", "kind", "allowed"),
    [
        (1, int, True),
        (1, float, True),
        (1.0, int, False),
        (True, int, False),
        (True, float, False),
        (True, bool, True),
        (1, bool, False),
        (None, int, False),
        (None, (int, None), True),
        (None, None, True),
        ("a", str, True),
        ("a", (int, float), False),
        ([1], list, True),
        ({"a": 1}, dict, True),
        ({"a": 1}, list, False),
    ],
)
def test_kinds_of_values(value, kind, allowed):
    reader = RecordReader({"it": value}, {})
    if allowed:
        assert reader.value("it", kind) == value
    else:
        with pytest.raises(InvalidModelError, match=r"it is .*; it must be"):
            reader.value("it", kind)


def test_whole_numbers_become_floats_only_where_integers_are_not_allowed():
    reader = RecordReader({"it": 1}, {})
    assert type(reader.value("it", (float, None))) is float
    assert type(reader.value("it", (int, float))) is int


def test_choices():
    reader = RecordReader({"it": "lineer"}, {})
    with pytest.raises(InvalidModelError, match="did you mean 'linear'"):
        reader.value("it", str, choices=("linear", "cubic"))
    assert reader.value("it", str, choices=("lineer",)) == "lineer"


def test_strings():
    reader = RecordReader({"good": ["a", ""], "bad": ["a", 1], "no": "ab"}, {})
    assert reader.strings("good") == ("a", "")
    for name in ("bad", "no", "none"):
        with pytest.raises(InvalidModelError, match=name):
            reader.strings(name)


# Arrays --------------------------------------------------------------------------------------


def test_lengths_are_bound_and_compared():
    reader = RecordReader({}, {"a": np.zeros((3, 2)), "b": np.zeros(3), "c": np.zeros((2, 2))})
    reader.bind("d", 2)
    reader.array("a", ("n", "d"))
    assert reader.dimension("n") == 3
    reader.array("b", ("n",))
    with pytest.raises(InvalidModelError, match=r"c has shape \(2, 2\); it must be \(3, 2\)"):
        reader.array("c", ("n", "d"))
    with pytest.raises(InvalidModelError, match="has 4 for 'n', which is 3"):
        reader.bind("n", 4)


@pytest.mark.parametrize("shape", [(), (3,), (3, 3), ("n", "n"), (2, 3), (3, 2, 1), ("n",)])
def test_wrong_shapes(shape):
    with pytest.raises(InvalidModelError, match=r"a has shape|has 2 for 'n', which is 3"):
        RecordReader({}, {"a": np.zeros((3, 2))}).array("a", shape)


@pytest.mark.parametrize("dtype", ["?", "i1", "i8", "u2", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("f", {"f4", "f8"}),
        ("i", {"i1", "i8"}),
        ("biu", {"?", "i1", "i8", "u2"}),
        ("biuf", {"?", "i1", "i8", "u2", "f2", "f4", "f8"}),
        ("float64", {"f8"}),
        ("int64", {"i8"}),
    ],
)
def test_kinds_of_arrays(dtype, kind, allowed):
    reader = RecordReader({}, {"a": np.zeros(2, dtype)})
    if dtype in allowed:
        assert reader.array("a", (2,), kind).dtype == dtype
    else:
        with pytest.raises(InvalidModelError, match="a has dtype"):
            reader.array("a", (2,), kind)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_of_arrays_are_finite(number):
    reader = RecordReader({}, {"a": np.array([0.0, number])})
    for kind in ("f", "biuf"):
        with pytest.raises(InvalidModelError, match="a holds NaN or infinity"):
            reader.array("a", (2,), kind)


def test_text_is_no_array():
    with pytest.raises(InvalidTypeError, match="names has dtype"):
        RecordWriter().array("names", np.array(["a"]))


# Parts, and what is left ---------------------------------------------------------------------


def test_lengths_of_parts_are_their_own():
    def fill(writer):
        writer.array("a", np.zeros(3))
        writer.part("inner").array("a", np.zeros(4))

    reader = reader_of(fill)
    reader.array("a", ("n",))
    assert reader.part("inner").array("a", ("n",)).shape == (4,)
    reader.finish()


def test_has():
    def fill(writer):
        writer.value("value", 1)
        writer.array("array", np.zeros(1))
        writer.part("part").array("inner", np.zeros(1))

    reader = reader_of(fill)
    assert all(reader.has(name) for name in ("value", "array", "part"))
    assert not reader.has("inner") and reader.part("part").has("inner")
    assert reader.has_array("array") and not reader.has_array("value")


@pytest.mark.parametrize("name", ["value", "array", "part"])
def test_missing_names(name):
    reader = RecordReader({"outer": {}}, {}).part("outer")
    with pytest.raises(InvalidModelError, match=f"outer.{name} is missing"):
        {"value": reader.value, "array": reader.array, "part": reader.part}[name](
            name, *(() if name == "part" else (None,))
        )


def test_a_part_is_an_object():
    with pytest.raises(InvalidModelError, match="part is 3; it must be an object"):
        RecordReader({"part": 3}, {}).part("part")


@pytest.mark.parametrize(
    ("values", "arrays"),
    [
        ({"more": 1}, {}),
        ({"inner": {"more": 1}}, {}),
        ({}, {"more": np.zeros(1)}),
        ({}, {"inner.more": np.zeros(1)}),
        ({}, {"inner": np.zeros(1)}),
        ({}, {"../../etc/passwd": np.zeros(1)}),
        ({}, {"": np.zeros(1)}),
        ({}, {"inner.": np.zeros(1)}),
        ({"other": {}}, {}),
        ({"other": {}}, {"other.more": np.zeros(1)}),
    ],
)
def test_what_is_not_read_is_refused(values, arrays):
    reader = RecordReader({"inner": {"a": 1}} | values, {"x": np.zeros(1), "inner.y": np.zeros(1)})
    reader._values["inner"] = {"a": 1} | reader._values["inner"]
    reader._arrays.update(arrays)
    inner = reader.part("inner")
    inner.value("a", int), inner.array("y", (1,)), reader.array("x", (1,))
    with pytest.raises(InvalidModelError, match="is there and means nothing"):
        reader.finish()


def test_finish_is_content_when_all_is_read():
    reader = RecordReader({"inner": {"a": 1}}, {"x": np.zeros(1), "inner.y": np.zeros(1)})
    inner = reader.part("inner")
    inner.value("a", int), inner.array("y", (1,)), reader.array("x", (1,))
    reader.finish()


@pytest.mark.parametrize("again", ["value", "array", "part", "rows"])
def test_nothing_is_written_twice(again):
    writer = RecordWriter()
    writer.value("a", 1)
    with pytest.raises(AssertionError, match="twice"):
        getattr(writer, again)("a", *(() if again == "part" else (np.zeros((1, 1)),)))
    with pytest.raises(AssertionError, match="separator"):
        writer.value("a.b", 1)
