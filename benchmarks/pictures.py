"""``python -m benchmarks.pictures``: how soon a classifier of pictures is how good.

Ogive's closed form at growing numbers of filters, the mean of it and a network of kernels, and as
the peer a network of five convolutions (batch normalisation, ReLU, bfloat16, channels last) trained
by SGD with Nesterov momentum and a one-cycle schedule of one, two, three and five epochs. All see
the training pictures only; what is printed is the share of right test pictures, and the seconds of
training.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.table import seconds_text
from benchmarks.threads import default_threads, fixed_threads
from ogive.data import Dataset, load, stratified_subset
from ogive.estimators import PatchKernelClassifier
from ogive.images.blend import BlendedClassifier
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.recipe import ClosedForm, Gradient

BATCH, RATE, WEIGHT_DECAY = 128, 0.1, 5e-4
EPOCHS = (1, 2, 3, 5)
FILTERS = {1: (24, 48, 96, 128, 256, 384), 3: (128, 256, 704, 1408)}  # by channels
BOTH = {1: ((256, 7),), 3: ((256, 8),)}  # filters, and epochs of the network
TARGETS = {1: (0.88, 0.90, 0.91, 0.915, 0.92, 0.928), 3: (0.65, 0.70, 0.75, 0.783, 0.80)}
_LINE = "{:34}{:>10}{:>10}"


@dataclass(frozen=True)
class Outcome:
    """What one way reached, and when."""

    name: str
    seconds: float
    accuracy: float

    def __str__(self) -> str:
        return _LINE.format(self.name, seconds_text(self.seconds), f"{self.accuracy:.4f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    train, test = load(options.data), load(options.data, "test")
    if options.rows is not None:
        train = train.take(range(min(options.rows, len(train))))
    channels = _shape(train)[2]
    print(f"{train.name}: {len(train):,} training and {len(test):,} test pictures\n")
    print(_LINE.format("way", "seconds", "accuracy"))
    with fixed_threads(options.threads):
        closed = []
        few = train.take(stratified_subset(train.y, min(64, len(train))))
        closed_form(few, test.take(range(2)), 8)  # what is compiled once
        for filters in options.filters or FILTERS[channels]:
            closed.append(closed_form(train, test, filters))
            print(closed[-1], flush=True)
        for filters, epochs in options.both if options.both is not None else BOTH[channels]:
            closed.append(both(train, test, filters, epochs, options.seed))
            print(closed[-1], flush=True)
        trained = []
        for epochs in options.epochs if options.epochs is not None else EPOCHS:
            trained.append(network(train, test, epochs, options.seed))
            print(trained[-1], flush=True)
    best = max((way.accuracy for way in trained), default=0)
    _compare(closed, trained, sorted({*TARGETS[channels], best} - {0}))
    return 0


def closed_form(train: Dataset, test: Dataset, filters: int) -> Outcome:
    """Fit Ogive's classifier with so many filters."""
    model = _patch_classifier(train, filters)
    start = time.perf_counter()
    model.fit(train.images(), train.y)
    seconds = time.perf_counter() - start
    name = f"closed form, {filters} filters ({model.coef_.shape[0]:,})"
    return Outcome(name, seconds, _share(model.predict(test.images()), test))


def both(train: Dataset, test: Dataset, filters: int, epochs: int, seed: int) -> Outcome:
    """Fit Ogive's classifier, and train a network of kernels beside it for so many epochs."""
    settings = Gradient(epochs=epochs).settled(_shape(train), beside=True)
    network = NetworkClassifier(**settings, random_state=seed)
    model = BlendedClassifier(network, _patch_classifier(train, filters))
    start = time.perf_counter()
    model.fit(train.images(), train.y)
    seconds = time.perf_counter() - start
    name = f"both, {filters} filters, {_epochs(epochs)}"
    return Outcome(name, seconds, _share(model.predict(test.images()), test))


def _patch_classifier(train: Dataset, filters: int) -> PatchKernelClassifier:
    settings: dict[str, Any] = ClosedForm(filters=filters).settled(_shape(train))
    return PatchKernelClassifier(settings.pop("filters"), **settings)


def _share(named: np.ndarray, test: Dataset) -> float:
    return float((named == test.y).mean())


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' if number > 1 else ''}"


def network(train: Dataset, test: Dataset, epochs: int, seed: int) -> Outcome:
    """Train the network for so many epochs."""
    torch.manual_seed(seed)
    x, mean, deviation = _pixels(train)
    y = torch.from_numpy(train.y)
    model = _five_convolutions(x.shape[1], len(train.classes))
    optimiser = torch.optim.SGD(
        model.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    steps = epochs * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    start = time.perf_counter()
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(_standardised(x[rows], mean, deviation))
            optimiser.zero_grad()
            functional.cross_entropy(scores.float(), y[rows]).backward()
            optimiser.step()
            schedule.step()
    seconds = time.perf_counter() - start
    accuracy = _accuracy(model.eval(), test, mean, deviation)
    return Outcome(f"network, {_epochs(epochs)}", seconds, accuracy)


def _five_convolutions(channels: int, classes: int) -> nn.Module:
    def block(width: int, out: int, *, pool: bool) -> list[nn.Module]:
        convolution = nn.Conv2d(width, out, 3, padding=1, bias=False)
        found: list[nn.Module] = [convolution, nn.BatchNorm2d(out), nn.ReLU()]
        return [*found, nn.MaxPool2d(2)] if pool else found

    model = nn.Sequential(
        *block(channels, 32, pool=False),
        *block(32, 64, pool=True),
        *block(64, 128, pool=False),
        *block(128, 128, pool=True),
        *block(128, 256, pool=False),
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(256, classes)),
    )
    return model.to(memory_format=torch.channels_last)


def _accuracy(model: nn.Module, test: Dataset, mean: Tensor, deviation: Tensor) -> float:
    x, *_ = _pixels(test)
    named = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for some in x.split(1000):
            named.append(model(_standardised(some, mean, deviation)).argmax(1).numpy())
    return _share(np.concatenate(named), test)


def _pixels(data: Dataset) -> tuple[Tensor, Tensor, Tensor]:
    """Return pixels (n, channels, height, width) as bytes, and their mean and deviation."""
    x = torch.from_numpy(np.ascontiguousarray(data.images())).permute(0, 3, 1, 2)
    deviation, mean = torch.std_mean(x[:5000].float(), (0, 2, 3), keepdim=True)
    return x, mean, deviation


def _standardised(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return x.float().sub_(mean).div_(deviation).contiguous(memory_format=torch.channels_last)


def _compare(closed: list[Outcome], trained: list[Outcome], targets: Sequence[float]) -> None:
    """Print the fewest seconds in which each kind reached each target, and the network's best."""
    print("\n" + "{:>10}{:>14}{:>14}{:>10}".format("accuracy", "Ogive", "network", "ratio"))
    for target in targets:
        mine, theirs = (
            min((way.seconds for way in ways if way.accuracy >= target), default=None)
            for ways in (closed, trained)
        )
        cells = [seconds_text(s) if s is not None else "not reached" for s in (mine, theirs)]
        ratio = "" if mine is None or theirs is None else f"{theirs / mine:.1f}"
        print(f"{target:>10.4g}{cells[0]:>14}{cells[1]:>14}{ratio:>10}")


def _shape(data: Dataset) -> tuple[int, int, int]:
    if data.image_shape is None:
        raise SystemExit(f"{data.name} holds no pictures")
    return data.image_shape


def _filters_and_epochs(text: str) -> tuple[int, int]:
    filters, epochs = text.split(":")
    return int(filters), int(epochs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    add = parser.add_argument
    add("--data", default="fashion-mnist", help="a named set or a path (default %(default)s)")
    add("--rows", type=int, help="only so many training pictures")
    add("--filters", type=int, nargs="+", help="numbers of filters, instead of the usual ones")
    add("--both", type=_filters_and_epochs, nargs="*", help="FILTERS:EPOCHS of both, or none")
    add("--epochs", type=int, nargs="*", help="schedules of the network, or none")
    add("--seed", type=int, default=0, help="of the network (default %(default)s)")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
