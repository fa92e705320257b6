"""Reading what a model answers: columns by role, pictures made to fit, and refusals."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import sparse

from ogive._errors import (
    DataNotFoundError,
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
    UnknownDataError,
)
from ogive.data import Dataset
from ogive.models import (
    ReadOptions,
    Settings,
    Training,
    fit_model,
    read_batch,
    read_examples,
    read_training,
)
from ogive.preprocessing import ColumnRoles
from tests.models.sources import LINES, ROLES, picture, picture_folder, text_file

PLAIN = ReadOptions()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def of_table(folder):
    return fit_model(read_training(text_file(folder, LINES), ROLES), Settings())


@pytest.fixture(scope="module")
def of_grey(folder):
    training = read_training(picture_folder(folder / "grey"), ColumnRoles())
    return fit_model(training, Settings())


@pytest.fixture(scope="module")
def of_colour(folder):
    training = read_training(picture_folder(folder / "colour", colour=True), ColumnRoles())
    return fit_model(training, Settings())


@pytest.fixture(scope="module")
def of_sparse(folder):
    file = text_file(folder, [f"{i % 2} 1:{1 + i % 2} 7:1" for i in range(8)], "t.svm")
    return fit_model(read_training(file, ColumnRoles()), Settings())


@pytest.fixture(scope="module")
def of_rows():
    X = np.random.default_rng(0).normal(size=(20, 3))
    return fit_model(Training.of(Dataset("rows", X, X[:, 0] * 2.0, ())), Settings())


# What to predict ------------------------------------------------------------------------------


@pytest.mark.parametrize("with_target", [True, False])
def test_a_table_with_or_without_target(tmp_path, of_table, with_target):
    lines = LINES if with_target else [line.rsplit(",", 1)[0] for line in LINES]
    batch = read_batch(of_table, [text_file(tmp_path, lines, "new.csv")], PLAIN)
    assert (batch.name, batch.label_kind, list(batch.labels)) == ("new", "row", list(range(12)))
    assert of_table.predict(batch.data).tolist() == list("yn" * 6)


def test_a_target_that_is_to_be_filled_in(tmp_path, of_table):
    lines = ["size,colour,ok", "1,red,", "2,blue,?"]
    batch = read_batch(of_table, [text_file(tmp_path, lines)], PLAIN)
    assert of_table.predict(batch.data).tolist() == ["y", "n"]


def test_options_of_a_table_to_predict(tmp_path, of_table):
    file = text_file(tmp_path, [line.replace(",", "|") for line in LINES])
    batch = read_batch(of_table, [file], ReadOptions(delimiter="|"))
    assert len(batch.labels) == 12
    with pytest.raises(InvalidDataError, match="has no header"):
        read_batch(of_table, [file], ReadOptions(delimiter="|", header=False))
    with pytest.raises(InvalidParameterError, match=r"split='test': .* has no such part"):
        read_batch(of_table, [file], ReadOptions("test"))
    assert len(read_batch(of_table, [file], ReadOptions("train", "|")).labels) == 12


def test_a_header_of_text_above_text_is_found_by_its_names(tmp_path):
    roles = ColumnRoles("b", categorical=["a"])
    lines = ["a,b", *(f"{'pq'[i % 2]},{'yn'[i % 2]}" for i in range(8))]
    model = fit_model(read_training(text_file(tmp_path, lines), roles), Settings())
    batch = read_batch(model, [text_file(tmp_path, ["b,a", "y,q", "y,p"])], PLAIN)
    assert model.predict(batch.data).tolist() == ["n", "y"]


def test_named_sets_and_arrays(of_rows, tmp_path):
    X = np.random.default_rng(1).normal(size=(5, 3))
    np.save(tmp_path / "new.npy", X)
    batch = read_batch(of_rows, [tmp_path / "new.npy"], PLAIN)
    assert (batch.name, list(batch.labels)) == ("new", [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(of_rows.predict(batch.data), of_rows.predict(X))
    with pytest.raises(InvalidDataError, match=r"shape \(360, 64\)"):
        of_rows.predict(read_batch(of_rows, ["digits"], PLAIN).data)
    assert len(read_batch(of_rows, ["digits"], PLAIN).labels) == 360  # the test part by default
    assert len(read_batch(of_rows, ["digits"], ReadOptions("train")).labels) == 1437


def test_sparse_rows_get_the_width_of_the_model(tmp_path, of_sparse):
    file = text_file(tmp_path, ["1 1:2", "0 1:1"], "new.svm")
    batch = read_batch(of_sparse, [file], PLAIN)
    assert sparse.issparse(batch.data.X) and batch.data.X.shape == (2, 8)
    assert of_sparse.predict(batch.data).tolist() == ["1", "0"]
    with pytest.raises(InvalidDataError, match="has the index 8 where 8 columns are expected"):
        read_batch(of_sparse, [text_file(tmp_path, ["1 8:1"], "new.svm")], PLAIN)


def test_pictures_by_name_and_in_folders(folder, tmp_path, of_grey):
    single = folder / "grey" / "dark" / "1.png"
    batch = read_batch(of_grey, [single], PLAIN)
    assert (batch.label_kind, batch.labels) == ("file", [str(single)])
    assert of_grey.predict(batch.data).tolist() == ["dark"]
    batch = read_batch(of_grey, [folder / "grey"], PLAIN)
    assert batch.labels == [
        str(folder / "grey" / name / f"{i}.png") for name in ("dark", "light") for i in range(4)
    ]
    assert of_grey.predict(batch.data).tolist() == ["dark"] * 4 + ["light"] * 4
    loose = picture(tmp_path / "loose.png", np.full((4, 5), 200, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    batch = read_batch(of_grey, [str(tmp_path), single, loose], PLAIN)
    assert batch.labels == [str(loose), str(single), str(loose)]
    assert of_grey.predict(batch.data).tolist() == ["light", "dark", "light"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
@pytest.mark.parametrize("size", [(5, 4), (11, 9), (3, 2)])  # width, height
def test_pictures_are_resized_and_converted(tmp_path, of_grey, of_colour, mode, size):
    noise = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    kind = ".tif" if mode == "CMYK" else ".png"
    file = tmp_path / f"a{kind}"
    Image.fromarray(noise).convert(mode).save(file)
    with Image.open(file) as image:
        plain = image if mode == "L" else image.convert("RGB")
        resized = plain.resize((5, 4), Image.Resampling.BILINEAR)
    for model, wanted in ((of_grey, "L"), (of_colour, "RGB")):
        batch = read_batch(model, [file], PLAIN)
        found = model.preprocessing.transform(batch.data)
        expected = np.asarray(resized.convert(wanted)).reshape(1, -1) / np.float32(255)
        np.testing.assert_array_equal(found, expected)


def test_pictures_of_a_data_set_are_resized_too(folder, tmp_path, of_grey):
    both = tmp_path / "both"
    for part in ("train", "test"):
        picture_folder(both / part, size=(8, 10))
    batch, truth = read_examples(of_grey, both, PLAIN)
    assert batch.data.image_shape == (4, 5, 1) and truth.tolist() == [0] * 4 + [1] * 4
    np.testing.assert_array_equal(of_grey.predict_codes(batch.data), truth)


def test_broken_pictures_are_named(tmp_path, of_grey):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InvalidDataError, match=r"a.png is no readable picture"):
        read_batch(of_grey, [tmp_path / "a.png"], PLAIN)
    with pytest.raises(DataNotFoundError, match=r"b.png does not exist"):
        read_batch(of_grey, [tmp_path / "b.png"], PLAIN)


def test_broken_pictures_among_others_are_left_out(tmp_path, of_grey):
    root = picture_folder(tmp_path / "pets")
    (root / "dark" / "1.png").write_bytes(b"no picture")
    with pytest.warns(DataWarning, match=r"1 of the 8 pictures left out: .*1\.png is no readable"):
        batch = read_batch(of_grey, [root], PLAIN)
    kept = [*(f"dark/{i}.png" for i in (0, 2, 3)), *(f"light/{i}.png" for i in range(4))]
    assert batch.labels == [str(root / name) for name in kept]
    assert of_grey.predict(batch.data).tolist() == ["dark"] * 3 + ["light"] * 4
    with pytest.warns(DataWarning, match="1 of the 8 pictures of pets left out"):
        batch, truth = read_examples(of_grey, root, PLAIN)
    assert truth.tolist() == [0] * 3 + [1] * 4
    with pytest.raises(DataNotFoundError, match=r"none\.png does not exist"):
        read_batch(of_grey, [root, tmp_path / "none.png"], PLAIN)


def test_several_sources_are_for_pictures(folder, tmp_path, of_grey, of_table):
    table = text_file(tmp_path, LINES)
    (tmp_path / "empty").mkdir()
    for sources in (
        [table, table],
        [folder / "grey", table],
        [folder / "grey", tmp_path / "empty"],
    ):
        for model in (of_grey, of_table):
            with pytest.raises(InvalidParameterError, match=r"2 sources .*several are for pict"):
                read_batch(model, sources, PLAIN)


def test_a_source_that_is_not_there(of_rows, of_table):
    for model in (of_rows, of_table):
        with pytest.raises(UnknownDataError, match="'nowhere' is no named set"):
            read_batch(model, ["nowhere"], PLAIN)


# Data of another kind than the model's --------------------------------------------------------


def test_the_wrong_kind_of_data_is_told(folder, tmp_path, of_table, of_grey, of_sparse, of_rows):
    table = text_file(tmp_path, LINES)
    pictures = folder / "grey"
    one = pictures / "dark" / "0.png"
    for model, source, words in (
        (of_table, "digits", r"digits is no table, and .* columns of one \(1 number \('size'\), "),
        (of_table, one, r"0.png is a picture, and the model was fitted on 1 number"),
        (of_grey, table, r"t.csv is a table, and the model was fitted on 4 × 5 grey pictures"),
        (of_sparse, table, r"is a table, and .* fitted on 8 sparse columns of numbers"),
        (of_sparse, one, r"0.png is a picture, and .* 8 sparse columns"),
        (of_rows, pictures, r"is a picture, and the model was fitted on 3 columns of numbers"),
    ):
        with pytest.raises(InvalidDataError, match=words):
            read_batch(model, [source], PLAIN)


def test_pictures_for_a_model_of_other_pixels(folder, of_grey):
    # The digits of scikit-learn are pictures of 0 to 16: what is 255 among those?
    X = np.random.default_rng(0).random((8, 20)) * 16
    digits = Dataset("digits", X, np.arange(8) % 2, ("a", "b"), (4, 5, 1))
    model = fit_model(Training.of(digits), Settings())
    with pytest.raises(InvalidDataError, match=r"0.png is a picture of pixels from 0 to 255, and"):
        read_batch(model, [folder / "grey"], PLAIN)
    assert of_grey.preprocessing.pixels and not model.preprocessing.pixels


# What to compare with -------------------------------------------------------------------------


def test_examples_of_a_table(tmp_path, of_table):
    lines = ["ok,colour,size", "n,blue,3", "y,red,4", "n,red,5"]
    batch, truth = read_examples(of_table, text_file(tmp_path, lines), PLAIN)
    assert truth.dtype == np.int64 and truth.tolist() == [0, 1, 0]
    assert of_table.predict_codes(batch.data)[:2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["colour,size", "red,1"], "lacks the column 'ok', the model's target: .*; use predict"),
        (["ok,colour,size", "maybe,red,1"], "t.csv has the class 'maybe', which the model"),
        (["ok,colour,size", "y,red,1", ",red,1"], "line 3: the target 'ok' is missing"),
        (["ok,colour,size", "0.5,red,1", "1,red,2"], "the targets are real numbers"),
    ],
)
def test_examples_refused(tmp_path, of_table, lines, words):
    with pytest.raises(InvalidDataError, match=words):
        read_examples(of_table, text_file(tmp_path, lines), PLAIN)


def test_examples_of_a_table_of_values(tmp_path):
    lines = ["a,b", *(f"{i},{i * 1.5}" for i in range(9))]
    model = fit_model(read_training(text_file(tmp_path, lines), ColumnRoles("b")), Settings())
    assert model.classes == ()
    # Whole numbers only, which look like classes.
    _, truth = read_examples(model, text_file(tmp_path, ["a,b", "1,3", "2,-4"]), PLAIN)
    assert truth.dtype == np.float64 and truth.tolist() == [3, -4]


def test_examples_of_arrays(tmp_path, of_rows):
    X = np.random.default_rng(3).normal(size=(5, 3))
    np.savez(tmp_path / "a.npz", X=X, y=X[:, 0])
    batch, truth = read_examples(of_rows, tmp_path / "a.npz", PLAIN)
    np.testing.assert_array_equal(truth, X[:, 0])
    assert isinstance(batch.data, Dataset)


def test_unseen_categories_are_told(tmp_path, of_table):
    file = text_file(tmp_path, ["size,colour", "1,green"])
    with pytest.warns(DataWarning, match="'green'"):
        of_table.predict(read_batch(of_table, [file], PLAIN).data)


def test_pictures_in_parquet(tmp_path, of_grey):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    cells = []
    for level in (50, 200):
        stream = io.BytesIO()
        Image.new("L", (10, 8), level).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    pq.write_table(pa.table({"image": cells, "label": ["dark", "light"]}), tmp_path / "a.parquet")
    batch, truth = read_examples(of_grey, tmp_path / "a.parquet", PLAIN)
    np.testing.assert_array_equal(of_grey.predict_codes(batch.data), truth)
