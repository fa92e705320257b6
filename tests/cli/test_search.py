"""ogive index and ogive search: what people type, and what other programs read."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with pictures of two classes, a broken one, and a data set of them."""
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(4):
            pixels = generator.integers(0, 256, (5, 5, 3), np.uint8)
            picture = Image.fromarray(pixels).resize((20, 16))
            picture.save(tmp_path / "pictures" / name / f"{name}{number}.png")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"nothing")
    (tmp_path / "rows.svmlight").write_text("1 1:2 3:4\n2 2:1 3:1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(text):
    return list(csv.DictReader(text.splitlines()))


def test_index_and_search(ogive, place):
    made = ogive("index", "pictures", "-o", "x.index")
    assert made.code == 0 and "x.index: 8 pictures; 8 added, 1 skipped" in made.out
    assert "skipped" in made.err and "broken.png: no readable picture" in made.err
    answer = ogive("search", "x.index", "pictures/cat/cat1.png", "pictures/dog", "-k", 3, "-q")
    assert answer.code == 0 and answer.err == ""
    found = lines(answer.out)
    assert list(found[0]) == ["query", "rank", "path", "product", "kernel"] and len(found) == 15
    assert found[0]["query"] == "pictures/cat/cat1.png" and found[0]["rank"] == "1"
    assert found[0]["path"] == str((place / "pictures/cat/cat1.png").resolve())
    for line in found:
        product = float(line["product"])
        assert float(line["kernel"]) == pytest.approx(np.tanh(2 * product), abs=1e-6)
        assert (line["rank"] == "1") == (product > 0.999)


def test_search_for_other_programs(ogive, place):
    ogive("index", "pictures", "-o", "x.index", "-q")
    options = (
        "-k",
        2,
        "--kernel-gamma",
        5,
        "--kernel-coef0",
        "-1",
        "--sheet",
        "new/s.png",
        "--json",
    )
    values = ogive("search", "x.index", "pictures/dog/dog0.png", *options).values
    assert values["kernel"] == {"name": "sigmoid", "gamma": 5.0, "coef0": -1.0}
    assert (values["index"], values["pictures"], values["sheet"]) == ("x.index", 8, "new/s.png")
    ((hit, other),) = [query["hits"] for query in values["queries"]]
    assert hit["class"] == "dog" and hit["rank"] == 1 and other["rank"] == 2
    assert hit["kernel"] == pytest.approx(np.tanh(5 * hit["product"] - 1))
    with Image.open("new/s.png") as sheet:
        assert sheet.format == "PNG"


def test_an_index_is_added_to_refreshed_and_taken_from(ogive, place):
    first = ogive(
        "index", "pictures/cat", "-o", "x.index", "--components", 2, "--json", "-q"
    ).values
    wanted = {"path": "x.index", "pictures": 4, "added": 4, "changed": 0, "removed": 0}
    wanted |= {"skipped": [], "embedding": "patches", "image_shape": [32, 32, 3], "width": 2}
    assert first == wanted | {"search": "exact"}
    assert ogive("index", "pictures", "-o", "x.index", "--json").values["added"] == 4
    (place / "pictures" / "cat" / "cat0.png").unlink()
    done = ogive("index", "-o", "x.index", "--refresh", "--remove", "pictures/dog", "--json").values
    assert done["removed"] == 5 and done["pictures"] == 3
    assert "nothing has changed" in ogive("index", "-o", "x.index", "--refresh").out
    refused = ogive("index", "pictures", "-o", "x.index", "--embedding", "pixels")
    assert refused.code == 2 and "another embedding (patches" in refused.err
    again = ("index", "pictures", "-o", "x.index", "--embedding", "pixels", "--rebuild")
    assert ogive(*again, "--size", "8x9", "--json").values["image_shape"] == [8, 9, 3]


def test_fashion_mnist_is_indexed_and_shown(ogive, place):
    from ogive import data

    if not data.available("fashion-mnist"):
        pytest.skip("no Fashion-MNIST here")
    made = ogive(
        "index",
        "fashion-mnist",
        "--split",
        "test",
        "--embedding",
        "pca",
        "-o",
        "x.index",
        "--json",
        "-q",
    ).values
    assert made["pictures"] == 10_000 and made["image_shape"] == [28, 28, 1]
    row = "fashion-mnist test #3"
    values = ogive("search", "x.index", row, "--sheet", "s.png", "--json").values
    hits = values["queries"][0]["hits"]
    assert hits[0]["path"] == row and len(hits) == 10
    same = [hit["class"] == hits[0]["class"] for hit in hits]
    assert sum(same) >= 7


def test_an_unfinished_index_is_told(ogive, place):
    from ogive.images.picture_index import PictureIndex

    ogive("index", "pictures", "-o", "x.index", "-q")
    index = PictureIndex.load("x.index")
    index.complete = False
    index.save("x.index")
    answer = ogive("search", "x.index", "pictures/dog/dog0.png", "-q")
    assert answer.code == 0 and "was not finished: it holds 8 pictures so far" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("index", "pictures"), 2, "--output is missing"),
        (("index", "-o", "y.index"), 2, "nothing to do"),
        (("index", "nothing", "-o", "y.index"), 2, "nothing"),
        (
            ("index", "rows.svmlight", "-o", "y.index"),
            1,
            "rows holds rows of 4 numbers and no pict",
        ),
        (("index", "digits", "-o", "y.index"), 2, "digits holds numbers of type float64"),
        (("index", "--refresh", "-o", "y.index"), 1, "does not exist"),
        (("index", "--remove", "no", "-o", "x.index"), 2, "no is not in the index"),
        (("index", "pictures", "-o", "x.index", "--split", "test"), 2, "has no parts"),
        (("index", "pictures", "-o", "y.index", "--size", "big"), 2, "size='big'"),
        (
            ("index", "pictures", "-o", "y.index", "--embedding", "pixels", "--components", 3),
            2,
            "pixels have no components",
        ),
        (("search", "x.index", "none.png"), 1, "neither a picture file"),
        (("search", "x.index", "pictures/broken.png"), 1, "no readable picture"),
        (("search", "y.index", "pictures"), 1, "does not exist"),
        (("search", "pictures/broken.png", "pictures"), 1, "is not a whole index"),
        (("search", "x.index", "pictures/cat", "--kernel-gamma", "-1"), 2, "least alike"),
        (("search", "x.index", "pictures/cat", "--sheet", "s.gif"), 2, "must end in .png"),
    ],
)
def test_what_can_be_wrong(ogive, place, arguments, code, words):
    ogive("index", "pictures", "-o", "x.index", "--embedding", "pixels", "-q")
    answer = ogive(*arguments)
    assert answer.code == code and words in answer.err, answer
    assert "Traceback" not in answer.err and not (place / "y.index").exists()


def test_progress_is_printed_where_nobody_watches(capsys, monkeypatch):
    from ogive.cli import counting

    clock = [0.0]
    monkeypatch.setattr(counting.time, "monotonic", lambda: clock[0])
    for quiet, wanted in ((False, ["indexing: 20 of 1,000", "indexing: 120 of 1,000"]), (True, [])):
        clock[0] = 0
        with counting.counting(quiet=quiet) as count:
            for done in range(10, 180, 10):
                clock[0] = done / 10
                count("indexing", done, 1000)
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.splitlines() == wanted
