"""Training a model of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._resources import Meter
from ogive._typing import ImageShape, Progress
from ogive.data import Dataset
from ogive.estimators import PatchKernelClassifier
from ogive.images.blend import BlendedClassifier
from ogive.images.closed_form import closed_form_classifier, closed_form_settings
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.recipe import Recipe
from ogive.images.training import TrainingFiles
from ogive.models.fit import Training, summary_of
from ogive.models.model import Model
from ogive.preprocessing import RowPreprocessing


@dataclass(frozen=True)
class Course:
    """What accompanies a training.

    Attributes
    ----------
    files : TrainingFiles
        Checkpoint and log of a training by gradient (see `ogive.images.training`).
    progress : callable, optional
        Called with (what is done, pictures or steps done, in all).
    report : callable, optional
        Called with each record of the log: step, loss, accuracy, rate, seconds.
    device : str
        Of a training by gradient.
    """

    files: TrainingFiles = field(default_factory=TrainingFiles)
    progress: Progress | None = None
    report: Callable[[Mapping[str, Any]], None] | None = None
    device: str = "cpu"


def train_pictures(
    training: Training,
    recipe: Recipe,
    *,
    held: Training | None = None,
    command: str = "",
    course: Course | None = None,
) -> Model:
    """Train a classifier of pictures as a recipe says.

    Parameters
    ----------
    training : Training
        Pictures with classes.
    recipe : Recipe
    held : Training, optional
        Of the same kind: a training by gradient is tested on them after every epoch, for the log.
        They change nothing; what tells when to stop is taken from ``training``.
    command : str
        Noted in the summary.
    course : Course, optional

    Returns
    -------
    Model

    Raises
    ------
    InvalidDataError
        If the data are no pictures, or have no classes.
    InvalidParameterError
        If the recipe does not suit their size, the checkpoint is that of another training, or the
        closed form is to have a checkpoint, a log or a GPU.
    InvalidModelError
        If the checkpoint is damaged.
    TrainingInterrupted
        After Ctrl-C during a training by gradient; its message says how to go on.

    Examples
    --------
    >>> from ogive.data import load
    >>> recipe = Recipe.of({"closed-form": {"filters": 64, "patch_size": 4, "grid": 3}})
    >>> model = train_pictures(Training.of(load("digits")), recipe)
    >>> test = load("digits", "test")
    >>> bool((model.predict_codes(test) == test.y).mean() > 0.97)
    True
    """
    data, course = training.data, course or Course()
    if not isinstance(data, Dataset) or data.image_shape is None:
        raise InvalidDataError(
            f"{data.name} holds no pictures: training is for pictures; use fit for other data"
        )
    if not training.classes:
        raise InvalidDataError(f"{data.name} has numbers to predict: training is for classes")
    if recipe.method == "closed-form":
        _check_closed_form(course)
    with Meter() as meter:
        preprocessing = RowPreprocessing.fit(data, "none")
        rows = _rows(preprocessing, training)
        held_out = None if held is None else (_rows(preprocessing, held), held.y)
        work = _Work(recipe, data.image_shape, rows, training.y, held_out, course)
        estimator, about = _METHODS[recipe.method](work)
    shared = {"model": recipe.method, "columns": preprocessing.width}
    summary = summary_of(training, shared | about, meter, seed=recipe.seed, command=command)
    return Model(preprocessing, estimator, training.classes, training.target, summary)


@dataclass(frozen=True)
class _Work:
    """What a method needs: pictures as rows, their classes, and how it is to be done."""

    recipe: Recipe
    shape: ImageShape
    X: np.ndarray
    y: np.ndarray
    held_out: tuple[np.ndarray, np.ndarray] | None
    course: Course


def _check_closed_form(course: Course) -> None:
    if course.files != TrainingFiles():
        raise InvalidParameterError(
            "checkpoint and log belong to training by gradient, and method='closed-form' has no "
            "steps: leave them out, or choose the method 'gradient' or 'both'"
        )
    if course.device not in ("cpu", "auto"):
        raise InvalidParameterError(
            f"device={course.device!r}: method='closed-form' computes on the CPU; leave it out, or "
            "choose the method 'gradient' or 'both'"
        )


def _rows(preprocessing: RowPreprocessing, training: Training) -> np.ndarray:
    data: Any = training.data
    # Bytes take a quarter of the memory, and become the same fractions batch by batch.
    rows: np.ndarray = data.X if data.X.dtype == np.uint8 else preprocessing.transform(data)
    return rows


def _closed_form(work: _Work) -> tuple[Any, dict[str, Any]]:
    estimator = closed_form_classifier(work.recipe, work.shape, work.course.progress)
    estimator.fit(work.X, work.y)
    return estimator, _about_patches(work, estimator)


def _about_patches(work: _Work, estimator: PatchKernelClassifier) -> dict[str, Any]:
    estimator.progress = None
    return {
        "kernel": "logistic, between patches",
        "alpha": estimator.alpha,
        "treatment": "features in closed form",
        "solution": _solution(estimator),
        "recipe": closed_form_settings(work.recipe, work.shape),
    }


def _solution(estimator: PatchKernelClassifier) -> str:
    steps = f" and {estimator.n_iter_} logistic steps" if estimator.n_iter_ else ""
    return f"ridge{steps} on {estimator.coef_.shape[0]:,} features"


def _by_gradient(work: _Work) -> tuple[Any, dict[str, Any]]:
    settings = work.recipe.gradient.settled(work.shape)
    estimator = _network(work, settings).fit(work.X, work.y, held_out=work.held_out)
    return estimator, {
        "kernel": _units(estimator),
        "treatment": "a network trained by gradient",
        "solution": _weights(estimator),
        "recipe": settings,
    }


def _network(work: _Work, settings: dict[str, Any]) -> NetworkClassifier:
    course = work.course
    return NetworkClassifier(
        **settings,
        image_shape=work.shape,
        random_state=work.recipe.seed,
        device=course.device,
        files=course.files,
        progress=course.progress,
        report=course.report,
    )


def _units(network: NetworkClassifier) -> str:
    return f"{network.kernel}, in convolutions"


def _weights(network: NetworkClassifier) -> str:
    """Return what a trained network is, and forget what only belonged to its training."""
    network.set_params(files=None, progress=None, report=None)
    weights = sum(parameter.numel() for parameter in network.network_.parameters())
    return f"{weights:,} weights, {_epochs(network.epochs_, network.best_epoch_)}"


def _epochs(number: int, best: int) -> str:
    kept = "" if best == number else f", the weights of epoch {best}"
    return f"{number} epoch{'s' if number > 1 else ''}{kept}"


def _both(work: _Work) -> tuple[Any, dict[str, Any]]:
    settings = work.recipe.gradient.settled(work.shape, beside=True)
    estimator = BlendedClassifier(
        _network(work, settings),
        closed_form_classifier(work.recipe, work.shape, work.course.progress),
    ).fit(work.X, work.y, held_out=work.held_out)
    network, closed_form = estimator.network_, estimator.closed_form_
    # What they were made of goes with the training, not into the model.
    estimator.set_params(network=network, closed_form=closed_form)
    about = _about_patches(work, closed_form)
    return estimator, about | {
        "kernel": f"{about['kernel']}; {_units(network)}",
        "treatment": "features in closed form, and a network trained by gradient",
        "solution": f"{about['solution']}; {_weights(network)}",
        "recipe": about["recipe"] | settings,
    }


_METHODS = {"closed-form": _closed_form, "gradient": _by_gradient, "both": _both}
