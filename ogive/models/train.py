"""Training a model of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ogive._errors import InvalidDataError
from ogive._resources import Meter
from ogive.data import Dataset
from ogive.images.closed_form import closed_form_classifier
from ogive.images.recipe import Recipe
from ogive.models.fit import Training, summary_of
from ogive.models.model import Model
from ogive.preprocessing import RowPreprocessing

Progress = Callable[[str, int, int], None]


def train_pictures(
    training: Training,
    recipe: Recipe,
    *,
    command: str = "",
    progress: Progress | None = None,
) -> Model:
    """Train a classifier of pictures as a recipe says.

    Parameters
    ----------
    training : Training
        Pictures with classes.
    recipe : Recipe
    command : str
        Noted in the summary.
    progress : callable, optional
        Called with (what is done, pictures done, pictures in all).

    Returns
    -------
    Model

    Raises
    ------
    InvalidDataError
        If the data are no pictures, or have no classes.
    InvalidParameterError
        If the recipe does not suit their size.

    Examples
    --------
    >>> from ogive.data import load
    >>> recipe = Recipe.of({"closed-form": {"filters": 64, "patch_size": 4, "grid": 3}})
    >>> model = train_pictures(Training.of(load("digits")), recipe)
    >>> test = load("digits", "test")
    >>> bool((model.predict_codes(test) == test.y).mean() > 0.97)
    True
    """
    data = training.data
    if not isinstance(data, Dataset) or data.image_shape is None:
        raise InvalidDataError(
            f"{data.name} holds no pictures: training is for pictures; use fit for other data"
        )
    if not training.classes:
        raise InvalidDataError(f"{data.name} has numbers to predict: training is for classes")
    with Meter() as meter:
        preprocessing = RowPreprocessing.fit(data, "none")
        estimator = closed_form_classifier(recipe, data.image_shape, progress)
        estimator.fit(preprocessing.transform(data), training.y)
        estimator.progress = None
    settings = recipe.closed_form.settled(data.image_shape)
    about: dict[str, Any] = {
        "model": recipe.method,
        "kernel": "logistic, between patches",
        "alpha": estimator.alpha,
        "treatment": "features in closed form",
        "solution": f"ridge on {estimator.coef_.shape[0]:,} features",
        "columns": preprocessing.width,
        "recipe": settings,
    }
    summary = summary_of(training, about, meter, seed=recipe.seed, command=command)
    return Model(preprocessing, estimator, training.classes, training.target, summary)
