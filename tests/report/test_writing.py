"""Files are written whole or not at all, and never leave a temporary one behind."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from ogive._errors import OutputError
from ogive._writing import check_writable_folder, write_bytes, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def failing(number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return fail


def check_message(caught, *words):
    message = str(caught.value)
    assert "\n" not in message and "Errno" not in message
    for word in words:
        assert word in message


def test_text_is_utf8_and_line_ends_stay(tmp_path):
    file = write_text(tmp_path / "a" / "b" / "höhe.txt", "α\r\nβ\n")
    assert file == tmp_path / "a" / "b" / "höhe.txt"
    assert file.read_bytes() == "α\r\nβ\n".encode()
    assert names(file.parent) == ["höhe.txt"]


def test_undecodable_names_are_escaped(tmp_path):
    assert write_text(tmp_path / "x", "a\udcffb").read_text() == "a\\udcffb"


def test_replaces_and_keeps_permissions(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"old and longer")
    file.chmod(0o640)
    write_bytes(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_new_file_is_as_open_makes_it(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_bytes(tmp_path / "x", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "x")}
    assert len(modes) == 1


def test_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_longest_name(tmp_path):
    assert write_bytes(tmp_path / ("n" * 255), b"x").read_bytes() == b"x"
    with pytest.raises(OutputError) as caught:
        write_bytes(tmp_path / ("n" * 256), b"x")
    check_message(caught, "too long", "shorter")


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_text("~/x", "here")
    assert (tmp_path / "x").read_text() == "here"


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, ("disk is full", "free some space")),
        (errno.EACCES, ("no permission", "choose")),
        (errno.EROFS, ("read-only", "choose")),
        (errno.EIO, ("input/output error", "choose another place")),
    ],
)
def test_old_file_survives_failure(tmp_path, monkeypatch, function, number, words):
    file = tmp_path / "report.html"
    file.write_bytes(b"old")
    monkeypatch.setattr(os, function, failing(number))
    with pytest.raises(OutputError) as caught:
        write_text(file, "new")
    check_message(caught, str(file), *words)
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["report.html"]


def test_interruption_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "x", "new")
    assert names(tmp_path) == []


def test_folder_is_not_a_file(tmp_path):
    (tmp_path / "sub").mkdir()
    with pytest.raises(OutputError) as caught:
        write_text(tmp_path / "sub", "new")
    check_message(caught, "sub", "is a folder", "name a file in it")
    assert names(tmp_path) == ["sub"]


def test_device_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="is a device"):
        write_text(tmp_path / "pipe", "new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("write", [lambda p: write_text(p / "x", "new"), check_writable_folder])
def test_file_where_a_folder_is_needed(tmp_path, write):
    (tmp_path / "file").write_bytes(b"old")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(OutputError) as caught:
            write(folder)
        check_message(caught, str(folder), "a file stands where a folder is needed", "move it")
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("write", [lambda p: write_text(p / "x", "new"), check_writable_folder])
@pytest.mark.parametrize("folder", ["/proc/ogive", "/proc", "nul\0byte", "line\nbreak/\0"])
def test_impossible_folder(write, folder):
    from pathlib import Path

    with pytest.raises(OutputError) as caught:
        write(Path(folder))
    check_message(caught, "cannot write", ";")


def test_folder_is_created_and_left_empty(tmp_path):
    folder = check_writable_folder(tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert names(folder) == []
    (folder / "kept").write_bytes(b"")
    check_writable_folder(folder)
    assert names(folder) == ["kept"]
