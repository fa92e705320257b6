"""Penalties judged by rows held out, against naive fits without them for each strength."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ogive.features import signed_root
from ogive.operators import KernelOperator
from ogive.solvers import krein_ridge, landmark_ridge
from ogive.solvers.landmark_ridge import HELD_OUT
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.penalty import AUTO
from ogive.testing import as_numpy, assert_close
from tests.solvers.penalties import (
    DEFINITE,
    INDEFINITE,
    WEIGHT,
    N,
    X,
    Y,
    best_of,
    intercepts,
    kernels,
    landmarks,
    ridge,
    tensor,
    weights,
)

generator = np.random.default_rng(1)


@weights
@intercepts
def test_sums_are_the_sums_over_rows(weight, fit_intercept):
    features = generator.normal(size=(N, 5))
    w = np.ones(N) if weight is None else weight
    root = tensor(np.sqrt(w))
    equations = NormalEquations.zeros(5, 2)
    for rows in (slice(0, 7), slice(7, 7), slice(7, N)):
        block = root[rows, None] * tensor(features[rows])
        equations.add(block, root[rows], root[rows, None] * tensor(Y[rows]))
    whole = equations.mapped(None)
    assert_close(whole.gram, features.T @ (w[:, None] * features), "fit", np.float64)
    assert_close(whole.moments, features.T @ (w[:, None] * Y), "fit", np.float64)
    mapping = generator.normal(size=(5, 3))
    mapped, direct = equations.mapped(tensor(mapping)), features @ mapping
    assert_close(mapped.gram, direct.T @ (w[:, None] * direct), "fit", np.float64)
    middle, centre = w @ direct / w.sum(), w @ Y / w.sum()
    gram, moments = mapped.centred()
    away = direct - middle
    assert_close(gram, away.T @ (w[:, None] * away), "fit", np.float64)
    assert_close(moments, away.T @ (w[:, None] * (Y - centre)), "fit", np.float64)
    beta = generator.normal(size=(3, 2))
    intercept = generator.normal(size=2) * fit_intercept
    residual = Y - direct @ beta - intercept
    found = mapped.squared_error(tensor(beta), tensor(intercept))
    assert_close(found, (w @ residual**2).sum(), "fit", np.float64)
    twice = (mapped + mapped).squared_error(tensor(beta), tensor(intercept))
    assert_close(twice, 2 * found, "fit", np.float64)


@intercepts
@weights
@kernels
@pytest.mark.parametrize("grouped", [False, True])
def test_landmark_ridge_takes_the_best_of_the_grid(kernel, weight, fit_intercept, grouped):
    group = generator.permutation(N) // 2 if grouped else np.arange(N)
    options = {"group": torch.tensor(group)} if grouped else {}
    found, root = landmarks(kernel, AUTO, weight, fit_intercept, **options)
    features = kernel(X, X[::3]) @ root.root.numpy()
    w = np.ones(N) if weight is None else weight
    held = group % HELD_OUT == 0
    fitted = ~held
    middle = w[fitted] @ features[fitted] / w[fitted].sum() if fit_intercept else 0
    scale = (w[fitted] @ (features[fitted] - middle) ** 2).sum() / w[fitted].sum()

    def error(alpha):
        function = ridge(features[fitted], Y[fitted], alpha, w[fitted], fit_intercept)
        return (w[held] @ (Y[held] - function(features[held])) ** 2).sum()

    assert found.alpha == pytest.approx(best_of(error, scale), rel=1e-9)
    same, _ = landmarks(kernel, found.alpha, weight, fit_intercept)
    assert_close(found.value, same.value, "fit", np.float64)
    assert_close(found.intercept, same.intercept, "fit", np.float64)
    assert f"alpha {found.alpha:.2g} did best on a fifth of the rows" in found.reason
    assert "fifth" not in same.reason and same.alpha == found.alpha


@pytest.mark.parametrize("columns", [1, 3])
@weights
def test_landmark_ridge_on_classes_takes_the_most_hits(columns, weight):
    rows = generator.normal(size=(400, 4))
    code = np.digitize(rows[:, 0] + generator.normal(size=400), [-0.5, 0.5][: max(columns - 1, 1)])
    codes = np.minimum(code, max(columns, 2) - 1)
    targets = np.where(codes[:, None] == ([1] if columns == 1 else np.arange(columns)), 1.0, -1.0)
    operator = KernelOperator(INDEFINITE, tensor(rows), tensor(rows[::5]))
    root = signed_root(tensor(INDEFINITE(rows[::5])), cut=1e-7, centred=True)
    w = np.ones(400) if weight is None else np.resize(weight, 400)

    def fit(alpha, chosen, **options):
        part = KernelOperator(INDEFINITE, tensor(rows[chosen]), tensor(rows[::5]))
        return landmark_ridge(
            part, root, tensor(targets[chosen]), alpha, weight=tensor(w[chosen]), **options
        )

    held = np.arange(400) % HELD_OUT == 0

    def hits(alpha):
        solution = fit(alpha, ~held)
        values = INDEFINITE(rows[held], rows[::5]) @ as_numpy(solution.value)
        values += as_numpy(solution.intercept)
        named = (values[:, 0] > 0).astype(int) if columns == 1 else values.argmax(1)
        return w[held] @ (named == codes[held])

    plain = landmark_ridge(operator, root, tensor(targets), AUTO, weight=tensor(w))
    found = landmark_ridge(operator, root, tensor(targets), AUTO, weight=tensor(w), classes=True)
    near = [plain.alpha * 10.0**step for step in (0.0, -1.0, -0.5, 0.5, 1.0)]
    most = max(map(hits, near))
    assert hits(found.alpha) == pytest.approx(most)
    assert min(abs(found.alpha / alpha - 1) for alpha in near) < 1e-9


@intercepts
def test_a_float32_kernel_chooses_as_a_float64_one(fit_intercept):
    double, _ = landmarks(INDEFINITE, AUTO, WEIGHT, fit_intercept)
    single, _ = landmarks(INDEFINITE, AUTO, WEIGHT, fit_intercept, np.float32)
    assert single.alpha == pytest.approx(double.alpha, rel=1e-5)
    cross = INDEFINITE(X, X[::3])
    fitted = [cross @ as_numpy(s.value) + as_numpy(s.intercept) for s in (single, double)]
    assert_close(*fitted, "fit", np.float32)


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_handful_of_rows(rows):
    root = signed_root(tensor(DEFINITE(X[:rows])), cut=1e-13, centred=True)
    operator = KernelOperator(DEFINITE, X[:rows])
    found = landmark_ridge(operator, root, tensor(Y[:rows]), AUTO)
    assert math.isfinite(found.alpha) and bool(torch.isfinite(found.value).all())
    found = krein_ridge(tensor(DEFINITE(X[:rows])), tensor(Y[:rows]), AUTO)
    assert math.isfinite(found.alpha) and bool(torch.isfinite(found.value).all())


def test_progress_is_told_once_for_each_block():
    told = []
    landmarks(INDEFINITE, AUTO, None, True, progress=lambda done, total: told.append((done, total)))
    assert len(told) > 1 and told[-1] == (N, N) and told == sorted(set(told))
