"""``python -m benchmarks.robustness``: what noise does to networks of kernels, and to ReLU.

The same network with sigmoid kernels and with ReLU, width, pictures, batches and epochs being
equal, and the closed form, on Fashion-MNIST: Gaussian noise, and salt and pepper, on the test
pictures alone; wrong labels in training. Rows, order, noise and wrong labels belong to the seed and
are the same for all. Every training goes into a file when it is done: a command that is given again
repeats none of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.threads import default_threads, fixed_threads
from ogive._writing import write_text
from ogive.data import Dataset, load, stratified_subset
from ogive.images.closed_form import closed_form_classifier
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.recipe import ClosedForm, Recipe

GAUSSIAN, SALT, LABELS = "Gaussian noise", "salt and pepper", "wrong labels"
LEVELS = {
    GAUSSIAN: (0.0, 0.1, 0.2, 0.3, 0.4),
    SALT: (0.0, 0.02, 0.05, 0.1, 0.2),
    LABELS: (0.0, 0.1, 0.2, 0.3, 0.4),
}
_UNITS = {
    GAUSSIAN: "standard deviation, white less black being 1",
    SALT: "share of the pixels that are black or white",
    LABELS: "share of the training pictures",
}
_WIDTH, _FILTERS = 16, 48
_SIGNIFICANCE = 0.05

Accuracies = dict[str, float]  # by kind and level; see `_name`


@dataclass(frozen=True)
class Size:
    """What is learnt from, for how long, and tested on."""

    data: str
    rows: int
    epochs: int
    test_rows: int
    width: int = _WIDTH
    filters: int = _FILTERS


def _network(kernel: str) -> Callable[[Size, int], Any]:
    return lambda size, seed: NetworkClassifier(
        kernel=kernel, width=size.width, epochs=size.epochs, random_state=seed
    )


def _closed_form(size: Size, seed: int) -> Any:
    shape = load(size.data).image_shape
    assert shape is not None
    recipe = Recipe(seed=seed, closed_form=ClosedForm(filters=size.filters))
    return closed_form_classifier(recipe, shape)


WAYS: Mapping[str, Callable[[Size, int], Any]] = {
    "sigmoid": _network("sigmoid"),
    "relu": _network("relu"),
    "closed form": _closed_form,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    size = Size(options.data, options.rows, options.epochs, options.test_rows)
    parts = load(size.data), load(size.data, "test")
    kept = Results(Path(options.results), size)
    trainings = itertools.product(range(options.seeds), WAYS, LEVELS[LABELS])
    try:
        with fixed_threads(options.threads):
            for seed, way, share in trainings:
                if (way, seed, share) not in kept.found:
                    print(f"{way}, seed {seed}, wrong labels {share:g}", file=sys.stderr)
                    kept.add(way, seed, share, run(way, size, parts, seed, share))
    except KeyboardInterrupt:
        print(f"interrupted; run the same again to go on from {kept.path}", file=sys.stderr)
        return 130
    figures = {way: [kept.of(way, seed) for seed in range(options.seeds)] for way in WAYS}
    print(
        f"{size.data}: {size.rows:,} training pictures, {size.epochs} epochs, networks of width "
        f"{size.width}, closed form of {size.filters} filters; accuracy on {size.test_rows:,} test "
        f"pictures, mean ± standard deviation of {options.seeds} seed(s)"
    )
    for kind in LEVELS:
        print("\n" + "\n".join(table(kind, figures)))
    print()
    for kind in LEVELS:
        print(verdict(kind, figures["sigmoid"], figures["relu"]))
    return 0


def run(
    way: str, size: Size, parts: tuple[Dataset, Dataset], seed: int, share: float
) -> Accuracies:
    """Train with a share of wrong labels; without any, test on noisy pictures too."""
    train, test = parts
    train = train.take(stratified_subset(train.y, min(size.rows, len(train)), seed))
    test = test.take(stratified_subset(test.y, min(size.test_rows, len(test)), seed))
    model = WAYS[way](size, seed)
    model.fit(train.images(), with_wrong_labels(train.y, share, seed))
    found = {}
    for kind, level in _tested(share):
        pictures = corrupted(test.images(), kind, level, seed)
        found[_name(kind, level)] = float((model.predict(pictures) == test.y).mean())
    return found


def with_wrong_labels(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return labels of which a share is replaced by one of the other classes, each as likely."""
    generator = np.random.default_rng([seed, 1])
    classes, codes = np.unique(y, return_inverse=True)
    wrong = generator.permutation(len(y))[: round(share * len(y))]
    # The same rows are the first wrong ones at every share, and wrong in the same way.
    shifts = generator.integers(1, len(classes), len(y))
    codes[wrong] = (codes[wrong] + shifts[wrong]) % len(classes)
    found: np.ndarray = classes[codes]
    return found


def corrupted(pictures: np.ndarray, kind: str, level: float, seed: int) -> np.ndarray:
    """Return pictures of bytes with noise of a kind; wrong labels leave them as they are."""
    generator = np.random.default_rng([seed, 2])
    if kind == GAUSSIAN:
        noise = generator.standard_normal(pictures.shape, np.float32)
        return (pictures + 255 * level * noise).round().clip(0, 255).astype(np.uint8)
    if kind == SALT:
        hit = generator.random(pictures.shape, np.float32) < level
        grains = 255 * generator.integers(0, 2, pictures.shape, np.uint8)
        return np.where(hit, grains, pictures)
    return pictures


class Results:
    """The accuracies of every training that is done, in a file of JSON lines."""

    def __init__(self, path: Path, size: Size) -> None:
        self.path, self.size = path, asdict(size)
        self.found: dict[tuple[str, int, float], Accuracies] = {}
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole, _, torn = text.rpartition("\n")
        if torn:  # by a kill
            write_text(path, whole + "\n" if whole else "")
        for line in whole.splitlines():
            record = json.loads(line)
            if record["size"] == self.size:  # those of other sizes may stand in it too
                key = (record["way"], record["seed"], record["wrong"])
                self.found[key] = record["accuracies"]

    def add(self, way: str, seed: int, wrong: float, accuracies: Accuracies) -> None:
        """Keep what a training came to."""
        self.found[way, seed, wrong] = accuracies
        about = {"size": self.size, "way": way, "seed": seed, "wrong": wrong}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**about, "accuracies": accuracies}) + "\n")

    def of(self, way: str, seed: int) -> Accuracies:
        """Return all accuracies of a way and a seed."""
        parts = (self.found[way, seed, share] for share in LEVELS[LABELS])
        return {name: value for part in parts for name, value in part.items()}


def table(kind: str, figures: Mapping[str, Sequence[Accuracies]]) -> Iterator[str]:
    """Yield the lines of a Markdown table: a way a row, a level a column."""
    yield f"| {kind}: {_UNITS[kind]} | {' | '.join(f'{level:g}' for level in LEVELS[kind])} |"
    yield "| --- |" + " ---: |" * len(LEVELS[kind])
    for way, seeds in figures.items():
        cells = (_cell([found[_name(kind, level)] for found in seeds]) for level in LEVELS[kind])
        yield f"| {way} | {' | '.join(cells)} |"


def verdict(kind: str, kernels: Sequence[Accuracies], control: Sequence[Accuracies]) -> str:
    """Return which network is better under noise, if the seeds say so.

    The mean accuracy over all levels but 0, seed by seed; a paired t-test, at 5 %.
    """
    names = [_name(kind, level) for level in LEVELS[kind] if level]
    gains = [
        float(np.mean([ours[name] - theirs[name] for name in names]))
        for ours, theirs in zip(kernels, control, strict=True)
    ]
    mean = float(np.mean(gains))
    if len(gains) < 2:
        return f"{kind}: one seed decides nothing; sigmoid less relu {mean:+.4f}"
    spread = float(np.std(gains, ddof=1))
    # A spread of 0 leaves nothing to chance.
    sure = mean != 0 if spread == 0 else stats.ttest_1samp(gains, 0).pvalue < _SIGNIFICANCE
    told = (
        f"sigmoid less relu {mean:+.4f} ± {spread / math.sqrt(len(gains)):.4f}, {len(gains)} seeds"
    )
    if not sure:
        return f"{kind}: a tie; {told}"
    return f"{kind}: {'sigmoid' if mean > 0 else 'relu'} is better; {told}"


def _tested(share: float) -> list[tuple[str, float]]:
    if share:
        return [(LABELS, share)]
    return [(kind, level) for kind in LEVELS for level in LEVELS[kind] if kind != LABELS] + [
        (LABELS, 0.0)
    ]


def _name(kind: str, level: float) -> str:
    return f"{kind} {level:g}"


def _cell(values: Sequence[float]) -> str:
    mean = f"{np.mean(values):.3f}".lstrip("0")
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.3f}".replace("0.", ".")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness", description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=8000, help="training pictures (default %(default)s)")
    add("--test-rows", type=int, default=4000, help="test pictures (default %(default)s)")
    add("--epochs", type=int, default=3, help="of the networks (default %(default)s)")
    add("--seeds", type=int, default=3, help="how many of each (default %(default)s)")
    add("--data", default="fashion-mnist", help="a named set or a path (default %(default)s)")
    add("--results", default="robustness.jsonl", help="what is done is kept here (%(default)s)")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
