"""Generators in files, whole and damaged."""

import copy

import numpy as np
import pytest

import ogive
from ogive._container import read_container, write_container
from ogive._errors import InvalidModelError
from ogive.data import load
from ogive.images.generation import GeneratorRecipe, PictureGenerator, train_generator
from ogive.models import describe_file, save


@pytest.fixture(scope="module")
def trained():
    recipe = GeneratorRecipe(steps=2, width=8, blocks=1, batch=32, seed=3)
    return train_generator(load("digits"), recipe)


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    return read_container(save(trained, tmp_path_factory.mktemp("generators") / "g.ogive"))


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
    values, arrays = copy.deepcopy(saved[0]), dict(saved[1])
    change(values, arrays)
    path = write_container(tmp_path / "damaged.ogive", values, arrays)
    with pytest.raises(InvalidModelError) as caught:
        ogive.load(path)
    assert words in str(caught.value) and str(path) in str(caught.value)
