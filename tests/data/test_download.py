"""Fetching from a web server on this machine that behaves as badly as can be."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time

import pytest

from ogive._errors import DownloadError, InvalidParameterError, OgiveError, OutputError
from ogive.data import available, describe, fetch
from ogive.data._catalogue import CATALOGUE
from ogive.data._transfer import RemoteFile

SIZE = 200_000  # of the one file of the set
HALF = SIZE // 2


def breaks_off(after, reset=False):
    def act(answer, content):
        first = answer.first()
        span = {"Content_Range": f"bytes {first}-{len(content) - 1}/*"} if first else {}
        answer.begin(206 if first else 200, Content_Length=len(content) - first, **span)
        answer.send(content[first : first + after])
        if reset:
            time.sleep(0.05)  # a reset overtakes what has not been read
            answer.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            answer.connection.close()

    return act


def ignores_range(answer, content):
    answer.begin(200, Content_Length=len(content))
    answer.send(content)


def says_length(length):
    def act(answer, content):
        answer.begin(200, Content_Length=length)
        answer.send(content)

    return act


def says_no_length(answer, content):
    answer.begin(200, Connection="close")
    answer.send(content)


def chunked_and_broken(answer, content):
    answer.begin(200, Transfer_Encoding="chunked")
    answer.send(b"%x\r\n" % HALF + content[:HALF] + b"\r\n")
    answer.send(b"%x\r\n" % HALF + content[HALF:-100])


def another_file(answer, content):
    answer.begin(200, Content_Length=len(content))
    answer.send(bytes(len(content)))


def endless(answer, content):
    answer.begin(200, Connection="close")
    while True:
        answer.send(content)


def status(code, **headers):
    return lambda answer, content: answer.begin(code, Content_Length=0, **headers)


def silent(answer, content):
    answer.server.web.over.wait(5)


def falls_silent(answer, content):
    answer.begin(200, Content_Length=len(content))
    answer.send(content[:HALF])
    answer.server.web.over.wait(5)


def wrong_range(value):
    return lambda answer, content: answer.begin(206, Content_Length=3, Content_Range=value)


def another_part(answer, content):
    span = f"bytes 5-{len(content) - 1}/{len(content)}"
    answer.begin(206, Content_Length=len(content) - 5, Content_Range=span)
    answer.send(content[5:])


def nonsense(answer, content):
    answer.send(b"this is not HTTP\r\n\r\n")


# Servers that do what they should


def test_fetch(web):
    seen = []
    assert not available("tiny")
    assert fetch("tiny", lambda done, total: seen.append((done, total))) == web.folder
    web.assert_fetched()
    assert seen == sorted(seen) and seen[-1] == (SIZE, SIZE)
    assert {total for _, total in seen} == {SIZE} and len(seen) > 2
    assert fetch("tiny") == web.folder
    assert web.ranges == [None]  # the second time there was nothing to do


def test_several_files_and_their_progress(web):
    files = {"one.bin": web.content, "two.bin": web.content[:77], "three.bin": b"3"}
    web.publish(files)
    seen = []
    fetch("tiny", lambda done, total: seen.append(done))
    assert web.names() == sorted(files)
    assert seen == sorted(seen) and seen[-1] == describe("tiny").download_bytes == 200_078


def test_what_needs_no_download(web):
    assert fetch("digits") == describe("digits").place
    assert not web.folder.parent.exists()
    with pytest.raises(InvalidParameterError, match="did you mean 'tiny'"):
        fetch("tyni")
    assert web.ranges == []


def test_a_file_put_there_by_hand_is_verified(web):
    web.publish({"one.bin": web.content, "two.bin": b"two"})
    web.folder.mkdir(parents=True)
    web.file.write_bytes(web.content)
    fetch("tiny")
    assert web.ranges == [None] and web.names() == ["one.bin", "two.bin"]
    (web.folder / "two.bin").unlink()
    web.file.write_bytes(bytes(SIZE))  # of the right size, and wrong
    fetch("tiny")
    assert web.file.read_bytes() == web.content and web.ranges == [None] * 3


def test_redirections(web):
    web.files["/elsewhere"] = web.content
    web.script = [breaks_off(HALF), status(302, Location="/elsewhere")]
    fetch("tiny")
    web.assert_fetched()
    assert web.ranges == [None, *[f"bytes={HALF}-"] * 2]


# Resuming


@pytest.mark.parametrize("reset", [False, True])
def test_a_broken_connection_is_continued(web, reset):
    web.script = [breaks_off(HALF, reset)]
    fetch("tiny")
    web.assert_fetched()
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert web.sent == SIZE


def test_a_server_that_often_breaks_off_is_borne_with(web):
    web.script = [breaks_off(10_000) for _ in range(15)]
    fetch("tiny")
    web.assert_fetched()
    assert len(web.ranges) == 16


def test_a_part_of_an_earlier_run_is_continued(web):
    web.folder.mkdir(parents=True)
    web.part.write_bytes(web.content[:123])
    seen = []
    fetch("tiny", lambda done, total: seen.append(done))
    web.assert_fetched()
    assert web.ranges == ["bytes=123-"] and seen[0] == 123


def test_a_whole_part_needs_no_request(web):
    web.folder.mkdir(parents=True)
    web.part.write_bytes(web.content)
    fetch("tiny")
    web.assert_fetched()
    assert web.ranges == []


@pytest.mark.parametrize(
    "part", [bytes(HALF), bytes(SIZE), bytes(SIZE + 4)], ids=["half", "whole", "more"]
)
def test_a_damaged_part_costs_one_new_beginning(web, part):
    web.folder.mkdir(parents=True)
    web.part.write_bytes(part)
    fetch("tiny")
    web.assert_fetched()
    assert web.ranges[-1] is None


def test_a_server_that_ignores_the_range(web):
    web.script = [breaks_off(HALF), ignores_range]
    seen = []
    fetch("tiny", lambda done, total: seen.append(done))
    web.assert_fetched()
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert max(seen) == SIZE and seen[seen.index(HALF) + 1] == 0  # begun again


@pytest.mark.parametrize(
    "answer",
    [
        status(416),
        another_part,
        wrong_range("bytes 5-7/9"),
        wrong_range("pages 1-2/3"),
        wrong_range("bytes x-y/z"),
        wrong_range(""),
    ],
)
def test_a_range_that_does_not_fit_begins_again(web, answer):
    web.script = [breaks_off(HALF), answer]
    fetch("tiny")
    web.assert_fetched()
    assert web.ranges == [None, f"bytes={HALF}-", None]


def test_ctrl_c_leaves_what_has_arrived(web):
    def interrupt(done, total):
        if done >= HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny", interrupt)
    arrived = web.part.read_bytes()
    assert HALF <= len(arrived) < SIZE and web.content.startswith(arrived)
    assert web.names() == ["one.bin.part"] and not available("tiny")
    fetch("tiny")
    web.assert_fetched()
    assert web.ranges == [None, f"bytes={len(arrived)}-"]


def test_an_error_of_the_callback_is_no_broken_connection(web):
    def closed(done, total):
        if done:
            raise BrokenPipeError("nobody looks at the progress")

    with pytest.raises(BrokenPipeError, match="nobody looks"):
        fetch("tiny", closed)
    assert len(web.ranges) == 1


# Servers that lie


def test_too_long_a_length(web):
    web.script = [says_length(10 * SIZE)]
    fetch("tiny")
    web.assert_fetched()
    assert len(web.ranges) == 1


def test_too_short_a_length(web):
    web.script = [says_length(HALF)]
    fetch("tiny")
    web.assert_fetched()


def test_no_length(web):
    web.script = [says_no_length]
    fetch("tiny")
    web.assert_fetched()
    assert len(web.ranges) == 1


def test_broken_chunks(web):
    web.script = [chunked_and_broken]
    fetch("tiny")
    web.assert_fetched()
    assert len(web.ranges) == 2 and web.sent < 1.1 * SIZE


@pytest.mark.parametrize("act", [another_file, endless])
def test_another_file_is_refused(web, act):
    web.script = [act] * 9
    if act is endless:
        web.files["/one.bin"] = bytes(1 << 16)
    seen = []
    with pytest.raises(
        DownloadError, match=r"one\.bin: its SHA-256 is not the known one"
    ) as caught:
        fetch("tiny", lambda done, total: seen.append(done))
    assert str(web.folder) in str(caught.value) and isinstance(caught.value, OSError)
    assert max(seen) == SIZE  # and never more
    assert len(web.ranges) == 2  # begun again once
    assert web.names() == [] and not available("tiny")
    if act is endless:
        assert web.sent < 20_000_000  # what fits into the buffers of two connections


def test_a_flipped_bit_on_the_way(web):
    web.script = [another_file]
    fetch("tiny")
    web.assert_fetched()


# Servers that fail


def test_passing_trouble(web):
    web.script = [status(503), status(429)]
    fetch("tiny")
    web.assert_fetched()
    web.file.unlink()
    web.bear_with_it(timeout=0.2)
    web.script = [nonsense, silent]
    fetch("tiny")
    web.assert_fetched()


@pytest.mark.parametrize(
    ("act", "words", "requests"),
    [
        (status(404), "the server answers 404 Not Found", 1),
        (status(403), "the server answers 403", 1),
        (status(500), "the server answers 500", 3),
        (status(302, Location="file:///etc/passwd"), "not allowed", 1),
        (status(302, Location="ftp://127.0.0.1:1/x"), "unknown url type: ftp", 3),
        (silent, "no connection.*timed out", 3),
        (nonsense, "no connection.*not HTTP", 3),
        (breaks_off(0), "it ended after 0 of 200000 bytes", 3),
        (breaks_off(0, reset=True), "the connection broke after 0 of 200000 bytes", 3),
        (falls_silent, "broke after 100000 of 200000 bytes.*timed out", 3),
    ],
)
def test_lasting_trouble(web, act, words, requests):
    web.script = [act] * 20
    web.bear_with_it(timeout=0.2 if "silent" in act.__name__ else 60.0)
    with pytest.raises(DownloadError, match=words) as caught:
        fetch("tiny")
    message = str(caught.value)
    assert message.startswith(f"cannot download {web.url}/one.bin: ")
    for cure in ("Try again", "continues where this ended", str(web.folder), "fetch again"):
        assert cure in message
    assert len(web.ranges) == requests
    assert not available("tiny") and not web.file.exists()
    web.script = []
    fetch("tiny")
    web.assert_fetched()


def test_nobody_there(web):
    web.close()
    with pytest.raises(DownloadError, match=r"no connection \(.*refused"):
        fetch("tiny")


def test_an_unknown_host(web):
    file = RemoteFile("http://nowhere.invalid/one.bin", 10, "0" * 64)
    web.enter(CATALOGUE["tiny"].layouts[0], (file,))
    with pytest.raises(DownloadError, match="no connection"):
        fetch("tiny")


def test_a_cache_that_cannot_be_written(web, tmp_path):
    (tmp_path / "cache").write_text("a file stands where the folder should")
    with pytest.raises(OutputError, match=r"cannot write .*tiny: .*XDG_CACHE_HOME"):
        fetch("tiny")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
def test_a_full_disk(web):
    web.folder.mkdir(parents=True)
    web.part.symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"one\.bin\.part: no space left.*make room"):
        fetch("tiny")


def test_import_is_light():
    heavy = ("urllib.request", "http.client", "ssl", "tarfile", "sklearn", "pyarrow")
    code = f"import sys, ogive.data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_are_ogive_errors():
    assert issubclass(DownloadError, OgiveError) and str(DownloadError("a", "b")) == "a"
