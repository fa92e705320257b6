"""Tables with text: quoting, headers, delimiters, and which cell of which column is wrong."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data import read_csv, read_table
from ogive.data.table import Table


def table_file(folder, text, name="table.csv"):
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def kinds(*wanted):
    return lambda layout: list(wanted)


def all_text(layout):
    return ["text"] * len(layout.names)


def all_numbers(layout):
    return ["number"] * len(layout.names)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_numbers_text_and_skipped(tmp_path, bom, delimiter, end):
    lines = ["weight,kind,note", '4.5,"ca""t",x', '20," dog ",y', "", '1e1,"two\nlines",z']
    text = bom + end.join(lines).replace(",", delimiter)
    table = read_table(table_file(tmp_path, text), kinds("number", "text", "skip"))
    assert table.names == ("weight", "kind", "note") and table.header
    assert list(table.numbers) == [0] and list(table.texts) == [1] and not table.bad
    np.testing.assert_array_equal(table.numbers[0], [4.5, 20, 10])
    assert table.texts[1] == ['ca"t', " dog ", "two\nlines"]
    assert len(table) == 3
    assert [table.place(row) for row in range(3)] == [
        f"{tmp_path / 'table.csv'}, line {line}" for line in (2, 3, 6)
    ]
    assert repr(table) == "Table('table': 3 rows, columns 'weight' (number), 'kind' (text))"


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows):
    # A cell of the first line must not look like an encoding's mark, nor a lone one like no line.
    rows = [("x" + a, b.encode("utf-8", "replace").decode()) for a, b in rows]
    rows = [(a.encode("utf-8", "replace").decode(), b) for a, b in rows]
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    file = table_file(tmp_path_factory.mktemp("csv"), stream.getvalue())
    table = read_table(file, all_text, delimiter=",", header=False)
    assert list(zip(table.texts[0], table.texts[1], strict=True)) == rows


@pytest.mark.parametrize(
    ("text", "named", "names"),
    [
        ("a,b\nx,y\nz,w\n", ["b"], ("a", "b")),
        ("a,b\nx,y\nz,w\n", ["B"], None),
        ("a,b\nx,y\nz,w\n", [None, 1, "0"], None),
        ("a,b\nx,y\nz,w\n", [], None),
        ("2001,2002\n1,2\n", ["2002"], ("2001", "2002")),
        ("1,0\n5,6\n", ["1"], None),  # a position, as most likely meant
        ("Class,b\nx,y\nz,w\n", [], ("Class", "b")),  # the target by default, in any case
        ("y,n\nn,y\n", [], None),  # and yes and no
        ("?,b,1\n2,y,1\n", [], None),  # a gap is no title
        ("NA,x,1\n2,y,1\n", [], None),
        (",b,c\n1,y,2\n", [], ("", "b", "c")),  # as pandas writes its index
    ],
)
def test_which_first_line_is_a_header(tmp_path, text, named, names):
    table = read_table(table_file(tmp_path, text), all_text, named=named)
    assert table.header is (names is not None)
    assert table.names == (names or tuple(f"column {i}" for i in range(len(table.names))))
    assert len(table) == text.count("\n") - table.header


def test_header_said(tmp_path):
    file = table_file(tmp_path, "a,b\nx,y\n")
    assert read_table(file, all_text, header=True).texts[0] == ["x"]
    assert read_table(file, all_text, named=["a"], header=False).texts[0] == ["a", "x"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ham\tHi, you\nspam\tBuy, now\n", ["ham", "spam"]),
        ("ham\tHi, you, there\nspam\tBuy, now, yes\n", ["ham", "spam"]),
        ("label\ttext\nham\tHi, you; there\nspam\tBuy\n", ["ham", "spam"]),
        ('a;b\n"x;y";1\nz;2\n', ["x;y", "z"]),
        ('1,"a;b"\n2,"c;d"\n', ["1", "2"]),
        ('1,"two\nlines, and more"\n2,"b"\n', ["1", "2"]),
        ("only\none\n", ["only", "one"]),
    ],
)
def test_the_delimiter_is_found_beside_the_others(tmp_path, text, first):
    assert read_table(table_file(tmp_path, text), all_text).texts[0] == first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('n,t\n1,"never closed\n2,b\n3,c\n', "line 2: unexpected end of data: mend the line"),
        ('n,t\n1,"a\nb"\n2,"never closed\n3,c\n', "line 4: unexpected end of data"),
        ('n,t\n1,"a" b\n2,c\n', "line 2: ',' expected after '\"'"),
        ("n,t\n1,a\n\n2\n", "line 4: 1 cells where the first line has 2: mend or remove"),
        ("n,t\n1,a,b\n", "line 2: 3 cells where the first line has 2"),
        ('n,t\n1,"a\nb",c\n', "line 3: 3 cells"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, words):
    file = table_file(tmp_path, text)
    with pytest.raises(InvalidDataError, match=words) as caught:
        read_table(file, kinds("number", "text"))
    assert str(caught.value).startswith(f"{file}, line")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_not_utf8(tmp_path, encoding):
    file = table_file(tmp_path, "größe,art\n1,ä\n".encode(encoding))
    with pytest.raises(InvalidDataError, match="not UTF-8 text"):
        read_table(file, all_text)


BAD = "a,b,c,d\n1,x,,inf\n2,y,3,4\n3,z,nan,5\n"


def refusal(table):
    with pytest.raises(InvalidDataError) as caught:
        table.refuse_bad()
    for call in (lambda: table.take(np.array([0])), lambda: table.dataset(0)):
        with pytest.raises(InvalidDataError) as again:
            call()
        assert str(again.value) == str(caught.value)
    return str(caught.value)


def test_several_bad_columns_are_one_error(tmp_path):
    table = read_table(table_file(tmp_path, BAD), all_numbers)
    assert list(table.numbers) == [0] and list(table.bad) == [1, 2, 3]
    text = refusal(table)
    assert "line 2, column 'b': 'x' is not a finite number" in text
    # The column with gaps is no text, and is told of when the others are mended.
    assert "encode the columns 'b', 'd' as categories (categorical) or words (text)" in text


def test_gaps_alone_are_told_as_gaps(tmp_path):
    text = refusal(read_table(table_file(tmp_path, BAD), kinds("number", "skip", "number", "skip")))
    assert "line 2, column 'c': the value is missing (''): fill it in or remove the line" in text


@pytest.mark.parametrize("gap", ["", "NA", " n/a ", "NaN", "null", "None", "?"])
def test_a_word_tells_more_about_a_column_than_a_gap(tmp_path, gap):
    table = read_table(table_file(tmp_path, f"a,b\n{gap},1\nred,2\n4,3\n"), all_numbers)
    cell = table.bad[0]
    assert (cell.row, cell.text) == (1, "red")
    # The other way round the word comes first anyway.
    table = read_table(table_file(tmp_path, f"a,b\nred,1\n{gap},2\n4,3\n"), all_numbers)
    assert table.bad[0].text == "red"


def test_long_cells_are_shortened(tmp_path):
    text = refusal(read_table(table_file(tmp_path, f"a,b\n1,{'x' * 500}\n"), all_numbers))
    assert len(text) < 400 + len(str(tmp_path)) and "…" in text


def test_text_columns_take_any_cell(tmp_path):
    table = read_table(table_file(tmp_path, "a,b\n,1\nNA,2\n0012,3\n"), kinds("text", "number"))
    assert table.texts[0] == ["", "NA", "0012"]


def test_names_that_are_there_twice(tmp_path):
    file = table_file(tmp_path, "a,a,c\n1,2,x\n3,4,y\n")
    table = read_table(file, kinds("number", "number", "text"))
    assert table.names == ("a", "a", "c")
    np.testing.assert_array_equal(table.numbers[1], [2, 4])
    with pytest.raises(InvalidParameterError, match="several columns of that name"):
        read_csv(file, "a")
    assert read_csv(file).feature_names == ("a", "a")


def numbered(tmp_path):
    text = "n,t\n" + "".join(f"{i},t{i}\n" for i in range(5))
    return read_table(table_file(tmp_path, text), kinds("number", "text"))


@pytest.mark.parametrize(
    "indices", [[4, 0, 0], [-1], [True, False, False, True, False]], ids=["list", "last", "mask"]
)
def test_take(tmp_path, indices):
    rows = np.arange(5)[indices]
    taken = numbered(tmp_path).take(np.array(indices))
    assert isinstance(taken, Table) and len(taken) == len(rows)
    assert taken.numbers[0].tolist() == rows.tolist()
    assert taken.texts[1] == [f"t{row}" for row in rows]
    assert [taken.place(i) for i in range(len(rows))] == [
        f"{tmp_path / 'table.csv'}, line {row + 2}" for row in rows
    ]
    assert taken.layout == numbered(tmp_path).layout


def test_targets_of_a_text_column(tmp_path):
    table = read_table(table_file(tmp_path, "a,b,c\n x ,0.5,2\ny,1,2\n x,2,1\n"), all_text)
    codes, classes = table.targets(0)
    assert (codes.tolist(), classes) == ([0, 1, 0], ("x", "y"))
    assert table.targets(1)[0].tolist() == [0.5, 1.0, 2.0] and table.targets(1)[1] == ()
    assert table.targets(2)[1] == ("1", "2")


@pytest.mark.parametrize("gap", ["", "  ", "nan", "NaN"])
def test_a_missing_target_is_named(tmp_path, gap):
    table = read_table(table_file(tmp_path, f"a,b\nx,1\n{gap},2\n"), kinds("text", "number"))
    with pytest.raises(InvalidDataError, match="line 3: the target 'a' is missing"):
        table.targets(0)


def test_a_table_of_one_column_is_no_data_set(tmp_path):
    table = read_table(table_file(tmp_path, "a\nx\ny\n"), all_text, header=True)
    with pytest.raises(InvalidDataError, match="one column where a feature and a target"):
        table.dataset(0)


def test_options_of_a_table(tmp_path):
    file = table_file(tmp_path, "a|b\n1|x\n")
    assert read_table(file, all_text, delimiter="|").texts == {0: ["1"], 1: ["x"]}
    with pytest.raises(InvalidParameterError, match="named set and no table"):
        read_table("digits", all_text)
