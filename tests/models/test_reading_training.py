"""Reading data to fit on: each kind of source, options, and which columns are categories."""

from __future__ import annotations

import numpy as np
import pytest

from ogive._errors import DataWarning, InvalidDataError, InvalidParameterError
from ogive.data import Dataset, Table
from ogive.models import Settings, fit_model, read_training
from ogive.preprocessing import ColumnRoles
from tests.models.sources import LINES, ROLES, picture, picture_folder, text_file


def test_training_of_every_kind_of_source(tmp_path):
    X, y = np.arange(12.0).reshape(6, 2), np.array([0, 1] * 3)
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    text_file(tmp_path, ["1 0:2", "2 1:3"], "a.svm")
    for source, kind, rows in (
        ("digits", Dataset, 1437),  # the train part of what has parts
        (tmp_path / "a.npz", Dataset, 6),
        (tmp_path / "X.npy", Dataset, 6),
        (tmp_path / "a.svm", Dataset, 2),
        (picture_folder(tmp_path / "pets"), Dataset, 8),
        (text_file(tmp_path, ["a,y", "1,2", "3,4"]), Table, 2),
    ):
        found = read_training(source, ColumnRoles())
        assert type(found.data) is kind and len(found.y) == rows


def test_training_pictures_can_be_resized(tmp_path):
    found = read_training(picture_folder(tmp_path), ColumnRoles(), size=(2, 3))
    assert found.data.image_shape == (2, 3, 1) and found.classes == ("dark", "light")


def test_training_leaves_out_what_is_broken_and_resizes_what_differs(tmp_path):
    root = picture_folder(tmp_path / "pets")
    (root / "dark" / "1.png").write_bytes(b"no picture")
    picture(root / "light" / "9.png", np.full((9, 9), 200, np.uint8))
    with pytest.warns(DataWarning) as told:
        found = read_training(root, ColumnRoles())
    assert found.data.image_shape == (4, 5, 1) and found.y.tolist() == [0] * 3 + [1] * 5
    texts = [str(warning.message) for warning in told]
    assert "1 of the 9 pictures of pets left out: dark/1.png is no" in texts[0]
    assert "1 of 8 resized to the commonest, 4×5" in texts[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delimiter": ","}, "delimiter=',': digits is no table with columns"),
        ({"header": False}, "header=False: digits is no table"),
        ({"roles": ColumnRoles(target=0)}, "target=0: digits is no table"),
        ({"roles": ColumnRoles(drop=["a"])}, r"drop=\['a'\]: digits is no table"),
        ({"roles": ColumnRoles(text=("a",))}, "text=.*digits is no table"),
        ({"size": (4, 4)}, "size= is no option of a named set"),
        ({"task": "values?"}, "task='values.' is unknown"),
    ],
)
def test_options_that_do_not_fit_a_named_set(options, words):
    with pytest.raises(InvalidParameterError, match=words):
        read_training("digits", options.pop("roles", ColumnRoles()), **options)


def test_roles_that_name_nothing_fit_everything():
    nothing = ColumnRoles(categorical=[], text=[], drop=[])
    assert len(read_training("digits", nothing).y) == 1437


def test_a_table_takes_no_size(tmp_path):
    with pytest.raises(InvalidParameterError, match=r"size=\(4, 4\): .* holds no pictures"):
        read_training(text_file(tmp_path, LINES), ROLES, size=(4, 4))


def test_table_options(tmp_path):
    lines = [line.replace(",", "|") for line in LINES]
    found = read_training(text_file(tmp_path, lines), ROLES, delimiter="|")
    assert found.classes == ("n", "y")
    file = text_file(tmp_path, ["7,8", "1,2", "3,4"])
    assert len(read_training(file, ColumnRoles()).y) == 3
    assert len(read_training(file, ColumnRoles(), header=True).y) == 2


EVERY = ColumnRoles("ok", categorical=("all",))


def test_every_column_that_is_no_numbers(tmp_path):
    lines = [f"{line},{'note' if i == 0 else f'{i}.5'}" for i, line in enumerate(LINES)]
    found = read_training(text_file(tmp_path, lines), EVERY)
    assert found.roles.categorical == (1,)
    assert list(found.data.texts) == [1, 2] and list(found.data.numbers) == [0, 3]
    # None at all is all right.
    only = ColumnRoles("size", categorical=("all",), drop=["colour", "ok"])
    assert read_training(text_file(tmp_path, lines), only).roles.categorical == ()


def test_every_column_spares_those_with_another_role(tmp_path):
    roles = ColumnRoles("ok", categorical=("all",), text=["colour"])
    found = read_training(text_file(tmp_path, LINES), roles)
    assert (found.roles.categorical, found.roles.text) == ((), ["colour"])


def test_a_column_with_gaps_does_not_become_categories(tmp_path):
    for gap in ("", "NA"):
        lines = [*LINES, f"{gap},red,y"]
        training = read_training(text_file(tmp_path, lines), EVERY)
        with pytest.raises(InvalidDataError, match="line 14, column 'size': the value is missing"):
            fit_model(training, Settings())


def test_every_column_of_a_table_of_text(tmp_path):
    lines = ["class,cap,odor", "p,x,a", "e,b,none", "p,x,none", "e,b,a"]
    found = read_training(text_file(tmp_path, lines), ColumnRoles(categorical=("all",)))
    assert found.target == "class" and found.classes == ("e", "p")
    assert fit_model(found, Settings()).preprocessing.width == 4


def test_every_column_of_a_parquet_table(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {"odor": ["none", None, "a", "none"], "size": [1, 2, 3, 4], "ok": list("ynyn")}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    found = read_training(tmp_path / "t.parquet", EVERY)
    model = fit_model(found, Settings())
    assert model.preprocessing.categories[0].values == ("", "a", "none")


def numbers_with(*others, count):
    """Return lines of a table whose column size holds numbers first, and then the others."""
    cells = [*map(str, range(count)), *others]
    return ["size,ok", *(f"{cell},{'yn'[i % 2]}" for i, cell in enumerate(cells))]


@pytest.mark.parametrize("gaps", [(), ("", "NA", "?") * 10])
def test_numbers_that_become_categories_are_told(tmp_path, gaps):
    lines = numbers_with(*gaps, "n/k", "x", count=19)
    with pytest.warns(DataWarning) as caught:
        found = read_training(text_file(tmp_path, lines), EVERY)
    assert found.roles.categorical == (0,) and len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith("column 'size' becomes categories, and 19 of its 21 values are num")
    assert f"is 'n/k' ({tmp_path / 't.csv'}, line {21 + len(gaps)})" in message
    assert caught[0].filename == __file__  # where the data were asked for


@pytest.mark.parametrize(
    "lines",
    [
        numbers_with("n/k", "x", count=18),  # just 90 %
        numbers_with(count=19),
        numbers_with("", count=19),  # a gap, which is told when the model is fitted
        LINES,
    ],
)
@pytest.mark.filterwarnings("error")
def test_nothing_is_told_of_other_columns(tmp_path, lines):
    read_training(text_file(tmp_path, lines), EVERY)


@pytest.mark.filterwarnings("error")
def test_nothing_is_told_of_what_the_user_or_the_file_calls_text(tmp_path):
    named = ColumnRoles("ok", categorical=["size"])
    read_training(text_file(tmp_path, numbers_with("x", count=19)), named)
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {"size": [f"{i:04}" for i in range(20)], "ok": ["y", "n"] * 10}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_training(tmp_path / "t.parquet", EVERY).roles.categorical == (0,)
