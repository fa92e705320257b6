"""Penalties judged by rows held out, against naive fits without them for each strength."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

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
    origin = generator.normal(size=5)
    equations = NormalEquations.empty(tensor(origin), 2)
    for rows in (slice(0, 7), slice(7, 7), slice(7, N)):
        block = root[rows, None] * tensor(features[rows] - origin)
        equations.add(block, root[rows], root[rows, None] * tensor(Y[rows]))
    equations.complete()
    shifted = features - origin
    assert_close(equations.gram, shifted.T @ (w[:, None] * shifted), "fit", np.float64)
    assert_close(equations.moments, shifted.T @ (w[:, None] * Y), "fit", np.float64)
    middle, centre = w @ features / w.sum(), w @ Y / w.sum()
    gram, moments = equations.centred()
    away = features - middle
    assert_close(gram, away.T @ (w[:, None] * away), "fit", np.float64)
    assert_close(moments, away.T @ (w[:, None] * (Y - centre)), "fit", np.float64)
    beta = generator.normal(size=(5, 2))
    intercept = generator.normal(size=2) * fit_intercept
    residual = Y - features @ beta - intercept
    found = equations.squared_error(tensor(beta), tensor(intercept))
    assert_close(found, (w @ residual**2).sum(), "fit", np.float64)
    mapping = generator.normal(size=(5, 3))
    mapped, direct = equations.mapped(tensor(mapping)), (features - origin) @ mapping
    assert_close(mapped.gram, direct.T @ (w[:, None] * direct), "fit", np.float64)
    gamma = generator.normal(size=(3, 2))
    residual = Y - features @ mapping @ gamma - intercept
    error = mapped.squared_error(tensor(gamma), tensor(intercept))
    assert_close(error, (w @ residual**2).sum(), "fit", np.float64)
    best = w @ (Y - features @ beta) / w.sum()
    assert_close(equations.intercept(tensor(beta)), best, "fit", np.float64)
    twice = (equations + equations).squared_error(tensor(beta), tensor(intercept))
    assert_close(twice, 2 * found, "fit", np.float64)


@intercepts
@weights
@kernels
@pytest.mark.parametrize("grouped", [False, True])
def test_landmark_ridge_takes_the_best_of_the_grid(kernel, weight, fit_intercept, grouped):
    group = generator.permutation(N) // 2 if grouped else np.arange(N)
    options = {"group": torch.tensor(group)} if grouped else {}
    found = landmarks(kernel, AUTO, weight, fit_intercept, **options)
    cross = kernel(X, X[::3])
    w = np.ones(N) if weight is None else weight
    held = group % HELD_OUT == 0
    fitted = ~held
    # Features of which ‖f‖² is the squared norm, from all rows: C P V diag(σ √ρ)^-½.
    column = np.sqrt(w)[:, None]
    spread = np.eye(cross.shape[1]) - (1 / cross.shape[1] if fit_intercept else 0)
    columns = column * cross
    if fit_intercept:
        columns = columns - column * (column.T @ columns) / (column.T @ column)
    _, singular, vectors = np.linalg.svd(columns @ spread, full_matrices=False)
    kept, share = singular > 1e-9, np.sqrt(cross.shape[1] / w.sum())
    basis = spread @ vectors[kept].T / np.sqrt(singular[kept] * share)
    features, scale = cross @ basis, singular.sum() / share / w.sum()

    def error(alpha):
        function = ridge(features[fitted], Y[fitted], alpha, w[fitted], fit_intercept)
        return (w[held] @ (Y[held] - function(features[held])) ** 2).sum()

    assert found.alpha == pytest.approx(best_of(error, scale), rel=1e-9)
    same = landmarks(kernel, found.alpha, weight, fit_intercept)
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
    w = np.ones(400) if weight is None else np.resize(weight, 400)

    def fit(alpha, chosen, **options):
        part = KernelOperator(INDEFINITE, tensor(rows[chosen]), tensor(rows[::5]))
        return landmark_ridge(
            part, tensor(targets[chosen]), alpha, weight=tensor(w[chosen]), **options
        )

    held = np.arange(400) % HELD_OUT == 0

    def hits(alpha):
        solution = fit(alpha, ~held)
        values = INDEFINITE(rows[held], rows[::5]) @ as_numpy(solution.value)
        values += as_numpy(solution.intercept)
        named = (values[:, 0] > 0).astype(int) if columns == 1 else values.argmax(1)
        return w[held] @ (named == codes[held])

    plain = landmark_ridge(operator, tensor(targets), AUTO, weight=tensor(w))
    found = landmark_ridge(operator, tensor(targets), AUTO, weight=tensor(w), classes=True)
    near = [plain.alpha * 10.0**step for step in (0.0, -1.0, -0.5, 0.5, 1.0)]
    most = max(map(hits, near))
    assert hits(found.alpha) == pytest.approx(most)
    assert min(abs(found.alpha / alpha - 1) for alpha in near) < 1e-9


@intercepts
def test_a_float32_kernel_chooses_as_a_float64_one(fit_intercept):
    double = landmarks(INDEFINITE, AUTO, WEIGHT, fit_intercept)
    single = landmarks(INDEFINITE, AUTO, WEIGHT, fit_intercept, np.float32)
    assert single.alpha == pytest.approx(double.alpha, rel=1e-5)
    cross = INDEFINITE(X, X[::3])
    fitted = [cross @ as_numpy(s.value) + as_numpy(s.intercept) for s in (single, double)]
    assert_close(*fitted, "fit", np.float32)


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_handful_of_rows(rows):
    operator = KernelOperator(DEFINITE, X[:rows])
    found = landmark_ridge(operator, tensor(Y[:rows]), AUTO)
    assert math.isfinite(found.alpha) and bool(torch.isfinite(found.value).all())
    found = krein_ridge(tensor(DEFINITE(X[:rows])), tensor(Y[:rows]), AUTO)
    assert math.isfinite(found.alpha) and bool(torch.isfinite(found.value).all())


def test_progress_is_told_once_for_each_block():
    told = []
    landmarks(INDEFINITE, AUTO, None, True, progress=lambda done, total: told.append((done, total)))
    assert len(told) > 1 and told[-1] == (N, N) and told == sorted(set(told))
