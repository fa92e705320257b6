"""Columns of a table as rows: found by name or position, and kept."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from ogive._errors import DataWarning, InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.data import Table, read_table
from ogive.preprocessing import ColumnPreprocessing, ColumnRoles

ROLES = ColumnRoles("ok", categorical=["colour"], text=["note"], drop=["id"])
TITLES = ("id", "width", "colour", "note", "ok", "height")
WORDS = ["red fox", "the hen", "the red hen", "a fox, a hen"]
ROWS = [
    (f"n{i}", f"{i / 4}", ("red", "blue", "")[i % 3], WORDS[i % 4], "yes" if i % 2 else "no", "7")
    for i in range(12)
]


def csv_file(folder, titles, rows, name="table.csv"):
    lines = [titles, *rows] if titles else rows
    text = "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)
    (folder / name).write_text(text)
    return folder / name


def columns_of(*names, titles=TITLES):
    """Return these columns of the rows, in this order."""
    return [tuple(row[titles.index(name)] for name in names) for row in ROWS]


@pytest.fixture
def training(tmp_path):
    file = csv_file(tmp_path, TITLES, ROWS)
    return read_table(file, ROLES.kinds, named=ROLES.named)


@pytest.fixture
def fitted(training):
    return ColumnPreprocessing.fit(training, ROLES)


def transformed(fitted, file, **options):
    named = (*fitted.columns.names, fitted.columns.target) if fitted.columns.header else ()
    return fitted.transform(read_table(file, fitted.kinds, named=named, **options))


def test_numbers_then_categories_then_words(training, fitted):
    found = fitted.transform(training)
    width = np.arange(12) / 4
    scaled = np.column_stack([(width - width.mean()) / width.std(), np.zeros(12)])
    values = ["", "blue", "red"]
    colours = np.eye(3)[[values.index(row[2]) for row in ROWS]]
    notes = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(row[3] for row in ROWS)
    assert isinstance(found, sparse.csr_matrix) and found.dtype == np.float64
    assert found.shape == (12, fitted.width) == (12, 5 + notes.shape[1])
    np.testing.assert_allclose(found[:, :2].toarray(), scaled, atol=1e-12)
    np.testing.assert_array_equal(found[:, 2:5].toarray(), colours)
    np.testing.assert_array_equal(found[:, 5:].toarray(), notes.toarray())
    assert fitted.describe() == [
        "2 numbers ('width', 'height'), centred, scaled",
        "'colour' one-hot, 3 categories ('', 'blue', 'red')",
        "'note' as TF-IDF of 4 words",
    ]


@pytest.mark.parametrize(
    "roles",
    [
        ColumnRoles("ok", drop=["id", "colour", "note"]),
        ColumnRoles("ok", categorical=["colour"], drop=["id", "note"]),
        ColumnRoles("ok", categorical=["colour", 0], drop=["width", "height", "note"]),
    ],
)
def test_without_words_the_rows_are_dense(tmp_path, roles):
    table = read_table(csv_file(tmp_path, TITLES, ROWS), roles.kinds, named=roles.named)
    fitted = ColumnPreprocessing.fit(table, roles)
    found = fitted.transform(table)
    assert type(found) is np.ndarray and found.shape == (12, fitted.width)


@pytest.mark.parametrize(
    ("scale", "expected"), [("none", [0.5, 7]), ("centre", [-0.875, 0]), ("standard", None)]
)
def test_scale_is_of_the_numbers_alone(training, scale, expected):
    fitted = ColumnPreprocessing.fit(training, ROLES, scale)
    row = fitted.transform(training)[2].toarray()[0]
    if expected is None:
        auto = ColumnPreprocessing.fit(training, ROLES).transform(training)[2].toarray()[0]
        np.testing.assert_array_equal(row, auto)
    else:
        np.testing.assert_allclose(row[:2], expected, atol=1e-12)
    np.testing.assert_array_equal(row[2:5], [1, 0, 0])
    assert ("as they are" in fitted.describe()[0]) == (scale == "none")
    with pytest.raises(InvalidParameterError, match="scale='both' is unknown"):
        ColumnPreprocessing.fit(training, ROLES, "both")


@pytest.mark.parametrize(
    "names",
    [
        TITLES,
        ("height", "note", "width", "colour"),  # another order, without target
        ("ok", "extra", "colour", "height", "note", "width"),  # and with another column
    ],
)
def test_columns_are_found_by_name(tmp_path, training, fitted, names):
    titles = [*TITLES, "extra"]
    rows = [(*row, "anything, really") for row in ROWS]
    chosen = [tuple(row[titles.index(name)] for name in names) for row in rows]
    found = transformed(fitted, csv_file(tmp_path, names, chosen, "new.csv"))
    assert (found != fitted.transform(training)).nnz == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("width", "note", "height"), "lacks the column 'colour', which .*add or rename it"),
        (("color", "width", "note", "height"), "'colour': did you mean 'color'"),
        (("ok", "colour"), "lacks columns 'width', 'height', 'note', .*add or rename them"),
        (("Width", "colour", "note", "height"), "'width': did you mean|'width': Known: 'Width'"),
        (("width", "colour", "note", "height", "note"), "several columns called 'note': rename"),
        (None, r"has no header, and the model knows its columns by name \('width', 'height', "),
    ],
)
def test_columns_that_are_not_found(tmp_path, fitted, names, words):
    titles = [*TITLES, "color", "Width"]
    rows = [(*row, row[2], row[1]) for row in ROWS]
    wanted = names or ("colour", "width", "note", "height")
    chosen = [tuple(row[titles.index(name)] for name in wanted) for row in rows]
    file = csv_file(tmp_path, names, chosen, "new.csv")
    with pytest.raises(InvalidDataError, match=words) as caught:
        transformed(fitted, file)
    assert str(file) in str(caught.value)


def test_a_cell_that_is_no_number_any_more(tmp_path, fitted):
    rows = columns_of("width", "colour", "note", "height")
    rows[3] = ("wide", *rows[3][1:])
    file = csv_file(tmp_path, ("width", "colour", "note", "height"), rows, "new.csv")
    with pytest.raises(InvalidDataError, match="line 5, column 'width': 'wide' is not a finite"):
        transformed(fitted, file)


def test_unseen_categories_and_words(tmp_path, fitted):
    file = csv_file(tmp_path, ("width", "colour", "note", "height"), [("1", "green", "x", "7")])
    with pytest.warns(DataWarning, match="column 'colour'.*'green'"):
        found = transformed(fitted, file)
    assert found[:, 2:].nnz == 0


def test_other_types_of_the_same_columns(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    roles = ColumnRoles("y", categorical=["code", "flag"])
    rows = [(f"{i % 3}", "1" if i % 2 else "0", f"{i}.5", "ab"[i % 2]) for i in range(9)]
    file = csv_file(tmp_path, ("code", "flag", "size", "y"), rows)
    table = read_table(file, roles.kinds, named=roles.named)
    fitted = ColumnPreprocessing.fit(table, roles, "none")
    codes, flags = np.arange(9) % 3, np.arange(9) % 2
    columns = {"size": np.arange(9, dtype=np.int8), "flag": flags == 1, "code": codes.astype(float)}
    for code in (codes, codes.astype(np.float32), codes.astype(str), codes.astype(np.uint8)):
        pq.write_table(pa.table({**columns, "code": code}), tmp_path / "new.parquet")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = transformed(fitted, tmp_path / "new.parquet")
        expected = np.hstack([np.arange(9)[:, None], np.eye(3)[codes], np.eye(2)[flags]])
        np.testing.assert_array_equal(found, expected)


def plain(folder, rows, name="plain.csv"):
    return csv_file(folder, None, rows, name)


@pytest.mark.parametrize("target", [0, 1, 3])
def test_without_a_header_positions_count(tmp_path, target):
    columns = ["width", "height", "colour"]
    columns.insert(target, "ok")
    rows = columns_of(*columns)
    roles = ColumnRoles(target, categorical=[columns.index("colour")])
    table = read_table(plain(tmp_path, rows), roles.kinds, named=roles.named)
    assert not table.header
    fitted = ColumnPreprocessing.fit(table, roles)
    expected = fitted.transform(table)
    without = [tuple(c for p, c in enumerate(row) if p != target) for row in rows]
    for given in (rows, without):
        found = transformed(fitted, plain(tmp_path, given, "new.csv"))
        np.testing.assert_array_equal(found, expected)
    # A header does no harm where positions count.
    titled = csv_file(tmp_path, columns, rows, "titled.csv")
    np.testing.assert_array_equal(transformed(fitted, titled), expected)
    for wrong in ([row[:2] for row in rows], [(*row, "1") for row in rows]):
        with pytest.raises(InvalidDataError, match=r"has . columns, and .* fitted on a table of 4"):
            transformed(fitted, plain(tmp_path, wrong, "wrong.csv"))


def test_where_the_target_is(tmp_path, fitted):
    columns = fitted.columns

    def place(names, header=True):
        rows = [("1",) * len(names)]
        file = csv_file(tmp_path, names, rows, "new.csv")
        layouts = []
        read_table(
            file, lambda layout: layouts.append(layout) or ["skip"] * len(names), header=header
        )
        return columns.locate_target(layouts[0])

    assert place(("a", "ok")) == 1
    assert place(("a", "b")) is None
    assert place(("ok", "ok")) is None
    assert place(("a", "ok"), header=False) is None


def test_kinds_skip_what_is_not_needed(fitted, training):
    assert fitted.kinds(training.layout) == ["skip", "number", "text", "text", "text", "number"]
    assert ROLES.kinds(training.layout) == ["skip", "number", "text", "text", "text", "number"]


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        (ColumnRoles("nothing"), "target='nothing'"),
        (ColumnRoles("ok", categorical=["colours"]), "categorical='colours': .*did you mean"),
        (ColumnRoles("ok", text=[9]), "text=9"),
        (ColumnRoles("ok", drop=["x"]), "drop='x'"),
        (ColumnRoles("ok", categorical=["ok"]), "'ok' of .* is given two roles .*: give it one$"),
        (ColumnRoles("ok", categorical=["note"], text=[3]), "column 'note' .* two roles"),
        (ColumnRoles(drop=["height"]), r"'height' .* two roles .*\(it is the target by default\)"),
        (ColumnRoles("ok", drop=[0, 1, 2, 3, 5]), "no column to learn from beside the target 'ok'"),
        (ColumnRoles(drop=range(6), supervised=False), r"no column to learn from \(columns"),
    ],
)
def test_roles_that_do_not_fit(training, roles, words):
    with pytest.raises(InvalidParameterError, match=words):
        roles.positions(training.layout)


def test_a_column_named_twice_in_one_role_counts_once(training):
    roles = ColumnRoles("ok", categorical=["colour", 2, "-4"])
    assert roles.positions(training.layout).categories == (2,)


@pytest.mark.parametrize("header", [True, False])
def test_a_table_without_a_target(again, tmp_path, header):
    titles = ("a", "b", "c") if header else None
    file = csv_file(tmp_path, titles, [("1", "2", "5"), ("3", "4", "7")])
    roles = ColumnRoles(supervised=False)
    table = read_table(file, roles.kinds, header=header)
    fitted = ColumnPreprocessing.fit(table, roles, "none")
    assert fitted.columns.target is None and fitted.columns.locate_target(table.layout) is None
    found = again(fitted)
    assert found.columns == fitted.columns
    np.testing.assert_array_equal(found.transform(table), [[1, 2, 5], [3, 4, 7]])
    if not header:
        narrow = csv_file(tmp_path, None, [("1", "2")])
        with pytest.raises(InvalidDataError, match=r"3 without a header: give .* same order$"):
            transformed(found, narrow, header=False)


def test_duplicate_names_are_refused_when_used(tmp_path):
    roles = ColumnRoles("y")
    file = csv_file(tmp_path, ("a", "a", "y"), [("1", "2", "x"), ("3", "4", "z")])
    table = read_table(file, roles.kinds)
    with pytest.raises(InvalidDataError, match="several columns called 'a': rename all but one"):
        ColumnPreprocessing.fit(table, roles).transform(table)


def test_columns_that_are_no_numbers_are_told_before_anything_is_fitted(tmp_path):
    roles = ColumnRoles("ok")
    table = read_table(csv_file(tmp_path, TITLES, ROWS), roles.kinds, named=roles.named)
    with pytest.raises(InvalidDataError, match="the columns 'id', 'colour', 'note' as categories"):
        ColumnPreprocessing.fit(table, roles)


def test_only_tables_have_columns(fitted):
    for wrong in (np.eye(3), {"width": [1]}, None):
        with pytest.raises(InvalidTypeError, match=f"the data are a {type(wrong).__name__}, and"):
            fitted.transform(wrong)


def test_written_and_read_again(again, fitted, training):
    found = again(fitted)
    assert type(found) is ColumnPreprocessing and found.columns == fitted.columns
    before, after = fitted.transform(training), found.transform(training)
    for piece in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(before, piece), getattr(after, piece))
    assert (found.width, found.describe()) == (fitted.width, fitted.describe())
    assert found.kinds(training.layout) == fitted.kinds(training.layout)


def test_written_and_read_again_without_numbers_or_header(again, tmp_path):
    roles = ColumnRoles(0, text=[1])
    rows = columns_of("ok", "note")
    table = read_table(plain(tmp_path, rows), roles.kinds, named=roles.named)
    fitted = ColumnPreprocessing.fit(table, roles)
    assert (again(fitted).transform(table) != fitted.transform(table)).nnz == 0
    assert isinstance(table, Table) and again(fitted).scaling is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("kind", "columnar", "did you mean 'columns'"),
        ("numbers", 3, "encoders and numbers do not add up to 4 columns"),
        ("numbers", -1, r"encoders are \[1, 1\] beside -1 numbers"),
        ("encoders", [2, 1], "do not add up"),
        ("encoders", [1], r"encoders are \[1\]"),
        ("encoders", [True, 1], "encoders are"),
        ("encoders", [-1, 3], "encoders are"),
        ("encoders", [0, 2], "encoder0.terms is missing"),
        ("encoder0", {}, "encoder0.column is missing"),
        ("encoder0", [], "it must be an object"),
        ("encoder0.values", ["red", "blue"], "not sorted and distinct"),
        ("encoder0.values", ["red", "red"], "not sorted and distinct"),
        ("encoder0.values", [], "not sorted and distinct"),
        ("encoder0.values", ["a", 1], "it must hold strings only"),
        ("encoder1.terms", ["fox", "fox", "hen", "red"], "terms are not distinct"),
        ("encoder1.terms", [], "terms are not distinct"),
        ("encoder1.terms", ["a", "b"], r"encoder1.idf has shape \(4,\); it must be \(2,\)"),
        ("encoder1.idf", np.full(4, np.inf), "infinity"),
        ("encoder1.idf", np.ones(4, int), "dtype int64"),
        ("columns.names", ["a"], "columns.positions are .* for 1 of 6 columns"),
        ("columns.names", [], "columns.positions are"),
        ("columns.positions", [1, 1, 2, 3], "columns.positions are"),
        ("columns.positions", [1, 4, 2, 3], "columns.positions are"),  # the target's
        ("columns.positions", [1, 6, 2, 3], "columns.positions are"),
        ("columns.positions", [1, -1, 2, 3], "columns.positions are"),
        ("columns.positions", [True, 5, 2, 3], "columns.positions are"),
        ("columns.positions", [[1], 5, 2, 3], "columns.positions are"),
        ("columns.target_position", 6, "columns.positions are"),
        ("columns.count", 2, "columns.positions are"),
        ("columns.header", 1, "it must be bool"),
        ("columns.target", None, "target_position is 4; it must be null"),
        ("columns.target", 4, "it must be str or null"),
        ("columns.target_position", None, "it must be int"),
        ("scaling.scale", np.ones(3), r"has shape \(3,\); it must be \(2,\)"),
        ("scaling.scale", np.array([1.0, 0.0]), "not positive"),
        ("more", 1, "'more' is there and means nothing"),
    ],
)
def test_tampered_records(tampered, fitted, name, value, words):
    tampered(fitted, name, value, words)


def test_missing_entries(tampered, dropped, fitted):
    for name in ("columns", "numbers", "encoders", "encoder1", "columns.header", "columns.count"):
        tampered(fitted, name, dropped, f"{name} is missing")


def test_a_record_of_no_columns(tampered, fitted):
    nothing = {"names": [], "positions": [], "header": True, "count": 1}
    nothing |= {"target": "ok", "target_position": 0}
    tampered(fitted, "columns", nothing, "columns.positions are .* for 0 of 1 columns")
