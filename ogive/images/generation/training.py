"""Training a generator of pictures by flow matching."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._resources import Meter
from ogive._training import (
    TrainingFiles,
    averaged,
    digest,
    one_cycle,
    read_checkpoint,
    run_training,
    set_rate,
)
from ogive.data import Dataset, Table
from ogive.images.generation.batches import FlowBatch, FlowBatches
from ogive.images.generation.generator import PictureGenerator
from ogive.images.generation.kernel_flow import KernelFlow
from ogive.images.generation.network import FlowNetwork
from ogive.images.generation.network_record import LARGEST_SIDE, MOST_CHANNELS
from ogive.images.generation.pixels import whole_pixels
from ogive.images.generation.recipe import GeneratorRecipe
from ogive.operators.precision import fast_bfloat16

Progress = Callable[[str, int, int], None]

_UNTIMED, _TIMED = 3, 8  # steps by which the others are timed
_LOGGED = 20  # steps of a line in the log
_LARGEST_GRADIENT = 1.0
_RISING = 0.1  # the share of steps during which the learning rate rises
_WEIGHT_DECAY = 0.01
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
        Checkpoint and log. With minutes in the recipe, the number of steps is measured once, and a
        training that goes on from a checkpoint keeps it.
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
    data = _with_present_classes(data)
    train = _train_network if recipe.method == "gradient" else _fit_regressions
    with Meter() as meter:
        velocity, about = train(data, recipe, files, progress, report)
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
    data: Dataset, recipe: GeneratorRecipe, files: TrainingFiles, progress: Progress | None, _: Any
) -> tuple[KernelFlow, dict[str, Any]]:
    if recipe.twin or files.checkpoint is not None or files.log is not None:
        raise InvalidParameterError(
            "method='closed-form' has no twin, no checkpoint and no log: leave them out"
        )
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


def _train_network(
    data: Dataset,
    recipe: GeneratorRecipe,
    files: TrainingFiles,
    progress: Progress | None,
    report: Callable[[Any], None] | None,
) -> tuple[FlowNetwork, dict[str, Any]]:
    flow = _NetworkTraining(recipe, data)
    steps = recipe.steps or _kept_steps(files.checkpoint)
    flow.steps = steps or _measured_steps(recipe, data, progress)
    settings = recipe.model_dump(exclude={"method", "minutes", "steps", "guidance", "landmarks"})
    seconds = run_training(
        flow.step,
        flow.steps,
        {
            "network": flow.network,
            "optimiser": flow.optimiser,
            "average": flow.average,
            "loss": flow.loss,
        },
        seed=recipe.seed,
        identity={"recipe": settings, "data": digest(data.X, data.y)},
        files=files,
        progress=progress,
        report=report,
    )
    network: FlowNetwork = flow.average.module.eval().requires_grad_(False)  # type: ignore[assignment]
    return network, {
        "model": "flow matching",
        "kernel": "none: SiLU and softmax" if recipe.twin else recipe.kernel,
        "recipe": settings,
        "steps": flow.steps,
        "seconds": round(seconds, 3),  # of all its runs
    }


def flow_loss(network: FlowNetwork, batch: FlowBatch) -> Tensor:
    """Return the mean squared error of the velocities of a batch, over all entries."""
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
        found = network(batch.place, batch.time, batch.label)
    return functional.mse_loss(found.float(), batch.velocity)


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


class _MeanLoss:
    """The mean of the losses since it was last taken; what is running survives a checkpoint."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, loss: float) -> None:
        self.total, self.count = self.total + loss, self.count + 1

    def take(self) -> float:
        mean = self.total / self.count
        self.total, self.count = 0.0, 0
        return mean

    def state_dict(self) -> dict[str, float]:
        return {"total": self.total, "count": self.count}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.total, self.count = state["total"], state["count"]


class _NetworkTraining:
    """The parts of a training, and its step."""

    def __init__(self, recipe: GeneratorRecipe, data: Dataset, steps: int = 1) -> None:
        assert data.image_shape is not None
        self.recipe, self.steps, classes = recipe, steps, len(data.classes)
        self.batches = FlowBatches(
            whole_pixels(data.images()),
            torch.from_numpy(data.y),
            classes,
            size=recipe.batch,
            unlabelled=recipe.unlabelled,
            seed=recipe.seed,
        )
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            self.network = FlowNetwork(recipe.network_shape(data.image_shape, classes))
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), recipe.rate, betas=(0.9, 0.99), weight_decay=_WEIGHT_DECAY
        )
        self.average = averaged(self.network, recipe.decay)
        self.loss = _MeanLoss()

    def step(self, number: int) -> dict[str, float] | None:
        """Take a step; return figures now and then."""
        rate = self.recipe.rate * one_cycle(number, self.steps, rising=_RISING)
        set_rate(self.optimiser, rate)
        loss = flow_loss(self.network, self.batches[number])
        self.optimiser.zero_grad()
        loss.backward()
        gradient = nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        value = loss.item()
        if not math.isfinite(value):  # told at once: the running mean goes into checkpoints
            return {"loss": value}
        self.loss.add(value)
        if (number + 1) % _LOGGED and number + 1 < self.steps:
            return None
        return {"loss": self.loss.take(), "rate": rate, "gradient": gradient.item()}


def _kept_steps(checkpoint: Path | None) -> int | None:
    """Return how many steps the training of a checkpoint has in all, if it is there."""
    if checkpoint is None or not checkpoint.expanduser().exists():
        return None
    steps = read_checkpoint(checkpoint)["identity"].get("steps")
    return steps if isinstance(steps, int) else None


def _measured_steps(recipe: GeneratorRecipe, data: Dataset, progress: Progress | None) -> int:
    """Return how many steps take so many minutes here, by the time of a few of another training."""
    trial, start = _NetworkTraining(recipe, data), 0.0
    for number in range(_UNTIMED + _TIMED):
        if progress is not None:
            progress("timing steps", number, _UNTIMED + _TIMED)
        if number == _UNTIMED:
            start = time.perf_counter()
        trial.step(number)
    return max(1, round(60 * recipe.minutes * _TIMED / (time.perf_counter() - start)))
