"""ogive serve: how it starts, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="module")
def served(tmp_path_factory, shelf):
    """Return a folder with a model and an index of pictures, and a model of a table."""
    import ogive
    from ogive.data import load
    from ogive.images.embedding import EmbeddingRecipe
    from ogive.images.picture_index import PictureIndex
    from ogive.models import Settings, Training, fit_model

    folder = tmp_path_factory.mktemp("served")
    pictures = shelf / "pictures" / "train"
    fitted = fit_model(Training.of(load(pictures)), Settings(landmarks=30))
    ogive.save(fitted, folder / "m.ogive")
    numbers = fit_model(Training.of(load("digits")), Settings(landmarks=30))
    ogive.save(numbers, folder / "numbers.ogive")
    PictureIndex.build(pictures, EmbeddingRecipe("pixels", (8, 8, 1)), path=folder / "m.index")
    return folder


@contextmanager
def running(folder, code, *arguments, **environment):
    """Start the command by some code, and yield the process and the address that it prints."""
    with subprocess.Popen(
        [sys.executable, "-c", code, "serve", *arguments, "--port", "0"],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), process.stderr.read()
            yield process, address
        finally:
            process.kill()


def asked(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return json.load(answer)


def connected(address):
    return socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))


def interrupted(process):
    """Press Ctrl-C, and return the code and what was printed since."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


_RUN = "from ogive.cli.main import run; run()"


def test_it_serves_until_ctrl_c(served, tmp_path):
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {seen}.part; mv {seen}.part {seen}\n")
    browser.chmod(0o755)
    given = ("--model", "m.ogive", "--index", "m.index", "--open")
    with running(served, _RUN, *given, BROWSER=f"{browser} %s") as (process, address):
        about = asked(f"{address}/api/about")
        assert about["title"] == "m.ogive · m.index" and about["index"]["pictures"] == 300
        assert about["generator"] is None
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            asked(urllib.request.Request(address, headers={"Host": "evil.example"}))
        refused.value.close()
        for _ in range(200):
            if seen.exists():
                break
            time.sleep(0.05)
        assert seen.read_text().strip() == address
        with connected(address) as idle, connected(address) as slow:
            slow.sendall(b"POST /api/look HTTP/1.1\r\nHost: localhost\r\n")
            code, out, err = interrupted(process)
            assert idle.recv(1) == b""
    assert (code, out) == (0, "")
    assert "loading m.ogive, m.index" in err and err.splitlines()[-1] == "stopped"


_RUN_SLOWLY = """
import threading
import ogive.web.app
from ogive.cli.main import run

def look(*given):
    print("computing", flush=True)
    threading.Event().wait(60)

ogive.web.app.look = look
run()
"""


def test_a_computation_does_not_keep_it(served):
    with (
        running(served, _RUN_SLOWLY, "--index", "m.index", "-q") as (process, address),
        connected(address) as waiting,
    ):
        waiting.sendall(b"GET /api/pictures/0/look HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert process.stdout.readline() == "computing\n"
        assert interrupted(process) == (0, "", "")  # waits 20 s at most
        answer = waiting.recv(9999)
    assert b" 503 " in answer and b"The server is being stopped." in answer


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "give --model, --index or --generator"),
        (("--model", "nothing.ogive"), 1, "nothing.ogive does not exist"),
        (("--model", "m.index"), 2, "picture index"),
        (("--index", "m.ogive"), 2, "is no index"),
        (("--generator", "m.ogive"), 2, "makes no pictures"),
        (("--model", "numbers.ogive"), 2, "fit one on pictures"),
        (("--model", "m.ogive", "--port", "70000"), 2, "65535"),
        (("--model", "m.ogive", "--host", "no-such-host.invalid"), 2, "no address of this machine"),
    ],
)
def test_what_can_be_wrong(ogive, served, monkeypatch, arguments, code, words):
    monkeypatch.chdir(served)
    port = () if "--port" in arguments else ("--port", 0)
    answer = ogive("serve", *arguments, *port)
    assert answer.code == code and words in answer.err, answer
    assert "Traceback" not in answer.err and answer.out == ""


def test_a_port_in_use(ogive, served, monkeypatch):
    monkeypatch.chdir(served)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = ogive("serve", "--model", "m.ogive", "--port", port)
    assert answer.code == 2 and f"port={port} is in use on 127.0.0.1" in answer.err


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_missing_extra_is_named(package):
    script = f"""
import sys
sys.modules[{package!r}] = None
from ogive.cli.main import run
sys.argv = ["ogive", "serve", "--model", "m.ogive"]
run()
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"needs the package '{package}'" in done.stderr and "ogive[web]" in done.stderr
