"""``python -m benchmarks.all_rows``: support vector machines on all rows of Fashion-MNIST.

Each way runs alone in a process of its own: seconds of fitting 60,000 rows, its largest memory
(data and libraries are in it), and the share of right test rows. By all rows: Gaussian and sigmoid
kernel, exact. By landmarks: Ogive's, and scikit-learn's Nystroem with LinearSVC on as many.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.table import bytes_text, seconds_text
from benchmarks.threads import default_threads, fixed_threads
from ogive.data import load
from ogive.estimators import KernelSVC
from ogive.kernels import Gaussian, Sigmoid

GAUSSIAN, PENALTY = Gaussian("scale"), 10.0
# On rows less their mean this offset makes it positive definite up to a constant; exp(2 coef0) is
# then about a factor of the kernel, so its C is larger. Both chosen on 4,000 of the training rows.
SIGMOID, SIGMOID_PENALTY = Sigmoid("scale", -3.0), 300.0
LANDMARKS = 4000
_LINE = "{:44}{:>10}{:>12}{:>10}"
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


def gaussian(landmarks: int) -> Any:
    return KernelSVC(C=PENALTY, kernel=GAUSSIAN)


def sigmoid(landmarks: int) -> Any:
    machine = KernelSVC(C=SIGMOID_PENALTY, kernel=SIGMOID, approximation="exact")
    return make_pipeline(StandardScaler(with_std=False), machine)


def on_landmarks(landmarks: int) -> Any:
    return KernelSVC(C=PENALTY, kernel=GAUSSIAN, approximation="nystroem", n_components=landmarks)


def by_scikit_learn(landmarks: int) -> Any:
    gamma = GAUSSIAN.resolve(load("fashion-mnist").features()).gamma
    features = Nystroem(kernel="rbf", gamma=gamma, n_components=landmarks, random_state=0)
    return make_pipeline(features, LinearSVC(C=PENALTY, random_state=0))


WAYS: Mapping[str, tuple[str, Callable[[int], Any]]] = {
    "gaussian": ("Gaussian kernel, exact", gaussian),
    "sigmoid": ("sigmoid kernel of centred rows, exact", sigmoid),
    "landmarks": ("Gaussian kernel, {:,} landmarks", on_landmarks),
    "scikit-learn": ("scikit-learn's Nystroem, LinearSVC, {:,}", by_scikit_learn),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    if options.alone:
        with fixed_threads(options.threads):
            print(json.dumps(measured(options.only[0], options.rows, options.landmarks)))
        return 0
    print(_LINE.format("way", "seconds", "memory", "accuracy"))
    for way in options.only:
        command = [sys.executable, "-m", "benchmarks.all_rows", "--alone", "--only", way]
        for name in ("rows", "landmarks", "threads"):
            command += [f"--{name}", str(getattr(options, name))]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=root)
        found = json.loads(done.stdout)
        name = WAYS[way][0].format(options.landmarks)
        seconds, memory = seconds_text(found["seconds"]), bytes_text(found["peak_bytes"])
        print(_LINE.format(name, seconds, memory, f"{found['accuracy']:.4f}"), flush=True)
    return 0


def measured(way: str, rows: int, landmarks: int) -> dict[str, float]:
    """Fit in one way, and return seconds, bytes and accuracy."""
    train, test = load("fashion-mnist"), load("fashion-mnist", "test")
    x, y = train.features()[:rows], train.y[:rows]
    model = WAYS[way][1](landmarks)
    few = WAYS[way][1](64)
    few.fit(x[:300], y[:300])  # what is compiled and loaded once
    start = time.perf_counter()
    model.fit(x, y)
    seconds = time.perf_counter() - start
    peak = getrusage(RUSAGE_SELF).ru_maxrss * _UNIT
    accuracy = float(model.score(test.features(), test.y))
    return {"seconds": seconds, "peak_bytes": peak, "accuracy": accuracy}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.all_rows", description=__doc__)
    add = parser.add_argument
    add("--only", choices=tuple(WAYS), nargs="+", default=list(WAYS), help="which ways")
    add("--rows", type=int, default=60_000, help="first so many (default %(default)s)")
    add("--landmarks", type=int, default=LANDMARKS, help="default %(default)s")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    add("--alone", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
