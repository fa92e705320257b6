"""Model files as bytes: written whole, read whole or refused, never more memory than bytes."""

import gzip
import json
import math
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import load_file
from safetensors.numpy import save as save_with_library

from ogive._container import file as container_file
from ogive._container import read_container, write_container
from ogive._errors import (
    DataNotFoundError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
)

DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
VALUES = {"name": "höhe \udcff", "numbers": [1, -0.0, 1e-300, True, None], "inner": {"a": {}}}


@pytest.fixture
def file(memory):
    return memory / "some.model"


def small(file):
    write_container(file, {"a": 1}, {"x": np.arange(3.0), "y": np.array([True, False])})
    return file.read_bytes()


def container(header, body=b""):
    """Return a file of the format, with any header."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + body


def entry(dtype="F64", shape=(1,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


META = {"ogive": "{}", "sha256": ""}


def check_refused(file, data, *words):
    file.write_bytes(data)
    with pytest.raises(InvalidModelError) as caught:
        read_container(file)
    message = str(caught.value)
    assert str(file) in message and "; " in message
    message.encode()  # can be printed
    for word in words:
        assert word in message, message


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


# What is refused -----------------------------------------------------------------------------


def test_cut_short_at_every_length(file):
    data = small(file)
    for length in range(len(data)):
        check_refused(file, data[:length], "whole model file", "ogive.save")


def test_something_after_the_end(file):
    check_refused(file, small(file) + b"\n", "followed by something else")


def test_every_flipped_bit_is_told_or_means_nothing(file):
    data = small(file)
    header_end = 8 + struct.unpack("<Q", data[:8])[0]
    loaded = 0
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            file.write_bytes(changed)
            try:
                values, arrays = read_container(file)
            except InvalidModelError:
                continue
            loaded += 1
            assert place < header_end  # a space that has become a tab
            assert values == {"a": 1}
            np.testing.assert_array_equal(arrays["x"], [0.0, 1.0, 2.0])
            np.testing.assert_array_equal(arrays["y"], [True, False])
    assert loaded < 40


def test_damage_in_the_numbers_is_told(file):
    data = bytearray(small(file))
    data[-3] ^= 1
    check_refused(file, data, "damaged", "checksum")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"F64","shape":[3]', b'"I64","shape":[3]'),
        (b'"shape":[2,2]', b'"shape":[4,1]'),
        (b'"x":', b'"z":'),
        (b'{\\"a\\":1}', b'{\\"a\\":2}'),
        (b'{\\"a\\":1}', b'{\\"b\\":1}'),
    ],
)
def test_the_checksum_covers_names_types_shapes_and_text(file, old, new):
    write_container(file, {"a": 1}, {"x": np.arange(3.0), "y": np.ones((2, 2), np.int8)})
    data = file.read_bytes()
    assert old in data
    check_refused(file, data.replace(old, new), "checksum")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut short"),
        (b"hello", "something else"),
        (pickle.dumps({"a": np.arange(3)}), "pickle"),
        (pickle.dumps([1] * 1000, protocol=2), "pickle"),
        (gzip.compress(b"x" * 100), "gzip"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\n  <html>\n<body>404 not found</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b'{"format": "ogive model", "version": 1}', "JSON"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "picture"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "HDF5"),
        (b"\0" * 1000, "something else"),
        (b"\xff" * 1000, "something else"),
        (save_with_library({"x": np.arange(3.0)}), "no model of Ogive"),
        (save_with_library({"x": np.arange(3.0)}, {"format": "pt"}), "no model of Ogive"),
    ],
)
def test_other_files_are_named_for_what_they_are(file, data, words):
    check_refused(file, data, words)


def test_zip_archives_are_named(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", b"x")
    check_refused(file, file.read_bytes(), "zip archive", "torch.save")


def test_a_pickle_is_not_executed(file, tmp_path):
    victim = tmp_path / "victim"

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(victim),)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        check_refused(file, pickle.dumps(Payload(), protocol=protocol))
        assert not victim.exists()
    pickle.loads(pickle.dumps(Payload()))
    assert victim.exists(), "the payload does nothing, and the test shows nothing"


def test_missing_file_folder_and_pipe(tmp_path):
    with pytest.raises(DataNotFoundError, match="check the path"):
        read_container(tmp_path / "none")
    with pytest.raises(InvalidModelError, match="is a folder; name a file"):
        read_container(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidModelError, match="pipe"):
        read_container(tmp_path / "pipe")
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_container("a\0b")


def test_unreadable_file(file, monkeypatch):
    small(file)

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "open", refuse)
    with pytest.raises(InvalidModelError, match="cannot be read: permission denied"):
        read_container(file)


def test_a_file_that_shrinks_while_it_is_read(file, monkeypatch):
    data = small(file)
    size = file.stat()
    file.write_bytes(data[:-4])
    monkeypatch.setattr(os, "fstat", lambda number: size)
    with pytest.raises(InvalidModelError, match="shorter while it was read"):
        read_container(file)


@pytest.mark.parametrize(
    ("header", "body", "words"),
    [
        (b"[]", b"", "something else"),
        (b"{", b"", "header is damaged"),
        (b'{"\xff": 1}', b"", "header is damaged"),
        (b"{" + b'"a":{' * 100_000, b"", "header is damaged"),
        (b'{"a":' + b"[" * 100_000, b"", "header is damaged"),
        (b'{"a":' + b"1" * 5000 + b"}", b"", "header is damaged"),
        (b'{"a": 1, "a": 2}', b"", "twice"),
        (b'{"__metadata__": {"ogive": "{}", "ogive": "{}", "sha256": ""}}', b"", "twice"),
        ({}, b"", "no model of Ogive"),
        ({"__metadata__": {"ogive": "{}"}}, b"", "no model of Ogive"),
        ({"__metadata__": META | {"more": ""}}, b"", "no model of Ogive"),
        ({"__metadata__": META | {"ogive": {}}}, b"", "no text"),
        ({"__metadata__": []}, b"", "no model of Ogive"),
        ({"__metadata__": META, "x": 3}, b"", "entry of array 'x'"),
        ({"__metadata__": META, "x": {}}, b"", "entry of array 'x'"),
        ({"__metadata__": META, "x": entry(more=1)}, b"\0" * 8, "entry of array 'x'"),
        ({"__metadata__": META, "x": entry("BF16", (4,))}, b"\0" * 8, "unsupported dtype 'BF16'"),
        ({"__metadata__": META, "x": entry("F8_E4M3", (8,))}, b"\0" * 8, "unsupported dtype"),
        ({"__metadata__": META, "x": entry("C64")}, b"\0" * 8, "unsupported dtype"),
        ({"__metadata__": META, "x": entry("O")}, b"\0" * 8, "unsupported dtype"),
        ({"__metadata__": META, "x": entry(["F64"])}, b"\0" * 8, "unsupported dtype"),
        ({"__metadata__": META, "x": entry(shape=(2,))}, b"\0" * 8, "does not fit its bytes"),
        ({"__metadata__": META, "x": entry(shape=(-1,))}, b"\0" * 8, "no shape"),
        ({"__metadata__": META, "x": entry(shape=(1.0,))}, b"\0" * 8, "no shape"),
        ({"__metadata__": META, "x": entry(shape=(True,))}, b"\0" * 8, "no shape"),
        ({"__metadata__": META, "x": entry(shape=(1,) * 65)}, b"\0" * 8, "no shape"),
        ({"__metadata__": META, "x": entry(offsets=(0, 8, 8))}, b"\0" * 8, "no place"),
        ({"__metadata__": META, "x": entry(offsets=(8, 0))}, b"\0" * 8, "does not fit its bytes"),
        ({"__metadata__": META, "x": entry(offsets=(8, 16))}, b"\0" * 16, "does not begin"),
        ({"__metadata__": META, "x": entry(), "y": entry()}, b"\0" * 8, "does not begin"),
        ({"__metadata__": META, "x": entry(offsets=(0, 8))}, b"\0" * 16, "followed by"),
        ({"__metadata__": META, "x": entry("BOOL", (8,))}, b"\0" * 7 + b"\2", "neither true nor"),
        ({"__metadata__": META, "x": entry()}, b"\0" * 8, "checksum"),
        (
            {"__metadata__": META, "x": entry(shape=(2**63, 0), offsets=(0, 0))},
            b"",
            "fits no array",
        ),
        (
            {"__metadata__": META, "x": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))},
            b"",
            "fits no array",
        ),
        ({"__metadata__": META, "\ud800\n": 1}, b"", "entry of array"),
        ({"__metadata__": META, "x" * 10**6: 1}, b"", "entry of array"),
    ],
)
def test_damaged_headers(file, header, body, words):
    check_refused(file, container(header, body), words)


HOSTILE_TEXT = [
    ("", "damaged"),
    ("{", "damaged"),
    ("[]", "list where an object"),
    ("1", "int where an object"),
    ('{"a": NaN}', "NaN"),
    ('{"a": -Infinity}', "-Infinity"),
    ('{"a": 1e999}', "too large"),
    ('{"a": ' + "9" * 5000 + "}", "64 bits"),
    ('{"a": 18446744073709551616}', "64 bits"),
    ('{"a": 1, "a": 1}', "twice"),
    ('{"a": {"$float": "nan"}}', "means nothing"),
    ('{"a": {"$float": ["inf"]}}', "means nothing"),
    ('{"a": {"$float": "inf", "b": 1}}', "means nothing"),
    ('{"$float": "inf"}', "float where an object"),
    ('{"a": ' + "[" * 101 + "]" * 101 + "}", "100 deep"),
    ('{"a": ' + "[" * 10**6 + "]" * 10**6 + "}", "100 deep"),
    ('{"a": ' * 10**5 + "1" + "}" * 10**5, "100 deep"),
    ("{} {}", "damaged"),
]


@pytest.mark.parametrize(("text", "words"), HOSTILE_TEXT)
def test_hostile_text_with_a_valid_checksum(file, monkeypatch, text, words):
    monkeypatch.setattr(container_file, "json_text", lambda values: text)
    write_container(file, {}, {})
    check_refused(file, file.read_bytes(), words)


# Memory --------------------------------------------------------------------------------------


def peak_of(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_claims_of_size_are_not_believed(file):
    twenty = 20 * 10**9
    claims = [
        struct.pack("<Q", twenty) + b"{}" + b" " * 100,
        struct.pack("<Q", 99_999_999) + b"{}" + b" " * 100,
        struct.pack("<Q", 2**63) + b"{}" + b" " * 100,
        container({"__metadata__": META, "x": entry("U8", (twenty,), (0, twenty))}),
        container({"__metadata__": META, "x": entry("F64", (50_000, 50_000), (0, twenty))}),
        container({"__metadata__": META, "x": entry("F64", (50_000, 50_000), (0, 8))}, b"\0" * 8),
        container({"__metadata__": META, "x": entry("U8", (2**62,), (0, 2**62))}),
    ]
    for claim in claims:
        peak = peak_of(lambda claim=claim: check_refused(file, claim))
        assert peak < 10**6
    assert peak_of(lambda: np.empty(10**7, np.uint8)) >= 10**7, "the measure sees nothing"


def test_arrays_are_held_once_while_they_are_read(file):
    write_container(file, {}, {"x": np.zeros(10**6), "y": np.zeros(10**6)})
    assert peak_of(lambda: read_container(file)) < 1.1 * 16 * 10**6


def test_whatever_is_read_the_library_accepts_too(file):
    """The format has one more reader: nothing is accepted here that is refused there."""
    generator = np.random.default_rng(0)
    data, accepted = small(file), 0
    for _ in range(3000):
        changed = bytearray(data)
        for _ in range(generator.integers(1, 3)):
            changed[generator.integers(8, len(data))] = generator.integers(256)
        file.write_bytes(changed)
        try:
            read_container(file)
        except InvalidModelError:
            continue
        accepted += 1
        try:
            deserialize(bytes(changed))
        except SafetensorError as error:  # pragma: no cover
            pytest.fail(f"the library refuses it: {error}")
    assert accepted
