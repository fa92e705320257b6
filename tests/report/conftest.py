"""Made-up results of a demonstration, small enough to read."""

from __future__ import annotations

import numpy as np
import pytest

from ogive.kernels import Definiteness
from ogive.kernels.spectrum import INDEFINITE, POSITIVE, Spectrum
from ogive.report.demo_result import DemoResult, Score


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
    values = {
        "data": "made-up",
        "data_note": "These pictures are noise",
        "classes": tuple(f"class {code}" for code in range(classes)),
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
