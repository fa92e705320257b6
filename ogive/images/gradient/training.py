"""Training a classifier of pictures by gradient: steps, loss, average of weights, records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from ogive._training import (
    Batches,
    EarlyStop,
    Stateful,
    TrainingFiles,
    averaged,
    generator_at,
    one_cycle,
    run_training,
)
from ogive._typing import Progress
from ogive.features.patches import scaled
from ogive.images.gradient.augmentation import augmented
from ogive.images.gradient.descent import Descent
from ogive.images.gradient.pictures import Pictures
from ogive.operators.precision import fast_bfloat16

_LOGGED = 10  # steps of a line in the log
_AT_ONCE = 500  # pictures, where nothing is learnt
# Tell random choices from those of the order, which have no such number.
_AUGMENTATION, _STATISTICS = 1, 2
_MEASURED, _MEASURED_AT_ONCE = 2000, 250  # pictures that tell the statistics of normalisation


@dataclass(frozen=True)
class Trained:
    """How a training went.

    Attributes
    ----------
    seconds : float
        Those before a resumption included.
    epochs : int
        How many there were.
    best_epoch : int
        The one whose weights are kept; the last if nothing told which is best.
    """

    seconds: float
    epochs: int
    best_epoch: int


def train_classifier(
    model: nn.Module,
    optimiser: Optimizer,
    data: Pictures,
    descent: Descent,
    *,
    validation: Pictures | None = None,
    held_out: Pictures | None = None,
    identity: Mapping[str, Any] | None = None,
    files: TrainingFiles | None = None,
    progress: Progress | None = None,
    report: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a model in place by cross-entropy, in bfloat16 where that is safe.

    Parameters
    ----------
    model : Module
        From pixels of 0 to 1, (n, channels, height, width), to logits (n, classes).
    optimiser : Optimizer
        The learning rates that its groups have are the highest of a one-cycle schedule.
    data : Pictures
    descent : Descent
    validation : Pictures, optional
        On which the average is judged after every epoch: its loss there decides when training
        ends, and whose weights are kept. Needs ``descent.patience``.
    held_out : Pictures, optional
        On which the average is tested after every epoch: for the log, nothing is learnt from them.
    identity : mapping, optional
        What tells this training from others (see `Descent.identity`).
    files : TrainingFiles, optional
    progress : callable, optional
        Called with ("training", steps done, steps in all).
    report : callable, optional
        Called with each record of the log. Records hold loss, accuracy (of the batch) and rate, and
        after an epoch also "epoch", "validation_loss", "validation_accuracy" and
        "held_out_accuracy", where they were measured.

    Returns
    -------
    Trained

    Raises
    ------
    TrainingInterrupted, DivergedError, InvalidModelError, InvalidParameterError, OutputError
        See `ogive.images.training`.
    """
    average = averaged(model, descent.average, name="average")
    stop = None
    if validation is not None:
        assert descent.patience is not None
        stop = EarlyStop(average.module, descent.patience)
    rates = [group["lr"] for group in optimiser.param_groups]
    batches = Batches(len(data.x), descent.batch, descent.seed)
    steps, device = descent.steps(len(data.x)), descent.device
    worth_bfloat16 = device.type != "cpu" or fast_bfloat16()

    def step(number: int) -> Mapping[str, float] | None:
        model.train()
        share = one_cycle(number, steps)
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = share * rate
        rows = batches[number]
        generator = generator_at(descent.seed, number, _AUGMENTATION)
        x = augmented(data.x[rows], generator, flip=descent.flip, shift=descent.shift)
        x, codes = prepared(x, device), data.codes[rows].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=worth_bfloat16):
            logits = model(x)
        loss = functional.cross_entropy(
            logits.float(), codes, label_smoothing=descent.label_smoothing
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.update_parameters(model)
        epoch, place = divmod(number + 1, batches.per_epoch)
        if place and (number + 1) % _LOGGED:
            return None
        accuracy = (logits.detach().argmax(1) == codes).float().mean().item()
        figures = {"loss": loss.item(), "accuracy": accuracy, "rate": share * rates[0]}
        if not place:
            figures["epoch"] = epoch
            generator = generator_at(descent.seed, number, _STATISTICS)
            measure_normalisation(average.module, data, generator, device)
            if stop is not None and validation is not None:
                told = _judged(average.module, validation, device)
                figures["validation_loss"], figures["validation_accuracy"] = told
                stop.see(told[0])
            if held_out is not None:
                figures["held_out_accuracy"] = _judged(average.module, held_out, device)[1]
        return figures

    parts: dict[str, Stateful] = {"model": model, "optimiser": optimiser, "average": average}
    if stop is not None:
        parts["stop"] = stop
    seconds = run_training(
        step,
        steps,
        parts,
        seed=descent.seed,
        identity=identity,
        files=files or TrainingFiles(),
        finished=lambda: stop is not None and stop.finished,
        progress=progress,
        report=report,
    )
    if stop is not None:
        stop.restore()
    model.load_state_dict(average.module.state_dict())
    if stop is None:
        return Trained(seconds, descent.epochs, descent.epochs)
    return Trained(seconds, stop.epochs, stop.best_epoch)


@torch.no_grad()
def measure_normalisation(
    model: nn.Module, data: Pictures, generator: torch.Generator, device: torch.device
) -> None:
    """Measure anew what batch normalisation takes off, with the weights as they are.

    Statistics that ran along with training are those of other weights than their average, and in a
    short training hardly begun.

    Parameters
    ----------
    model : Module
        Left as it is if nothing in it is normalised.
    data : Pictures
        Of which 2,000 are drawn.
    generator : torch.Generator
    device : torch.device
    """
    layers = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    if not layers:
        return
    rows = torch.randperm(len(data.x), generator=generator)[:_MEASURED]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
    model.train()
    for some in rows.tensor_split(max(1, len(rows) // _MEASURED_AT_ONCE)):
        model(prepared(data.x[some], device))
    model.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def prepared(x: Tensor, device: torch.device) -> Tensor:
    """Return pictures (n, channels, height, width) as a model takes them: floats from 0 to 1."""
    return scaled(x.to(device)).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def answers(
    function: Callable[[Tensor], Tensor], pictures: Tensor, device: torch.device
) -> np.ndarray:
    """Return what a function of a model says to pictures (n, channels, height, width), float32."""
    found = [function(prepared(some, device)).float().cpu() for some in pictures.split(_AT_ONCE)]
    return torch.cat(found).numpy()


def _judged(model: nn.Module, data: Pictures, device: torch.device) -> tuple[float, float]:
    """Return cross-entropy and accuracy."""
    model.eval()
    logits = torch.from_numpy(answers(model, data.x, device))
    loss = functional.cross_entropy(logits, data.codes).item()
    return loss, float((logits.argmax(1) == data.codes).double().mean())
