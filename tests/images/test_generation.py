"""Generators of pictures: training and its resumption, samples, files and their damage."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import ogive
from ogive._container import read_container, write_container
from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
)
from ogive._training import DivergedError, TrainingFiles, read_log
from ogive.data import Dataset, load
from ogive.images.distances import nearest
from ogive.images.generation import GeneratorRecipe, PictureGenerator, train_generator
from ogive.images.generation.network import FlowNetwork, NetworkShape
from ogive.models import describe_file, save

RECIPE = GeneratorRecipe(steps=6, width=8, blocks=1, batch=32, seed=3)


@pytest.fixture(scope="module")
def trained():
    return train_generator(load("digits"), RECIPE, command="as typed")


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    return read_container(save(trained, tmp_path_factory.mktemp("generators") / "g.ogive"))


def test_it_knows_what_it_makes(trained):
    assert trained.classes == tuple("0123456789") and trained.image_shape == (8, 8, 1)
    assert trained.summary["steps"] == 6 and trained.summary["command"] == "as typed"
    assert trained.summary["recipe"]["width"] == 8


def test_samples_are_bytes_and_the_same_again(trained):
    pictures = trained.sample(5, seed=4, steps=2)
    assert pictures.shape == (5, 8, 8, 1) and pictures.dtype == np.uint8
    assert np.array_equal(trained.sample(5, seed=4, steps=2), pictures)
    assert not np.array_equal(trained.sample(5, seed=5, steps=2), pictures)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_a_sample_does_not_depend_on_how_many_there_are(trained, count):
    many = trained.sample(50, seed=4, steps=2)
    assert np.array_equal(trained.sample(count, seed=4, steps=2), many[:count])


def test_classes_take_turns_unless_one_is_asked_for():
    torch.manual_seed(0)
    network = FlowNetwork(NetworkShape((8, 8, 1), 10, width=8, blocks=1))
    for weights in network.parameters():  # what starts at zero would hide the class
        torch.nn.init.normal_(weights, std=0.3)
    made = PictureGenerator(network, tuple("0123456789"))
    turns = made.sample(12, seed=1, steps=2)
    only = made.sample(12, label=1, seed=1, steps=2)
    same = [np.array_equal(one, other) for one, other in zip(turns, only, strict=True)]
    assert same == [place % 10 == 1 for place in range(12)]


def test_the_ways_between_two_seeds_end_in_their_samples(trained):
    ways = trained.interpolate(3, 9, frames=5, seed=2, steps=2)
    assert ways.shape == (3, 5, 8, 8, 1)
    assert np.array_equal(ways[:, 0], trained.sample(3, seed=2, steps=2))
    assert np.array_equal(ways[:, -1], trained.sample(3, seed=9, steps=2))
    assert not np.array_equal(ways[:, 0], ways[:, 2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 0}, "count=0"),
        ({"label": 10}, "label=10; it must be a class's code: 0 '0', 1 '1'"),
        ({"label": -1}, "label=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"steps": 0}, "steps=0"),
        ({"guidance": -1.0}, "guidance=-1.0"),
        ({"guidance": float("nan")}, "guidance=nan"),
    ],
)
def test_impossible_samples_are_refused(trained, options, words):
    with pytest.raises(InvalidParameterError) as caught:
        trained.sample(**{"count": 1, **options})
    assert words in str(caught.value)


def test_classes_by_name_or_number():
    network = train_generator(load("digits"), RECIPE.overridden(steps=1)).velocity
    made = PictureGenerator(network, ("1", "0", *map(str, range(2, 10))))
    assert made.class_code("1") == 0 and made.class_code("7") == 7
    with pytest.raises(InvalidParameterError, match=r"class='cat' is unknown.*0 '1', 1 '0'"):
        made.class_code("cat")


def weights(generator):
    return generator.velocity.state_dict()


def same_weights(one, other):
    one, other = weights(one), weights(other)
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


class Killed(Exception):
    pass


@pytest.mark.parametrize("moment", [1, 22])
def test_a_training_that_was_cut_off_ends_with_the_same_weights(tmp_path, moment):
    recipe = RECIPE.overridden(steps=25, batch=8)
    whole = TrainingFiles(log=tmp_path / "whole.jsonl")
    unbroken = train_generator(load("digits"), recipe, files=whole)
    files = TrainingFiles(tmp_path / "g.part", tmp_path / "log.jsonl", every=0)

    def kill(what, done, total):
        if done == moment:
            raise Killed

    with pytest.raises(Killed):
        train_generator(load("digits"), recipe, files=files, progress=kill)
    told = []
    resumed = train_generator(
        load("digits"), recipe, files=files, progress=lambda *step: told.append(step)
    )
    assert told[0] == ("training", moment - 1, 25)  # killed before the checkpoint of that step
    assert same_weights(resumed, unbroken)
    losses = [[record["loss"] for record in read_log(f.log)] for f in (whole, files)]
    assert losses[0] == losses[1] and len(losses[0]) == 2


def test_another_recipe_or_other_data_do_not_go_on(tmp_path):
    files = TrainingFiles(tmp_path / "g.part")
    train_generator(load("digits"), RECIPE, files=files)
    with pytest.raises(InvalidParameterError, match=r"recipe.width is 8 there and 16 here"):
        train_generator(load("digits"), RECIPE.overridden(width=16), files=files)
    with pytest.raises(InvalidParameterError, match="data is"):
        train_generator(load("digits", "test"), RECIPE, files=files)


def test_minutes_become_steps_once(tmp_path, monkeypatch):
    clock = iter(np.arange(100.0) * 8)  # two looks at the clock: eight steps take eight seconds
    monkeypatch.setattr("ogive.images.generation.training.time.perf_counter", lambda: next(clock))
    files = TrainingFiles(tmp_path / "g.part")
    recipe = GeneratorRecipe(minutes=0.05, width=8, blocks=1, batch=4)
    made = train_generator(load("digits"), recipe, files=files)
    assert made.summary["steps"] == 3
    again = train_generator(load("digits"), recipe.overridden(minutes=99), files=files)
    assert again.summary["steps"] == 3 and same_weights(again, made)


def test_the_twin_trains_too():
    twin = train_generator(load("digits"), RECIPE.overridden(twin=True))
    assert "SiLU" in twin.summary["kernel"] and twin.sample(1, steps=1).shape == (1, 8, 8, 1)
    assert (
        twin.summary["parameters"]
        == train_generator(load("digits"), RECIPE.overridden(steps=1)).summary["parameters"]
    )


def pictures(shape=(6, 6, 1), classes=("a", "b"), count=4):
    pixels = np.zeros((count, int(np.prod(shape))), np.uint8)
    return Dataset("mine", pixels, np.arange(count) % 2, classes, shape)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Dataset("mine", np.zeros((2, 4)), np.zeros(2), ()), "mine holds no pictures"),
        (
            Dataset("mine", np.zeros((2, 4)), np.zeros(2), (), (2, 2, 1)),
            "mine has numbers for targets",
        ),
        (pictures((65, 4, 1)), "65×4 pixels.*at most 64 a side: resize them"),
        (pictures((4, 4, 5)), "5 channels"),
        (
            Dataset("mine", np.full((2, 4), 99.0), np.array([0, 1]), ("a", "b"), (2, 2, 1)),
            "pixels run from 99.0 to 99.0",
        ),
    ],
)
def test_what_cannot_be_learnt_is_refused(data, words):
    with pytest.raises(InvalidDataError, match=words):
        train_generator(data, RECIPE)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (5, 64, 3)])
def test_pictures_of_odd_sizes_and_classes_without_pictures(shape):
    data = pictures(shape, ("a", "b", "never"))
    made = train_generator(data, RECIPE.overridden(steps=1))
    assert made.classes == ("a", "b")
    assert made.sample(3, steps=1).shape == (3, *shape)


def test_a_file_keeps_it_whole(trained, tmp_path):
    path = save(trained, tmp_path / "g.ogive")
    again = ogive.load(path)
    assert isinstance(again, PictureGenerator) and again.classes == trained.classes
    assert again.guidance == trained.guidance and again.summary == trained.summary
    assert np.array_equal(again.sample(20, steps=3), trained.sample(20, steps=3))
    told = describe_file(path)
    assert told["kind"] == "generator" and told["parameters"]["data"] == "digits"


def edited(**changes):
    def change(values, arrays):
        values["model"]["velocity"].update(changes)

    return change


def without(name):
    def change(values, arrays):
        del arrays[name]

    return change


def of_model(**changes):
    def change(values, arrays):
        values["model"].update(changes)

    return change


def replaced(name, make):
    def change(values, arrays):
        arrays[name] = make(arrays[name])

    return change


FIRST = "model.velocity.weights.first/weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited(width=16), "has shape"),
        (edited(width=6), "multiple of 4"),
        (edited(width=2**20), "must be from 4 to"),
        (edited(width=4096, blocks=64), "has shape"),  # refused before memory is taken for it
        (edited(width="8"), "must be int"),
        (edited(blocks=2), "is missing"),
        (edited(kernel="cubic"), "'cubic', which is unknown"),
        (edited(kernel="gaussian"), "unknown"),
        (edited(image_shape=[8, 8]), "three numbers"),
        (edited(image_shape=[8, 8, 2]), "has shape"),
        (edited(image_shape=[8, 800, 1]), "three numbers up to"),
        (edited(image_shape=[8, True, 1]), "three numbers"),
        (edited(more=1), "means nothing"),
        (of_model(classes=["0", "1"]), "are 2, not 10"),
        (of_model(classes=["0"] * 10), "are 10, not 10 different"),
        (of_model(classes=[3] * 10), "strings only"),
        (of_model(guidance=-1.0), "guidance is -1.0"),
        (of_model(guidance="much"), "must be float"),
        (of_model(summary=[]), "must be dict"),
        (without(FIRST), "first/weight is missing"),
        (replaced(FIRST, lambda a: a * np.float32(np.nan)), "NaN or infinity"),
        (replaced(FIRST, lambda a: a.astype(np.float64)), "must be 'float32'"),
        (replaced(FIRST, lambda a: a[:, :, :1]), "has shape"),
    ],
)
def test_damaged_files_are_refused(saved, tmp_path, change, words):
    import copy

    values, arrays = copy.deepcopy(saved[0]), dict(saved[1])
    change(values, arrays)
    path = write_container(tmp_path / "damaged.ogive", values, arrays)
    with pytest.raises(InvalidModelError) as caught:
        ogive.load(path)
    assert words in str(caught.value) and str(path) in str(caught.value)


@pytest.fixture(scope="module")
def closed_form():
    return train_generator(load("digits"), GeneratorRecipe(method="closed-form", landmarks=250))


def test_in_closed_form_digits_are_what_was_asked_for_and_no_copies(closed_form):
    data = load("digits")
    judge = LogisticRegression(max_iter=500).fit(data.X, data.y)
    pictures = closed_form.sample(100, seed=1, steps=16).reshape(100, 64) / 255
    assert (judge.predict(pictures) == np.arange(100) % 10).mean() > 0.9
    usual = np.median(nearest(data.X, load("digits", "test").X).distance)
    assert 0.9 * usual < np.median(nearest(data.X, pictures).distance) < 1.5 * usual


def test_a_closed_form_survives_its_file_and_samples_do_not_depend_on_count(closed_form, tmp_path):
    again = ogive.load(save(closed_form, tmp_path / "g.ogive"))
    many = closed_form.sample(20, seed=3, steps=2)
    assert np.array_equal(again.sample(20, seed=3, steps=2), many)
    assert np.array_equal(again.sample(1, seed=3, steps=2), many[:1])


def test_a_closed_form_asks_the_regression_of_the_time(closed_form):
    flow = closed_form.velocity
    x = torch.randn(3, 1, 8, 8)
    time = torch.tensor([0.0, 0.5, 1.0])
    found = flow(x, time, torch.tensor([4, 10, 4]))
    for place, (stretch, code) in enumerate(((0, 4), (8, None), (15, 4))):
        given = np.zeros(74, np.float32)
        given[:64] = x[place].reshape(-1)
        if code is not None:
            given[64 + code] = 3.0
        wanted = flow.regressions[stretch].predict(given[None])[0]
        assert np.allclose(found[place].reshape(-1), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stretches": 0}, "from 1 to 1000"),
        ({"stretches": 17}, "stretch 16 is missing"),
        ({"stretches": 15}, "means nothing"),
        ({"classes": 9}, "does not take pictures of (8, 8, 1) and one of 9 classes"),
        ({"image_shape": [4, 16, 2]}, "does not take pictures"),
        ({"kind": "guess"}, "unknown"),
    ],
)
def test_damaged_closed_forms_are_refused(closed_form, tmp_path, change, words):
    values, arrays = read_container(save(closed_form, tmp_path / "g.ogive"))
    values["model"]["velocity"].update(change)
    path = write_container(tmp_path / "damaged.ogive", values, arrays)
    with pytest.raises(InvalidModelError) as caught:
        ogive.load(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("other", [{"twin": True}, {"checkpoint": "g.part"}])
def test_a_closed_form_has_no_twin_and_no_checkpoint(tmp_path, other):
    recipe = GeneratorRecipe(method="closed-form", twin="twin" in other)
    files = TrainingFiles(tmp_path / "g.part" if "checkpoint" in other else None)
    with pytest.raises(InvalidParameterError, match="no twin, no checkpoint"):
        train_generator(load("digits"), recipe, files=files)


def test_recipes_are_files_that_flags_override(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("[generator]\nsteps = 7\nwidth = 16\n[closed-form]\nfilters = 3\n")
    recipe = GeneratorRecipe.read(path)
    assert (recipe.steps, recipe.width) == (7, 16)
    assert recipe.overridden(width=32).steps == 7
    assert recipe.overridden(minutes=2.0).steps is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[generator]\nwidht = 3", "widht is unknown; did you mean 'width'?"),
        ("[generator]\nwidth = 6", "width=6: input should be a multiple of 4"),
        ("[generator]\nkernel = 'cubic'", "kernel='cubic'"),
        ("[closed-form]\nfilters = 3", "no table [generator]"),
        ("generator = 3", "no table [generator]"),
        ("[generator", "is no TOML"),
    ],
)
def test_wrong_recipes_say_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(InvalidParameterError) as caught:
        GeneratorRecipe.read(path)
    assert words in str(caught.value) and "recipe.toml" in str(caught.value)


def test_a_recipe_that_is_not_there():
    with pytest.raises(DataNotFoundError, match=r"none\.toml"):
        GeneratorRecipe.read(Path("none.toml"))


@pytest.mark.slow
def test_it_learns_digits():
    """Samples are what was asked for; by chance a tenth would be."""
    data = load("digits")
    made = train_generator(
        data, GeneratorRecipe(steps=250, width=16, blocks=1, batch=64, rate=4e-3)
    )
    judge = LogisticRegression(max_iter=500).fit(data.X, data.y)
    pictures = made.sample(100, steps=5).reshape(100, 64) / 255
    assert (judge.predict(pictures) == np.arange(100) % 10).mean() > 0.7


@pytest.mark.parametrize(("guidance", "expected"), [(None, 1.0), (1, 1.0)])
def test_without_unlabelled_pictures_nothing_is_guided(guidance, expected):
    few = {"steps": 1, "width": 8, "blocks": 1, "batch": 4, "unlabelled": 0}
    made = train_generator(load("digits"), GeneratorRecipe(guidance=guidance, **few))
    assert made.guidance == expected
    with pytest.raises(InvalidParameterError, match=r"guidance=2.0: .*set unlabelled"):
        train_generator(load("digits"), GeneratorRecipe(guidance=2, **few))


def test_a_training_that_diverges_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "ogive.images.generation.training.flow_loss",
        lambda network, batch: network(batch.place, batch.time, batch.label).sum() * torch.nan,
    )
    files = TrainingFiles(tmp_path / "g.part", every=0.0)
    with pytest.raises(DivergedError, match="loss is nan at step 1"):
        train_generator(load("digits"), GeneratorRecipe(steps=5, width=8, blocks=1), files=files)
