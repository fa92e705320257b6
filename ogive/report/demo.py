"""The demonstration: a sigmoid kernel learns real images, searches them, and draws digits."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError
from ogive._resources import Meter
from ogive.data import Dataset, available, load_pair
from ogive.estimators import KernelRidgeClassifier
from ogive.kernels import Gaussian, Kernel, Linear, Sigmoid, definiteness
from ogive.report.comparison import COMPARISON_ROWS, Part, compare_machines, subset
from ogive.report.demo_pictures import draw_digits, search_pictures
from ogive.report.demo_result import DemoResult, Score

# Chosen on 10,000 held-out rows of Fashion-MNIST's training images; the test images decided
# nothing.
ALPHA = 3e-4
LANDMARKS = 4000
_MATRIX_ROWS = 500

Step = Callable[[str], AbstractContextManager[Any]]


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

    Then search for pictures by a picture, and have digits drawn by a generator in closed form.

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
        if not train.classes:
            raise InvalidDataError(
                f"{train.name} has a real-valued target, and the demonstration shows "
                "classification; name a data set whose target is a class"
            )
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
            comparison = compare_machines(sigmoid, *parts)
        predicted, margin = _predict(models[0], parts[1][0])
        matrix, matrix_classes = _ordered_matrix(sigmoid, *parts[0])
        with step("searching by a picture"):
            search = search_pictures(train, test)
        with step("drawing digits"):
            digits = draw_digits()
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
        search=search,
        digits=digits,
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


def _predict(model: KernelRidgeClassifier, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the predicted class and by how much it won."""
    values = model.decision_function(X)
    if values.ndim == 1:
        return model.classes_[(values > 0).astype(int)], 2 * np.abs(values)
    ordered = np.sort(values, axis=1)
    return model.classes_[values.argmax(1)], ordered[:, -1] - ordered[:, -2]


def _ordered_matrix(kernel: Kernel, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    X, y = subset((X, y), _MATRIX_ROWS)
    order = np.argsort(y, kind="stable")
    return kernel(X[order]), y[order]


def _images(test: Dataset) -> np.ndarray:
    if test.image_shape is not None:
        return test.images()
    return test.features()[:, None, :, None]  # a table has no pictures: each row as a strip


def _treatment(model: KernelRidgeClassifier) -> str:
    plan = model.plan_
    if plan.treatment == "definite":
        return "ordinary ridge regression: on these rows the kernel is positive definite"
    mass = f"{100 * plan.negative_mass:.2g} %" if plan.negative_mass is not None else "part"
    return (
        f"Krein ridge regression: {mass} of the sampled rows' centred eigenvalue mass is negative "
        "and enters the penalty by its absolute value"
    )


def _versions() -> dict[str, str]:
    packages = ("ogive", "torch", "numpy", "scipy", "scikit-learn")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
