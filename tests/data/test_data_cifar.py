"""CIFAR's binary files made byte by byte, whole and damaged."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data import cifar, load, load_pair, read_cifar
from ogive.data.cifar import CIFAR10, CIFAR100, cifar_splits

NAMES = ("ant", "bee", "cow", "doe", "eel", "fox", "gnu", "hen", "ibis", "jay")
FINE = tuple(f"fine_{number}" for number in range(100))


def cifar_bytes(labels, first=0):
    """Return rows whose pixel at (h, w) of channel c of picture i is a code of all four."""
    rows = [
        bytes([*(np.atleast_1d(label)), *image(first + number).transpose(2, 0, 1).ravel()])
        for number, label in enumerate(labels)
    ]
    return b"".join(rows)


def image(number):
    """Return picture `number`, height × width × channels, all pixels different enough."""
    h, w, c = np.indices((32, 32, 3))
    return ((h * 7 + w * 31 + c * 101 + number * 13) % 256).astype(np.uint8)


def cifar10_folder(folder, names=NAMES, rows=2):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(5):
        labels = [(rows * number + row) % 10 for row in range(rows)]
        content = cifar_bytes(labels, first=rows * number)
        (folder / f"data_batch_{number + 1}.bin").write_bytes(content)
    (folder / "test_batch.bin").write_bytes(cifar_bytes([9, 0], first=100))
    if names:
        (folder / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    return folder


def cifar100_folder(folder, names=FINE):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.bin").write_bytes(cifar_bytes([(19, 99), (3, 0), (0, 42)]))
    (folder / "test.bin").write_bytes(cifar_bytes([(7, 1)], first=100))
    if names:
        (folder / "fine_label_names.txt").write_text("\n".join(names) + "\n")
    return folder


def test_cifar10(tmp_path):
    data = read_cifar(cifar10_folder(tmp_path / "ten"))
    assert data.name == "ten" and data.classes == NAMES
    assert data.X.dtype == np.uint8 and data.X.shape == (10, 3072)
    assert data.y.tolist() == list(range(10))
    assert data.image_shape == (32, 32, 3)
    for number in range(10):
        np.testing.assert_array_equal(data.images()[number], image(number))
    test = read_cifar(str(tmp_path / "ten"), "test", name="another")
    assert (test.name, test.y.tolist()) == ("another", [9, 0])
    np.testing.assert_array_equal(test.images()[1], image(101))


def test_cifar100_has_the_fine_labels(tmp_path):
    data = read_cifar(cifar100_folder(tmp_path))
    assert data.classes == FINE and data.y.tolist() == [99, 0, 42]
    np.testing.assert_array_equal(data.images()[2], image(2))
    assert read_cifar(tmp_path, "test").y.tolist() == [1]


def test_more_rows_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "_BLOCK_ROWS", 3)  # 7 rows are two blocks and a bit
    data = read_cifar(cifar10_folder(tmp_path, rows=7))
    assert data.y.tolist() == [row % 10 for row in range(35)]
    for number in range(35):
        np.testing.assert_array_equal(data.images()[number], image(number))


def test_known_names_where_the_file_is_missing(tmp_path):
    data = read_cifar(cifar10_folder(tmp_path, names=()))
    assert data.classes[0] == "airplane" and data.classes[9] == "truck"


@pytest.mark.parametrize(
    ("make", "folder", "layout"),
    [
        (cifar10_folder, "cifar-10-batches-bin", CIFAR10),
        (cifar100_folder, "cifar-100-binary", CIFAR100),
    ],
)
def test_where_the_archive_was_unpacked(tmp_path, make, folder, layout):
    assert cifar_splits(tmp_path) == () and layout.within(tmp_path) is None
    make(tmp_path / folder)
    assert layout.within(tmp_path) == tmp_path / folder
    assert cifar_splits(tmp_path) == ("train", "test")
    assert read_cifar(tmp_path).name == tmp_path.name
    train, test = load_pair(tmp_path)
    assert len(train) > len(test) and train.image_shape == (32, 32, 3)


def test_a_source_of_load(tmp_path):
    cifar10_folder(tmp_path)
    assert load(tmp_path, "test").y.tolist() == [9, 0]
    with pytest.raises(InvalidParameterError, match="size= is no option of a CIFAR folder"):
        load(tmp_path, size=(8, 8))
    (tmp_path / "test_batch.bin").unlink()
    with pytest.raises(InvalidParameterError, match="CIFAR folder"):
        load(tmp_path, "test")
    assert len(load(tmp_path)) == 10


def test_both_sets_in_one_folder(tmp_path):
    cifar10_folder(tmp_path / "cifar-10-batches-bin")
    cifar100_folder(tmp_path / "cifar-100-binary")
    with pytest.raises(
        InvalidDataError, match=r"holds both CIFAR-10 and CIFAR-100: name the folder"
    ):
        load(tmp_path)
    assert CIFAR100.is_whole(CIFAR100.within(tmp_path))


@pytest.mark.parametrize("kept", [0, 1, 3072, 3073 + 1, 2 * 3073 - 1, 2 * 3073 + 1])
def test_files_of_a_wrong_size(tmp_path, kept):
    file = cifar10_folder(tmp_path) / "data_batch_4.bin"
    file.write_bytes((file.read_bytes() + bytes(10))[:kept])
    words = rf"data_batch_4\.bin has {kept} bytes.*truncated or not CIFAR-10.*download it again"
    with pytest.raises(InvalidDataError, match=words):
        read_cifar(tmp_path)


def test_a_file_that_is_cut_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "_pictures_in", lambda file, layout: 3)  # it was, a moment ago
    with pytest.raises(InvalidDataError, match=r"data_batch_1\.bin became shorter while"):
        read_cifar(cifar10_folder(tmp_path))


def test_labels_out_of_range(tmp_path):
    file = cifar10_folder(tmp_path) / "data_batch_2.bin"
    content = bytearray(file.read_bytes())
    content[3073] = 10
    file.write_bytes(content)
    words = r"data_batch_2\.bin: picture 1 has the label 10.*10 classes, 0 to 9.*download it again"
    with pytest.raises(InvalidDataError, match=words):
        read_cifar(tmp_path)
    (tmp_path / "batches.meta.txt").write_text("\n".join((*NAMES, "kid")))
    assert read_cifar(tmp_path).y[3] == 10


@pytest.mark.parametrize("missing", ["data_batch_1.bin", "data_batch_3.bin", "data_batch_5.bin"])
def test_a_missing_batch(tmp_path, missing):
    (cifar10_folder(tmp_path) / missing).unlink()
    with pytest.raises(InvalidDataError, match=rf"{missing} is missing, so .* is not whole: put"):
        read_cifar(tmp_path)
    assert not CIFAR10.is_whole(tmp_path)
    assert len(read_cifar(tmp_path, "test")) == 2


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00", b"x" * 70_000])
def test_broken_names(tmp_path, content):
    (cifar100_folder(tmp_path) / "fine_label_names.txt").write_bytes(content)
    with pytest.raises(
        InvalidDataError, match=r"fine_label_names\.txt .* is no list of class names"
    ):
        read_cifar(tmp_path)


def test_nothing_there(tmp_path):
    (tmp_path / "train.bin").write_bytes(b"whatever this is, it is no CIFAR")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataNotFoundError, match="holds neither CIFAR-10"):
            read_cifar(folder)
    with pytest.raises(InvalidDataError, match="CIFAR files"):
        load(tmp_path)
    with pytest.raises(InvalidParameterError, match="'validation' must be 'train' or 'test'"):
        read_cifar(cifar10_folder(tmp_path), "validation")


def test_memory_is_what_the_rows_take(tmp_path):
    content = cifar_bytes([1]) * 4000
    cifar10_folder(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(content)
    tracemalloc.start()
    try:
        data = read_cifar(tmp_path, "test")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(data) == 4000
    assert peak < 1.5 * data.X.nbytes
