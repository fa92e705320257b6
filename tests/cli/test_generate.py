"""``ogive generate`` and ``ogive sample``, on people's own pictures."""

import numpy as np
import pytest
from PIL import Image

from ogive.images.training import TrainingInterrupted, read_log

SMALL = ("--steps", 3, "--width", 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of 9×7 colour pictures of two classes."""
    place = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (place / name).mkdir()
        for index in range(10):
            pixels = generator.integers(0, 256, (9, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / name / f"{index}.png")
    return place


@pytest.fixture
def generator_file(ogive, folder, tmp_path):
    path = tmp_path / "pets.ogive"
    assert ogive("generate", folder, "-o", path, *SMALL).code == 0
    return path


def test_generate_says_what_it_made(ogive, folder, tmp_path):
    log = tmp_path / "log.jsonl"
    path = tmp_path / "pets.ogive"
    answer = ogive("generate", folder, "-o", path, *SMALL, "--log", log, "--seed", 4)
    assert answer.code == 0, answer.err
    assert "9×7 pictures of 2 classes" in answer.out and "ogive sample" in answer.out
    assert [record["step"] for record in read_log(log)] == [3]
    told = ogive("generate", folder, "-o", path, *SMALL, "--twin", "--json", "--quiet")
    assert told.values["classes"] == ["cat", "dog"] and told.values["recipe"]["twin"]
    assert "PictureGenerator" in ogive("info", path).out


def test_sample_draws_a_row_for_each_class_or_several_of_one(ogive, generator_file, tmp_path):
    picture = tmp_path / "grid.png"
    options = ("-o", picture, "--steps", 1, "--json")
    told = ogive("sample", generator_file, "-n", 10, *options).values
    assert told["rows"] == ["cat", "dog"] and told["pictures"] == 10
    first = Image.open(picture).tobytes()
    told = ogive("sample", generator_file, "-n", 10, "--class", "dog", *options).values
    assert told["rows"] == ["dog", ""]
    by_number = Image.open(picture).tobytes()
    ogive("sample", generator_file, "-n", 10, "--class", 1, *options)
    assert Image.open(picture).tobytes() == by_number != first


def test_sample_draws_ways_between_seeds(ogive, generator_file, tmp_path):
    picture = tmp_path / "ways.png"
    answer = ogive(
        "sample", generator_file, "-n", 3, "--interpolate", 5, "--steps", 1, "-o", picture
    )
    assert answer.code == 0 and "ways.png" in answer.err
    assert Image.open(picture).width > Image.open(picture).height


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--class", "bird"), "class='bird' is unknown"),
        (("--class", "2"), "0 'cat', 1 'dog'"),
        (("-o", "grid.jpg"), "must end in .png"),
    ],
)
def test_wrong_use_of_sample(ogive, generator_file, tmp_path, arguments, words):
    path = tmp_path / "grid.png"
    answer = ogive("sample", generator_file, "-o", path, "--quiet", *arguments)
    assert answer.code == 2 and words in answer.err and not path.exists()


def test_sample_wants_a_generator(ogive, tmp_path):
    path = tmp_path / "a.ogive"
    ogive("train", "digits", "-o", path, "--filters", 8, "--patch-size", 4, "--grid", 3)
    answer = ogive("sample", path, "-o", tmp_path / "grid.png", "--quiet")
    assert answer.code == 2 and "ogive generate" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--steps", 0), 2, "steps=0"),
        (("--minutes", -1), 2, "minutes=-1"),
        (("--width", 6), 2, "width=6"),
        (("--steps", 1, "--minutes", 1), 2, "minutes=1.0 and steps=1"),
        (("--method", "closed-form", "--minutes", 1), 2, "minutes=1.0: method='closed-form'"),
        (("--method", "closed-form", "--log", "log.jsonl"), 2, "log='log.jsonl': method='closed"),
        (("--recipe", "none.toml"), 1, "none.toml"),
        (("--resize", "80x80"), 1, "at most 64 a side"),
    ],
)
def test_wrong_use_of_generate(ogive, folder, tmp_path, arguments, code, words):
    path = tmp_path / "pets.ogive"
    answer = ogive("generate", folder, "-o", path, "--quiet", *arguments)
    assert answer.code == code and words in answer.err and not path.exists()


def test_tables_are_refused(ogive, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,x\n2,y\n3,x\n")
    answer = ogive("generate", table, "-o", tmp_path / "a.ogive", "--quiet")
    assert answer.code == 1 and "holds no pictures" in answer.err


def test_resized_pictures_and_going_on(ogive, folder, tmp_path):
    part, path = tmp_path / "pets.part", tmp_path / "pets.ogive"
    arguments = ("generate", folder, "-o", path, *SMALL, "--resize", "8x8", "--checkpoint", part)
    assert "8×8 pictures" in ogive(*arguments).out
    again = ogive(*arguments).err
    assert "going on from" in again and "to 3 steps in all" in again and "minutes" not in again
    by_minutes = ("generate", folder, "-o", path, "--width", 8, "--minutes", 9, *arguments[-4:])
    assert "to 3 steps in all, whatever the minutes" in ogive(*by_minutes).err


def test_an_interruption_says_how_to_go_on(ogive, folder, tmp_path, monkeypatch):
    def stop(*given, **options):
        raise TrainingInterrupted("run the same again to go on from pets.part")

    monkeypatch.setattr("ogive.images.generation.train_generator", stop)
    answer = ogive("generate", folder, "-o", tmp_path / "pets.ogive", *SMALL)
    assert answer.code == 130 and "go on from pets.part" in answer.err


def test_in_closed_form(ogive, folder, tmp_path):
    path = tmp_path / "pets.ogive"
    told = ogive("generate", folder, "-o", path, "--method", "closed-form", "--json", "--quiet")
    assert told.values["kernel"].startswith("Sigmoid") and "steps" not in told.values
    picture = tmp_path / "grid.png"
    assert ogive("sample", path, "-n", 4, "--steps", 2, "-o", picture).code == 0
    refused = ogive("generate", folder, "-o", path, "--method", "closed-form", "--twin")
    assert refused.code == 2 and "twin=True: method='closed-form' does not heed" in refused.err
