"""Training generators: what is learnt, resumption, minutes, and what is refused."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data import Dataset, load
from ogive.images.generation import (
    GeneratorRecipe,
    network_training,
    planned_steps,
    train_generator,
)
from ogive.images.generation import coupling as coupling_module
from ogive.images.training import DivergedError, TrainingFiles, read_log

RECIPE = GeneratorRecipe(steps=6, width=8, blocks=1, batch=32, seed=3)


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


class Clock:
    """A clock that a step puts forward by a second, and the coupling of 16 batches by others."""

    def __init__(self, monkeypatch, coupling):
        self.now = 0.0
        place = "ogive.images.generation"
        self.delay(
            monkeypatch, f"{place}.network_training.flow_loss", network_training.flow_loss, 1
        )
        seconds = coupling / 10  # a class
        solve = coupling_module.linear_sum_assignment
        self.delay(monkeypatch, f"{place}.coupling.linear_sum_assignment", solve, seconds)
        monkeypatch.setattr(f"{place}.network_training.time.perf_counter", lambda: self.now)

    def delay(self, monkeypatch, name, function, seconds):
        def slow(*given):
            self.now += seconds
            return function(*given)

        monkeypatch.setattr(name, slow)


@pytest.mark.parametrize(("coupling", "steps"), [(0, 12), (32, 4)])
def test_minutes_become_steps_once(tmp_path, monkeypatch, coupling, steps):
    Clock(monkeypatch, coupling)  # a step takes 1 + coupling / 16 seconds
    files = TrainingFiles(tmp_path / "g.part")
    recipe = GeneratorRecipe(minutes=0.2, width=8, blocks=1, batch=4)
    assert planned_steps(files.checkpoint) is None and planned_steps(None) is None
    told = []
    made = train_generator(
        load("digits"), recipe, files=files, progress=lambda *step: told.append(step)
    )
    assert made.summary["steps"] == steps == planned_steps(files.checkpoint)
    timing = [(done, total) for what, done, total in told if what == "timing steps"]
    assert timing == [(done, 11) for done in range(12)]
    again = train_generator(load("digits"), recipe.overridden(minutes=99), files=files)
    assert again.summary["steps"] == steps and same_weights(again, made)


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
        "ogive.images.generation.network_training.flow_loss",
        lambda network, batch: network(batch.place, batch.time, batch.label).sum() * torch.nan,
    )
    files = TrainingFiles(tmp_path / "g.part", every=0.0)
    with pytest.raises(DivergedError, match="loss is nan at step 1"):
        train_generator(load("digits"), GeneratorRecipe(steps=5, width=8, blocks=1), files=files)
