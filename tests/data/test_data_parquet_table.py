"""Parquet tables: every type of column as numbers and as text, and files that are none."""

from __future__ import annotations

import datetime
import io
import sys
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
)
from ogive.data import is_table, load, read_parquet, read_table

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NAN = float("nan")
DAY = datetime.datetime(2020, 1, 2)


def parquet_file(folder, table, name="table.parquet"):
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), folder / name)
    return folder / name


def read(folder, columns, kind):
    return read_table(parquet_file(folder, columns), lambda layout: [kind] * len(layout.names))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, 1], pa.int8()),
        pa.array([1, 2, 1], pa.uint64()),
        pa.array([1, 2, 1], pa.float16()),
        pa.array([1, 2, 1], pa.float32()),
        pa.array([Decimal("1.00"), Decimal("2.00"), Decimal("1.00")]),
        pa.array([Decimal(1), Decimal(2), Decimal(1)], pa.decimal256(50, 3)),
        pa.array([1, 2, 1]).dictionary_encode(),
        pa.array([1.0, 2.0, 1.0]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_of_every_type(tmp_path, column):
    table = read(tmp_path, {"a": column}, "number")
    assert not table.bad and table.numbers[0].dtype == np.float64
    np.testing.assert_array_equal(table.numbers[0], [1.0, 2.0, 1.0])


def test_booleans_are_zero_and_one(tmp_path):
    columns = {"a": [True, False], "b": pa.array([True, False]).dictionary_encode()}
    table = read(tmp_path, columns, "number")
    assert [table.numbers[i].tolist() for i in (0, 1)] == [[1.0, 0.0]] * 2
    assert read(tmp_path, columns, "text").texts[0] == ["1", "0"]


def test_fractions_keep_their_digits(tmp_path):
    values = [0.1, Decimal("0.1"), 2**53 + 2]
    table = read(tmp_path, {str(i): [value] for i, value in enumerate(values)}, "number")
    assert [table.numbers[i][0] for i in range(3)] == [0.1, 0.1, 2.0**53 + 2]


@pytest.mark.parametrize(
    ("column", "row", "text"),
    [
        ([1, None, 2], 1, ""),
        ([1.0, NAN, None], 1, "nan"),
        ([1.0, 2.0, float("-inf")], 2, "-inf"),
        ([True, True, None], 2, ""),
        (pa.nulls(3), 0, ""),
        (["red", "blue", "red"], 0, "red"),
        ([None, "none", "blue"], 2, "blue"),  # a word tells more than a gap, and so does a type
        ([None, "NA", None], 0, ""),
        (pa.array([None, "red", "blue"]).dictionary_encode(), 1, "red"),
        (pa.array(["red"] * 3, pa.large_string()), 0, "red"),
        ([b"red"] * 3, 0, "red"),
        ([None, DAY, DAY], 1, "2020-01-02 00:00:00"),
        ([[1, 2], [], None], 0, "[1, 2]"),
        ([{"inner": 1}] * 3, 0, "{'inner': 1}"),
    ],
    ids=str,
)
def test_what_is_no_number(tmp_path, column, row, text):
    table = read(tmp_path, {"y": [1, 2, 3], "a": column}, "number")
    assert list(table.numbers) == [0]
    assert (table.bad[1].row, table.bad[1].text) == (row, text)
    assert table.place(row) == f"{tmp_path / 'table.parquet'}, row {row}"


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([1, None], "row 1, column 'a': the value is missing .''.: fill it in or remove the row"),
        ([1, float("inf")], "row 1, column 'a': 'inf' is not a finite number"),
        (["red", "1"], "row 0, column 'a': 'red' is not a finite number"),
        (["0012", "-1.5"], "row 0, column 'a': '0012' is text: encode the column"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, column, words):
    file = parquet_file(tmp_path, {"a": column, "y": ["p", "q"]})
    with pytest.raises(InvalidDataError, match=words) as caught:
        read_parquet(file)
    assert str(file) in str(caught.value)


def test_text_is_what_a_text_file_would_have(tmp_path):
    columns = {
        "string": ["a", "", None],
        "bytes": [b"a", "ä".encode(), None],
        "whole": [1, -2, None],
        "float": [1.0, 0.5, NAN],
        "large": [1e300, 2.0**53, -0.0],
        "bool": [True, False, None],
        "time": [DAY, None, None],
        "category": pa.array(["b", None, "a"]).dictionary_encode(),
        "codes": pa.array([3, None, 5]).dictionary_encode(),
    }
    assert list(read(tmp_path, columns, "text").texts.values()) == [
        ["a", "", ""],
        ["a", "ä", ""],
        ["1", "-2", ""],
        ["1", "0.5", ""],
        ["1e+300", "9007199254740992.0", "0"],
        ["1", "0", ""],
        ["2020-01-02 00:00:00", "", ""],
        ["b", "", "a"],
        ["3", "", "5"],
    ]


def test_data_set_with_columns_in_their_order(tmp_path):
    file = parquet_file(tmp_path, {"b": [1, 2, 3], "kind": ["x", "y", "x"], "a": [0.5, 1.5, 2.5]})
    data = read_parquet(file, "kind")
    assert data.feature_names == ("b", "a") and data.name == "table"
    np.testing.assert_array_equal(data.X, [[1, 0.5], [2, 1.5], [3, 2.5]])
    assert (data.y.tolist(), data.classes) == ([0, 1, 0], ("x", "y"))
    assert load(file, target=1).classes == ("x", "y")
    with pytest.raises(InvalidDataError, match="column 'kind': 'x'"):
        load(file)  # the last column is the target by default


def test_default_target_and_real_targets(tmp_path):
    data = read_parquet(parquet_file(tmp_path, {"Label": [0.5, 1.0], "a": [1, 2]}))
    assert (data.y.tolist(), data.classes, data.feature_names) == ([0.5, 1.0], (), ("a",))


@pytest.mark.parametrize("missing", [None, NAN])
def test_a_missing_target_is_named(tmp_path, missing):
    file = parquet_file(tmp_path, {"a": [1, 2], "y": [1.0, missing]})
    with pytest.raises(InvalidDataError, match="row 1: the target 'y' is missing"):
        read_parquet(file)


def test_several_row_groups_and_chunks(tmp_path):
    pq.write_table(pa.table({"a": np.arange(100), "y": ["p", "q"] * 50}), tmp_path / "t.parquet", 7)
    np.testing.assert_array_equal(read_parquet(tmp_path / "t.parquet").X.ravel(), np.arange(100))


def test_names_with_dots_and_names_twice(tmp_path):
    table = read(tmp_path, {"a.b": [1, 2], "a": [3, 4]}, "number")
    assert [table.numbers[i].tolist() for i in (0, 1)] == [[1, 2], [3, 4]]
    twice = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "b"])
    with pytest.raises(InvalidDataError, match="several columns called 'a': rename all but one"):
        read(tmp_path, twice, "number")
    rest = read_table(parquet_file(tmp_path, twice), lambda layout: ["skip", "skip", "number"])
    assert rest.numbers[2].tolist() == [3]


def test_no_rows(tmp_path):
    for table in ({"a": pa.array([], pa.int64())}, pa.table({})):
        with pytest.raises(InvalidDataError, match="holds no rows"):
            read(tmp_path, table, "number")


def varint(count):
    """Return a number as parquet's footer holds it."""
    whole, found = 2 * count, []
    while whole >= 128:
        found.append(whole % 128 + 128)
        whole //= 128
    return bytes([*found, whole])


def test_more_rows_than_the_file_can_hold(tmp_path):
    file = parquet_file(tmp_path, {"a": np.zeros(2_000_000, np.int8)})
    assert len(read_table(file, lambda layout: ["number"])) == 2_000_000  # a constant is cheap
    true, claim = varint(2_000_000), varint(100_000_000)
    content = file.read_bytes()
    assert true in content and len(true) == len(claim)
    file.write_bytes(content.replace(true, claim))
    with pytest.raises(InvalidDataError, match=r"claims 100000000 rows in \d+ bytes"):
        read_table(file, lambda layout: ["number"])


def test_truncated_anywhere(tmp_path):
    file = parquet_file(tmp_path, {"a": np.arange(30.0), "y": ["p", "q", "r"] * 10})
    content = file.read_bytes()
    for length in (0, 1, 3, 4, 8, *range(20, len(content), 97), len(content) - 1):
        file.write_bytes(content[:length])
        for reader in (read_parquet, load):
            with pytest.raises(InvalidDataError, match="truncated or no parquet file") as caught:
                reader(file)
            assert str(file) in str(caught.value)


def test_no_file_and_no_such_column(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_parquet(tmp_path / "none.parquet")
    file = parquet_file(tmp_path, {"a": [1], "y": ["p"]})
    with pytest.raises(InvalidParameterError, match="no column of that name"):
        read_parquet(file, "z")
    for option in ("delimiter", "header"):
        with pytest.raises(InvalidParameterError, match="a parquet table knows it by itself"):
            read_table(file, lambda layout: [], **{option: ","})


def test_without_pyarrow(tmp_path, monkeypatch):
    file = parquet_file(tmp_path, {"a": [1], "y": ["p"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for reader in (read_parquet, load):
        with pytest.raises(MissingDependencyError, match=r"Reading parquet needs .*ogive\[data\]"):
            reader(file)


def test_pictures_are_still_pictures(tmp_path):
    cells = []
    for value in (3, 7):
        stream = io.BytesIO()
        Image.new("L", (2, 1), value).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    file = parquet_file(tmp_path, {"image": cells, "label": [0, 1]})
    assert not is_table(file)
    assert load(file).image_shape == (1, 2, 1)
    # A struct without bytes is no picture.
    plain = parquet_file(tmp_path, {"a": [{"b": 1}, {"b": 2}], "label": [0, 1]}, "plain.parquet")
    assert is_table(plain)
