"""Recipes of generators: files, flags, and what is wrong with them."""

from pathlib import Path

import pytest

from ogive._errors import DataNotFoundError, InvalidParameterError
from ogive.images.generation import GeneratorRecipe


def test_recipes_are_files_that_flags_override(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("[generator]\nsteps = 7\nwidth = 16\n[closed-form]\nfilters = 3\n")
    recipe = GeneratorRecipe.read(path)
    assert (recipe.steps, recipe.width) == (7, 16)
    assert recipe.overridden(width=32).steps == 7
    assert recipe.overridden(minutes=2.0).steps is None


@pytest.mark.parametrize(
    ("recipe", "flags", "words"),
    [
        ({}, {"method": "closed-form", "minutes": 5.0}, "minutes=5.0: method='closed-form'"),
        ({"method": "closed-form"}, {"width": 8}, "width=8: method='closed-form' does not heed it"),
        ({}, {"landmarks": 9}, "landmarks=9: method='gradient' does not heed it; leave it out"),
        ({}, {"minutes": 1.0, "steps": 3}, "minutes=1.0 and steps=3: both say how long"),
    ],
)
def test_flags_that_nobody_heeds_are_refused(recipe, flags, words):
    with pytest.raises(InvalidParameterError) as caught:
        GeneratorRecipe(**recipe).overridden(**flags)
    assert words in str(caught.value)


def test_a_file_may_hold_settings_of_both_methods():
    both = GeneratorRecipe(width=8, minutes=3, landmarks=7)
    assert both.overridden(method="closed-form", guidance=1.0).landmarks == 7
    assert both.overridden(minutes=5.0).landmarks == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[generator]\nwidht = 3", "widht is unknown; did you mean 'width'?"),
        ("[generator]\nwidth = 6", "width=6: input should be a multiple of 4"),
        ("[generator]\nkernel = 'cubic'", "kernel='cubic'"),
        ("[generator]\nminutes = inf", "minutes=inf: input should be a finite number"),
        ("[generator]\nrate = nan", "rate=nan"),
        ("[generator]\nguidance = 101", "guidance=101"),
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
