"""The one entry point for everything: names, files and folders."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    InvalidTypeError,
)
from ogive.data import load, load_pair, stratified_split
from ogive.data import named as named_sets


def idx_set(folder, labels=(0, 1, 9), only=("train", "t10k")):
    folder.mkdir(parents=True, exist_ok=True)
    for prefix in only:
        head = struct.pack(">HBB3I", 0, 8, 3, len(labels), 1, 2)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(head + bytes(range(2 * len(labels))))
        head = struct.pack(">HBBI", 0, 8, 1, len(labels))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(head + bytes(labels))
    return folder


@pytest.mark.parametrize("split", ["validation", "", None])
def test_split_refused(split):
    for call in (load, named_sets.load):
        with pytest.raises(InvalidParameterError, match="must be 'train' or 'test'"):
            call("digits", split)


def test_unknown_source():
    with pytest.raises(DataNotFoundError, match=r"did you mean 'fashion-mnist'.*Readable: \.csv"):
        load("fashion_mnist")
    with pytest.raises(InvalidTypeError, match="ndarray is no source"):
        load(np.eye(3))


def test_options_of_another_kind(tmp_path):
    with pytest.raises(InvalidParameterError, match=r"size= .*named set: it takes none"):
        load("digits", size=(8, 8))
    file = tmp_path / "t.csv"
    file.write_text("a,b,c\n1,2,3\n4,5,6\n")
    with pytest.raises(InvalidParameterError, match=r"did you mean 'target'"):
        load(file, tarket="a")
    assert load(file, target="a").feature_names == ("b", "c")


def test_file_kinds(tmp_path):
    X, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 1])
    np.savez(tmp_path / "set.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    lines = [f"{a}\t{b}\t{c}\n" for (a, b), c in zip(X, y, strict=True)]
    for name in ("set.tsv", "set.txt", "set.CSV"):
        (tmp_path / name).write_text("".join(lines))
    (tmp_path / "archive").write_bytes((tmp_path / "set.npz").read_bytes())
    (tmp_path / "X.array").write_bytes((tmp_path / "X.npy").read_bytes())
    (tmp_path / "y.array").write_bytes((tmp_path / "y.npy").read_bytes())
    for name in ("set.npz", "X.npy", "set.tsv", "set.txt", "set.CSV", "archive", "X.array"):
        data = load(tmp_path / name)
        np.testing.assert_array_equal(data.X, X)
        np.testing.assert_array_equal(data.y, y)
        with pytest.raises(InvalidParameterError, match=r"has no such part.*only 'train'"):
            load(tmp_path / name, "test")


def test_file_of_no_kind(tmp_path):
    (tmp_path / "letter.docx").write_bytes(b"text")
    os.mkfifo(tmp_path / "pipe")
    for name in ("letter.docx", "pipe"):
        with pytest.raises(InvalidDataError, match=r"of no kind that can be read.*readable: .csv"):
            load(tmp_path / name)


def test_npz_with_a_split(tmp_path):
    X = np.arange(4.0).reshape(2, 2)
    np.savez(tmp_path / "s.npz", x_train=X, y_train=["a", "b"], x_test=X[:1], y_test=["b"])
    train, test = load_pair(tmp_path / "s.npz")
    assert (len(train), len(test), test.y.tolist()) == (2, 1, [1])
    assert len(load(tmp_path / "s.npz", "test")) == 1


def test_npz_whose_parts_differ(tmp_path):
    X = np.zeros((2, 2))
    np.savez(tmp_path / "s.npz", x_train=X, y_train=[0, 1], x_test=X[:, :1], y_test=[0, 1])
    with pytest.raises(InvalidDataError, match="differ in classes or columns"):
        load_pair(tmp_path / "s.npz")


def test_idx_folders(tmp_path):
    both = idx_set(tmp_path / "both")
    assert [data.y.tolist() for data in load_pair(both)] == [[0, 1, 2], [0, 1, 2]]
    one = idx_set(tmp_path / "one", (4, 4, 5, 5), only=("t10k",))
    assert load(one, "test").classes == ("4", "5")
    with pytest.raises(InvalidParameterError, match=r"has no such part.*only 'test'"):
        load(one)
    assert [data.y.tolist() for data in load_pair(one, 0.5)] == [[0, 1], [0, 1]]


def picture_folder(root, names=("cat", "dog"), count=3):
    for name in names:
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("L", (3, 2), i).save(root / name / f"{i}.png")
    return root


def test_picture_folder(tmp_path):
    root = picture_folder(tmp_path / "pets")
    assert load(root).image_shape == (2, 3, 1)
    assert load(root, size=(4, 4)).image_shape == (4, 4, 1)
    train, test = load_pair(root, 0.34)
    assert (train.y.tolist(), test.y.tolist()) == ([0, 0, 1, 1], [0, 1])


def test_picture_folders_with_a_split(tmp_path):
    picture_folder(tmp_path / "train")
    picture_folder(tmp_path / "test", count=1)
    assert [len(data) for data in load_pair(tmp_path)] == [6, 2]
    assert load(tmp_path, "test").classes == ("cat", "dog")
    (tmp_path / "test" / "ant").mkdir()
    with pytest.raises(InvalidDataError, match=r"different class folders .ant."):
        load(tmp_path)


def test_a_folder_of_nothing(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InvalidDataError, match="holds nothing that can be read"):
        load(tmp_path)


def parquet(file, values, labels=(0, 1)):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    import io

    cells = []
    for value in values:
        buffer = io.BytesIO()
        Image.new("L", (1, 1), value).save(buffer, "PNG")
        cells.append({"bytes": buffer.getvalue(), "path": None})
    pq.write_table(pa.table({"image": cells, "label": list(labels)}), file)


def test_parquet_shards(tmp_path):
    for name, values in (("train-1", [3, 4]), ("train-0", [1, 2]), ("validation-0", [7, 8])):
        parquet(tmp_path / f"{name}.parquet", values)
    assert load(tmp_path).X.ravel().tolist() == [1, 2, 3, 4]
    with pytest.raises(InvalidParameterError, match="has no such part"):
        load(tmp_path, "test")
    parquet(tmp_path / "test.parquet", [5, 6])
    assert [data.X.ravel().tolist() for data in load_pair(tmp_path)] == [[1, 2, 3, 4], [5, 6]]
    assert load(tmp_path / "train-1.parquet").X.ravel().tolist() == [3, 4]


def test_parquet_whose_parts_differ(tmp_path):
    parquet(tmp_path / "train.parquet", [1, 2], ["ant", "bee"])
    parquet(tmp_path / "test.parquet", [1, 2], ["ant", "cow"])
    with pytest.raises(InvalidDataError, match="differ in classes or columns"):
        load_pair(tmp_path)


def test_parquet_without_split_names(tmp_path):
    parquet(tmp_path / "b.parquet", [3, 4])
    parquet(tmp_path / "a.parquet", [1, 2])
    assert load(tmp_path, label="label").X.ravel().tolist() == [1, 2, 3, 4]


def test_load_pair_is_the_stratified_split(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("".join(f"{i},{'ab'[i % 2]}\n" for i in range(20)))
    whole = load(file)
    train, test = load_pair(file, 0.3, seed=5)
    rows = stratified_split(whole.y, 0.3, 5)
    np.testing.assert_array_equal(train.X, whole.X[rows[0]])
    np.testing.assert_array_equal(test.X, whole.X[rows[1]])
    file.write_text("1,a\n2,a\n3,b\n")
    with pytest.raises(InvalidParameterError, match="class 'b' has 1 row"):
        load_pair(file)


def test_load_pair_of_real_targets(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("".join(f"{i},{i / 7}\n" for i in range(20)))
    train, test = load_pair(file)
    assert (len(train), len(test)) == (16, 4)
    assert sorted([*train.X.ravel(), *test.X.ravel()]) == list(range(20))


def test_import_is_light():
    code = (
        "import sys, ogive.data; "
        "print([m for m in ('PIL', 'pyarrow', 'sklearn', 'pandas', 'torch') if m in sys.modules])"
    )
    root = Path(named_sets.__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
