"""Rows, queries and targets that estimators are fitted on and asked about."""

import numpy as np

from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    KernelSVC,
    KernelSVR,
    Nystroem,
)

KERNEL_MACHINES = (
    KernelRidge,
    KernelRidgeClassifier,
    KernelLogistic,
    KernelDiscriminant,
    KernelSVC,
    KernelSVR,
    KernelPCA,
    Nystroem,
)

N, D = 60, 7
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(N, D)) * (GENERATOR.random((N, D)) < 0.6)
Q = GENERATOR.normal(size=(23, D))
Y = np.sin(X[:, 0]) + X[:, 1] ** 2
NAMES = np.array(["ash", "birch", "cedar"])[np.digitize(Y, [0.2, 1.0])]
TWO = (Y > 0.5).astype(int)
