"""Training on pictures as a recipe says, the model's file, and what cannot be trained on."""

from pathlib import Path

import numpy as np
import pytest

from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
)
from ogive.data import Dataset, load
from ogive.images.closed_form import closed_form_settings
from ogive.images.recipe import ClosedForm, Recipe
from ogive.images.training import TrainingFiles
from ogive.models import Course, Training, save, train_pictures
from ogive.models import load as load_model

RECIPE = Recipe.of({"seed": 2, "closed-form": {"filters": 32, "patch_size": 4, "grid": 3}})


@pytest.fixture(scope="module")
def trained():
    return train_pictures(Training.of(load("digits")), RECIPE, command="as typed")


def test_a_trained_model_predicts_and_survives_its_file(trained, tmp_path):
    test = load("digits", "test")
    assert (trained.predict_codes(test) == test.y).mean() > 0.95
    again = load_model(save(trained, tmp_path / "digits.ogive"))
    assert np.array_equal(again.predict_proba(test), trained.predict_proba(test))
    assert again.summary["recipe"]["filters"] == 32
    assert again.summary["command"] == "as typed" and again.summary["rows"] == len(load("digits"))


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("n_filters", 33, "patch_map_"),
        ("patch_size", 5, "patch_map_"),
        ("grid", 9, "patch_map_"),
        ("grid", 2, "mean_"),
        ("both_signs", True, "mean_"),
    ],
)
def test_a_file_whose_parts_do_not_fit_is_refused(trained, tmp_path, name, value, where):
    before = getattr(trained.estimator, name)
    trained.estimator.set_params(**{name: value})
    try:
        # What is written is read again before it gets its name.
        with pytest.raises(InvalidModelError, match=rf"cannot be saved.*{where}"):
            save(trained, tmp_path / "odd.ogive")
    finally:
        trained.estimator.set_params(**{name: before})


@pytest.mark.parametrize("method", ["closed-form", "both"])
def test_two_layers(method, tmp_path):
    recipe = Recipe.of({"method": method, "closed-form": {"layers": 2, "filters": 24}})
    assert closed_form_settings(recipe, (8, 8, 1))["n_first_filters"] == 32
    data = load("digits").take(range(700))
    model = train_pictures(Training.of(data), recipe.overridden())
    test = load("digits", "test")
    assert (model.predict_codes(test) == test.y).mean() > 0.9
    again = load_model(save(model, tmp_path / "two.ogive"))
    assert np.array_equal(again.predict_proba(test), model.predict_proba(test))


def test_progress_is_told():
    told = []
    course = Course(progress=lambda *a: told.append(a))
    train_pictures(Training.of(load("digits").take(range(90))), RECIPE, course=course)
    assert [stage for stage, *_ in told] == ["fitting landmarks", "reading pictures", "solving"]


def test_what_is_no_picture_with_a_class_is_refused():
    rows, codes = np.zeros((6, 4)), np.arange(6) % 2
    plain = Dataset("plain", rows, codes, ("a", "b"))
    with pytest.raises(InvalidDataError, match="plain holds no pictures"):
        train_pictures(Training.of(plain), RECIPE)
    valued = Dataset("valued", rows.astype(np.uint8), codes / 3, (), (2, 2, 1))
    with pytest.raises(InvalidDataError, match="valued has numbers to predict"):
        train_pictures(Training.of(valued), RECIPE)
    small = Dataset("small", rows.astype(np.uint8), codes, ("a", "b"), (2, 2, 1))
    with pytest.raises(InvalidParameterError, match="patch_size=4: must be from 2 to 2"):
        train_pictures(Training.of(small), RECIPE)


@pytest.mark.parametrize(
    ("shape", "filters", "patch", "grid", "both"),
    [
        ((28, 28, 1), 384, 6, 6, False),
        ((32, 32, 3), 896, 8, 3, True),
        ((8, 8, 1), 384, 4, 5, False),
        ((2, 5, 3), 896, 2, 1, True),
    ],
)
def test_what_is_left_open_suits_the_pictures(shape, filters, patch, grid, both):
    found = ClosedForm().settled(shape)
    assert (found["filters"], found["patch_size"], found["grid"]) == (filters, patch, grid)
    assert found["both_signs"] is found["mirror"] is both
    assert ClosedForm(mirror=False, grid=1).settled(shape)["mirror"] is False
    assert ClosedForm(filters=99).settled((32, 32, 3))["patch_size"] == 6


def test_flags_override_the_file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('seed = 4\n[closed-form]\nfilters = 64\nsize = "small"\n')
    recipe = Recipe.read(path).overridden(seed=None, filters=99, alpha=0.5)
    assert (recipe.seed, recipe.closed_form.filters, recipe.closed_form.alpha) == (4, 99, 0.5)
    assert recipe.closed_form.size == "small"
    trained = recipe.overridden(method="gradient", epochs=7, kernel="relu", filters=None)
    assert trained.gradient.settled((8, 8, 1))["epochs"] == 7
    assert (trained.gradient.kernel, trained.closed_form.filters) == ("relu", 99)


@pytest.mark.parametrize(("method", "filters"), [("closed-form", 384), ("both", 128)])
def test_fewer_filters_where_they_are_trained(method, filters):
    recipe = Recipe(method=method)
    assert closed_form_settings(recipe, (28, 28, 1))["filters"] == filters
    assert closed_form_settings(recipe.overridden(size="large"), (28, 28, 1))["filters"] == 640


def test_a_network_survives_its_file(tmp_path):
    recipe = Recipe.of({"method": "gradient", "gradient": {"width": 4, "epochs": 1, "batch": 32}})
    held = Training.of(load("digits").take(range(50)))
    told = []
    course = Course(report=told.append)
    some = Training.of(load("digits").take(range(300)))
    model = train_pictures(some, recipe, held=held, course=course)
    assert 0 <= told[-1]["held_out_accuracy"] <= 1 and model.summary["recipe"]["width"] == 4
    again = load_model(save(model, tmp_path / "a.ogive"))
    test = load("digits", "test")
    assert np.array_equal(again.predict_proba(test), model.predict_proba(test))
    again.estimator.network_.head.bias.data = again.estimator.network_.head.bias[:3]
    with pytest.raises(InvalidModelError, match=r"cannot be saved.*head/bias has shape"):
        save(again, tmp_path / "b.ogive")


@pytest.mark.parametrize(
    ("course", "words"),
    [
        (Course(files=TrainingFiles(Path("a"))), "method='closed-form' has no steps"),
        (Course(device="cuda"), "device='cuda': method='closed-form' computes on the CPU"),
    ],
)
def test_a_closed_form_has_no_checkpoint_and_no_gpu(course, words):
    with pytest.raises(InvalidParameterError, match=words):
        train_pictures(Training.of(load("digits")), RECIPE, course=course)


@pytest.mark.parametrize(
    ("method", "flags", "words"),
    [
        ("closed-form", {"epochs": 3}, "epochs=3 .*'closed-form'.*'gradient' or 'both'"),
        ("closed-form", {"flip": False}, "flip=False has no effect"),
        ("gradient", {"filters": 3}, "filters=3 .*'gradient'.*'closed-form' or 'both'"),
        ("gradient", {"size": "small"}, "size='small' has no effect"),
        ("gradient", {"validation_fraction": 0.2}, "no effect without patience"),
    ],
)
def test_a_flag_that_has_no_effect_is_refused(method, flags, words):
    # A file may hold tables for other methods all the same.
    file = Recipe.of({"method": method, "closed-form": {"filters": 9}, "gradient": {"epochs": 2}})
    assert file.overridden(seed=3).seed == 3
    with pytest.raises(InvalidParameterError, match=words):
        file.overridden(**flags)


@pytest.mark.parametrize("method", ["gradient", "both"])
def test_patience_is_in_the_summary(method):
    recipe = Recipe.of(
        {
            "method": method,
            "closed-form": {"filters": 4, "patch_size": 3, "grid": 2},
            "gradient": {"epochs": 9, "batch": 32, "rate": 5.0, "patience": 1, "average": 0.0},
        }
    ).overridden(**({"width": 2, "rate": 0.5} if method == "gradient" else {}))
    told = []
    some = Training.of(load("digits").take(range(250)))
    summary = train_pictures(some, recipe, course=Course(report=told.append)).summary
    ends = [record for record in told if "epoch" in record]
    best = 1 + int(np.argmin([record["validation_loss"] for record in ends]))
    assert f"{len(ends)} epochs, the weights of epoch {best}" in summary["solution"]
    assert summary["recipe"]["patience"] == 1 and summary["recipe"]["validation_fraction"] == 0.1
    assert 0 <= ends[0]["validation_accuracy"] <= 1 and summary["rows"] == 250


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[closed-form]\nfilter = 3", "closed-form.filter is unknown; .*filters"),
        ("sed = 3", "sed is unknown; .*seed"),
        ("[gradient]\nepoch = 3", "gradient.epoch is unknown; .*epochs"),
        ("[gradient]\nkernel = 'magic'", "gradient.kernel='magic'"),
        ("[closed-form]\nfilters = 0", "closed-form.filters=0: .*greater than or equal to 1"),
        ("[closed-form]\nalpha = 'a'", "closed-form.alpha='a': .*number"),
        ("method = 'magic'", "method='magic'"),
        ("filters == 3", "is no TOML"),
    ],
)
def test_a_wrong_recipe_names_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(InvalidParameterError, match=words):
        Recipe.read(path)


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(DataNotFoundError, match="No such file"):
        Recipe.read(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidParameterError, match="no text file"):
        Recipe.read(tmp_path / "bytes.toml")
