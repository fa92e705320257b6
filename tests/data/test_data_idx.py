"""IDX files made byte by byte, whole and damaged."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from ogive._errors import DataNotFoundError, InvalidDataError
from ogive.data import _files, read_idx, read_idx_folder
from ogive.data.idx_folder import idx_files, idx_splits

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    header = struct.pack(
        f">HBB{array.ndim}I", 0, CODES[array.dtype.str[1:]], array.ndim, *array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder, content, name="some-idx3-ubyte"):
    file = folder / name
    file.write_bytes(content)
    return file


@st.composite
def idx_arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(sorted(CODES))))
    shape = draw(arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    return draw(arrays_of.arrays(dtype, shape))


@given(array=idx_arrays(), compressed=st.booleans())
def test_round_trip(tmp_path_factory, array, compressed):
    content = idx_bytes(array)
    file = write(tmp_path_factory.mktemp("idx"), gzip.compress(content) if compressed else content)
    found = read_idx(file)
    assert found.dtype == array.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable


def test_bytes_are_big_endian(tmp_path):
    head = bytes([0, 0, 0x0C, 2, 0, 0, 0, 1, 0, 0, 0, 2])
    file = write(tmp_path, head + bytes([0, 0, 1, 2, 255, 255, 255, 254]))
    np.testing.assert_array_equal(read_idx(str(file)), [[258, -2]])


GOOD = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty .0 bytes"),
        (b"\x00\x00\x08", "is no IDX file: it begins with 00 00 08"),
        (b"\x00\x01" + GOOD[2:], "is no IDX file: it begins with 00 01 08 03"),
        (b"\x00\x00\x0a" + GOOD[3:], "is no IDX file: it begins with 00 00 0a 03"),
        (b"<html>not found</html>", "is no IDX file: it begins with 3c 68 74 6d"),
        (GOOD[:9], "ends inside its header: 9 bytes found, 16 expected"),
        (GOOD[:-1], "truncated.*announces 24 bytes.*2, 3, 4.*room for 23"),
        (GOOD + b"\x00", "trailing bytes.*announces 24 bytes"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "truncated"),
        (struct.pack(">HBB3I", 0, 0x0E, 3, 0, 2**32 - 1, 2**32 - 1), "fits no array"),
        (struct.pack(">HBB", 0, 8, 255) + bytes(4 * 255), "fits no array"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_damage(tmp_path, content, words, compressed):
    file = write(tmp_path, gzip.compress(content) if compressed else content)
    if compressed:
        words = words.replace("room for 23", "")
        words = words.replace("room for", "")
    with pytest.raises(InvalidDataError, match=words) as caught:
        read_idx(file)
    message = str(caught.value)
    assert str(file) in message and "\n" not in message and "download it again" in message


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(GOOD)
    broken_sum = packed[:-8] + bytes(4) + packed[-4:]
    for content in (
        packed[:-10],
        packed[:3],
        broken_sum,
        packed[:10] + b"\xff" * 20,
        packed + b"x",
    ):
        with pytest.raises(InvalidDataError, match=r"damaged gzip file.*download it again"):
            read_idx(write(tmp_path, content))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_lying_header_allocates_nothing(tmp_path, compressed):
    # 2 GB announced, and in the compressed file not beyond what deflate could hold.
    content = struct.pack(">HBB1I", 0, 8, 1, 2**31) + os.urandom(3_000_000)
    file = write(tmp_path, gzip.compress(content, 1) if compressed else content)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDataError, match="truncated"):
            read_idx(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_no_file(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(InvalidDataError, match="is a folder"):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidDataError, match="not a regular file"):
        read_idx(tmp_path / "pipe")


IMAGES = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)


def folder_of(path, train=(5, 3, 5), test=(7, 3, 9), joint="-", packed=""):
    for prefix, labels in (("train", train), ("t10k", test)):
        for kind, content in (
            ("images{}idx3-ubyte", idx_bytes(IMAGES)),
            ("labels{}idx1-ubyte", idx_bytes(np.array(labels, dtype=np.uint8))),
        ):
            data = gzip.compress(content) if packed else content
            write(path, data, f"{prefix}-{kind.format(joint)}{packed}")
    return path


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_folder(tmp_path, joint, packed):
    folder_of(tmp_path, joint=joint, packed=packed)
    assert idx_splits(tmp_path) == ("train", "test")
    data = read_idx_folder(tmp_path, "test")
    assert data.name == tmp_path.name
    assert data.classes == ("3", "5", "7", "9")  # of both splits
    np.testing.assert_array_equal(data.y, [2, 0, 3])
    np.testing.assert_array_equal(data.images()[..., 0], IMAGES)
    np.testing.assert_array_equal(read_idx_folder(tmp_path).y, [1, 0, 1])


def test_folder_with_class_names(tmp_path):
    folder_of(tmp_path, train=(0, 1, 0))
    data = read_idx_folder(tmp_path, name="ab", classes=("a", "b"))
    assert (data.name, data.classes, data.y.tolist()) == ("ab", ("a", "b"), [0, 1, 0])
    with pytest.raises(InvalidDataError, match="up to 9 where ab has 2 classes"):
        read_idx_folder(tmp_path, "test", name="ab", classes=("a", "b"))
    write(tmp_path, idx_bytes(np.zeros(3, dtype=np.float32)), "train-labels-idx1-ubyte")
    with pytest.raises(InvalidDataError, match="float32 labels"):
        read_idx_folder(tmp_path, classes=("a", "b"))


def test_folder_with_one_split(tmp_path):
    folder_of(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert idx_splits(tmp_path) == ("train",)
    assert idx_files(tmp_path, "test") is None
    assert read_idx_folder(tmp_path).classes == ("3", "5")
    with pytest.raises(DataNotFoundError, match="t10k-labels-idx1-ubyte"):
        read_idx_folder(tmp_path, "test")


def test_folder_of_unequal_lengths(tmp_path):
    folder_of(tmp_path, train=(0, 1))
    with pytest.raises(InvalidDataError, match=r"X has shape \(3, 8\) and y \(2,\)"):
        read_idx_folder(tmp_path)


def test_data_longer_than_a_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "_CHUNK", 7)  # 24 bytes are three chunks and a bit
    np.testing.assert_array_equal(
        read_idx(write(tmp_path, GOOD)).ravel(), np.arange(24, dtype=np.uint8)
    )
    with pytest.raises(InvalidDataError, match="trailing bytes"):
        read_idx(write(tmp_path, GOOD + b"x"))


def test_multi_member_gzip(tmp_path):
    buffer = io.BytesIO(gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]))
    assert read_idx(write(tmp_path, buffer.getvalue())).shape == (2, 3, 4)
