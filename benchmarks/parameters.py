"""Do fewer parameters make training efficient? The additive layer beside an ordinary one.

``python -m benchmarks.parameters`` trains classifiers with one hidden layer,

- ordinary: Linear → tanh → Linear;
- additive: AdditiveKernelLinear(kernel="sigmoid"), which has its tanh inside → Linear;

and compares them in two ways: with as many parameters, and at the same accuracy. Both are
initialised to be critical and trained by Adam for as many epochs on the same batches; for each
network the learning rate is the best of the same few, by half as many epochs on four fifths of the
training rows and the accuracy on the last fifth. Seconds are those of training with that rate.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.threads import default_threads, fixed_threads
from ogive.data import Dataset, load
from ogive.nn.additive_linear import AdditiveKernelLinear

_RATES = (0.001, 0.005, 0.025)
_BATCH = 128
_PROBE_SEED = 100  # for the choice of a rate; none of the seeds that are reported
_UNITS_PER_HEAD = 4  # hidden units of the additive layer for each of its heads
_SAVING = 0.95  # a network that needs less than this share of another's saves something
_SHORT_OF_BEST = 0.01  # how far below the weaker network's best the common accuracy is set


@dataclass(frozen=True)
class Rows:
    """Training and test rows, float32 with mean 0 and mean square 1 over all features."""

    name: str
    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor
    epochs: int

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.y.max()) + 1


@dataclass(frozen=True)
class Network:
    """A hidden layer's kind and sizes; ``heads`` is 0 for the ordinary one."""

    features: int
    hidden: int
    classes: int
    heads: int = 0

    @property
    def kind(self) -> str:
        """The word for it in tables."""
        return "additive" if self.heads else "ordinary"

    @property
    def parameters(self) -> int:
        """Number of parameters, of both layers with their biases."""
        first = self.heads * (self.features + self.hidden + 1) if self.heads else 0
        first = first or self.features * self.hidden
        return first + self.hidden + (self.hidden + 1) * self.classes

    @property
    def sizes(self) -> str:
        """What is written in tables."""
        return f"{self.hidden} units" + (f", {self.heads} heads" if self.heads else "")

    def build(self) -> nn.Module:
        """Return the network with critical parameters of torch's generator."""
        last = nn.Linear(self.hidden, self.classes)
        nn.init.zeros_(last.bias)
        nn.init.orthogonal_(last.weight)
        if self.heads:
            layer = AdditiveKernelLinear(self.features, self.hidden, self.heads, kernel="sigmoid")
            return nn.Sequential(layer, last)
        first = nn.Linear(self.features, self.hidden)
        nn.init.zeros_(first.bias)
        nn.init.orthogonal_(first.weight)
        return nn.Sequential(first, nn.Tanh(), last)


@dataclass(frozen=True)
class Result:
    """How a network did: for each seed the accuracy, and the seconds so far, after each epoch."""

    network: Network
    rate: float
    accuracies: Sequence[Sequence[float]]
    seconds: Sequence[Sequence[float]]

    @property
    def final(self) -> list[float]:
        """Test accuracy at the end, by seed."""
        return [curve[-1] for curve in self.accuracies]

    @property
    def accuracy(self) -> float:
        """Mean test accuracy at the end."""
        return statistics.mean(self.final)

    @property
    def total(self) -> list[float]:
        """Seconds of all epochs, by seed."""
        return [curve[-1] for curve in self.seconds]

    def seconds_to(self, accuracy: float) -> float:
        """Return the seconds until the mean test accuracy of the seeds; infinity if never."""
        for found, clock in zip(
            zip(*self.accuracies, strict=True), zip(*self.seconds, strict=True), strict=True
        ):
            if statistics.mean(found) >= accuracy:
                return statistics.mean(clock)
        return math.inf


def same_parameters(ordinary: Network) -> Network:
    """Return the additive network with four units a head and nearly as many parameters.

    heads · (features + units + 1) + units + (units + 1) · classes, with units = 4 heads, is solved
    for heads and rounded down; units then take up the rest.
    """
    features, classes, target = ordinary.features, ordinary.classes, ordinary.parameters
    square = _UNITS_PER_HEAD
    linear = features + 1 + _UNITS_PER_HEAD * (classes + 1)
    root = (linear**2 + 4 * square * (target - classes)) ** 0.5
    heads = max(1, int((root - linear) / (2 * square)))
    rest = target - classes - heads * (features + 1)
    return Network(features, max(1, round(rest / (heads + 1 + classes))), classes, heads)


def measure(rows: Rows, network: Network, seeds: Sequence[int]) -> Result:
    """Choose the learning rate on a part of the training rows, then train with each seed."""
    order = torch.randperm(len(rows.x), generator=torch.Generator().manual_seed(_PROBE_SEED))
    held, kept = order[: len(order) // 5], order[len(order) // 5 :]
    probe = Rows(
        rows.name, rows.x[kept], rows.y[kept], rows.x[held], rows.y[held], max(1, rows.epochs // 2)
    )
    scores = {rate: train(probe, network, rate, _PROBE_SEED)[0][-1] for rate in _RATES}
    rate = max(scores, key=lambda r: scores[r])
    curves = [train(rows, network, rate, seed) for seed in seeds]
    return Result(network, rate, [a for a, _ in curves], [s for _, s in curves])


def train(rows: Rows, network: Network, rate: float, seed: int) -> tuple[list[float], list[float]]:
    """Return test accuracy, and seconds of training so far, after each epoch."""
    torch.manual_seed(seed)
    model = network.build()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    accuracies, clock, spent = [], [], 0.0
    for _ in range(rows.epochs):
        start = time.perf_counter()
        for batch in torch.randperm(len(rows.x)).split(_BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(model(rows.x[batch]), rows.y[batch]).backward()
            optimizer.step()
        spent += time.perf_counter() - start
        with torch.no_grad():
            hits = model(rows.test_x).argmax(1) == rows.test_y
        accuracies.append(float(hits.float().mean()))
        clock.append(spent)
    return accuracies, clock


def prepare(name: str, epochs: int, limit: int | None = None) -> Rows:
    """Read a data set, the first ``limit`` training rows of it, and standardise it as a whole."""
    train_set, test_set = load(name), load(name, "test")
    x, test_x = _floats(train_set)[:limit], _floats(test_set)
    mean, deviation = x.mean(), x.std()
    return Rows(
        name,
        (x - mean) / deviation,
        torch.from_numpy(np.asarray(train_set.y))[:limit].long(),
        (test_x - mean) / deviation,
        torch.from_numpy(np.asarray(test_set.y)).long(),
        epochs,
    )


def _floats(data: Dataset) -> Tensor:
    return torch.from_numpy(np.asarray(data.X, dtype=np.float32))


def table(results: Sequence[Result]) -> str:
    """Return the table of a data set: mean and range over seeds."""
    lines = [
        f"{'network':10}{'sizes':24}{'parameters':>11}{'rate':>7}  "
        f"{'test accuracy (range)':26}{'seconds (range)':24}"
    ]
    for result in results:
        network = result.network
        lines.append(
            f"{network.kind:10}{network.sizes:24}{network.parameters:11,}{result.rate:7}  "
            f"{_spread(result.final, '.4f'):26}{_spread(result.total, '.2f'):24}"
        )
    return "\n".join(lines)


def _spread(values: Sequence[float], form: str) -> str:
    return f"{statistics.mean(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def verdict(ordinary: Sequence[Result], additive: Sequence[Result]) -> str:
    """Return in words what the results of a data set say, pair by pair and at equal accuracy."""
    lines = ["With as many parameters the additive network is"]
    for mine, theirs in zip(additive, ordinary, strict=True):
        ratio = statistics.mean(mine.total) / statistics.mean(theirs.total)
        lines.append(
            f"  {_comparison(mine, theirs)}, in {ratio:.2g} times the seconds, with "
            f"{mine.network.parameters:,}."
        )
    target = min(max(r.accuracy for r in side) for side in (ordinary, additive)) - _SHORT_OF_BEST
    lines.append(f"To reach {target:.4f} (the weaker one's best mean, less {_SHORT_OF_BEST:g}):")
    fewest = [_fewest(side, target) for side in (ordinary, additive)]
    quickest = [_quickest(side, target) for side in (ordinary, additive)]
    for kind, few, quick in zip(("ordinary", "additive"), fewest, quickest, strict=True):
        lines.append(
            f"  {kind}: {few.network.parameters:,} parameters at least, in "
            f"{few.seconds_to(target):.2f} s; {quick.seconds_to(target):.2f} s at best, with "
            f"{quick.network.parameters:,}."
        )
    # Networks that are compared differ by a few parameters: that much is no saving.
    fewer = fewest[1].network.parameters < _SAVING * fewest[0].network.parameters
    sooner = quickest[1].seconds_to(target) < _SAVING * quickest[0].seconds_to(target)
    lines.append(
        f"So here the additive layer {'saves' if fewer else 'does not save'} parameters and "
        f"{'saves' if sooner else 'does not save'} time: the claim that fewer parameters make "
        f"training efficient {'holds' if fewer and sooner else 'does not hold'}."
    )
    return "\n".join(lines)


def _comparison(mine: Result, theirs: Result) -> str:
    """Return how accuracies differ; a difference counts if the ranges over seeds are apart."""
    points = 100 * (mine.accuracy - theirs.accuracy)
    apart = min(mine.final) > max(theirs.final) or max(mine.final) < min(theirs.final)
    if not apart:
        return f"as accurate within the range of seeds ({points:+.2f} points)"
    return f"{'more' if points > 0 else 'less'} accurate ({points:+.2f} points)"


def _fewest(results: Sequence[Result], target: float) -> Result:
    able = [result for result in results if result.seconds_to(target) < math.inf]
    return min(able, key=lambda result: result.network.parameters)


def _quickest(results: Sequence[Result], target: float) -> Result:
    return min(results, key=lambda result: result.seconds_to(target))


def compare(rows: Rows, widths: Sequence[int], seeds: Sequence[int]) -> None:
    """Train all networks on a data set, and print table and verdict."""
    print(
        f"\n{rows.name}: {len(rows.x):,} training and {len(rows.test_x):,} test rows, "
        f"{rows.x.shape[1]} features; {rows.epochs} epochs, batches of {_BATCH}, seeds "
        f"{', '.join(map(str, seeds))}"
    )
    ordinary, additive = [], []
    for width in widths:
        network = Network(rows.x.shape[1], width, rows.classes)
        ordinary.append(measure(rows, network, seeds))
        additive.append(measure(rows, same_parameters(network), seeds))
    pairs = zip(ordinary, additive, strict=True)
    print(table([result for pair in pairs for result in pair]))
    print(verdict(ordinary, additive))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.parameters",
        description="The additive layer beside an ordinary one, by parameters and by accuracy.",
    )
    parser.add_argument("--quick", action="store_true", help="a few rows and epochs: that it runs")
    parser.add_argument("--threads", type=int, default=default_threads(), help="%(default)s")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    with fixed_threads(options.threads):
        if options.quick:
            compare(prepare("digits", 2, 300), (4, 8), (0, 1))
        else:
            compare(prepare("digits", 30), (4, 16, 64), (0, 1, 2))
            compare(prepare("fashion-mnist", 5, 20_000), (4, 16, 64), (0, 1, 2))
    print(f"\n{options.threads} threads, {time.perf_counter() - start:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
