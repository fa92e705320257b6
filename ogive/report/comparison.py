"""The same kernel on the same rows: scikit-learn's machines beside Ogive's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ogive._resources import Meter
from ogive.data import stratified_subset
from ogive.estimators import KernelRidgeClassifier
from ogive.kernels import Sigmoid
from ogive.report.demo_result import Score

COMPARISON_ROWS = 1500
_TEST_ROWS = 2000
_FOLDS = 3

Part = tuple[np.ndarray, np.ndarray]  # rows and class codes


@dataclass(frozen=True)
class _Machine:
    """One machine of the comparison, and the strengths of its penalty to choose from."""

    name: str
    detail: str
    build: Callable[[float], Any]
    strengths: tuple[float, ...]
    codes: bool = False  # whether it is a regression on targets -1 and 1, one for each class

    def accuracy(self, strength: float, train: Part, test: Part) -> float:
        """Return the share of test rows that it gets right with that strength."""
        (X, y), (X_test, y_test) = train, test
        classes = np.unique(y)
        targets = np.where(y[:, None] == classes, 1.0, -1.0) if self.codes else y
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the matrix is singular: it is the point
            answer = self.build(strength).fit(X, targets).predict(X_test)
        labels = classes[answer.argmax(1)] if self.codes else answer
        return float((labels == y_test).mean())


def compare_machines(kernel: Sigmoid, train: Part, test: Part) -> tuple[Score, ...]:
    """Train on the same few rows what scikit-learn has for this kernel, and Ogive's classifier.

    Each gets the strength of its penalty that is best in cross-validation on those rows.
    """
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.svm import SVC

    train, test = subset(train, COMPARISON_ROWS), subset(test, _TEST_ROWS)
    gamma, coef0 = kernel.scale_and_shift()
    same = {"kernel": "sigmoid", "gamma": gamma, "coef0": coef0}
    alphas, Cs = (1e-3, 1e-2, 1e-1, 1.0), (1.0, 10.0, 100.0, 1000.0)
    machines = (
        _Machine(
            "Ogive KernelRidgeClassifier",
            "same kernel, alpha",
            lambda alpha: KernelRidgeClassifier(alpha, kernel=kernel),
            alphas,
        ),
        _Machine(
            "scikit-learn KernelRidge",
            "same kernel, alpha",
            lambda alpha: KernelRidge(alpha=alpha, **same),
            alphas,
            codes=True,
        ),
        _Machine("scikit-learn SVC", "same kernel, C", lambda C: SVC(C=C, **same), Cs),
        _Machine(
            "scikit-learn SVC", "default kernel, C", lambda C: SVC(C=C, kernel="sigmoid"), (1.0,)
        ),
    )
    found = []
    for machine in machines:
        strength = _best_strength(machine, train)
        with Meter() as meter:
            accuracy = machine.accuracy(strength, train, test)
        detail = f"{machine.detail}={strength:g}"
        rows = len(train[1])
        found.append(
            Score(machine.name, detail, rows, None, accuracy, meter.seconds, meter.peak_bytes)
        )
    return tuple(found)


def _best_strength(machine: _Machine, train: Part) -> float:
    from sklearn.model_selection import StratifiedKFold

    X, y = train
    if len(machine.strengths) == 1 or np.bincount(y).min() < _FOLDS:
        return machine.strengths[0]  # nothing to choose, or too few rows of a class to choose by
    folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(X, y))
    scores = [
        np.mean([machine.accuracy(s, (X[a], y[a]), (X[b], y[b])) for a, b in folds])
        for s in machine.strengths
    ]
    return machine.strengths[int(np.argmax(scores))]


def subset(part: Part, size: int) -> Part:
    """Return at most so many rows, in the classes' proportions."""
    X, y = part
    rows = stratified_subset(y, min(size, len(y)))
    return X[rows], y[rows]
