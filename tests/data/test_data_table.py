"""CSV tables: delimiters, headers, targets, and the line of every mistake."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data import read_csv


def csv_file(folder, text, encoding="utf-8"):
    file = folder / "table.csv"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_delimiters_and_bom(tmp_path, delimiter, end, encoding):
    lines = ["width,höhe,kind", "1,2.5,cat", "3,4e1,dog", "", '5," 6 ","cat"', "   "]
    text = end.join(lines).replace(",", delimiter) + end
    data = read_csv(csv_file(tmp_path, text, encoding))
    assert data.name == "table"
    assert data.feature_names == ("width", "höhe")
    assert data.classes == ("cat", "dog")
    assert data.y.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(data.X, [[1, 2.5], [3, 40], [5, 6]])
    assert data.X.dtype == np.float64 and data.X.flags.writeable


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("1,2,a\n3,4,b\n", None, 2),
        ("1,2,3\n3,4,5\n", None, 2),
        ("u,v,w\n3,4,5\n", ("u", "v"), 1),
        ("1,v,w\n1,4,5\n", ("1", "v"), 1),  # one telling cell is enough
        ("1,2,a\n", None, 1),
    ],
)
def test_header_detection(tmp_path, text, names, rows):
    data = read_csv(csv_file(tmp_path, text))
    assert data.feature_names == names
    assert len(data) == rows


def test_header_said(tmp_path):
    file = csv_file(tmp_path, "2000,2001,2002\n1,2,3\n4,5,6\n")
    assert read_csv(file, header=True).feature_names == ("2000", "2001")
    assert len(read_csv(file, header=False)) == 3
    assert read_csv(file, target="2001").feature_names == ("2000", "2002")


def test_header_found_past_ragged_lines(tmp_path):
    with pytest.raises(InvalidDataError, match="line 2: 1 cells where the first line has 2"):
        read_csv(csv_file(tmp_path, "a,b\n1\n2,3\n"))


def test_delimiter_said(tmp_path):
    data = read_csv(csv_file(tmp_path, "1|2|a\n3|4|b\n"), delimiter="|")
    assert data.X.shape == (2, 2)


@pytest.mark.parametrize(
    ("header", "target", "names"),
    [
        ("a,Target,c,label", None, ("a", "c", "label")),
        ("a,LABEL,c,d", None, ("a", "c", "d")),
        ("class,b,c,y", None, ("b", "c", "y")),
        ("a,y,c,d", None, ("a", "c", "d")),
        ("a,b,c,d", None, ("a", "b", "c")),
        ("a,b,c,label", "b", ("a", "c", "label")),
        ("a,b,c,label", 0, ("b", "c", "label")),
        ("a,b,c,label", -3, ("a", "c", "label")),
    ],
)
def test_which_column_is_the_target(tmp_path, header, target, names):
    data = read_csv(csv_file(tmp_path, f"{header}\n1,2,3,4\n5,6,7,8\n"), target)
    assert data.feature_names == names
    assert data.y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("header", "target", "words"),
    [
        ("a,b,c", "d", "no column of that name.*'a', 'b', 'c'"),
        ("a,a,c", "a", "several columns of that name"),
        ("a,b,c", 3, "3 columns: pass a name, or an index from -3 to 2"),
        ("a,b,c", -4, "index from -3 to 2"),
        ("a,b,c", True, "index from -3 to 2"),
    ],
)
def test_target_refused(tmp_path, header, target, words):
    with pytest.raises(InvalidParameterError, match=words):
        read_csv(csv_file(tmp_path, f"{header}\n1,2,3\n"), target)


@pytest.mark.parametrize(
    ("cells", "y", "classes"),
    [
        (["10", "9"], [1, 0], ("9", "10")),
        (["1.0", "0.0"], [1, 0], ("0", "1")),
        (["b", "1"], [1, 0], ("1", "b")),
        (["1", "01", "1_0"], [1, 0, 2], ("01", "1", "1_0")),
        (["0", "-0.5"], [0.0, -0.5], ()),
        (["none", "NA"], [1, 0], ("NA", "none")),
        (["inf", "1"], [1, 0], ("1", "inf")),
        (["0.5", "1"], [0.5, 1.0], ()),
        (["12345678901234567890", "12345678901234567891"], [0, 1], None),
    ],
)
def test_targets(tmp_path, cells, y, classes):
    data = read_csv(csv_file(tmp_path, "".join(f"0,{cell}\n" for cell in cells)), header=False)
    assert data.y.tolist() == y
    assert data.classes == (tuple(cells) if classes is None else classes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("1\n2\n", "has one column"),
        ("a,b,c\n1,2,x\n\n3,4\n", "line 4: 2 cells where the first line has 3"),
        ("a,b,c\n1,2,x\n3,4,x,5\n", "line 3: 4 cells"),
        ("a,b,c\n1,2,x\n3,red,x\n", "line 3, column 'b': 'red' is not a finite number"),
        ("1,2,x\n3,red,x\n", "line 2, column 'column 1': 'red'"),
        ("a,b,c\n1,2,x\n3,inf,x\n", "line 3, column 'b': 'inf' is not a finite number"),
        ("a,b,c\n1,2,x\n3,1_0,x\n", "line 3, column 'b': '1_0' is not a finite number"),
        ("a,b,c\n1,2,x\n,4,x\n", "line 3, column 'a': the value is missing"),
        ("a,b,c\n1,2,x\n3,NaN,x\n", "line 3, column 'b': the value is missing .'NaN'"),
        ("a,b,c\n1,2,x\n3,?,x\n", "line 3, column 'b': the value is missing"),
        (",2,x\n3,4,x\n", "line 1, column 'column 0': the value is missing"),
        ("a,b,c\n1,2,x\n3,4, \n", "line 3: the target 'c' is missing"),
        ("a,b,c\n1,2,x\n3,4,nan\n", "line 3: the target 'c' is missing"),
        ('a,b,c\n1,2,x\n3,"4\n\n5",x\n6,red,x\n', "line 5, column 'b': '4"),
        ("a,b,c\n1,2,x\n1," + "9" * 200_000 + ",x\n", "line 3: field larger than field limit"),
    ],
)
def test_refused_with_line_and_column(tmp_path, text, words):
    file = csv_file(tmp_path, text)
    with pytest.raises(InvalidDataError, match=words) as caught:
        read_csv(file)
    assert str(file) in str(caught.value)


def test_a_header_and_nothing_else(tmp_path):
    with pytest.raises(InvalidDataError, match="a header and no rows"):
        read_csv(csv_file(tmp_path, "a,b\n"), header=True)


def test_not_utf8(tmp_path):
    with pytest.raises(InvalidDataError, match=r"not UTF-8 text.*save it as UTF-8"):
        read_csv(csv_file(tmp_path, "größe,art\n1,2\n", "latin-1"))


def test_no_file(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_csv(tmp_path / "none.csv")


@given(
    rows=st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(10**6), 10**6),
            st.sampled_from(["red", "green", "blue;ish"]),
        ),
        min_size=1,
        max_size=30,
    ),
)
def test_round_trip(tmp_path_factory, rows):
    text = "".join(f'{a!r},{b},"{c}"\n' for a, b, c in rows)
    data = read_csv(csv_file(tmp_path_factory.mktemp("csv"), text), header=False)
    np.testing.assert_array_equal(data.X, [[a, b] for a, b, _ in rows])
    assert [data.classes[code] for code in data.y] == [c for _, _, c in rows]
