"""Bytes that are no whole model file: refused by name, and never at more memory than bytes."""

import gzip
import json
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as save_with_library

from ogive._container import file as container_file
from ogive._container import read_container, write_container
from ogive._errors import DataNotFoundError, InvalidModelError

META = {"ogive": "{}", "sha256": ""}


def small(file):
    write_container(file, {"a": 1}, {"x": np.arange(3.0), "y": np.array([True, False])})
    return file.read_bytes()


def container(header, body=b""):
    """Return a file of the format, with any header."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + body


def entry(dtype="F64", shape=(1,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def check_refused(file, data, *words):
    file.write_bytes(data)
    with pytest.raises(InvalidModelError) as caught:
        read_container(file)
    message = str(caught.value)
    assert str(file) in message and "; " in message
    message.encode()  # can be printed
    for word in words:
        assert word in message, message


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
        (gzip.compress(b"x" * 100, mtime=0), "gzip"),
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
