"""ogive index by a model, and by training on classes; folders of people's own, from end to end."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

SMALL = ("--filters", 12, "--patch-size", 4, "--grid", 3, "-q")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder of digits as pictures, some of them apart."""
    root = tmp_path_factory.mktemp("digits")
    X, y = load_digits(return_X_y=True)
    for row in range(360):
        part = "known" if row < 280 else "new"
        file = root / part / f"digit {y[row]}" / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((X[row].reshape(8, 8) * 15.9).astype(np.uint8)).save(file)
    return root


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ("known", "new"):
        (tmp_path / part).symlink_to(place / part)
    return tmp_path


def same_class(ogive, index, pictures):
    """Return the share of hits that are of the query's class, by the names of their folders."""
    queries = ogive("search", index, pictures, "-k", 5, "--json", "-q").values["queries"]
    classes = [
        (query["query"].split("/")[-2], hit["class"]) for query in queries for hit in query["hits"]
    ]
    return np.mean([wanted == found for wanted, found in classes])


@pytest.mark.parametrize(
    "options",
    [SMALL, ("--method", "gradient", "--width", 8, "--epochs", 6, "--batch", 32, "-q")],
    ids=["closed form", "gradient"],
)
def test_an_index_by_a_model_needs_the_model_no_longer(ogive, here, options):
    assert ogive("train", "known", "-o", "m.ogive", *options).code == 0
    made = ogive("index", "known", "--model", "m.ogive", "-o", "x.index", "--json", "-q").values
    assert made["embedding"] == "model" and made["pictures"] == 280
    assert made["image_shape"] == [8, 8, 1]
    again = ogive("index", "new", "--model", "m.ogive", "-o", "x.index", "--json", "-q").values
    assert again["added"] == 80
    (here / "m.ogive").unlink()
    assert ogive("index", "-o", "x.index", "--remove", "new", "-q").code == 0
    assert ogive("index", "-o", "x.index", "--refresh", "-q").code == 0
    assert same_class(ogive, "x.index", "new") > 0.75


def test_another_model_is_another_embedding(ogive, here):
    for seed in (0, 1):
        ogive("train", "known", "-o", f"{seed}.ogive", "--seed", seed, *SMALL)
    ogive("index", "new", "--model", "0.ogive", "-o", "x.index", "--components", 4, "-q")
    refused = ogive("index", "new", "--model", "1.ogive", "-o", "x.index")
    assert refused.code == 2 and "another embedding (model, image_shape 8×8×1" in refused.err
    anew = ogive("index", "new", "--model", "1.ogive", "-o", "x.index", "--rebuild", "--json", "-q")
    assert anew.values["width"] == 89  # 80 pictures vary in 79 directions; and 10 classes


def test_an_embedding_trained_on_folders(ogive, here):
    made = ogive("index", "known", "--embedding", "trained", "-o", "x.index", "--size", "8x8", "-q")
    assert made.code == 0
    ogive("index", "known", "-o", "plain.index", "--size", "8x8", "-q")
    trained, plain = (same_class(ogive, f, "new") for f in ("x.index", "plain.index"))
    assert trained > 0.9 and trained > plain
    assert "nothing has changed" in ogive("index", "known", "-o", "x.index").out
    refused = ogive("index", "known/digit 1", "--embedding", "trained", "-o", "y.index")
    assert refused.code == 1 and "a folder of pictures for each class" in refused.err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--model", "t.ogive", "--embedding", "pca"), 2, "--model t.ogive with --embedding pca"),
        (("--model", "t.ogive", "--size", "8x8"), 2, "give one of the two"),
        (("--model", "t.ogive", "--refresh"), 2, "it keeps its embedding"),
        (("--embedding", "pca", "--remove", "new"), 2, "--embedding with --refresh or --remove"),
        (("--rebuild", "--refresh"), 2, "--rebuild with --refresh"),
        (("--model", "t.ogive"), 2, "model=t.ogive is of type KernelRidge, which has no features"),
        (("--model", "p.ogive"), 2, "type KernelRidgeClassifier, which has no features of pict"),
        (("--model", "d.ogive"), 2, "not on pixels from 0 to 255"),
        (("--model", "g.ogive"), 2, "type PictureGenerator, which has no features of pictures"),
        (("--model", "none.ogive"), 1, "does not exist"),
        (("--model", "new/digit 1"), 1, "model"),
    ],
)
def test_what_no_index_can_be_made_by(ogive, here, models, options, code, words):
    for file in models.iterdir():
        shutil.copy(file, here)
    answer = ogive("index", "new", "-o", "x.index", *options)
    assert answer.code == code and words in answer.err, answer
    assert not (here / "x.index").exists() and "Traceback" not in answer.err


@pytest.fixture(scope="module")
def models(tmp_path_factory, place):
    """Return a folder with models that have no features of pixels, by what made them."""
    from ogive import save
    from ogive.data import load
    from ogive.estimators import KernelRidge
    from ogive.images.generation import GeneratorRecipe, train_generator
    from ogive.images.recipe import Recipe
    from ogive.models import Settings, Training, fit_model, train_pictures

    root, digits = tmp_path_factory.mktemp("models"), load("digits")
    save(KernelRidge().fit([[0.0], [1.0]], [0.0, 1.0]), root / "t.ogive")
    few = Training.of(digits.take(range(60)))
    save(fit_model(few, Settings()), root / "p.ogive")
    recipe = Recipe.of({"closed-form": {"filters": 4, "patch_size": 4, "grid": 2}})
    save(train_pictures(few, recipe), root / "d.ogive")
    pixels = load(place / "new")
    tiny = GeneratorRecipe().overridden(steps=1, width=8)
    save(train_generator(pixels, tiny), root / "g.ogive")
    return root


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Return a folder of 300 pictures of three classes, and 30 apart."""
    from ogive import data

    if not data.available("cifar10"):
        pytest.skip("no CIFAR-10 here: name its folder in OGIVE_DATA")
    rows = data.load("cifar10", "test")
    for code, name in enumerate(("aeroplane", "car", "bird")):
        for number, row in enumerate(np.flatnonzero(rows.y == code)[:110]):
            file = tmp_path / ("train" if number < 100 else "new") / name / f"{number}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rows.images()[row]).save(file, quality=95)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_of_photographs_from_end_to_end(ogive, cifar):
    trained = ogive(
        "train", "train", "-o", "m.ogive", "--filters", 24, "--test-fraction", 0.2, "--json", "-q"
    )
    assert trained.values["held_out"]["accuracy"] > 0.5
    answers = ogive("predict", "m.ogive", "new", "--json", "-q").values["predictions"]
    found = zip(answers["file"], answers["prediction"], strict=True)
    right = [name == file.split("/")[1] for file, name in found]
    assert len(right) == 30 and np.mean(right) > 0.5
    judged = ogive("evaluate", "m.ogive", "new", "--json", "-q").values
    assert judged["accuracy"] == pytest.approx(np.mean(right))
    made = ogive("index", "train", "--model", "m.ogive", "-o", "x.index", "--json", "-q").values
    assert (made["pictures"], made["image_shape"], made["skipped"]) == (300, [32, 32, 3], [])
    assert same_class(ogive, "x.index", "new") > 0.45
    changed = cifar / "train" / "car" / "1.jpg"
    Image.open(cifar / "new" / "bird" / "100.jpg").rotate(90).save(changed)
    (cifar / "train" / "bird" / "2.jpg").unlink()
    shutil.copy(cifar / "new" / "car" / "101.jpg", cifar / "train" / "car" / "added.jpg")
    done = ogive("index", "-o", "x.index", "--refresh", "--json", "-q").values
    assert [done[what] for what in ("added", "changed", "removed")] == [1, 1, 1]
    (query,) = ogive("search", "x.index", "new/car/101.jpg", "-k", 1, "--json", "-q").values[
        "queries"
    ]
    assert query["hits"][0]["path"].endswith("car/added.jpg")
    assert ogive("index", "-o", "x.index", "--remove", "train/car", "-q").code == 0
    hits = ogive("search", "x.index", "new/car", "-k", 9, "--json", "-q").values["queries"]
    assert all(hit["class"] != "car" for query in hits for hit in query["hits"])


def test_everything_that_people_have_in_a_folder(ogive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "mixed"
    (root / "empty class").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (9, 30, 40, 3), np.uint8)
    for number, (mode, ending) in enumerate(
        (
            ("L", "png"),
            ("RGBA", "png"),
            ("CMYK", "tif"),
            ("P", "gif"),
            ("1", "bmp"),
            ("RGB", "webp"),
        )
    ):
        Image.fromarray(noise[number]).convert(mode).save(root / f"{mode}.{ending}")
    Image.fromarray(np.full((7, 5), 40_000, np.uint16)).save(root / "deep.png")
    Image.new("RGB", (1, 1), "red").save(root / "pixel.png")
    frames = [Image.fromarray(picture) for picture in noise[6:8]]
    frames[0].save(root / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(noise[8]).resize((800, 20)).save(root / "wide.jpg")
    readable = {file.name for file in root.iterdir() if file.is_file()}
    (root / "broken.jpg").write_bytes((root / "wide.jpg").read_bytes()[:200])
    (root / "bomb.png").write_bytes(bomb())
    (root / "nothing.png").touch()
    for text in ("notes.txt", "Thumbs.db", ".hidden.png"):
        (root / text).write_text("no picture")
    made = ogive("index", "mixed", "-o", "x.index", "--json", "-q").values
    reasons = {s["file"].rsplit("/")[-1]: s["reason"] for s in made["skipped"]}
    assert made["pictures"] == len(readable) == 10
    assert set(reasons) == {"broken.jpg", "bomb.png", "nothing.png"}
    assert "decompression bomb" in reasons["bomb.png"] and "is empty" in reasons["nothing.png"]
    queries = ogive("search", "x.index", "mixed/moving.gif", "mixed/deep.png", "--json").values
    for query in queries["queries"]:
        assert query["hits"][0]["path"].endswith(query["query"])
    assert ogive("search", "x.index", "mixed/bomb.png").code == 1
    (root / "empty class" / "late.png").write_bytes((root / "L.png").read_bytes())
    assert ogive("index", "-o", "x.index", "--refresh", "--json").values["added"] == 1


def bomb():
    """Return a PNG of 2 GB of nothing, whose pixels are never asked for."""
    import struct
    import zlib

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 45_000, 45_000, 8, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + rows + chunk(b"IEND", b"")


def test_what_may_not_be_read_is_named(ogive, tmp_path, monkeypatch):
    import os

    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").chmod(0)
    made = ogive("index", ".", "-o", "x.index", "--json", "-q").values
    assert made["pictures"] == 2 and "permission" in made["skipped"][0]["reason"].lower()
