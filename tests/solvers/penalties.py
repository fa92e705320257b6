"""Rows, targets and kernels to choose penalties for, and naive answers to compare with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ogive.kernels import Gaussian, Sigmoid
from ogive.operators import KernelOperator
from ogive.solvers import landmark_ridge

generator = np.random.default_rng(0)
N = 24
X = generator.normal(size=(N, 4))
Y = np.stack([np.sin(2 * X[:, 0]) + X[:, 1], X[:, 2] ** 2], 1) + 0.3 * generator.normal(size=(N, 2))
WEIGHT = generator.uniform(0.3, 3.0, N)
COUNTS = generator.integers(1, 4, N)
INDEFINITE = Sigmoid(0.4, -0.2)
DEFINITE = Gaussian(0.1)

weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])
kernels = pytest.mark.parametrize("kernel", [INDEFINITE, DEFINITE, -1.0 * DEFINITE], ids=str)
strengths = pytest.mark.parametrize("alpha", [1e-3, 0.3, 50.0])


def tensor(array):
    """Return an array, or None, as the solvers take it."""
    return None if array is None else torch.tensor(array, dtype=torch.float64)


def best_of(error, scale):
    """Return the best whole decade of the scale, or a half beside it if that is better."""
    decade = min(range(-6, 4), key=lambda power: error(scale * 10.0**power))
    return scale * 10.0 ** min(
        (decade, decade - 0.5, decade + 0.5), key=lambda p: error(scale * 10**p)
    )


def ridge(features, targets, alpha, weight, fit_intercept):
    """Return the function of plain ridge regression, as least squares with rows for the penalty."""
    root = np.sqrt(weight)[:, None]
    columns, penalty = features * root, np.sqrt(alpha) * np.eye(features.shape[1])
    if fit_intercept:
        columns = np.hstack([columns, root])
        penalty = np.hstack([penalty, np.zeros((len(penalty), 1))])
    goal = np.vstack([targets * root, np.zeros((len(penalty), targets.shape[1]))])
    answer, *_ = np.linalg.lstsq(np.vstack([columns, penalty]), goal, rcond=None)

    def function(rows):
        rows = np.hstack([rows, np.ones((len(rows), 1))]) if fit_intercept else rows
        return rows @ answer

    return function


def landmarks(kernel, alpha, weight, fit_intercept, dtype=np.float64, **options):
    """Return the solution with every third row for a landmark."""
    marks = X[::3].astype(dtype)
    operator = KernelOperator(kernel, X.astype(dtype), marks, memory="2 kB")
    return landmark_ridge(
        operator,
        tensor(Y),
        alpha,
        weight=tensor(weight),
        fit_intercept=fit_intercept,
        **options,
    )
