"""Folders as people have them: what is broken is left out, what is odd made to fit, aloud."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ogive import data
from ogive._errors import (
    DataNotFoundError,
    DataWarning,
    InvalidDataError,
    InvalidParameterError,
)
from ogive.data import _pixels, read_image_folder, read_pictures
from ogive.data._picture_files import Skipped


def grey(path, level=100, size=(3, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, level, np.uint8)).save(path)
    return path


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    for name, level in (("cat", 50), ("dog", 200)):
        for number in range(3):
            grey(root / name / f"{number}.png", level + number)
    return root


def skipping(root, **options):
    """Return what was read, what was left out as {file: reason}, and the warnings' text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found, skipped = read_image_folder(root, on_error="skip", **options)
    told = [str(entry.message) for entry in caught if entry.category is DataWarning]
    return found, {str(s.path.relative_to(root)): s.reason for s in skipped}, told


def test_a_whole_folder_loses_nothing(pets):
    found, skipped, told = skipping(pets)
    assert (skipped, told) == ({}, [])
    np.testing.assert_array_equal(found.X, read_image_folder(pets).X)


def test_everything_that_people_have(pets):
    cat = pets / "cat"
    whole = (cat / "0.png").read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).astype(np.uint8)
    (cat / "broken.png").write_bytes(b"no picture")
    (cat / "empty.jpg").touch()
    (cat / "cut.png").write_bytes(whole[:40])
    (cat / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (cat / "notes.txt").write_text("between them")
    (cat / "x.png").mkdir()
    grey(cat / "x.png" / "deeper.png")
    (cat / "loop.png").symlink_to("loop.png")
    (cat / "gone.png").symlink_to("nowhere.png")
    (cat / "link.png").symlink_to("0.png")
    (cat / "up").symlink_to("..")
    (pets / "round").symlink_to("round")
    shutil.copy(grey(pets.parent / "wrong.jpg"), cat / "wrong.gif")
    Image.fromarray(noise).convert("CMYK").save(cat / "cmyk.tif")
    Image.fromarray(np.full((3, 4), 40_000, np.uint16)).save(cat / "deep.png")
    Image.fromarray(noise).convert("RGBA").save(cat / "clear.png")
    frames = [Image.new("RGB", (4, 3), name) for name in ("red", "blue")]
    frames[0].save(cat / "moving.gif", save_all=True, append_images=frames[1:])
    found, skipped, told = skipping(pets)
    assert set(skipped) == {
        f"cat/{name}"
        for name in ("broken.png", "cut.png", "empty.jpg", "gone.png", "loop.png", "photo.heic")
    }
    assert "no readable picture" in skipped["cat/broken.png"]
    assert skipped["cat/empty.jpg"].startswith("is no readable picture (it is empty)")
    assert "link that leads nowhere" in skipped["cat/gone.png"]
    assert np.bincount(found.y).tolist() == [9, 3]
    assert found.image_shape == (3, 4, 3)
    (text,) = told
    assert text.startswith("6 of the 18 pictures of pets left out: cat/broken.png is no readable")
    assert text.endswith("; and 3 more")
    with pytest.raises(InvalidDataError, match=r"cat/broken\.png is no readable picture"):
        read_image_folder(pets)


def test_rows_keep_their_labels(pets):
    (pets / "cat" / "1.png").write_bytes(b"")
    (pets / "dog" / "0.png").write_bytes(b"")
    found, _, _ = skipping(pets)
    assert found.X[:, 0].tolist() == [50, 52, 201, 202]
    assert found.y.tolist() == [0, 0, 1, 1]


def test_an_emptied_class_is_an_error(pets):
    for picture in (pets / "dog").iterdir():
        picture.write_bytes(b"")
    with pytest.raises(
        InvalidDataError, match=r"dog holds no picture that can be read \(0\.png is no .*remove"
    ):
        read_image_folder(pets, on_error="skip")
    shutil.rmtree(pets / "dog")
    (pets / "dog").mkdir()
    with pytest.raises(InvalidDataError, match="dog holds no pictures"):
        read_image_folder(pets, on_error="skip")


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_what_may_not_be_read(pets, monkeypatch, on_error):
    before = Path.open

    def refuse(self, *args, **options):
        if self.name == "1.png":
            raise PermissionError(13, "Permission denied", str(self))
        return before(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    if on_error == "raise":
        with pytest.raises(InvalidDataError, match=r"1\.png cannot be read \(Permission denied\)"):
            read_image_folder(pets)
    else:
        _, skipped, _ = skipping(pets)
        assert set(skipped) == {"cat/1.png", "dog/1.png"}
        assert "change its permissions" in skipped["cat/1.png"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_permissions_on_disk(pets):
    (pets / "cat" / "1.png").chmod(0)
    _, skipped, _ = skipping(pets)
    assert set(skipped) == {"cat/1.png"}
    (pets / "dog").chmod(0)
    with pytest.raises(InvalidDataError, match=r"dog cannot be listed \(Permission denied\)"):
        read_image_folder(pets, on_error="skip")
    (pets / "dog").chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files")
def test_a_pipe_is_no_picture(pets):
    os.mkfifo(pets / "cat" / "pipe.png")
    _, skipped, _ = skipping(pets)
    assert "not a regular file" in skipped["cat/pipe.png"]


def test_a_bomb_is_left_out_before_it_is_decoded(pets, monkeypatch):
    grey(pets / "cat" / "huge.png", size=(4, 5))
    monkeypatch.setattr(_pixels, "MAX_PIXELS", 12)
    before = _pixels.as_shown

    def watched(image):
        assert image.size == (4, 3)
        return before(image)

    monkeypatch.setattr(_pixels, "as_shown", watched)
    _, skipped, _ = skipping(pets)
    assert "over the limit of 12" in skipped["cat/huge.png"]


# Sizes


def test_mixed_sizes_become_the_commonest(pets):
    grey(pets / "cat" / "large.png", 90, (6, 8))
    grey(pets / "dog" / "small.png", 90, (1, 1))
    (pets / "dog" / "broken.png").write_bytes(b"")
    found, skipped, told = skipping(pets)
    assert found.image_shape == (3, 4, 1) and len(found) == 8
    assert set(skipped) == {"dog/broken.png"}
    assert "pictures of pets differ in size: 2 of 8 resized to the commonest, 3×4" in told[1]
    with pytest.raises(InvalidDataError, match=r"size=\(height, width\)"):
        read_image_folder(pets / ".." / "pets", size=None)


def test_the_commonest_size_by_name(pets):
    grey(pets / "cat" / "large.png", 90, (6, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_image_folder(pets, size="common")
        assert found.image_shape == (3, 4, 1) and len(found) == 7
        _, skipped = read_image_folder(pets, size="common", on_error="skip")
        assert skipped == []
    files = [grey(pets.parent / f"{n}.png", size=(n, n)) for n in (5, 2, 7)]
    assert read_pictures(files, "common").shape == (3, 5, 5, 1)  # of several, the first met


def test_a_lying_photograph_counts_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    (tmp_path / "a").mkdir()
    Image.new("L", (16, 8)).save(tmp_path / "a" / "0.jpg")
    for number in (1, 2):
        Image.new("L", (16, 8)).save(tmp_path / "a" / f"{number}.jpg", exif=exif)
    found, _, told = skipping(tmp_path)
    assert found.image_shape == (16, 8, 1)
    assert "1 of 3 resized" in told[0]


def test_choices_refused(pets):
    for read in (read_image_folder, lambda root, **options: read_pictures([root], **options)):
        with pytest.raises(InvalidParameterError, match="on_error='ignore' must be 'raise' or"):
            read(pets, on_error="ignore")
        with pytest.raises(InvalidParameterError, match=r"size='median' must be .*'common'"):
            read(pets, size="median")


# Pictures without classes


def test_pictures_by_their_paths(pets):
    files = sorted((pets / "cat").iterdir())
    missing = pets / "none.png"
    files[1].write_bytes(b"")
    with pytest.warns(DataWarning, match=r"2 of the 4 pictures left out: .*1\.png is no readable"):
        images, skipped = read_pictures([*files, missing], on_error="skip")
    assert images[:, 0, 0, 0].tolist() == [50, 52]
    assert [entry.path for entry in skipped] == [files[1], missing]
    assert skipped[1].reason.startswith("does not exist")
    with pytest.raises(DataNotFoundError, match=r"none\.png does not exist"):
        read_pictures([missing])
    with pytest.raises(InvalidDataError, match=r"1\.png is no readable picture"):
        read_pictures(files)


def test_nothing_left(pets):
    broken = pets / "cat" / "0.png"
    broken.write_bytes(b"")
    with pytest.raises(InvalidDataError, match=r"^/.*0\.png is no readable"):
        read_pictures([broken], on_error="skip")
    with pytest.raises(InvalidDataError, match=r"none of the 2 pictures .* read: .*0\.png is no "):
        read_pictures([broken, pets], on_error="skip")
    with pytest.raises(InvalidDataError, match="no picture was found"):
        read_pictures([], on_error="skip")


def test_skipped_is_a_value():
    one = Skipped(Path("a.png"), "is empty")
    assert one == Skipped(Path("a.png"), "is empty") == pickle.loads(pickle.dumps(one))
    assert str(one) == "a.png is empty"
    assert len({one, Skipped(Path("a.png"), "is empty")}) == 1


# By name


def test_load_raises_unless_told(pets):
    (pets / "cat" / "1.png").write_bytes(b"")
    with pytest.raises(InvalidDataError, match=r"1\.png is no readable picture"):
        data.load(pets)
    with pytest.warns(DataWarning, match="1 of the 6 pictures of pets left out"):
        found = data.load(pets, on_error="skip")
    assert len(found) == 5
    assert data.options(pets) == ("size", "on_error")
    with pytest.warns(DataWarning, match="1 of the 6"):
        train, test = data.load_pair(pets, on_error="skip", test_fraction=0.4)
    assert (len(train), len(test)) == (3, 2)
