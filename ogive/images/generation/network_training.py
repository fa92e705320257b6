"""Training the network of a generator by gradient."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._training import (
    Kept,
    averaged,
    digest,
    one_cycle,
    run_training,
    set_rate,
)
from ogive._typing import Progress
from ogive.data import Dataset
from ogive.images.generation.batches import POOL, FlowBatch, FlowBatches
from ogive.images.generation.network import FlowNetwork
from ogive.images.generation.pixels import whole_pixels
from ogive.images.generation.recipe import GeneratorRecipe
from ogive.images.training import TrainingFiles
from ogive.operators.precision import fast_bfloat16

_UNTIMED, _TIMED = 3, 8  # steps by which the others are timed
_LOGGED = 20  # steps of a line in the log
_LARGEST_GRADIENT = 1.0
_RISING = 0.1  # the share of steps during which the learning rate rises
_WEIGHT_DECAY = 0.01


def train_network(
    data: Dataset,
    recipe: GeneratorRecipe,
    files: TrainingFiles,
    progress: Progress | None,
    report: Callable[[Any], None] | None,
) -> tuple[FlowNetwork, dict[str, Any]]:
    """Return a network with averaged weights, and what is to be said of its training."""
    flow = _NetworkTraining(recipe, data)
    steps = recipe.steps or planned_steps(files.checkpoint)
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


def planned_steps(checkpoint: Path | None) -> int | None:
    """Return how many steps the training of a checkpoint has in all; None if it is not there."""
    kept = Kept.read(checkpoint)
    steps = None if kept is None else kept.identity.get("steps")
    return steps if type(steps) is int and steps > 0 else None


def _measured_steps(recipe: GeneratorRecipe, data: Dataset, progress: Progress | None) -> int:
    """Return how many steps take so many minutes here, by the time of a few of another training."""
    trial, start = _NetworkTraining(recipe, data), 0.0
    steps = _UNTIMED + _TIMED  # within the first pool, whose coupling the first step pays for
    for number in range(steps):
        if progress is not None:
            progress("timing steps", number, steps)
        if number == _UNTIMED:
            start = time.perf_counter()
        trial.step(number)
    stepping, start = (time.perf_counter() - start) / _TIMED, time.perf_counter()
    trial.batches.coupled(1)
    coupling = (time.perf_counter() - start) / POOL
    if progress is not None:
        progress("timing steps", steps, steps)
    return max(1, round(60 * recipe.minutes / (stepping + coupling)))
