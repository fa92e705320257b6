"""``python -m benchmarks.generation``: how real generated pictures are, kernels beside SiLU.

Trains the generator of kernel layers and its twin (the same U-Net, parameters and batches, with
SiLU convolutions and softmax attention) for the same number of minutes, and judges their samples by
a classifier with ReLU that is trained here too: how often it sees the class that was asked for, and
distances in its penultimate features. None of these is an FID or a KID: those are in features of
Inception. Distances are between as many generated as real test pictures; the floor is that between
two such sets of real ones. Everything lies in a folder and is gone on from: a command that was
interrupted (Ctrl-C, or killed) and is given again repeats nothing but its last minute. So both can
be trained at once, each on its share of the cores and beside the same neighbours: ``--only kernel
--threads 1`` and ``--only twin --threads 1`` in two windows, then the same without ``--only``.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats

from benchmarks.threads import default_threads, fixed_threads
from ogive.cli.counting import counting
from ogive.data import Dataset, load, stratified_subset
from ogive.images.distances import (
    coverage,
    density,
    frechet_distance,
    half_floor,
    kernel_distance,
    nearest,
)
from ogive.images.generation import GeneratorRecipe, PictureGenerator, train_generator
from ogive.images.generation.batches import FlowBatches
from ogive.images.generation.network_training import flow_loss
from ogive.images.generation.pixels import whole_pixels
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.training import TrainingFiles, TrainingInterrupted
from ogive.models import save
from ogive.report.picture_grid import write_picture_grid

_LINE = "{:14}{:>9}{:>8}{:>8}{:>11}{:>10}{:>11}{:>10}{:>9}{:>12}"
_HEADINGS = (
    "generator",
    "seconds",
    "steps",
    "loss",
    "agreement",
    "Fréchet",
    "kernel",
    "coverage",
    "density",
    "samples/s",
)
_DIGITS = (0, 0, 4, 3, 3, 5, 3, 2, 1)
_EXPLANATION = """\
{data}: {rows:,} training pictures; {samples:,} samples of each generator, as many test pictures
loss: mean squared error of the velocity, on test pictures
agreement: our classifier sees the class that was asked for (of test pictures: its accuracy)
Fréchet, kernel: distance in penultimate features of our classifier; no FID, no KID
mean: over seeds, and half the width of its 95 % interval
"""
_PAIRS = 6  # of a sample and the nearest training picture, in a row of the drawing


class Figures(NamedTuple):
    """What is measured of a generator, or its mean over seeds; NaN where there is nothing."""

    seconds: float
    steps: float
    loss: float
    agreement: float
    frechet: float
    kernel: float
    coverage: float
    density: float
    rate: float

    def line(self, name: str, sign: str = "") -> str:
        """Return a line of the table; ``sign`` stands before every figure."""
        shown = (
            "" if math.isnan(figure) else f"{sign}{figure:.{digits}f}"
            for figure, digits in zip(self, _DIGITS, strict=True)
        )
        return _LINE.format(name, *shown)


def interval(measured: Sequence[Figures]) -> tuple[Figures, Figures]:
    """Return the means over seeds, and half the width of their 95 % intervals (Student's t).

    Examples
    --------
    >>> mean, half = interval([Figures(*[0.0] * 9), Figures(*[2.0] * 9)])
    >>> round(mean.loss, 3), round(half.loss, 3)
    (1.0, 12.706)
    """
    figures = np.array(measured)
    spread = figures.std(0, ddof=1) / math.sqrt(len(figures))
    half = stats.t.ppf(0.975, len(figures) - 1) * spread
    return Figures(*figures.mean(0).tolist()), Figures(*half.tolist())


class Judge:
    """A classifier with ReLU, and what real pictures look like to it.

    Parameters
    ----------
    classifier : NetworkClassifier
        Fitted.
    train, test : Dataset
    samples : int
        Of real test pictures that generated ones are compared with.
    """

    def __init__(
        self, classifier: NetworkClassifier, train: Dataset, test: Dataset, samples: int
    ) -> None:
        self.classifier, self.train = classifier, train
        self.accuracy = float((classifier.predict(test.images()) == test.y).mean())
        samples = min(samples, len(test) // 2)
        self.both_halves = classifier.embed(test.images()[: 2 * samples])
        self.real = self.both_halves[:samples]
        self.seen = classifier.embed(train.images())

    def floor(self) -> Figures:
        """Return what is measured of one half of real pictures beside the other."""
        kernel = half_floor(self.both_halves, kernel_distance).mean
        frechet, reached, dense = (
            half_floor(self.both_halves, f) for f in (frechet_distance, coverage, density)
        )
        nothing = math.nan
        return Figures(
            nothing, nothing, nothing, self.accuracy, frechet, kernel, reached, dense, nothing
        )

    def figures(self, generator: PictureGenerator, loss: float) -> Figures:
        """Sample from a generator, and return what is measured of it."""
        start = time.perf_counter()
        with counting(quiet=False) as progress:
            pictures = generator.sample(len(self.real), seed=1, progress=progress)
        rate = len(pictures) / (time.perf_counter() - start)
        asked = np.arange(len(pictures)) % len(generator.classes)
        made = self.classifier.embed(pictures)
        return Figures(
            generator.summary["seconds"],
            generator.summary["steps"],
            loss,
            float((self.classifier.predict(pictures) == asked).mean()),
            frechet_distance(self.real, made),
            kernel_distance(self.real, made).mean,
            coverage(self.real, made),
            density(self.real, made),
            rate,
        )

    def draw(self, generator: PictureGenerator, path: Path) -> None:
        """Draw samples, each with the nearest training picture to its right."""
        classes = len(generator.classes)
        pictures = generator.sample(_PAIRS * classes, seed=2)
        near = self.train.images()[nearest(self.seen, self.classifier.embed(pictures)).index]
        pairs = np.stack([pictures, near], 1)
        rows = [pairs[code::classes].reshape(-1, *pictures.shape[1:]) for code in range(classes)]
        write_picture_grid(path, rows, generator.classes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    train, test = load(options.data), load(options.data, "test")
    if options.rows is not None:
        train = train.take(stratified_subset(train.y, min(options.rows, len(train))))
    try:
        with fixed_threads(options.threads):
            if options.only is None:
                _compare(train, test, options, folder)
            else:
                for seed in range(options.seeds):
                    _generator(train, options, folder, seed, twin=options.only == "twin")
    except (TrainingInterrupted, KeyboardInterrupt) as stopped:
        print(str(stopped) or "interrupted; run the same again to go on", file=sys.stderr)
        return 130
    return 0


def _compare(train: Dataset, test: Dataset, options: argparse.Namespace, folder: Path) -> None:
    judge = Judge(_classifier(train, options.judge_epochs, folder), train, test, options.samples)
    print(_EXPLANATION.format(data=train.name, rows=len(train), samples=len(judge.real)))
    print(_LINE.format(*_HEADINGS))
    print(judge.floor().line("real pictures"), flush=True)
    measured: dict[bool, list[Figures]] = {False: [], True: []}
    for seed in range(options.seeds):
        for twin in (False, True):
            generator = _generator(train, options, folder, seed, twin=twin)
            name = _name(seed, twin=twin)
            found = judge.figures(generator, _held_out_loss(generator, test))
            measured[twin].append(found)
            print(found.line(name), flush=True)
            judge.draw(generator, _path(folder, name).with_suffix(".png"))
    if options.seeds > 1:
        for twin, figures in measured.items():
            mean, half = interval(figures)
            print(mean.line("twin, mean" if twin else "kernel, mean"))
            print(half.line("", "±"))
    print(f"\ngenerators, logs, and samples beside the nearest training pictures: {folder}/")


def _classifier(train: Dataset, epochs: int, folder: Path) -> NetworkClassifier:
    files = TrainingFiles(folder / "classifier.checkpoint")
    with counting(quiet=False) as progress:
        classifier = NetworkClassifier(kernel="relu", epochs=epochs, files=files, progress=progress)
        return classifier.fit(train.images(), train.y)


def _name(seed: int, *, twin: bool) -> str:
    return f"{'twin' if twin else 'kernel'} {seed}"


def _path(folder: Path, name: str) -> Path:
    return folder / name.replace(" ", "-")


def _generator(
    train: Dataset, options: argparse.Namespace, folder: Path, seed: int, *, twin: bool
) -> PictureGenerator:
    name = _name(seed, twin=twin)
    path = _path(folder, name)
    recipe = GeneratorRecipe().overridden(
        minutes=options.minutes, steps=options.steps, width=options.width, seed=seed, twin=twin
    )
    files = TrainingFiles(path.with_suffix(".checkpoint"), path.with_suffix(".jsonl"))
    with counting(quiet=False) as progress:
        generator = train_generator(
            train,
            recipe,
            files=files,
            progress=lambda what, done, total: progress(f"{name}: {what}", done, total),
        )
    save(generator, path.with_suffix(".ogive"))
    return generator


def _held_out_loss(generator: PictureGenerator, test: Dataset) -> float:
    """Return what training made small, on test pictures; the same for every generator."""
    batches = FlowBatches(
        whole_pixels(test.images()),
        torch.from_numpy(test.y),
        len(test.classes),
        size=128,
        unlabelled=0.0,
        seed=0,
    )
    with torch.no_grad():
        losses = [flow_loss(generator.velocity, batches[step]).item() for step in range(16)]
    return float(np.mean(losses))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    add = parser.add_argument
    add("--data", default="fashion-mnist", help="a named set or a path (default %(default)s)")
    add("--rows", type=int, help="only so many training pictures, of all classes")
    add("--minutes", type=float, help="of each training (default 20)")
    add("--steps", type=int, help="of each training, instead of minutes")
    add("--width", type=int, help="channels of the networks, instead of the usual ones")
    add("--seeds", type=int, default=1, help="how many trainings of each (default %(default)s)")
    add("--only", choices=("kernel", "twin"), help="train these and judge nothing (see above)")
    add("--samples", type=int, default=2000, help="at most half the test set (default %(default)s)")
    add("--judge-epochs", type=int, default=4, help="of the classifier (default %(default)s)")
    add("--folder", default="generation", help="for all that is kept (default ./%(default)s)")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
