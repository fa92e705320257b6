"""The demonstration: a sigmoid kernel, correctly trained, learns real images."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import Any

import numpy as np

from ogive._resources import Meter
from ogive.data import Dataset, available, load_pair, stratified_subset
from ogive.estimators import KernelRidgeClassifier
from ogive.kernels import Gaussian, Kernel, Linear, Sigmoid, definiteness
from ogive.report.demo_result import DemoResult, Score

# Chosen on 10,000 held-out rows of Fashion-MNIST's training images; the test images decided
# nothing.
ALPHA = 1e-3
LANDMARKS = 4000
COMPARISON_ROWS = 1500
_COMPARISON_TEST_ROWS = 2000
_MATRIX_ROWS = 500

Step = Callable[[str], AbstractContextManager[Any]]
Part = tuple[np.ndarray, np.ndarray]  # rows and class codes


def default_data() -> tuple[str, str]:
    """Return the data set to show, and a note on how to get a larger one."""
    if available("fashion-mnist"):
        return "fashion-mnist", ""
    return "digits", (
        "Fashion-MNIST is not on this machine, so these are scikit-learn's 8 × 8 digits. To see "
        "70,000 real pictures: apt-get install dataset-fashion-mnist, or put its four IDX files "
        "in a folder and name that folder in OGIVE_DATA."
    )


def run_demo(
    source: str | None = None,
    *,
    command: str = "ogive demo",
    step: Step = lambda text: nullcontext(),
) -> DemoResult:
    """Train the Krein classifier with three kernels, and scikit-learn's machines beside it.

    Parameters
    ----------
    source : str, optional
        A named data set or a path; Fashion-MNIST if it is on the machine, otherwise digits.
    command : str
        Noted in the result.
    step : callable
        Called with a text before each step; the context it returns is open meanwhile.

    Returns
    -------
    DemoResult
    """
    name, note = (source, "") if source is not None else default_data()
    with Meter() as whole:
        with step(f"reading {name}"):
            train, test = load_pair(name)
        X = train.features()
        parts: tuple[Part, Part] = (X, train.y), (test.features(), test.y)
        sigmoid = Sigmoid("suggest", "suggest").resolve(X)
        with step(f"measuring the definiteness of {sigmoid}"):
            measured = definiteness(sigmoid, X)
        scores, models = [], []
        kernels: list[tuple[str, Kernel]] = [
            ("sigmoid", sigmoid),
            ("gaussian", Gaussian("scale").resolve(X)),
            ("linear", Linear()),
        ]
        for label, kernel in kernels:
            with step(f"training {kernel} on {len(train):,} rows"):
                model, score = _train(label, kernel, *parts)
            scores.append(score)
            models.append(model)
        with step(f"asking scikit-learn, on {min(COMPARISON_ROWS, len(train)):,} of the rows"):
            comparison = _compare(sigmoid, *parts)
        predicted, margin = _predict(models[0], parts[1][0])
        matrix, matrix_classes = _ordered_matrix(sigmoid, *parts[0])
    return DemoResult(
        data=train.name,
        data_note=note,
        classes=tuple(train.classes),
        train_rows=len(train),
        test_rows=len(test),
        kernel=str(sigmoid),
        kernel_note=(
            "gamma is 1 / (2 · mean ‖x‖²) of the training rows and coef0 is ½, so that the "
            "argument of a mean row with itself is 1, where tanh bends and does not yet saturate"
        ),
        definiteness=measured,
        treatment=_treatment(models[0]),
        scores=tuple(scores),
        comparison=comparison,
        matrix=matrix,
        matrix_classes=matrix_classes,
        true=test.y,
        predicted=predicted,
        margin=margin,
        images=_images(test),
        command=command,
        versions=_versions(),
        seconds=whole.seconds,
    )


def _train(
    label: str, kernel: Kernel, train: Part, test: Part
) -> tuple[KernelRidgeClassifier, Score]:
    (X, y), (X_test, y_test) = train, test
    # A linear kernel has no more than d directions: further landmarks would repeat them.
    landmarks = min(LANDMARKS, X.shape[1] + 1) if isinstance(kernel, Linear) else LANDMARKS
    model = KernelRidgeClassifier(ALPHA, kernel=kernel, n_components=landmarks)
    with Meter() as meter:
        accuracy = float((model.fit(X, y).predict(X_test) == y_test).mean())
    exact = model.plan_.approximation == "exact"
    return model, Score(
        name=label,
        detail=f"{model.kernel_}, alpha={ALPHA:g}",
        rows=len(y),
        landmarks=None if exact else model.plan_.landmarks,
        accuracy=accuracy,
        seconds=meter.seconds,
        peak_bytes=meter.peak_bytes,
    )


def _compare(kernel: Sigmoid, train: Part, test: Part) -> tuple[Score, ...]:
    """Train on the same few rows what scikit-learn has for this kernel, and Ogive's classifier."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.svm import SVC

    X, y = _subset(train, COMPARISON_ROWS)
    X_test, y_test = _subset(test, _COMPARISON_TEST_ROWS)
    gamma, coef0 = kernel.scale_and_shift()
    same = {"kernel": "sigmoid", "gamma": gamma, "coef0": coef0}
    codes = np.where(y[:, None] == np.unique(y), 1.0, -1.0)
    machines: list[tuple[str, str, Any, np.ndarray]] = [
        (
            "Ogive KernelRidgeClassifier",
            f"{kernel}, alpha={ALPHA:g}",
            KernelRidgeClassifier(ALPHA, kernel=kernel),
            y,
        ),
        (
            "scikit-learn KernelRidge",
            f"same kernel, alpha={ALPHA:g}",
            KernelRidge(alpha=ALPHA, **same),
            codes,
        ),
        ("scikit-learn SVC", "same kernel, C=1", SVC(**same), y),
        ("scikit-learn SVC", "its defaults: gamma='scale', coef0=0, C=1", SVC(kernel="sigmoid"), y),
    ]
    found = []
    for name, detail, machine, targets in machines:
        with warnings.catch_warnings(), Meter() as meter:
            warnings.simplefilter("ignore")  # that the matrix is singular: it is the point
            answer = machine.fit(X, targets).predict(X_test)
        labels = answer if answer.ndim == 1 else np.unique(y)[answer.argmax(1)]
        accuracy = float((labels == y_test).mean())
        found.append(Score(name, detail, len(y), None, accuracy, meter.seconds, meter.peak_bytes))
    return tuple(found)


def _predict(model: KernelRidgeClassifier, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the predicted class and by how much it won."""
    values = model.decision_function(X)
    if values.ndim == 1:
        return model.classes_[(values > 0).astype(int)], 2 * np.abs(values)
    ordered = np.sort(values, axis=1)
    return model.classes_[values.argmax(1)], ordered[:, -1] - ordered[:, -2]


def _ordered_matrix(kernel: Kernel, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    X, y = _subset((X, y), _MATRIX_ROWS)
    order = np.argsort(y, kind="stable")
    return kernel(X[order]), y[order]


def _subset(part: Part, size: int) -> Part:
    X, y = part
    rows = stratified_subset(y, min(size, len(y)))
    return X[rows], y[rows]


def _images(test: Dataset) -> np.ndarray:
    if test.image_shape is not None:
        return test.images()
    return test.features()[:, None, :, None]  # a table has no pictures: each row as a strip


def _treatment(model: KernelRidgeClassifier) -> str:
    plan = model.plan_
    if plan.treatment == "definite":
        return "ordinary ridge regression: on these rows the kernel is positive definite"
    mass = f"{100 * plan.negative_mass:.2g} %" if plan.negative_mass is not None else "part"
    where = "landmarks'" if plan.approximation == "nystroem" else "sampled rows'"
    return (
        f"Krein ridge regression: {mass} of the {where} centred eigenvalue mass is negative and "
        "enters the penalty by its absolute value"
    )


def _versions() -> dict[str, str]:
    packages = ("ogive", "torch", "numpy", "scipy", "scikit-learn")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
