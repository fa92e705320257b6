"""``python -m benchmarks.depth``: whether a plain network of 50 layers learns.

Fully connected tanh and logistic networks without normalisation, residuals or momentum, one epoch
of plain SGD on Fashion-MNIST. Their weights are ``critical`` (`ogive.nn.init.critical_`), those of
a point further along the critical line, the same from a batch of data, or what ``torch`` gives
nn.Linear.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.table import seconds_text
from benchmarks.threads import default_threads, fixed_threads
from ogive.data import Dataset, load
from ogive.nn import KernelLinear
from ogive.nn.init import critical_, measure_propagation

_MEASURED = 512  # training rows that initialisation sees; χ is measured on as many others
_LEARNING_RATE = {"sigmoid": 0.05, "logistic": 0.1}
_INITIALISATIONS = ("critical-batch", "critical-line", "critical", "torch")
# Of offsets on the critical line: 2 is to the logistic function what 1 is to tanh.
_BIAS_VARIANCE = {"sigmoid": 0.01, "logistic": 0.04}
_LINE = "{:10}{:16}{:>6}{:>9}{:>10}  {}"
_ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Tanh, "logistic": nn.Sigmoid}


@dataclass(frozen=True)
class Size:
    """How large the networks are and how much they see."""

    depth: int
    width: int
    rows: int
    batch: int


FULL = Size(depth=50, width=256, rows=60_000, batch=64)
QUICK = Size(depth=12, width=64, rows=4_096, batch=64)


@dataclass(frozen=True)
class Pixels:
    """Standardised pixels and classes of one split."""

    inputs: Tensor
    classes: Tensor

    @classmethod
    def of(cls, data: Dataset, mean: float, deviation: float) -> Pixels:
        """Return a data set's rows less the mean, in units of the deviation."""
        inputs = torch.from_numpy(data.features()).sub_(mean).div_(deviation)
        return cls(inputs, torch.from_numpy(data.y))


@dataclass(frozen=True)
class Outcome:
    """What became of one network."""

    growth: float
    accuracy: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    size = QUICK if options.quick else FULL
    data = _data(options.data)
    print(
        f"{size.depth} layers of {size.width} units, one epoch of {size.rows:,} rows in batches "
        f"of {size.batch}, plain SGD with a rate that falls to 0\n"
        "χ: growth of the mean squared gradient in a hidden layer before training\n"
    )
    print(_LINE.format("kernel", "weights", "rate", "χ", "seconds", "test accuracy"))
    with fixed_threads(options.threads), _without_denormals():
        for kernel in options.kernel or _LEARNING_RATE:
            for weights in options.weights or _INITIALISATIONS:
                outcomes = [
                    run(kernel, weights, size, data, seed=seed) for seed in range(options.seeds)
                ]
                seconds = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
                cells = (
                    kernel,
                    weights,
                    f"{_LEARNING_RATE[kernel]:g}",
                    f"{outcomes[0].growth:.3g}",
                    seconds_text(seconds),
                    " ".join(f"{outcome.accuracy:.4f}" for outcome in outcomes),
                )
                print(_LINE.format(*cells), flush=True)
    return 0


def run(
    kernel: str, weights: str, size: Size, data: tuple[Pixels, Pixels], *, seed: int
) -> Outcome:
    """Make a network, train it for one epoch with a rate that falls to 0, and test it."""
    train, test = data
    torch.manual_seed(seed)
    order = torch.randperm(len(train.inputs))
    seen, others = order[:_MEASURED], order[_MEASURED : 2 * _MEASURED]
    model = network(kernel, weights, size, train.inputs[seen])
    hidden = measure_propagation(model, train.inputs[others])[1:-1]
    growth = math.exp(sum(math.log(layer.chi) for layer in hidden) / len(hidden))
    optimiser = torch.optim.SGD(model.parameters(), lr=_LEARNING_RATE[kernel])
    batches = order[: size.rows].split(size.batch)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 1e-3, len(batches))
    start = time.perf_counter()
    for batch in batches:
        loss = functional.cross_entropy(model(train.inputs[batch]), train.classes[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        named = model(test.inputs).argmax(1)
    accuracy = float((named == test.classes).double().mean())
    return Outcome(growth, accuracy, seconds)


def network(kernel: str, weights: str, size: Size, batch: Tensor) -> nn.Sequential:
    """Return a network of ``size.depth`` layers, the last of them linear."""
    widths = [batch.shape[1], *[size.width] * (size.depth - 1)]
    pairs = list(itertools.pairwise(widths))
    if weights == "torch":
        hidden = [part for pair in pairs for part in (nn.Linear(*pair), _ACTIVATIONS[kernel]())]
        return nn.Sequential(*hidden, nn.Linear(size.width, 10))
    model = nn.Sequential(*(KernelLinear(*pair, kernel) for pair in pairs))
    model.append(nn.Linear(size.width, 10))
    if weights == "critical-batch":
        return critical_(model, batch)
    variance = _BIAS_VARIANCE[kernel] if weights == "critical-line" else 0.0
    return critical_(model, bias_variance=variance)


def _data(source: str) -> tuple[Pixels, Pixels]:
    train, test = load(source), load(source, "test")
    pixels = torch.from_numpy(train.features())
    mean, deviation = float(pixels.mean()), float(pixels.std())
    return Pixels.of(train, mean, deviation), Pixels.of(test, mean, deviation)


@contextmanager
def _without_denormals() -> Iterator[None]:
    """Dying gradients pass through numbers that processors add up a hundred times slower."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.depth", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="a small network and few rows: that it runs")
    add("--kernel", action="append", choices=_LEARNING_RATE, help="only this one; repeatable")
    add("--weights", action="append", choices=_INITIALISATIONS, help="only these; repeatable")
    add("--seeds", type=int, default=1, help="how many of each (default %(default)s)")
    add("--data", default="fashion-mnist", help="a named set or a path (default %(default)s)")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
