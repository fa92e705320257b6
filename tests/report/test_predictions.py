"""Answers as files and lines: what is written is what is read back."""

from __future__ import annotations

import csv
import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidParameterError, MissingDependencyError, OutputError
from ogive.data import read_table
from ogive.report.predictions import (
    check_predictions_path,
    delimited,
    prediction_columns,
    write_predictions,
)

TRICKY = ["a,b", 'q"q', "two\nlines", "tab\there", " space ", "", "größe 漢字", "=1+1", "a\r\nb"]
CLASSES = np.array(TRICKY, dtype=object)


def test_columns():
    columns = prediction_columns(["a.png", "b.png"], "file", np.array([1.5, np.float64(1 / 3)]))
    assert columns == {"file": ["a.png", "b.png"], "prediction": [1.5, 1 / 3]}
    assert all(type(value) is float for value in columns["prediction"])
    shares = np.array([[0.25, 0.75], [1.0, 0.0]])
    columns = prediction_columns(range(2), "row", CLASSES[:2], ("no", "yes"), shares)
    assert list(columns) == ["row", "prediction", "probability_no", "probability_yes"]
    assert columns["probability_yes"] == [0.75, 0.0]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_lines_are_read_back_by_the_csv_module(delimiter):
    columns = prediction_columns(range(len(TRICKY)), "row", CLASSES)
    text = delimited(columns, delimiter)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert rows == [["row", "prediction"], *([str(i), name] for i, name in enumerate(TRICKY))]
    assert text.endswith("\n") and "\r\n" not in text.replace('"a\r\nb"', "")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_keep_every_digit(values):
    text = delimited(prediction_columns(range(len(values)), "row", np.array(values)))
    found = [float(row[1]) for row in list(csv.reader(io.StringIO(text)))[1:]]
    assert found == values


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t"), (".CSV", ",")])
def test_text_files(tmp_path, ending, delimiter):
    columns = prediction_columns(range(len(TRICKY)), "row", CLASSES)
    file = write_predictions(tmp_path / f"out{ending}", columns)
    table = read_table(file, lambda layout: ["number", "text"], delimiter=delimiter, header=True)
    assert table.names == ("row", "prediction")
    assert table.texts[1] == TRICKY and table.numbers[0].tolist() == list(range(len(TRICKY)))


def test_parquet(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    shares = np.random.default_rng(0).random((len(TRICKY), 2))
    columns = prediction_columns(range(len(TRICKY)), "row", CLASSES, ("a", "b"), shares)
    file = write_predictions(tmp_path / "out.parquet", columns)
    assert pq.read_table(file).to_pydict() == columns
    values = prediction_columns(["a.png"], "file", np.array([0.5]))
    found = pq.read_table(write_predictions(tmp_path / "out.parquet", values))
    assert [str(kind) for kind in found.schema.types] == ["string", "double"]


def test_names_that_no_encoding_knows(tmp_path):
    # A file called b"\xff.png", and a class after a folder called b"\xfe".
    names = ["\udcff.png", "b.png"]
    answers = np.array(["\udcfe", "plain"], dtype=object)
    columns = prediction_columns(names, "file", answers, ("\udcfe",), np.ones((2, 1)))
    assert columns["file"] == ["\\udcff.png", "b.png"]
    assert columns["prediction"] == ["\\udcfe", "plain"]
    assert list(columns)[2] == "probability_\\udcfe"
    delimited(columns).encode("utf-8")
    assert "\\udcff.png,\\udcfe" in write_predictions(tmp_path / "a.csv", columns).read_text()
    pytest.importorskip("pyarrow")
    write_predictions(tmp_path / "a.parquet", columns)


@pytest.mark.parametrize("name", ["out", "out.txt", "out.csv.gz", ".csv", "out.json"])
def test_other_endings_are_refused(tmp_path, name):
    words = r"output='.*' must end in .csv, .tsv, .parquet: name the file so"
    for call in (check_predictions_path, lambda path: write_predictions(path, {"row": [0]})):
        with pytest.raises(InvalidParameterError, match=words):
            call(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"Writing parquet needs .*'ogive\[data\]'"):
        check_predictions_path(tmp_path / "out.parquet")
    check_predictions_path(tmp_path / "out.csv")


def test_what_was_there_survives_a_failure(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*out.csv: it is a folder"):
        write_predictions(tmp_path / "out.csv", {"row": [0]})
