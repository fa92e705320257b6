"""A web server on this machine, from which a made-up set called tiny can be fetched."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ogive.data import _transfer, available, describe
from ogive.data._catalogue import CATALOGUE, Entry
from ogive.data._transfer import Patience, RemoteFile


class Answer(BaseHTTPRequestHandler):
    """One answer; what it is, the script decides."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        web = self.server.web
        web.ranges.append(self.headers["Range"])
        self.close_connection = True
        act = web.script.pop(0) if web.script else well
        with contextlib.suppress(OSError):  # the client may have gone
            act(self, web.files[self.path])

    def begin(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def first(self):
        """Return the first byte that was asked for."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        return int(found[1]) if found else 0

    def send(self, data):
        self.wfile.write(data)
        self.server.web.sent += len(data)

    def log_message(self, *_):
        pass


def well(answer, content):
    """Serve as a good server does, ranges included."""
    first = answer.first()
    if first >= len(content):
        answer.begin(416, Content_Length=0, Content_Range=f"bytes */{len(content)}")
        return
    span = {"Content_Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if first else {}
    answer.begin(206 if first else 200, Content_Length=len(content) - first, **span)
    answer.send(content[first:])


class Files:
    """A layout: every file is there."""

    def __init__(self, *names):
        self.names = names

    def find(self, place, name):
        here = place.name == name and all((place / file).is_file() for file in self.names)
        return place if here else None


class Web:
    """The server, the set, and the folder of the cache that it is fetched into.

    It serves well, but for the next requests, which are answered as `script` says: functions of
    (answer, content). `ranges` holds what was asked for, `sent` the bytes that went out.
    """

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.file, self.part = folder / "one.bin", folder / "one.bin.part"
        self.content = random.Random(0).randbytes(200_000)
        self.files, self.script, self.ranges, self.sent = {}, [], [], 0
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.web = self
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def publish(self, files, needed=None, members=()):
        """Put files on the server and the set into the table; it is here with `needed`."""
        self.files |= {f"/{name}": content for name, content in files.items()}
        remote = tuple(
            RemoteFile(f"{self.url}/{name}", len(content), hashlib.sha256(content).hexdigest())
            for name, content in files.items()
        )
        self.enter(Files(*(needed or files)), remote, members)

    def enter(self, layout, files, members=()):
        shape, classes = (1, 1, 1), ("a",)
        entry = Entry("It.", (1, 1), shape, classes, "none", (layout,), "here", files, members)
        self.monkeypatch.setitem(CATALOGUE, "tiny", entry)

    def bear_with_it(self, timeout):
        """Set how long to wait for an answer: long, where a busy machine must not matter."""
        patience = Patience(timeout=timeout, tries=3, pause=0.01)
        self.monkeypatch.setattr(_transfer, "PATIENCE", patience)

    def names(self):
        """Return what lies in the folder."""
        return sorted(file.name for file in self.folder.iterdir() if file.name != ".lock")

    def assert_fetched(self):
        assert self.file.read_bytes() == self.content
        assert self.names() == ["one.bin"]
        assert available("tiny") and describe("tiny").place == self.folder

    @staticmethod
    def slowly(answer, content):
        """Serve well, in a fifth of a second."""
        first = answer.first()
        answer.begin(206, Content_Length=len(content) - first, Content_Range=f"bytes {first}-9/*")
        for start in range(first, len(content), 10_000):
            answer.send(content[start : start + 10_000])
            time.sleep(0.01)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server, the set with one file, and an empty cache."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OGIVE_DATA", raising=False)
    server = Web(tmp_path / "cache" / "ogive" / "tiny", monkeypatch)
    server.bear_with_it(timeout=60.0)
    server.publish({"one.bin": server.content})
    yield server
    server.close()
