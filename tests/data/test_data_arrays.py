"""npz and npy files: keys, shapes, splits, damage, and no pickle."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data import read_npy, read_npz
from ogive.data.arrays import npz_has_split

X = np.arange(12.0).reshape(3, 4)
Y = np.array([4, 2, 4])


def npz(folder, compressed=False, **arrays):
    file = folder / "set.npz"
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file


def npy_header(descr, shape, order="False"):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "keys",
    [("X", "y"), ("x", "Y"), ("data", "target"), ("images", "labels"), ("x_train", "y_train")],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_keys(tmp_path, keys, compressed):
    data = read_npz(npz(tmp_path, compressed, **dict(zip(keys, (X, Y), strict=True))))
    np.testing.assert_array_equal(data.X, X)
    assert (data.y.tolist(), data.classes, data.name) == ([1, 0, 1], ("2", "4"), "set")


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2", ">i8", "u1", "?"])
def test_dtypes_are_kept_native(tmp_path, dtype):
    data = read_npz(npz(tmp_path, X=X.astype(dtype), y=Y))
    assert data.X.dtype == np.dtype(dtype).newbyteorder("=") and data.X.dtype.isnative
    np.testing.assert_array_equal(data.X, X.astype(dtype))


def test_fortran_order(tmp_path):
    data = read_npz(npz(tmp_path, X=np.asfortranarray(X), y=Y))
    np.testing.assert_array_equal(data.X, X)


def test_official_split_shares_classes(tmp_path):
    file = npz(tmp_path, x_train=X, y_train=["b", "c", "b"], x_test=X[:1], y_test=["a"])
    assert npz_has_split(file)
    train, test = read_npz(file), read_npz(file, "test")
    assert train.classes == test.classes == ("a", "b", "c")
    assert (train.y.tolist(), test.y.tolist(), len(test)) == ([1, 2, 1], [0], 1)


def test_split_refused(tmp_path):
    file = npz(tmp_path, X=X, y=Y)
    assert not npz_has_split(file)
    with pytest.raises(InvalidParameterError, match=r"no test part.*'X', 'y'.*load_pair"):
        read_npz(file, "test")
    with pytest.raises(InvalidParameterError, match="'train' or 'test'"):
        read_npz(file, "validation")


def test_keys_found_are_listed(tmp_path):
    with pytest.raises(InvalidDataError, match="keys found: 'inputs', 'outputs'; expected x_train"):
        read_npz(npz(tmp_path, inputs=X, outputs=Y))
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    with pytest.raises(InvalidDataError, match="keys found: none"):
        read_npz(tmp_path / "empty.npz")


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [
        ((3, 2, 4), (2, 4, 1)),
        ((3, 2, 4, 3), (2, 4, 3)),
        ((3, 32, 8, 1), (32, 8, 1)),
        ((3, 4), None),
    ],
)
def test_images_are_flattened(tmp_path, shape, image_shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    data = read_npz(npz(tmp_path, X=array, y=Y))
    assert data.image_shape == image_shape
    np.testing.assert_array_equal(data.X, array.reshape(3, -1))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 3, 8, 8), np.uint8), "channels-first.*transpose"),
        (np.zeros(3), "reshape or convert it"),
        (np.zeros((3, 1, 1, 1, 1)), "reshape or convert it"),
        (np.zeros((3, 2), complex), "reshape or convert it"),
        (np.zeros((3, 2), "U3"), "reshape or convert it"),
        (np.zeros((3, 2), [("a", "f4")]), "reshape or convert it"),
        (np.array([[0.0, 1], [2, np.nan], [3, 4]]), "not finite in row 1"),
        (np.array([[0.0, 1], [2, 1], [np.inf, 4]]), "not finite in row 2"),
        (np.zeros((2, 2)), "one target a row"),
        (np.zeros((0, 2)), "one target a row"),
    ],
)
def test_rows_refused(tmp_path, array, words):
    with pytest.raises(InvalidDataError, match=words):
        read_npz(npz(tmp_path, X=array, y=Y))


@pytest.mark.parametrize(
    ("target", "codes", "classes"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        (np.array([b"b", b"a", b"b"]), [1, 0, 1], ("a", "b")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        ([10.0, 9.0, 10.0], [1, 0, 1], ("9", "10")),
        ([0.5, 2.0, 1.0], [0.5, 2.0, 1.0], ()),
        ([1e300, 2.0, 1.0], [1e300, 2.0, 1.0], ()),
        ([[7], [-1], [7]], [1, 0, 1], ("-1", "7")),
        (np.array([2**63, 1, 1], dtype=np.uint64), [1, 0, 0], ("1", str(2**63))),
    ],
)
def test_targets(tmp_path, target, codes, classes):
    data = read_npz(npz(tmp_path, X=X, y=target))
    assert data.y.tolist() == codes
    assert data.classes == classes
    assert data.y.dtype == (np.int64 if classes else np.float64)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.eye(3), "argmax"),
        (np.array(3), "argmax"),
        (np.zeros(3, complex), "convert it first"),
        ([0.0, np.nan, 1.0], "target of row 1 is nan"),
    ],
)
def test_targets_refused(tmp_path, target, words):
    with pytest.raises(InvalidDataError, match=words):
        read_npz(npz(tmp_path, X=X, y=target))


def test_splits_of_unlike_targets(tmp_path):
    file = npz(tmp_path, x_train=X, y_train=Y, x_test=X, y_test=["a", "b", "c"])
    with pytest.raises(InvalidDataError, match="text in one split"):
        read_npz(file)


class Bomb:
    """Would raise if it were unpickled."""

    def __reduce__(self):
        return (exec, ("raise AssertionError('a pickle was loaded')",))


def test_pickles_are_never_loaded(tmp_path):
    objects = np.array([Bomb(), Bomb(), Bomb()], dtype=object)
    with pytest.raises(InvalidDataError, match="pickle can run code"):
        read_npz(npz(tmp_path, X=X, y=objects))
    np.save(tmp_path / "X.npy", objects, allow_pickle=True)
    np.save(tmp_path / "y.npy", Y)
    with pytest.raises(InvalidDataError, match="pickle can run code"):
        read_npy(tmp_path / "X.npy")


def archive(folder, content, method=zipfile.ZIP_STORED):
    file = folder / "made.npz"
    with zipfile.ZipFile(file, "w", method) as made:
        made.writestr("X.npy", content)
        made.writestr("y.npy", b"")
    return file


GOOD = npy_header("'<f8'", (3, 4)) + X.tobytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no .npy array"),
        (b"\x93NUMPY", "is no .npy array"),
        (GOOD[:60], "is no .npy array"),
        (npy_header("'nonsense'", (3, 4)), "is no .npy array"),
        (npy_header("'<f8'", (3, 4)).replace(b" \n", b"{\n"), "is no .npy array"),
        (GOOD[:-1], "truncated: its header announces 96 bytes.*95 read"),
        (GOOD + b"x", "trailing bytes"),
        (npy_header("'<f8'", (2**40,)), "truncated.*room for"),
        (npy_header("'<f8'", (-3, 4)), r"announces shape \(-3, 4\)"),
        (npy_header("'<U0'", (2**40,)), "announces shape"),
        (npy_header("'<f8'", (0, 2**40, 2**40)), "fits no array"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, None])
def test_damaged_arrays(tmp_path, content, words, method):
    if method is None:
        file = tmp_path / "X.npy"
        file.write_bytes(content)
        np.save(tmp_path / "y.npy", Y)
    else:
        file = archive(tmp_path, content, method)
    with pytest.raises(InvalidDataError, match=words) as caught:
        (read_npy if method is None else read_npz)(file)
    assert str(file) in str(caught.value)


def test_npy_version_two(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, X, version=(2, 0))
    (tmp_path / "X.npy").write_bytes(buffer.getvalue())
    np.save(tmp_path / "y.npy", Y)
    np.testing.assert_array_equal(read_npy(tmp_path / "X.npy").X, X)


def test_lying_header_in_an_archive_allocates_nothing(tmp_path):
    # The member's own bytes allow for 1032 times as many: 2 GB. Nothing like it may be allocated.
    noise = np.random.default_rng(0).bytes(3_000_000)
    file = archive(tmp_path, npy_header("'|u1'", (2**31, 1)) + noise, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDataError, match="truncated"):
            read_npz(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_other_compression_is_refused(tmp_path):
    with pytest.raises(InvalidDataError, match="savez_compressed"):
        read_npz(archive(tmp_path, GOOD, zipfile.ZIP_LZMA))


def test_damaged_archive(tmp_path):
    good = npz(tmp_path, X=X, y=Y).read_bytes()
    bad = tmp_path / "bad.npz"
    for content in (b"", good[:-30], b"PK\x03\x04junk"):
        bad.write_bytes(content)
        with pytest.raises(InvalidDataError, match=r"no .npz archive.*save it again"):
            read_npz(bad)
    with pytest.raises(InvalidDataError, match=r"no .npz archive"):
        npz_has_split(bad)
    place = good.index(X.tobytes())
    bad.write_bytes(good[:place] + b"\xff" + good[place + 1 :])  # the checksum tells
    with pytest.raises(InvalidDataError, match=r"'X' is damaged.*CRC"):
        read_npz(bad)


def test_npy_pair(tmp_path):
    np.save(tmp_path / "X_train.npy", X.astype(np.float32))
    with pytest.raises(DataNotFoundError, match=r"y_train\.npy"):
        read_npy(tmp_path / "X_train.npy")
    np.save(tmp_path / "y_train.npy", Y)
    data = read_npy(tmp_path / "X_train.npy")
    assert (data.X.dtype, data.classes) == (np.float32, ("2", "4"))
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_npy(tmp_path / "X.npy")


@pytest.mark.parametrize("name", ["features.npy", "Xray.npy", "y.npy"])
def test_npy_of_another_name(tmp_path, name):
    np.save(tmp_path / name, X)
    with pytest.raises(InvalidDataError, match="needs targets too"):
        read_npy(tmp_path / name)
