"""Training a generator of pictures by flow matching."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._resources import Meter
from ogive._typing import Progress
from ogive.data import Dataset, Table
from ogive.images.generation.generator import PictureGenerator
from ogive.images.generation.kernel_flow import KernelFlow
from ogive.images.generation.network import FlowNetwork
from ogive.images.generation.network_record import LARGEST_SIDE, MOST_CHANNELS
from ogive.images.generation.network_training import train_network
from ogive.images.generation.pixels import whole_pixels
from ogive.images.generation.recipe import GeneratorRecipe
from ogive.images.training import TrainingFiles

# Chosen by agreement of a classifier, and Fréchet distance in its features.
_GUIDANCE = {"gradient": 2.0, "closed-form": 1.5}


def train_generator(
    data: Dataset | Table,
    recipe: GeneratorRecipe | None = None,
    *,
    files: TrainingFiles = TrainingFiles(),  # noqa: B008 - immutable
    progress: Progress | None = None,
    report: Callable[[Any], None] | None = None,
    command: str = "",
) -> PictureGenerator:
    """Train a generator of pictures as a recipe says.

    A network's velocity v is fitted to straight paths from noise to pictures: the mean of
    ‖v((1 - t) noise + t picture, t, class) - (picture - noise)‖² is made small over pictures,
    noise and times t, with noise and pictures coupled by `couple`. Or, in closed form, kernel ridge
    regressions are.

    Parameters
    ----------
    data : Dataset
        Small pictures with classes, at most 64 pixels a side; a table is refused.
    recipe : GeneratorRecipe, optional
    files : TrainingFiles
        Checkpoint and log. With minutes in the recipe, the number of steps is measured once: a
        training that goes on from a checkpoint keeps it, whatever the minutes (`planned_steps`).
    progress : callable, optional
        Called with (what is done, steps done, steps in all).
    report : callable, optional
        Called with each record of the log.
    command : str
        Noted in the summary.

    Returns
    -------
    PictureGenerator
        A network has the averaged weights.

    Raises
    ------
    InvalidDataError
        If the data are no pictures, are too large, or have no classes.
    InvalidParameterError
        If a checkpoint belongs to another training.
    TrainingInterrupted
        After Ctrl-C.
    DivergedError
        If the loss is no longer a number.

    Notes
    -----
    Source: Lipman et al., Flow matching for generative modeling (ICLR 2023), equation 23 with
    sigma_min = 0; the same paths in Liu, Gong and Liu, Flow straight and fast (ICLR 2023).

    Examples
    --------
    >>> from ogive.data import load
    >>> recipe = GeneratorRecipe(steps=3, width=8, blocks=1, batch=16)
    >>> generator = train_generator(load("digits"), recipe)
    >>> generator.classes[3], generator.sample(2, label=3, steps=2).shape
    ('3', (2, 8, 8, 1))
    """
    recipe = recipe or GeneratorRecipe()
    _guidance(recipe)  # refused before minutes of work, not after them
    _check_heeded(recipe, files)
    data = _with_present_classes(data)
    velocity: FlowNetwork | KernelFlow
    with Meter() as meter:
        if recipe.method == "gradient":
            velocity, about = train_network(data, recipe, files, progress, report)
        else:
            velocity, about = _fit_regressions(data, recipe, progress)
    summary = {
        **about,
        "parameters": velocity.parameter_count,
        "data": data.name,
        "rows": len(data),
        "seconds": round(meter.seconds, 3),
        "seed": recipe.seed,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
    }
    return PictureGenerator(velocity, data.classes, _guidance(recipe), summary | about)


def _guidance(recipe: GeneratorRecipe) -> float:
    if recipe.method == "gradient" and not recipe.unlabelled:
        if recipe.guidance not in (None, 1):
            raise InvalidParameterError(
                f"guidance={recipe.guidance}: needs pictures without a label to be guided away "
                "from; set unlabelled to 0.1, or guidance to 1"
            )
        return 1.0
    return _GUIDANCE[recipe.method] if recipe.guidance is None else recipe.guidance


def _fit_regressions(
    data: Dataset, recipe: GeneratorRecipe, progress: Progress | None
) -> tuple[KernelFlow, dict[str, Any]]:
    flow = KernelFlow.fit(
        whole_pixels(data.images()),
        torch.from_numpy(data.y),
        len(data.classes),
        landmarks=recipe.landmarks,
        unlabelled=recipe.unlabelled,
        seed=recipe.seed,
        progress=progress,
    )
    return flow, {
        "model": "flow matching in closed form",
        "kernel": str(flow.regressions[0].kernel_),
        "recipe": recipe.model_dump(include={"seed", "unlabelled", "landmarks"}),
    }


def _check_heeded(recipe: GeneratorRecipe, files: TrainingFiles) -> None:
    """Raise InvalidParameterError if a closed form is to have what only a network has."""
    if recipe.method != "closed-form":
        return
    of_networks = {"twin": recipe.twin, "checkpoint": files.checkpoint, "log": files.log}
    for name, value in of_networks.items():
        if value:
            raise InvalidParameterError(
                f"{name}={str(value)!r}: method='closed-form' has no {name}; leave it out, or "
                "choose method='gradient'"
            )


def _with_present_classes(data: Dataset | Table) -> Dataset:
    """Return small pictures with classes, of which each has pictures; or raise InvalidDataError."""
    if not isinstance(data, Dataset) or data.image_shape is None:
        raise InvalidDataError(f"{data.name} holds no pictures: a generator learns from pictures")
    if not data.classes:
        raise InvalidDataError(f"{data.name} has numbers for targets: a generator needs classes")
    height, width, channels = data.image_shape
    if max(height, width) > LARGEST_SIDE:
        raise InvalidDataError(
            f"{data.name} holds pictures of {height}×{width} pixels; a generator learns small "
            f"ones, of at most {LARGEST_SIDE} a side: resize them (--resize 32x32)"
        )
    if channels > MOST_CHANNELS:
        raise InvalidDataError(
            f"{data.name} holds pictures of {channels} channels; at most {MOST_CHANNELS} are learnt"
        )
    present, codes = np.unique(data.y, return_inverse=True)
    return replace(data, y=codes, classes=tuple(data.classes[code] for code in present))
