"""Model files as bytes: what is written is read again, and what could not be is not written."""

import json
import math
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from ogive._container import read_container, write_container
from ogive._errors import InvalidParameterError, InvalidTypeError

DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
VALUES = {"name": "höhe \udcff", "numbers": [1, -0.0, 1e-300, True, None], "inner": {"a": {}}}


# What goes in comes out ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 1, 1, 1)])
def test_arrays_survive(file, dtype, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    write_container(file, {}, {"x": array})
    found = read_container(file)[1]["x"]
    assert found.dtype == array.dtype and found.shape == shape
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable and found.flags.aligned


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda a: a[::2, ::-1],
        lambda a: a.astype(">f8"),
        lambda a: np.broadcast_to(a[0], (5, 6)),
    ],
)
def test_layout_in_memory_does_not_matter(file, change):
    array = change(np.arange(24.0).reshape(4, 6))
    array.flags.writeable = False
    write_container(file, {}, {"x": array})
    np.testing.assert_array_equal(read_container(file)[1]["x"], array)


def test_values_survive(file):
    write_container(file, VALUES | {"infinite": [math.inf, {"b": -math.inf}]}, {})
    found = read_container(file)[0]
    assert found == VALUES | {"infinite": [math.inf, {"b": -math.inf}]}
    assert math.copysign(1, found["numbers"][1]) == -1
    assert [type(value) for value in found["numbers"]] == [int, float, float, bool, type(None)]


def test_same_content_gives_the_same_bytes(file):
    arrays = {"x": np.arange(3.0), "y": np.zeros(2, np.float32), "z": np.ones(3), "a": np.ones(1)}
    write_container(file, VALUES, arrays)
    before = file.read_bytes()
    write_container(file, VALUES, dict(reversed(arrays.items())))
    assert file.read_bytes() == before


def test_the_library_of_the_format_reads_the_same(file):
    generator = np.random.default_rng(0)
    arrays = {f"a.{code}": generator.integers(0, 2, (3, 5)).astype(code) for code in DTYPES}
    arrays["empty"], arrays["one"] = np.zeros((0, 3)), np.array(7.0)
    write_container(file, VALUES, arrays)
    found = load_file(file)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    with safe_open(file, framework="np") as opened:
        assert json.loads(opened.metadata()["ogive"]) == VALUES


def test_arrays_lie_at_multiples_of_their_item_size(file):
    write_container(file, {}, {code: np.ones(3, code) for code in DTYPES})
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    for code in DTYPES:
        assert header[code]["data_offsets"][0] % np.dtype(code).itemsize == 0


def test_reading_needs_no_torch():
    code = "import sys, ogive._container, ogive._record; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" in done.stdout.split() and "torch" not in done.stdout.split()


# What is not written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([1j]), np.array([None]), np.zeros(2, "g")]
)
def test_other_arrays_are_not_written(file, array):
    with pytest.raises(InvalidTypeError, match=r"weights has dtype .* astype"):
        write_container(file, {}, {"weights": array})
    assert not file.exists()


def nested(depth):
    values = {}
    for _ in range(depth):
        values = {"a": values}
    return values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a": math.nan}, "nan"),
        ({"a": {"$float": "inf"}}, "reserved"),
        ({"a": 2**64}, "64 bits"),
        (nested(101), "100 deep"),
    ],
)
def test_values_that_could_not_be_read_are_not_written(file, values, words):
    with pytest.raises(InvalidParameterError, match=words):
        write_container(file, values, {})
    assert not file.exists()


def test_the_largest_values_that_are_written_are_read(file):
    values = nested(99) | {"big": [2**64 - 1, -(2**64) + 1, 1.7976931348623157e308]}
    write_container(file, values, {})
    assert read_container(file)[0] == values
