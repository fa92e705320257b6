"""``python -m benchmarks.calibration``: how far to believe probabilities of kernel machines.

Fashion-MNIST less the mean of its rows, which makes the sigmoid kernel definite up to a constant;
each strength is chosen by the log loss on validation rows. Log loss is the mean of
-log p of the right class; the calibration error is the mean distance, over fifteen bins of equal
width, between how sure the machine was of the class it named and how often it was right (Guo,
Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017).
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from benchmarks.table import seconds_text
from benchmarks.threads import default_threads, fixed_threads
from ogive.data import load
from ogive.estimators import KernelLogistic, KernelSVC
from ogive.kernels import Sigmoid

BINS, VALIDATION, LANDMARKS = 15, 5000, 1000
_LINE = "{:38}{:>10}{:>12}{:>12}{:>14}"
Makers = Mapping[str, tuple[Sequence[float], Callable[[float], Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    train, test = load(options.data), load(options.data, "test")
    x, y = train.features() - train.features().mean(0), train.y
    test_x = test.features() - train.features().mean(0)
    rows, held = slice(0, options.rows), slice(options.rows, options.rows + VALIDATION)
    print(f"{train.name}: {len(y[rows]):,} rows, {len(y[held]):,} to choose strengths on\n")
    print(_LINE.format("machine", "fit, s", "accuracy", "log loss", "calibration"))
    with fixed_threads(options.threads):
        for name, (strengths, make) in machines(x[rows], peer=not options.no_peer).items():
            model, seconds = _chosen(make, strengths, (x[rows], y[rows]), (x[held], y[held]))
            p = model.predict_proba(test_x)
            cells = (
                f"{(p.argmax(1) == test.y).mean():.4f}",
                f"{log_loss(test.y, p):.4f}",
                f"{calibration_error(p, test.y):.4f}",
            )
            print(_LINE.format(name, seconds_text(seconds), *cells), flush=True)
    return 0


def machines(x: np.ndarray, *, peer: bool) -> Makers:
    """Return by name the strengths to try, and what makes a machine of one."""
    kernel = Sigmoid("scale", -3.0).resolve(x)
    named = {"kernel": "sigmoid", "gamma": kernel.gamma, "coef0": kernel.coef0}
    penalties = (30.0, 100.0, 300.0)
    found: dict[str, tuple[Sequence[float], Callable[[float], Any]]] = {
        "KernelLogistic": (
            (1e-3, 3e-3, 1e-2),
            lambda alpha: KernelLogistic(
                alpha, kernel=kernel, approximation="nystroem", n_components=LANDMARKS
            ),
        ),
        "KernelSVC, one temperature": (
            penalties,
            lambda C: KernelSVC(C=C, kernel=kernel, probability=True),
        ),
        "logistic regression on pixels": (
            (1e-2, 1e-1, 1.0),
            lambda C: LogisticRegression(C=C, max_iter=300),
        ),
    }
    if peer:
        found["scikit-learn's SVC, probability=True"] = (
            penalties[1:2],
            lambda C: SVC(C=C, probability=True, random_state=0, **named),
        )
    return found


def calibration_error(p: np.ndarray, y: np.ndarray) -> float:
    """Return the expected calibration error of rows of probabilities, a column for each class.

    Examples
    --------
    >>> p = np.array([[0.8, 0.2], [0.2, 0.8], [0.8, 0.2], [0.8, 0.2]])
    >>> round(calibration_error(p, np.array([0, 1, 0, 1])), 3)  # right three times of four
    0.05
    """
    sure, right = p.max(1), p.argmax(1) == y
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs((sure - right)[bins == b].sum()) for b in range(BINS)) / len(y))


def _chosen(
    make: Callable[[float], Any], strengths: Sequence[float], train: Any, held: Any
) -> tuple[Any, float]:
    """Return the model with the smallest log loss on held-out rows, and its seconds."""
    found = []
    for strength in strengths:
        model = make(strength)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's, of steps and of its own plans
            model.fit(*train)
        seconds = time.perf_counter() - start
        found.append((log_loss(held[1], model.predict_proba(held[0])), seconds, model))
    _, seconds, model = min(found, key=lambda one: one[0])
    return model, seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    add = parser.add_argument
    add("--data", default="fashion-mnist", help="default %(default)s")
    add("--rows", type=int, default=6_000, help="default %(default)s")
    add("--no-peer", action="store_true", help="without scikit-learn's SVC, which takes minutes")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
