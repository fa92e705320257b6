"""Folders and parquet files of pictures."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
)
from ogive.data import _pixels, read_image_folder, read_image_parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

RED = np.full((3, 4, 3), (200, 10, 30), dtype=np.uint8)
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def encoded(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def folder_of(root, **classes):
    for name, files in classes.items():
        (root / name).mkdir(parents=True)
        for file, content in files.items():
            (root / name / file).write_bytes(content)
    return root


# Folders


def test_folder_in_the_order_of_names(tmp_path):
    folder_of(
        tmp_path,
        dog={"b.png": encoded(RED), "a.PNG": encoded(RED // 2), "notes.txt": b"none"},
        cat={"z.bmp": encoded(RED, "BMP"), ".hidden.png": b"broken"},
    )
    (tmp_path / "dog" / "deeper").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "readme.md").write_text("ignored")
    data = read_image_folder(tmp_path)
    assert data.name == tmp_path.name
    assert data.classes == ("cat", "dog")
    assert data.y.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(data.images(), [RED, RED // 2, RED])
    assert data.X.flags.writeable


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "webp", "tif", "ppm", "pgm", "jpg", "jpeg"])
def test_every_extension(tmp_path, kind):
    flat = np.full((8, 8), 128, dtype=np.uint8)
    pillow = {"jpg": "JPEG", "tif": "TIFF", "pgm": "PPM"}.get(kind, kind.upper())
    options = {"lossless": True} if kind == "webp" else {}
    folder_of(tmp_path, a={f"1.{kind}": encoded(flat, pillow, **options)})
    data = read_image_folder(tmp_path)
    assert data.image_shape[:2] == (8, 8)
    assert (data.X == 128).all()


def test_grey_stays_grey_until_a_colour_comes(tmp_path):
    folder_of(tmp_path, a={"1.png": encoded(GREY), "2.png": encoded(GREY[::-1])})
    data = read_image_folder(tmp_path)
    assert data.image_shape == (3, 4, 1)
    np.testing.assert_array_equal(data.images()[..., 0], [GREY, GREY[::-1]])
    folder_of(tmp_path, b={"1.png": encoded(RED), "2.png": encoded(GREY)})
    data = read_image_folder(tmp_path)
    assert data.image_shape == (3, 4, 3)
    grey = np.repeat(GREY[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(data.images(), [grey, grey[::-1], RED, grey])


def test_mixed_sizes(tmp_path):
    folder_of(tmp_path, a={"1.png": encoded(RED), "2.png": encoded(RED[:2])})
    with pytest.raises(InvalidDataError, match=r"1\.png has 3×4 .*2\.png 2×4.*size="):
        read_image_folder(tmp_path)
    data = read_image_folder(tmp_path, size=(2, 5))
    assert data.image_shape == (2, 5, 3)
    np.testing.assert_array_equal(data.images()[0, 0, 0], RED[0, 0])


@pytest.mark.parametrize("size", [(3,), (0, 3), (3.0, 3), (3, -1), (10**6, 10**6)])
def test_sizes_refused(tmp_path, size):
    for reader in (read_image_folder, read_image_parquet):
        with pytest.raises(InvalidParameterError, match="height, width"):
            reader(tmp_path, size=size)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a picture", encoded(RED)[:40], encoded(RED, "JPEG")[:300], b"%!PS-Adobe-3.0"],
)
def test_broken_pictures(tmp_path, content):
    folder_of(tmp_path, a={"good.png": encoded(RED)}, b={"bad.png": content})
    with pytest.raises(InvalidDataError, match=r"bad\.png is no readable picture"):
        read_image_folder(tmp_path)


def test_layouts_refused(tmp_path):
    with pytest.raises(DataNotFoundError, match="not a folder"):
        read_image_folder(tmp_path / "nothing")
    (tmp_path / "1.png").write_bytes(encoded(RED))
    with pytest.raises(InvalidDataError, match=r"no class folders.*sub-folder"):
        read_image_folder(tmp_path)
    folder_of(tmp_path, empty={"notes.txt": b""}, full={"1.png": encoded(RED)})
    with pytest.raises(InvalidDataError, match="empty holds no pictures"):
        read_image_folder(tmp_path)


# Bombs


def test_large_pictures_are_refused_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(_pixels, "MAX_PIXELS", 11)
    monkeypatch.setattr(_pixels, "as_shown", lambda *_: pytest.fail("was decoded"))
    folder_of(tmp_path, a={"1.png": encoded(RED)})
    with pytest.raises(InvalidDataError, match="3×4 pixels, over the limit of 11"):
        read_image_folder(tmp_path)


def test_pillows_own_limit_is_our_error(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    folder_of(tmp_path, a={"1.png": encoded(RED)})
    with pytest.raises(InvalidDataError, match=r"decompression bomb.*resize"):
        read_image_folder(tmp_path)


def test_many_blank_pictures_are_a_bomb_too(tmp_path, monkeypatch):
    monkeypatch.setattr(_pixels, "BASE_BYTES", 100)
    monkeypatch.setattr(_pixels, "MAX_EXPANSION", 0)
    folder_of(tmp_path, a={f"{i}.png": encoded(RED) for i in range(3)})
    with pytest.raises(InvalidDataError, match=r"2\.png decode to over"):
        read_image_folder(tmp_path)


def test_an_empty_stack():
    with pytest.raises(InvalidDataError, match="no picture"):
        _pixels.ImageStack().rows()


# Parquet

NAMES = ["cat", "dog"]


def hub(**features):
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


IMAGE = {"_type": "Image"}
LABEL = {"_type": "ClassLabel", "names": NAMES}


def pictures(images):
    """Build a picture column: None is a null cell, 0 a path without bytes."""
    cells = [
        None if n is None else {"bytes": encoded(image_of(n)) if n else None, "path": "p.png"}
        for n in images
    ]
    return pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def image_of(number):
    return np.full((2, 3), number, dtype=np.uint8)


def parquet(folder, columns, metadata=None, name="set.parquet", **options):
    table = pa.table(columns).replace_schema_metadata(metadata)
    pq.write_table(table, folder / name, **options)
    return folder / name


def test_hub_layout(tmp_path):
    file = parquet(
        tmp_path,
        {"img": pictures(range(1, 8)), "label": [0, 1, 1, 0, 0, 1, 1]},
        hub(img=IMAGE, label=LABEL),
        row_group_size=3,
    )
    data = read_image_parquet(file)
    assert (data.name, data.classes, data.image_shape) == ("set", ("cat", "dog"), (2, 3, 1))
    assert data.y.tolist() == [0, 1, 1, 0, 0, 1, 1]
    assert data.X[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert read_image_parquet(file, size=(4, 4)).image_shape == (4, 4, 1)


def test_metadata_chooses_among_columns(tmp_path):
    columns = {
        "label": [5, 6],
        "mask": pictures([1, 2]),
        "photo": pictures([3, 4]),
        "kind": [1, 0],
    }
    file = parquet(tmp_path, columns, hub(photo=IMAGE, kind=LABEL, odd="text"))
    data = read_image_parquet(file)
    assert (data.X[:, 0].tolist(), data.y.tolist()) == ([3, 4], [1, 0])
    other = read_image_parquet(file, image="mask", label="label")
    assert (other.X[:, 0].tolist(), other.classes) == ([1, 2], ("5", "6"))
    with pytest.raises(InvalidParameterError, match=r"'phot' is no image column.*'photo'"):
        read_image_parquet(file, image="phot")
    with pytest.raises(InvalidParameterError, match="'photo' is no label column"):
        read_image_parquet(file, label="photo")


@pytest.mark.parametrize("metadata", [None, {b"huggingface": b"{"}, {b"huggingface": b"[]"}])
@pytest.mark.parametrize(
    ("labels", "codes", "classes"),
    [
        ([10, 9], [1, 0], ("9", "10")),
        (["b", "a"], [1, 0], ("a", "b")),
        (["10", "9"], [0, 1], ("10", "9")),
        ([True, False], [1, 0], ("False", "True")),
        (pa.array(["b", "a"]).dictionary_encode(), [1, 0], ("a", "b")),
    ],
)
def test_labels_without_metadata(tmp_path, metadata, labels, codes, classes):
    file = parquet(tmp_path, {"x": pictures([1, 2]), "label": labels, "id": [1, 2]}, metadata)
    data = read_image_parquet(file)
    assert (data.y.tolist(), data.classes) == (codes, classes)


def test_a_lone_column_needs_no_name(tmp_path):
    file = parquet(tmp_path, {"x": pictures([1, 2]), "breed": ["b", "a"]})
    assert read_image_parquet(file).classes == ("a", "b")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": [1], "label": [0]}, "no image column"),
        ({"x": [{"path": "a"}], "label": [0]}, "no image column"),
        ({"x": [{"bytes": "text"}], "label": [0]}, "no image column"),
        ({"x": pictures([1])}, "no label column"),
        ({"x": pictures([1]), "label": [0.5]}, "no label column"),
        ({"x": pictures([1]), "z": pictures([1]), "label": [0]}, "several image columns.*x, z"),
        ({"x": pictures([1]), "fine": [0], "coarse": [0]}, "several label columns.*label=<name>"),
        ({"x": pictures([1, None]), "label": [0, 0]}, "row 1: the picture has no bytes"),
        ({"x": pictures([1, 0]), "label": [0, 0]}, "row 1: the picture has no bytes"),
        ({"x": pictures([1, 2]), "label": [0, None]}, "row 1: the label 'label' is missing"),
        ({"x": pictures([]), "label": pa.array([], pa.int64())}, "holds no rows"),
    ],
)
def test_parquet_refused(tmp_path, columns, words):
    with pytest.raises(InvalidDataError, match=words):
        read_image_parquet(parquet(tmp_path, columns))


def test_rows_are_counted_over_row_groups(tmp_path):
    file = parquet(
        tmp_path, {"x": pictures([1, 2, 3, 4, None]), "label": [0] * 5}, row_group_size=2
    )
    with pytest.raises(InvalidDataError, match="row 4: the picture has no bytes"):
        read_image_parquet(file)


def test_parquet_of_two_sizes(tmp_path):
    cells = [{"bytes": encoded(GREY)}, {"bytes": encoded(GREY[:2])}]
    with pytest.raises(InvalidDataError, match=r"row 0 has 3×4 .*row 1 2×4.*resize them first"):
        read_image_parquet(parquet(tmp_path, {"x": cells, "label": [0, 1]}))


def test_broken_picture_in_parquet(tmp_path):
    file = parquet(tmp_path, {"x": [{"bytes": b"junk"}], "label": [0]})
    with pytest.raises(InvalidDataError, match=r"set\.parquet, row 0 is no readable picture"):
        read_image_parquet(file)


@pytest.mark.parametrize("bad", [-1, 2])
def test_labels_out_of_range(tmp_path, bad):
    columns = {"x": pictures([1, 2]), "label": [0, bad]}
    with pytest.raises(InvalidDataError, match=f"(from|to) {bad}.*names 2 classes"):
        read_image_parquet(parquet(tmp_path, columns, hub(label=LABEL)))


def test_class_label_of_strings(tmp_path):
    columns = {"x": pictures([1, 2]), "label": ["dog", "ant"]}
    assert read_image_parquet(parquet(tmp_path, columns, hub(label=LABEL))).classes == (
        "ant",
        "dog",
    )


def test_shards(tmp_path):
    for i in (2, 1, 3):
        columns = {"x": pictures([i, i]), "label": [f"class {i}"] * 2}
        parquet(tmp_path, columns, name=f"train-{i}.parquet")
    data = read_image_parquet(tmp_path)
    assert data.name == tmp_path.name
    assert data.X[:, 0].tolist() == [1, 1, 2, 2, 3, 3]
    assert data.classes == ("class 1", "class 2", "class 3")
    files = [tmp_path / "train-3.parquet", str(tmp_path / "train-1.parquet")]
    data = read_image_parquet(files)
    assert (data.name, data.X[:, 0].tolist()) == (tmp_path.name, [3, 3, 1, 1])


def test_shards_that_differ(tmp_path):
    parquet(tmp_path, {"x": pictures([1]), "label": [0]}, hub(label=LABEL), "1.parquet")
    parquet(tmp_path, {"x": pictures([1]), "label": [0]}, None, "2.parquet")
    with pytest.raises(InvalidDataError, match=r"2\.parquet has .*1\.parquet.*one by one"):
        read_image_parquet(tmp_path)


def test_shards_refused(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"no .*parquet files"):
        read_image_parquet(tmp_path)
    with pytest.raises(DataNotFoundError, match="list of parquet shards is empty"):
        read_image_parquet([])
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_image_parquet([tmp_path / "1.parquet"])


def test_damaged_parquet(tmp_path):
    content = parquet(tmp_path, {"x": pictures(range(1, 40)), "label": [0] * 39}).read_bytes()
    cut = tmp_path / "cut.parquet"
    for damaged in (b"", b"PAR1", content[:-20], content[: len(content) // 2]):
        cut.write_bytes(damaged)
        with pytest.raises(InvalidDataError, match=r"cut\.parquet is truncated or no.*again"):
            read_image_parquet(cut)
    cut.write_bytes(content[:4] + bytes(200) + content[204:])
    with pytest.raises(InvalidDataError, match=r"cut\.parquet"):
        read_image_parquet(cut)


def test_more_rows_than_bytes(tmp_path):
    blank = pictures([7])[0].as_py()
    rows = 100_000
    repeated = pa.array([0] * rows, pa.int32())
    cells = pa.StructArray.from_arrays(
        [pa.DictionaryArray.from_arrays(repeated, pa.array([blank["bytes"]])).dictionary_decode()],
        names=["bytes"],
    )
    file = parquet(tmp_path, {"x": cells, "label": [0] * rows}, row_group_size=rows)
    assert file.stat().st_size < rows  # the dictionary and its run lengths are tiny
    with pytest.raises(InvalidDataError, match=r"claims 100000 pictures.*bomb"):
        read_image_parquet(file)


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"Reading parquet.*ogive\[data\]"):
        read_image_parquet(tmp_path / "set.parquet")
