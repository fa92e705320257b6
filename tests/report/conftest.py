"""Made-up results of a demonstration, small enough to read."""

from __future__ import annotations

import numpy as np
import pytest

from ogive.kernels import Definiteness
from ogive.kernels.spectrum import INDEFINITE, POSITIVE, Spectrum
from ogive.report.contact_sheet import SheetHit, SheetQuery
from ogive.report.demo_result import DemoResult, DrawnDigits, Score, Search


def spectrum_of(eigenvalues):
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))
    mass = np.abs(values[values < 0]).sum() / np.abs(values).sum()
    return Spectrum(values, int((values < 0).sum()), float(mass))


def measured(verdict=INDEFINITE, size=20):
    positive = spectrum_of(0.5 ** np.arange(size))
    negative = spectrum_of([*0.5 ** np.arange(size - 2), -0.25, -0.125])
    plain = positive if verdict == POSITIVE else negative
    centred = negative if verdict == INDEFINITE else positive
    return Definiteness(verdict, plain, centred, size, 1e-10)


def score(name, accuracy, *, detail="alpha=0.001", rows=120, landmarks=None):
    return Score(name, detail, rows, landmarks, accuracy, 1.25, 312_000_000)


def searched(images, classes):
    """Two pictures that were searched for, each with a hit of its class and one of another."""
    queries = [
        SheetQuery(images[code], classes[code],
                   [SheetHit(images[-1], 0.9512, classes[code]),
                    SheetHit(images[-2], 0.7031, classes[1 - code])])
        for code in (0, 1)
    ]  # fmt: skip
    return Search(12_345, "pca", "Sigmoid(gamma=2.0, coef0=0.0)", 3.25, 40, 0.625, tuple(queries))


def digits_drawn(classes=("zero", "one"), columns=3):
    pictures = np.zeros((len(classes), columns, 8, 8, 1), np.uint8)
    return DrawnDigits(
        1437, "Sigmoid(gamma=0.01)", 4.25, 1.75, 200, 0.965, 0.985, pictures, classes
    )


def demo_result(
    classes=10, *, channels=1, side=8, dtype=np.uint8, mistakes=7, verdict=INDEFINITE, **changes
):
    generator = np.random.default_rng(0)
    test_rows = 6 * classes
    true = np.arange(test_rows) % classes
    predicted = true.copy()
    predicted[:mistakes] = (predicted[:mistakes] + 1) % classes
    images = generator.integers(0, 256, (test_rows, side, side, channels)).astype(np.uint8)
    codes = np.repeat(np.arange(classes), 4)
    features = np.eye(classes)[codes] + 0.1 * generator.normal(size=(4 * classes, classes))
    classes_of = tuple(f"class {code}" for code in range(classes))
    values = {
        "data": "made-up",
        "data_note": "These pictures are noise",
        "classes": classes_of,
        "train_rows": 12_345,
        "test_rows": test_rows,
        "kernel": "Sigmoid(gamma=0.03326883885, coef0=-1.0)",
        "kernel_note": "gamma is made up",
        "definiteness": measured(verdict),
        "treatment": "Krein ridge regression",
        "scores": (
            score("sigmoid", (true == predicted).mean(), landmarks=4000),
            score("gaussian", 0.9),
        ),
        "comparison": (
            score("Ogive KernelRidgeClassifier", 0.875),
            score("scikit-learn KernelRidge", 0.125),
            score("scikit-learn SVC", 0.5, detail="C=1"),
            score("scikit-learn SVC", 0.25, detail="its defaults"),
        ),
        "matrix": np.tanh(features @ features.T - 0.5),
        "matrix_classes": codes,
        "true": true,
        "predicted": predicted,
        "margin": generator.random(test_rows),
        "images": images if dtype == np.uint8 else images.astype(dtype) / 255,
        "search": searched(images, classes_of),
        "digits": digits_drawn(),
        "command": "ogive demo --out 'my folder'",
        "versions": {"ogive": "0.1.0", "numpy": "2.4.6"},
        "seconds": 61.5,
    }
    return DemoResult(**{**values, **changes})


@pytest.fixture
def make_result():
    return demo_result


@pytest.fixture
def make_score():
    return score


@pytest.fixture
def make_definiteness():
    return measured
