"""Named sets: what is known of them, where they are looked for, and what is taken for them."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data import available, describe, load, load_pair, names, stratified_split
from ogive.data import named as named_sets
from ogive.data._catalogue import CATALOGUE

MNIST = (7, 2, 1, 0, 4, 1, 4, 9, 5, 9)  # the first labels of the test sets
FASHION = (9, 2, 1, 1, 6, 1, 4, 6, 5, 7)


def idx_set(folder, labels=(0, 1, 9), packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    write = gzip.compress if packed else bytes
    for prefix in ("train", "t10k"):
        head = struct.pack(">HBB3I", 0, 8, 3, len(labels), 1, 2)
        images = folder / f"{prefix}-images-idx3-ubyte{'.gz' if packed else ''}"
        images.write_bytes(write(head + bytes(range(2 * len(labels)))))
        head = struct.pack(">HBBI", 0, 8, 1, len(labels))
        file = folder / f"{prefix}-labels-idx1-ubyte{'.gz' if packed else ''}"
        file.write_bytes(write(head + bytes(labels)))
    return folder


def cifar_set(folder, label, hundred=False):
    """Write the binary files with one picture each."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ["train.bin", "test.bin"] if hundred else [f"data_batch_{n}.bin" for n in range(1, 6)]
    for file in files if hundred else [*files, "test_batch.bin"]:
        (folder / file).write_bytes(bytes([label] * (1 + hundred)) + bytes(3072))
    if hundred:
        (folder / "fine_label_names.txt").write_text("\n".join(CATALOGUE["cifar100"].classes))
    return folder


def shards(folder, classes, splits=("train", "test")):
    """Write parquet shards as the hub has them, one picture a class."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (1, 2, 3)).save(buffer, "PNG")
    table = pa.table(
        {
            "img": [{"bytes": buffer.getvalue(), "path": None}] * len(classes),
            "label": list(classes),
        }
    )
    for split in splits:
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No set is on this machine but what a test puts there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OGIVE_DATA", str(tmp_path / "own"))
    real = named_sets._places
    monkeypatch.setattr(
        named_sets, "_places", lambda name: [p for p in real(name) if tmp_path in p.parents]
    )
    return tmp_path


def test_names():
    assert names() == ("cifar10", "cifar100", "digits", "fashion-mnist", "mnist")
    assert available("digits")
    for call in (available, describe, named_sets.load):
        with pytest.raises(InvalidParameterError, match=r"did you mean 'digits'\?"):
            call("digit")


def test_digits():
    from sklearn.datasets import load_digits

    train, test = load("digits"), load("digits", "test")
    assert (len(train), len(test)) == (1437, 360)
    assert train.X.dtype == np.float64 and train.image_shape == (8, 8, 1)
    assert train.X.min() == 0 and train.X.max() == 1
    assert train.classes == tuple("0123456789")
    rows, other = stratified_split(load_digits().target, 360, 0)
    np.testing.assert_array_equal(train.X, load_digits().data[rows] / 16)
    np.testing.assert_array_equal(test.y, load_digits().target[other])
    share = np.bincount(test.y) / np.bincount(load_digits().target)
    assert np.abs(share - 360 / 1797).max() < 0.01


# Where they are looked for


@pytest.mark.parametrize("place", ["own/fashion-mnist", "own", "cache/ogive/fashion-mnist"])
def test_places(nowhere, place):
    assert not available("fashion-mnist") and describe("fashion-mnist").place is None
    (nowhere / "own" / "fashion-mnist").mkdir(parents=True)  # there, and without the files
    idx_set(nowhere / place, FASHION)
    assert available("fashion-mnist") and describe("fashion-mnist").place == nowhere / place
    data = load("fashion-mnist")
    assert data.name == "fashion-mnist" and data.classes[9] == "Ankle boot"
    assert data.y.tolist() == list(FASHION)


def test_order_of_places(nowhere):
    idx_set(nowhere / "cache" / "ogive" / "fashion-mnist", (1, 1, 1))
    assert load("fashion-mnist").y.tolist() == [1, 1, 1]
    idx_set(nowhere / "own", (*FASHION, 2))
    assert load("fashion-mnist").y[-1] == 2
    idx_set(nowhere / "own" / "fashion-mnist", (3, 3, 3))
    assert load("fashion-mnist").y[0] == 3
    (nowhere / "own" / "fashion-mnist" / "t10k-labels-idx1-ubyte").unlink()
    assert load("fashion-mnist").y[-1] == 2  # half a set is none


def test_system_place_is_last(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/does/not/count")
    monkeypatch.delenv("OGIVE_DATA", raising=False)
    assert named_sets._places("fashion-mnist") == [
        tmp_path / ".cache" / "ogive" / "fashion-mnist",
        Path("/usr/share/datasets/fashion-mnist"),
    ]


def test_a_place_that_may_not_be_read_is_passed_over(nowhere, monkeypatch):
    idx_set(nowhere / "cache" / "ogive" / "mnist", MNIST)

    real = Path.is_file

    def forbidden(path):
        if path.is_relative_to(nowhere / "own" / "mnist"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "is_file", forbidden)
    assert describe("mnist").place == nowhere / "cache" / "ogive" / "mnist"


# What tells one set from another


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("labels", "expected"),
    [(MNIST, "mnist"), (FASHION, "fashion-mnist"), ((1, 2, 3), None), ((), None)],
)
def test_files_of_the_same_names_are_told_apart(nowhere, labels, expected, packed):
    idx_set(nowhere / "own", labels or (0,), packed)
    if not labels:  # damaged beyond telling
        for file in (nowhere / "own").iterdir():
            file.write_bytes(b"\x1f\x8b\x00" if packed else b"")
    found = [name for name in ("mnist", "fashion-mnist") if available(name)]
    assert found == ([expected] if expected else [])


def test_the_name_of_the_folder_suffices(nowhere):
    idx_set(nowhere / "own" / "mnist", (1, 2, 3))
    assert load("mnist").classes == tuple("0123456789")
    assert not available("fashion-mnist")


def test_another_set_in_the_place(nowhere):
    idx_set(nowhere / "own" / "fashion-mnist", (0, 1, 26))
    with pytest.raises(InvalidDataError, match=r"labels up to 26.*10 classes.*another set"):
        load("fashion-mnist")


CIFAR10 = CATALOGUE["cifar10"].classes


@pytest.mark.parametrize("place", ["own/cifar10", "own", "cache/ogive/cifar10"])
@pytest.mark.parametrize("below", ["", "cifar-10-batches-bin"])
def test_cifar10_as_binary_files(nowhere, place, below):
    assert not available("cifar10")
    folder = cifar_set(nowhere / place / below, 6)
    assert describe("cifar10").place == folder
    data = load("cifar10")
    assert data.name == "cifar10" and data.classes == CIFAR10 and data.y.tolist() == [6] * 5
    (folder / "data_batch_2.bin").unlink()
    assert not available("cifar10")


def test_both_cifars_unpacked_in_one_folder(nowhere):
    cifar_set(nowhere / "own" / "cifar-10-batches-bin", 3)
    cifar_set(nowhere / "own" / "cifar-100-binary", 42, hundred=True)
    assert load("cifar10", "test").y.tolist() == [3]
    assert load("cifar100", "test").y.tolist() == [42]
    assert load("cifar100").classes == describe("cifar100").classes
    (nowhere / "own" / "cifar-100-binary" / "fine_label_names.txt").unlink()
    assert not available("cifar100")


@pytest.mark.parametrize("place", ["own/cifar10", "own"])
def test_cifar10_as_parquet_shards(nowhere, place):
    shards(nowhere / place, sorted(CIFAR10), splits=["train"])
    assert not available("cifar10")  # half a set is none
    shards(nowhere / place, sorted(CIFAR10))
    assert describe("cifar10").place == nowhere / place
    data = load("cifar10", "test")
    assert (data.name, data.classes, data.image_shape) == ("cifar10", CIFAR10, (32, 32, 3))
    assert data.y.tolist() == list(range(10))
    cifar_set(nowhere / place, 4)
    assert load("cifar10", "test").y.tolist() == [4]  # the official files are preferred


def test_parquet_shards_of_another_set(nowhere):
    shards(nowhere / "own" / "cifar10", ["ant", "bee", "cow", "doe"])
    words = r"another set: its classes are 'ant', 'bee', 'cow', \.\.\., those of cifar10 'airplane'"
    with pytest.raises(InvalidDataError, match=words):
        load("cifar10")


# What is said of them


@pytest.mark.parametrize("name", [name for name in names() if name != "digits"])
def test_not_here_tells_how_to_get_it(nowhere, name):
    with pytest.raises(DataNotFoundError) as caught:
        load(name)
    message = str(caught.value)
    for words in (
        str(nowhere / "own" / name),
        f"{nowhere / 'own'},",
        str(nowhere / "cache" / "ogive" / name),
        f"ogive datasets fetch {name}",
        "OGIVE_DATA",
    ):
        assert words in message
    assert ("apt-get install dataset-fashion-mnist" in message) == (name == "fashion-mnist")
    assert ("train-images-idx3-ubyte.gz" in message) == ("mnist" in name)
    assert ("data_batch_5.bin" in message) == (name == "cifar10")
    assert ("fine_label_names.txt" in message) == (name == "cifar100")


@pytest.mark.parametrize("name", names())
def test_describe(nowhere, name):
    known = describe(name)
    assert known.name == name and known.summary.endswith(".") and known.licence
    assert known.features == np.prod(known.image_shape)
    assert len(set(known.classes)) == (100 if name == "cifar100" else 10)
    assert (known.source is None) == (name == "digits") == (known.download_bytes == 0)
    assert (known.place is None) == (name != "digits")
    with pytest.raises(dataclasses.FrozenInstanceError):
        known.place = Path("/")


@pytest.mark.parametrize("name", names())
def test_the_table(name):
    entry = CATALOGUE[name]
    assert bool(entry.members) == name.startswith("cifar")
    assert len(entry.files) == {"digits": 0, "mnist": 4, "fashion-mnist": 4}.get(name, 1)
    for file in entry.files:
        assert file.url.startswith(("https://", "http://")) and not file.url.endswith("/")
        assert len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 1000
    width = 3073 if name == "cifar10" else 3074
    pictures = sum(member.size / width for member in entry.members if member.exact)
    assert pictures == (sum(entry.rows) if entry.members else 0)
    files = [member.name for member in entry.members] or [file.name for file in entry.files]
    assert len(set(files)) == len(files)


SYSTEM = Path("/usr/share/datasets/fashion-mnist")
STAMPS = {"train": 1504176606, "t10k": 1504176627}


@pytest.mark.skipif(not SYSTEM.is_dir(), reason="Fashion-MNIST is not here")
@pytest.mark.parametrize("file", CATALOGUE["fashion-mnist"].files, ids=lambda file: file.name)
def test_checksums_of_fashion_mnist(file):
    # Debian took names and dates out of the heads of the files; with these they are the originals.
    packed = (SYSTEM / file.name).read_bytes()
    if len(packed) + len(file.name) - 2 != file.size:
        pytest.skip("these files were compressed anew")
    stamp = struct.pack("<I", STAMPS[file.name.partition("-")[0]])
    head = b"\x1f\x8b\x08\x08" + stamp + b"\x00\x03" + file.name.removesuffix(".gz").encode()
    assert hashlib.sha256(head + b"\x00" + packed[10:]).hexdigest() == file.sha256


# Real data


@pytest.mark.parametrize("name", names())
def test_the_real_ones_are_what_is_said(name):
    known = describe(name)
    if known.place is None:
        pytest.skip(f"{name} is not here")
    data = load(name, "test")
    assert len(data) == known.test_rows and data.X.shape[1] == known.features
    assert (data.classes, data.image_shape) == (known.classes, known.image_shape)
    if name != "digits":
        each = known.test_rows // len(known.classes)
        assert name == "mnist" or np.bincount(data.y).tolist() == [each] * len(known.classes)
        assert data.X.dtype == np.uint8 and 30 < data.X.mean() < 140


@pytest.mark.skipif(not available("fashion-mnist"), reason="Fashion-MNIST is not here")
def test_the_real_fashion_mnist():
    train, test = load_pair("fashion-mnist")
    assert (train.X.shape, test.X.shape) == ((60000, 784), (10000, 784))
    assert np.bincount(train.y).tolist() == [6000] * 10
    assert train.y[:5].tolist() == [9, 0, 0, 3, 0]
    assert test.y[:10].tolist() == list(FASHION)
    assert train.classes[9] == "Ankle boot"
