"""Generators in closed form: their regressions, samples and files."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import ogive
from ogive._container import read_container, write_container
from ogive._errors import InvalidModelError, InvalidParameterError
from ogive.data import load
from ogive.images.distances import nearest
from ogive.images.generation import GeneratorRecipe, train_generator
from ogive.images.training import TrainingFiles
from ogive.models import save


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


@pytest.mark.parametrize("other", ["twin", "checkpoint", "log"])
def test_a_closed_form_has_no_twin_no_checkpoint_and_no_log(tmp_path, other):
    recipe = GeneratorRecipe(method="closed-form", twin=other == "twin")
    files = TrainingFiles(**({} if other == "twin" else {other: tmp_path / "g"}))
    words = f"{other}='.*': method='closed-form' has no {other}; leave it out"
    with pytest.raises(InvalidParameterError, match=words):
        train_generator(load("digits"), recipe, files=files)


def test_regressions_are_counted_to_the_last():
    told = []
    train_generator(
        load("digits"),
        GeneratorRecipe(method="closed-form", landmarks=5),
        progress=lambda *step: told.append(step),
    )
    assert told == [("regressions", done, 16) for done in range(17)]
