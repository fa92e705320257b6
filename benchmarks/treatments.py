"""``python -m benchmarks.treatments``: what to do with negative eigenvalues.

Support vector machines with tanh(gamma ⟨x, z⟩ + coef0) on few rows, by each treatment that
`KernelSVC` has: "none" is what LIBSVM and scikit-learn do. C is chosen on validation rows, for each
kernel and treatment by itself; what is printed is the share of right test rows. gamma is given in
units of 1 / mean ‖x‖².
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from benchmarks.threads import default_threads, fixed_threads
from ogive.data import load
from ogive.estimators import KernelSVC
from ogive.kernels import Gaussian, Kernel, Sigmoid

TREATMENTS = ("none", "krein", "clip", "shift")
PENALTIES = tuple(10.0**power for power in range(-2, 5))
# gamma in units of 1 / mean ‖x‖², and coef0: indefinite, less so, nearly definite.
SIGMOIDS = ((2.2, 0.0), (0.88, 0.0), (0.88, 1.0), (0.88, -1.0), (0.88, -3.0))
_STEPS = 200_000  # of a pair of classes: the ordinary problem of an indefinite kernel may not end
_LINE = "{:26}{:>10}" + "{:>10}" * len(TREATMENTS)


@dataclass(frozen=True)
class Parts:
    """Rows and classes to learn from, to choose C on, and to test on."""

    name: str
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.treatments", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of rows")
    parser.add_argument("--threads", type=int, default=default_threads())
    options = parser.parse_args(arguments)
    with fixed_threads(options.threads):
        for parts in (pictures(options.seed), digits(options.seed)):
            sizes = (len(rows) for rows, _ in (parts.train, parts.validation, parts.test))
            print("{}: {:,} rows, {:,} to choose C, {:,} to test".format(parts.name, *sizes))
            print(_LINE.format("kernel", "negative", *TREATMENTS), flush=True)
            for line in table(parts):
                print(line, flush=True)
            print()
    return 0


def table(parts: Parts) -> Iterator[str]:
    """Yield a line for each kernel."""
    size = float(np.square(parts.train[0]).sum(1).mean())
    for gamma, coef0 in SIGMOIDS:
        kernel = Sigmoid(gamma / size, coef0)
        models = [chosen(kernel, treatment, parts) for treatment in TREATMENTS]
        mass = f"{models[0].plan_.negative_mass:.3f}"
        cells = [f"{model.score(*parts.test):.3f}" for model in models]
        yield _LINE.format(f"tanh({gamma:g} ⟨x, z⟩ {coef0:+g})", mass, *cells)
    gaussian = chosen(Gaussian("scale"), "auto", parts)
    yield _LINE.format("Gaussian", "0", f"{gaussian.score(*parts.test):.3f}", *[""] * 3)


def chosen(kernel: Kernel, treatment: str, parts: Parts) -> KernelSVC:
    """Return the machine with the C that is best on the validation rows."""
    models = []
    for penalty in PENALTIES:
        model = KernelSVC(C=penalty, kernel=kernel, treatment=treatment, max_iter=_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            models.append(model.fit(*parts.train))
    return max(models, key=lambda model: model.score(*parts.validation))


def pictures(seed: int) -> Parts:
    """Return rows of Fashion-MNIST."""
    data = load("fashion-mnist")
    x, y = data.features(), data.y
    return _cut("Fashion-MNIST", x, y, (2000, 1000, 2000), seed)


def digits(seed: int) -> Parts:
    """Return rows of scikit-learn's digits, pixels from 0 to 1."""
    x, y = load_digits(return_X_y=True)
    return _cut("digits", (x / 16).astype(np.float32), y, (900, 400, 497), seed)


def _cut(name: str, x: np.ndarray, y: np.ndarray, sizes: tuple[int, int, int], seed: int) -> Parts:
    order = np.random.default_rng(seed).permutation(len(x))[: sum(sizes)]
    parts = np.split(order, np.cumsum(sizes)[:2])
    train, validation, test = ((x[rows], y[rows]) for rows in parts)
    return Parts(name, train, validation, test)


if __name__ == "__main__":
    sys.exit(main())
