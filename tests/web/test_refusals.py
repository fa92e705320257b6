"""What must not be asked is refused by one sentence, which tells nothing of this machine."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ogive.web import Limits

PNG = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}


def encoded(pixels, form="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=form)
    return stream.getvalue()


def header_of(height, width):
    """Return the beginning of a PNG file that promises so many pixels."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + size, b"IDAT" + zlib.compress(b"nothing")]
    parts = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def refused(answer, status, words):
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"detail"}
    sentence = answer.json()["detail"]
    assert words in sentence and sentence.endswith(".") and len(sentence) < 300
    assert "Traceback" not in sentence and "Error" not in sentence


def look(client, data, **headers):
    return client.post("/api/look", content=data, headers=PNG | headers)


@pytest.mark.parametrize("limit", [100, 5000])
def test_too_many_bytes(connect, limit):
    client = connect(Limits(upload_bytes=limit))
    refused(look(client, bytes(limit + 1)), 413, f"over {limit:,} bytes")
    assert look(client, bytes(limit)).status_code == 422  # not too large, and no picture


def test_bytes_are_counted_and_not_believed(connect):
    client = connect(Limits(upload_bytes=1000))
    sent = []

    def endless():
        while len(sent) < 100:
            sent.append(1)
            yield bytes(500)

    answer = client.post("/api/look", content=endless(), headers=PNG)
    refused(answer, 413, "over 1,000 bytes")


def test_too_many_pixels_are_refused_before_they_are_decoded(connect, monkeypatch):
    client = connect(Limits(pixels=1000))
    monkeypatch.setattr("ogive.web.pictures.decode_image", pytest.fail)
    refused(look(client, encoded(np.zeros((41, 25), np.uint8))), 413, "41 × 25 pixels")
    refused(look(client, header_of(9_000, 9_000)), 413, "1,000 pixels")
    refused(look(client, header_of(60_000, 60_000)), 413, "1,000 pixels")


def test_as_many_pixels_as_are_taken(connect):
    client = connect(Limits(pixels=1000))
    assert look(client, encoded(np.zeros((40, 25), np.uint8))).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        header_of(9, 9),
        encoded(np.zeros((90, 90), np.uint8))[:-30],
        encoded(np.zeros((90, 90), np.uint8), "JPEG")[:200],
        bytes(1000),
    ],
    ids=["nothing", "gif", "svg", "postscript", "header", "cut png", "cut jpeg", "zeros"],
)
def test_what_is_no_picture(client, data):
    refused(look(client, data), 422, "no picture that can be read")


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/json", ""]
)
def test_what_does_not_claim_to_be_a_picture(client, kind):
    answer = client.post("/api/look", content=b"x", headers={"Content-Type": kind})
    refused(answer, 415, "not that of a picture")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"count": 0}, "count=0: it must be from 1 to 64"),
        ({"count": 65}, "count=65"),
        ({"steps": 0}, "steps=0: it must be from 1 to 100"),
        ({"steps": 101}, "steps=101"),
        ({"seed": -1}, "seed=-1: it must be from 0 to 4,294,967,295"),
        ({"seed": 2**32}, "seed=4294967296"),
        ({"seed": 10**400}, "seed"),
        ({"steps": 2.5}, "steps: input should be a valid integer"),
        ({"steps": "20"}, "steps: input should be a valid integer"),
        ({"steps": True}, "steps: input should be a valid integer"),
        ({"steps": None}, "steps"),
        ({"class": "clam"}, "class='clam' is unknown; did you mean 'calm'?"),
        ({"class": ""}, "class='' is unknown"),
        ({"class": 0}, "class: input should be a valid string"),
        ({"step": 3}, "step: extra inputs are not permitted"),
        ([], "the request: input should be an object"),
        ("steps", "the request: input should be an object"),
    ],
)
def test_orders_that_are_none(client, waves, order, words):
    answer = client.post("/api/generate", content=json.dumps(order), headers=JSON)
    assert answer.status_code == 422 and words in answer.json()["detail"], answer.text
    assert len(answer.json()["detail"]) < 300 and waves.asked == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 9000, b'{"steps": 1e999}', b"NaN"])
def test_orders_that_are_no_json(client, body):
    refused(client.post("/api/generate", content=body, headers=JSON), 422, ": ")


def test_an_order_of_another_kind_or_length(client):
    answer = client.post("/api/generate", content=b"{}", headers={"Content-Type": "text/plain"})
    refused(answer, 415, "not that of JSON")
    refused(client.post("/api/generate", content=b" " * 10_001, headers=JSON), 413, "over 10,000")


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/page.py", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/../app.py", 404),
        ("GET", "/%2e%2e/app.py", 404),
        ("GET", "/%00", 404),
        ("GET", "/api/pictures/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/api/pictures/one", 422),
        ("GET", "/api/look", 405),
        ("DELETE", "/", 405),
        ("POST", "/api/pictures/0", 405),
    ],
)
def test_what_is_not_served(client, method, address, status):
    answer = client.request(method, address)
    assert answer.status_code == status and set(answer.json()) == {"detail"}
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.0.7",
        "",
        "[",
        "@",
    ],
)
@pytest.mark.parametrize("address", ["/", "/api/about", "/api/pictures/0"])
def test_foreign_hosts_are_refused(client, host, address):
    answer = client.get(address, headers={"Host": host})
    assert answer.status_code == 400
    assert "localhost" in answer.json()["detail"]
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_local_hosts_are_not(client, host):
    assert client.get("/api/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("listening", "host", "allowed"),
    [
        ("0.0.0.0", "evil.example", True),
        ("::", "anything", True),
        ("Box.lan", "box.lan:8000", True),
        ("box.lan", "localhost", True),
        ("box.lan", "fox.lan", False),
        ("127.0.0.1", "fox.lan", False),
    ],
)
def test_who_may_ask_follows_from_the_host(loaded, listening, host, allowed):
    from fastapi.testclient import TestClient

    from ogive.web import create_app
    from ogive.web.guard import names_of

    client = TestClient(create_app(loaded, names=names_of(listening)))
    answer = client.get("/api/about", headers={"Host": host})
    assert answer.status_code == (200 if allowed else 400)


@pytest.mark.parametrize("address", ["/", "/page.js", "/api/about", "/nothing"])
def test_browsers_are_told_to_stay_here(client, address):
    kept_here(client.get(address))


def kept_here(answer):
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_failure_tells_nothing(connect, waves, capfd):
    def broken(*args, **kwargs):
        raise RuntimeError("/home/zebra is on fire")

    waves.sample = broken
    answer = connect(generator=waves).post("/api/generate", content=b"{}", headers=JSON)
    assert answer.status_code == 500 and "zebra" not in answer.text
    kept_here(answer)
    assert answer.json()["detail"].startswith("The server failed")


def test_nothing_tells_where_files_are(client, pictures, loaded):
    texts = [client.get(address).text for address in ("/api/about", "/api/pictures/3/look")]
    texts.append(look(client, (pictures / "query 8.png").read_bytes()).text)
    assert not any(pictures.name in text or "numerals" in text for text in texts)


def test_uploads_are_not_written_to_disk(client, pictures, monkeypatch):
    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, pytest.fail)
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1000, 3), np.uint8)
    data = encoded(noise)
    assert len(data) > 3 << 20  # more than what form parsers keep in memory
    assert look(client, data).status_code == 200


_beginnings = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0", b"P6 ")
_bodies = st.tuples(st.sampled_from(_beginnings), st.binary(max_size=300)).map(b"".join)


@given(body=_bodies)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_brings_it_down(client, body):
    assert look(client, body).status_code in (200, 413, 422)


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_brings_it_down(client, data):
    form = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"]))
    whole = bytearray(encoded(np.arange(192, dtype=np.uint8).reshape(8, 8, 3), form))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(1, len(whole))) :]
    answer = look(client, bytes(whole))
    assert answer.status_code in (200, 413, 422) and "Traceback" not in answer.text


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_orders = st.dictionaries(st.sampled_from(["class", "count", "steps", "seed", "x"]), _plain)


@given(order=_orders | _plain)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_brings_it_down(client, order):
    answer = client.post("/api/generate", content=json.dumps(order), headers=JSON)
    assert answer.status_code in (200, 422)


@given(address=st.text(max_size=30), method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_address_brings_it_down(client, address, method):
    from urllib.parse import quote

    for start in ("/", "/api/", "/api/pictures/", "/api/look?hits="):
        given_address = start + quote(address, safe="/?&=", errors="replace")
        assert client.request(method, given_address).status_code < 500
