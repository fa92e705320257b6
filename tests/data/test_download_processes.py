"""Several processes that fetch at once, and processes that are killed."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import time

import pytest

from ogive._errors import DownloadError, OutputError
from ogive.data import _lock, fetch
from ogive.data._catalogue import CATALOGUE
from ogive.data._unpack import Member

FETCH = """
from pathlib import Path
from ogive.data import _transfer, fetch
from ogive.data._catalogue import CATALOGUE, Entry
from ogive.data._transfer import Patience, RemoteFile
from ogive.data._unpack import Member

class Files:
    def find(self, place, name):
        here = place.name == name and all((place / file).is_file() for file in {names!r})
        return place if here else None

_transfer.PATIENCE = Patience(timeout=60.0, tries=3, pause=0.01)
files = tuple(RemoteFile(*file) for file in {files!r})
members = tuple(Member(*member) for member in {members!r})
CATALOGUE["tiny"] = Entry(
    "Made up.", (1, 1), (1, 1, 1), ("a",), "none", (Files(),), "here", files, members
)
"""


def script(entry):
    """Return Python code that puts the same set called tiny into the table."""
    return FETCH.format(
        names=entry.layouts[0].names,
        files=[(file.url, file.size, file.sha256) for file in entry.files],
        members=[(member.path, member.size, member.exact) for member in entry.members],
    )


def python(code):
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def archive(inside):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in inside.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_several_processes_download_once(web, packed):
    files = {"one.bin": web.content, "two.bin": web.content[:50_000]}
    if packed:
        members = tuple(Member(name, len(content)) for name, content in files.items())
        web.publish({"set.tar.gz": archive(files)}, tuple(files), members)
    else:
        web.publish(files)
    web.script = [web.slowly, web.slowly]
    code = script(CATALOGUE["tiny"]) + "print(fetch('tiny'))"
    fetching = [python(code) for _ in range(3)]
    for process in fetching:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.strip() == str(web.folder)
    assert web.ranges == ([None] if packed else [None, None])  # one request a file, in all
    assert web.names() == sorted(files)


def test_a_second_thread_sees_the_progress_of_the_first(web):
    web.script = [web.slowly]
    first = threading.Thread(target=fetch, args=("tiny",))
    first.start()
    while not web.part.exists():
        time.sleep(0.005)
    seen = []
    fetch("tiny", lambda done, total: seen.append((done, total)))
    first.join()
    web.assert_fetched()
    assert len(web.ranges) == 1
    assert seen == sorted(seen) and seen[-1][0] > seen[0][0] and seen[0][1] == len(web.content)


HOLD = """
import sys, time
from pathlib import Path
from ogive.data._lock import locked
with locked(Path(sys.argv[1]), lambda: 0, 1.0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_who_holds_the_lock_and_that_it_dies_with_its_holder(tmp_path):
    lock = tmp_path / ".lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        words = rf"process {holder.pid} holds .*\.lock and has not got on for 0\.3 seconds: wait"
        with pytest.raises(DownloadError, match=words), _lock.locked(lock, lambda: 0, 0.3):
            raise AssertionError("two at once")
        growing = iter(range(8))
        began = time.monotonic()
        with (
            pytest.raises(DownloadError, match=str(holder.pid)),
            _lock.locked(lock, lambda: next(growing, 7), 0.3),
        ):
            raise AssertionError("two at once")
        assert time.monotonic() - began > 0.9  # seven times it had got on
    finally:
        holder.kill()
        holder.wait()
    with _lock.locked(lock, lambda: 0, 0.3):
        assert lock.read_text() == str(os.getpid())


def test_a_lock_that_cannot_be_had(tmp_path):
    with (
        pytest.raises(OutputError, match=r"cannot lock .*is a directory.*XDG_CACHE_HOME"),
        _lock.locked(tmp_path, lambda: 0, 0.3),
    ):
        pass


KILLED_AT_EVERY_STEP = """
import hashlib, os, shutil, signal, sys
from contextlib import contextmanager
from ogive.data import _partial, _unpack
real = _partial.on_disk

def die_at(step):
    left = [step]
    def count():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    @contextmanager
    def on_disk(path):
        with real(path):
            count()
            yield
    # Not where the pieces from the network are written: there are more or fewer each time.
    _unpack.on_disk = on_disk
    def audit(event, arguments):
        if event in ("open", "os.rename", "os.remove") and str(folder) in str(arguments[0]):
            count()
    sys.addaudithook(audit)

def sound():
    for name, digest in wanted.items():
        file = folder / name
        if file.exists():
            assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, (step, name)

for step in range(1, 1000):
    shutil.rmtree(folder, ignore_errors=True)
    child = os.fork()
    if child == 0:
        die_at(step)
        fetch("tiny")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    sound()
    if status == 0:
        break
    whole = all((folder / name).exists() for name in wanted)
    fetch("tiny")
    sound()
    assert all((folder / name).exists() for name in wanted)
    # Only a death between the last name and the removal of the archive leaves it behind.
    assert whole or not list(folder.glob("*.tar.gz")), step
print(step)
"""


def test_killed_at_every_step(web):
    inside = {"a.bin": b"a" * 5000, "b.bin": b"seven!!", "c.bin": b"c"}
    members = tuple(Member(name, len(content)) for name, content in inside.items())
    web.publish({"set.tar.gz": archive({"big.bin": web.content} | inside)}, tuple(inside), members)
    wanted = {name: hashlib.sha256(content).hexdigest() for name, content in inside.items()}
    places = f"folder, wanted = Path({str(web.folder)!r}), {wanted}\n"
    process = python(script(CATALOGUE["tiny"]) + places + KILLED_AT_EVERY_STEP)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert int(out) > 20  # opening, writing, naming, for the archive and three members


KILLED_AT_RANDOM = """
import hashlib, os, random, signal, time
draw = random.Random(1)
for attempt in range(40):
    child = os.fork()
    if child == 0:
        fetch("tiny")
        os._exit(0)
    time.sleep(draw.uniform(0.0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if (folder / "one.bin").exists():
        digest = hashlib.sha256((folder / "one.bin").read_bytes()).hexdigest()
        assert digest == files[0].sha256
        break
print(attempt, fetch("tiny"))
"""


def test_killed_at_random(web):
    web.script = [web.slowly] * 100
    places = f"folder = Path({str(web.folder)!r})\n"
    process = python(script(CATALOGUE["tiny"]) + places + KILLED_AT_RANDOM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert int(out.split()[0]) > 2  # it was killed several times, and got on each time
    web.assert_fetched()
    starts = [int(asked[6:-1]) if asked else 0 for asked in web.ranges]
    assert starts == sorted(starts)  # nothing that had arrived was asked for again
