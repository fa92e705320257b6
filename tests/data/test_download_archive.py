"""Archives of a made-up set: what is taken out of them, and what is not."""

from __future__ import annotations

import io
import random
import tarfile

import pytest

from ogive._errors import InvalidDataError
from ogive.data import available, fetch
from ogive.data._unpack import Member


def archive_of(entries):
    """Return a tar.gz of (name, content), or (name, type, link target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content, *link in entries:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname, info.size = content, link[0], len(A)
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


A = random.Random(0).randbytes(5000)
MEMBERS = (Member("set/n.txt", 9, exact=False), Member("set/a.bin", 5000), Member("set/b.bin", 7))
GOOD = [("set/a.bin", A), ("set/b.bin", b"seven!!"), ("set/n.txt", b"names")]


@pytest.fixture
def publish(web):
    """Publish an archive as the one file of the set."""
    return lambda content: web.publish({"set.tar.gz": content}, ("a.bin", "b.bin"), MEMBERS)


def tree(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


def test_an_archive_is_unpacked_and_removed(web, publish, tmp_path):
    evil = [
        ("../../../escaped", b"evil"),
        (str(tmp_path / "absolute"), b"evil"),
        ("set/../../up", b"evil"),
        ("set/link", tarfile.SYMTYPE, "/etc/passwd"),
        ("a.bin", b"not the one in the folder"),
        ("set/device", tarfile.CHRTYPE, ""),
        ("set/unasked.bin", b"evil"),
    ]
    publish(archive_of([*evil, *GOOD, *evil]))
    before = tree(tmp_path)
    assert fetch("tiny") == web.folder
    here = {f"cache/ogive/tiny/{name}" for name in (".lock", "a.bin", "b.bin", "n.txt")}
    assert tree(tmp_path) - before == here
    assert (web.folder / "a.bin").read_bytes() == A
    assert (web.folder / "n.txt").read_bytes() == b"names"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("set/a.bin", bytes(5001)), *GOOD[1:]], r"a\.bin has 5001 bytes where a file of 5000"),
        ([("set/a.bin", bytes(4999)), *GOOD[1:]], r"a\.bin has 4999 bytes"),
        ([*GOOD[:2], ("set/n.txt", bytes(10))], r"n\.txt has 10 bytes where a file of at most 9"),
        ([("set/a.bin", tarfile.SYMTYPE, "/etc/passwd"), *GOOD[1:]], r"a\.bin is a link"),
        ([("set/a.bin", tarfile.LNKTYPE, "set/b.bin"), *GOOD[1:]], r"a\.bin is a link"),
        ([("set/a.bin", tarfile.FIFOTYPE, ""), *GOOD[1:]], r"a\.bin is a link or no file"),
        (GOOD[:1], r"does not hold set/n\.txt, set/b\.bin"),
        ([("../set/a.bin", A), *GOOD[1:]], r"does not hold set/a\.bin"),
    ],
)
def test_archives_that_do_not_hold_what_they_should(web, publish, tmp_path, entries, words):
    publish(archive_of(entries))
    with pytest.raises(InvalidDataError, match=rf"set\.tar\.gz.*{words}.*fetch again"):
        fetch("tiny")
    assert not available("tiny")
    assert not {"a.bin", "b.bin", "n.txt"} & set(web.names())


@pytest.mark.parametrize("keep", [10, 300, 2500])
def test_damaged_archives(web, publish, keep):
    publish(archive_of(GOOD)[:keep])
    with pytest.raises(InvalidDataError, match=r"set\.tar\.gz is damaged.*fetch again"):
        fetch("tiny")
    assert not available("tiny")
