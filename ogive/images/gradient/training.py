"""Training a classifier of pictures by gradient: batches, loss, average of weights, records."""

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
    TrainingFiles,
    averaged,
    generator_at,
    one_cycle,
    run_training,
)
from ogive.features.patches import scaled
from ogive.images.gradient.augmentation import augmented
from ogive.operators.precision import fast_bfloat16

_LOGGED = 10  # steps of a line in the log
_AT_ONCE = 500  # pictures, where nothing is learnt
_AUGMENTATION = 1  # tells its random choices from those of the order, which have no such number


@dataclass(frozen=True)
class Descent:
    """How a classifier is trained by gradient.

    Attributes
    ----------
    epochs, batch : int
        How often each picture is seen, and how many make a step.
    label_smoothing : float
        Share of the truth that is spread evenly over all classes.
    flip : bool
        Whether pictures are mirrored at random.
    shift : int
        The most pixels by which they are moved at random.
    average : float
        Decay of the average of the weights, which is what is kept; 0 for the last weights.
    seed : int
    device : torch.device
    """

    epochs: int
    batch: int
    label_smoothing: float
    flip: bool
    shift: int
    average: float
    seed: int
    device: torch.device

    def settings(self) -> dict[str, Any]:
        """Return what decides the weights, in plain values."""
        return {name: value for name, value in vars(self).items() if name != "device"}

    def steps(self, pictures: int) -> int:
        """Return the number of steps with so many pictures."""
        return self.epochs * Batches(pictures, self.batch).per_epoch


@dataclass(frozen=True)
class Pictures:
    """Pictures and their classes.

    Attributes
    ----------
    x : Tensor of shape (n, channels, height, width)
        uint8, or floats of the same scale divided by 255.
    codes : Tensor of shape (n,)
        int64.
    """

    x: Tensor
    codes: Tensor

    @classmethod
    def of(cls, pictures: Tensor, codes: np.ndarray) -> Pictures:
        """Take pictures (n, height, width, channels), which are not copied."""
        return cls(pictures.permute(0, 3, 1, 2), torch.from_numpy(codes.astype(np.int64)))


def train_classifier(
    model: nn.Module,
    optimiser: Optimizer,
    data: Pictures,
    descent: Descent,
    *,
    held_out: Pictures | None = None,
    identity: Mapping[str, Any] | None = None,
    files: TrainingFiles | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    report: Callable[[Mapping[str, Any]], None] | None = None,
) -> float:
    """Train a model in place by cross-entropy, in bfloat16 where that is safe.

    Parameters
    ----------
    model : Module
        From pixels of 0 to 1, (n, channels, height, width), to logits (n, classes).
    optimiser : Optimizer
        The learning rates that its groups have are the highest of a one-cycle schedule.
    data : Pictures
    descent : Descent
    held_out : Pictures, optional
        On which the average is tested after every epoch: for the log, nothing is learnt from them.
    identity, files, progress, report
        As for `ogive._training.run_training`. Records hold loss, accuracy (of the batch) and rate,
        and after an epoch also "epoch" and "held_out_accuracy".

    Returns
    -------
    float
        Seconds of training.
    """
    average = averaged(model, descent.average)
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
            if held_out is not None:
                figures["held_out_accuracy"] = _accuracy(average.module, held_out, device)
        return figures

    seconds = run_training(
        step,
        steps,
        {"model": model, "optimiser": optimiser, "average": average},
        seed=descent.seed,
        identity=identity,
        files=files or TrainingFiles(),
        progress=progress,
        report=report,
    )
    model.load_state_dict(average.module.state_dict())
    return seconds


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


def _accuracy(model: nn.Module, data: Pictures, device: torch.device) -> float:
    model.eval()
    named = answers(model, data.x, device).argmax(1)
    return float((named == data.codes.numpy()).mean())
