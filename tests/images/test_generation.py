"""Generators of pictures: what they know, and their samples."""

import numpy as np
import pytest
import torch

from ogive._errors import InvalidParameterError
from ogive.data import load
from ogive.images.generation import GeneratorRecipe, PictureGenerator, train_generator
from ogive.images.generation.network import FlowNetwork, NetworkShape

RECIPE = GeneratorRecipe(steps=6, width=8, blocks=1, batch=32, seed=3)


@pytest.fixture(scope="module")
def trained():
    return train_generator(load("digits"), RECIPE, command="as typed")


def test_samples_are_bytes_and_the_same_again(trained):
    pictures = trained.sample(5, seed=4, steps=2)
    assert pictures.shape == (5, 8, 8, 1) and pictures.dtype == np.uint8
    assert np.array_equal(trained.sample(5, seed=4, steps=2), pictures)
    assert not np.array_equal(trained.sample(5, seed=5, steps=2), pictures)


def test_it_knows_what_it_makes(trained):
    assert trained.classes == tuple("0123456789") and trained.image_shape == (8, 8, 1)
    assert trained.summary["steps"] == 6 and trained.summary["command"] == "as typed"
    assert trained.summary["recipe"]["width"] == 8


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
        ({"guidance": 101.0}, "guidance=101.0; it must be from 0 to 100"),
    ],
)
def test_impossible_samples_are_refused(trained, options, words):
    with pytest.raises(InvalidParameterError) as caught:
        trained.sample(**{"count": 1, **options})
    assert words in str(caught.value)


@pytest.mark.parametrize("count", [1, 16, 35])
def test_progress_counts_the_pictures_that_were_asked_for(trained, count):
    told = []
    trained.sample(count, steps=1, progress=lambda *step: told.append(step))
    chunks = [*range(0, count, 16), count]
    assert told == [("sampling", done, count) for done in chunks]
    told.clear()
    trained.interpolate(count, 1, frames=2, steps=1, progress=lambda *step: told.append(step))
    assert told[-1] == ("sampling", 2 * count, 2 * count)


def test_classes_by_name_or_number():
    network = train_generator(load("digits"), RECIPE.overridden(steps=1)).velocity
    made = PictureGenerator(network, ("1", "0", *map(str, range(2, 10))))
    assert made.class_code("1") == 0 and made.class_code("7") == 7
    with pytest.raises(InvalidParameterError, match=r"class='cat' is unknown.*0 '1', 1 '0'"):
        made.class_code("cat")
