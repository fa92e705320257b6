"""Ridge classification on landmarks of the sigmoid kernel, fitting and predicting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.datasets import make_classification
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge

from benchmarks.case import Agreement, Answers, Case, Way
from ogive.data import available, load
from ogive.estimators import KernelRidgeClassifier
from ogive.kernels import Sigmoid

LANDMARKS = 2_000
ALPHA = 3e-4  # as in the demonstration
_PEER, _OGIVE = "scikit-learn", "Ogive"
_MARGIN = 0.002  # what a different draw of landmarks moves the accuracy by


@dataclass(frozen=True)
class ClassificationData:
    """Training and test rows in float32, their classes, and what all ways share."""

    source: str
    x: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    kernel: Sigmoid
    landmarks: int


def prepare(quick: bool, landmarks: int) -> ClassificationData:
    """Read Fashion-MNIST if it is on the machine; draw rows of the same shape otherwise."""
    if available("fashion-mnist"):
        source = "Fashion-MNIST, raw pixels / 255"
        train, test = load("fashion-mnist"), load("fashion-mnist", "test")
        x, y, test_x, test_y = train.features(), train.y, test.features(), test.y
    else:
        source = "synthetic rows, because Fashion-MNIST is not on this machine"
        x, y, test_x, test_y = _synthetic()
    if quick:
        x, y, test_x, test_y = x[:600], y[:600], test_x[:300], test_y[:300]
        landmarks = 50
    kernel = Sigmoid("suggest", "suggest").resolve(x)
    return ClassificationData(source, x, y, test_x, test_y, kernel, landmarks)


def _synthetic() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y = make_classification(
        70_000, 784, n_informative=40, n_redundant=0, n_classes=10, class_sep=2, random_state=0
    )
    x = x.astype(np.float32)
    return x[:60_000], y[:60_000], x[60_000:], y[60_000:]


def title(data: ClassificationData) -> str:
    n, d = data.x.shape
    return (
        f"ridge on {data.landmarks:,} landmarks, {n:,} rows, fit and predict {len(data.test_x):,}; "
        f"{data.source}, d = {d}; {data.kernel}, alpha = {ALPHA:g}"
    )


def by_scikit_learn(data: ClassificationData) -> np.ndarray:
    """Map by `Nystroem`, then `Ridge` on targets of -1 and 1; float32 throughout."""
    classes = np.unique(data.y)
    targets = np.where(data.y[:, None] == classes, 1, -1).astype(np.float32)
    features = Nystroem(
        kernel="sigmoid",
        gamma=data.kernel.gamma,
        coef0=data.kernel.coef0,
        n_components=data.landmarks,
        random_state=0,
    )
    # "auto" takes Cholesky's, the fastest here; without copy_X=False it would copy the features.
    ridge = Ridge(ALPHA, solver="auto", copy_X=False)
    ridge.fit(features.fit_transform(data.x), targets)
    return classes[ridge.predict(features.transform(data.test_x)).argmax(1)]


def by_ogive(data: ClassificationData) -> np.ndarray:
    """Fit and predict by the estimator, with its defaults."""
    model = KernelRidgeClassifier(
        ALPHA, kernel=data.kernel, n_components=data.landmarks, approximation="nystroem"
    )
    return model.fit(data.x, data.y).predict(data.test_x)


def figures(data: ClassificationData, answer: np.ndarray) -> Mapping[str, float]:
    return {"accuracy": float((answer == data.test_y).mean())}


def check(data: ClassificationData, answers: Answers) -> Sequence[Agreement]:
    """Compare accuracies: the landmarks are drawn differently, so single answers may differ."""
    accuracy = {name: figures(data, answer)["accuracy"] for name, answer in answers.items()}
    lost = accuracy[_PEER] - accuracy[_OGIVE]
    # On a few hundred rows one more error is already more than that.
    allowed = max(_MARGIN, 10 / len(data.test_y))
    return (Agreement(f"accuracy that {_OGIVE} lacks beside {_PEER}", lost, allowed),)


def nystroem_ridge(landmarks: int) -> Case[ClassificationData]:
    """Return the case with that many landmarks."""
    return Case(
        name="nystroem-ridge",
        summary=f"ridge classification of 60,000 pictures on {landmarks:,} landmarks",
        prepare=partial(prepare, landmarks=landmarks),
        title=title,
        ways=(Way(_PEER, by_scikit_learn), Way(_OGIVE, by_ogive)),
        baselines=(_PEER,),
        check=check,
        figures=figures,
        notes=(
            "scikit-learn: Nystroem and Ridge in float32, solver auto (Cholesky), nothing copied.",
            "Both draw their landmarks uniformly, by generators of their own.",
        ),
    )


NYSTROEM_RIDGE = nystroem_ridge(LANDMARKS)
