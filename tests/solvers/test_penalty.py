"""The choice of a penalty against naive refits: for each row left out, for each strength."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive.features import signed_root
from ogive.kernels import Gaussian, Linear, Sigmoid
from ogive.operators import KernelOperator
from ogive.solvers import krein_ridge, landmark_ridge
from ogive.solvers.krein_ridge import _LeaveOneOut
from ogive.solvers.landmark_ridge import HELD_OUT
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.penalty import AUTO, choose_penalty
from ogive.solvers.weighting import Weighting
from ogive.testing import as_numpy, assert_close, ridge_oracles

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
    return None if array is None else torch.tensor(array, dtype=torch.float64)


def best_of(error, scale):
    """Return the best whole decade of the scale, or a half beside it if that is better."""
    decade = min(range(-6, 4), key=lambda power: error(scale * 10.0**power))
    return scale * 10.0 ** min(
        (decade, decade - 0.5, decade + 0.5), key=lambda p: error(scale * 10**p)
    )


# The search ------------------------------------------------------------------------------------


@given(st.floats(-6.4, 3.4), st.floats(1e-8, 1e8))
def test_the_nearest_half_decade_of_a_smooth_error(power, scale):
    asked = []

    def error(alpha):
        asked.append(alpha)
        return (math.log10(alpha / scale) - power) ** 2

    found = math.log10(choose_penalty(error, scale) / scale)
    assert abs(found - power) <= 0.25 + 1e-9
    assert 2 * found == pytest.approx(round(2 * found), abs=1e-9)
    assert len(asked) == 12  # ten decades, and a half on either side of the best


@pytest.mark.parametrize(("power", "expected"), [(-20, -6.5), (20, 3.5)])
def test_the_ends_of_the_range(power, expected):
    found = choose_penalty(lambda alpha: (math.log10(alpha) - power) ** 2, 1.0)
    assert math.log10(found) == pytest.approx(expected)


@pytest.mark.parametrize("useless", [math.inf, math.nan, -math.inf])
def test_strengths_of_no_use_are_passed_over(useless):
    def error(alpha):
        return useless if alpha < 0.5 or 5 < alpha < 50 else abs(math.log10(alpha))

    assert choose_penalty(error, 1.0) == 1.0
    assert choose_penalty(lambda alpha: error(alpha) if alpha > 50 else useless, 1.0) == 100.0
    assert math.isfinite(choose_penalty(lambda alpha: useless, 1.0))


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan])
def test_features_without_size(scale):
    assert choose_penalty(lambda alpha: abs(math.log10(alpha)), scale) == 1.0


def test_ties_are_told_apart_the_same_way_each_time():
    assert len({choose_penalty(lambda alpha: 1.0, 3.0) for _ in range(3)}) == 1


def test_hits_decide_within_a_decade_of_the_smallest_error():
    asked = []

    def hits(named, weight=None):
        def answer(alphas):
            asked.extend(math.log10(alpha) for alpha in alphas)
            right = torch.tensor([named(math.log10(alpha)) for alpha in alphas])
            ones = torch.ones(right.shape[1], dtype=torch.float64)
            return right, ones if weight is None else tensor(weight)

        return answer

    def error(alpha):
        return abs(math.log10(alpha) - 0.1)

    def log_of_choice(answer):
        return math.log10(choose_penalty(error, 1.0, answer))

    assert log_of_choice(hits(lambda power: [True, True])) == 0.0, "ties: the smallest error"
    assert sorted(asked) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert log_of_choice(hits(lambda power: [power < -0.7, True])) == -1.0
    either = hits(lambda power: [power < -0.7, power > 0.7], [1.0, 3.0])
    assert log_of_choice(either) == 1.0, "rows count by their weights"


# Leave one out ---------------------------------------------------------------------------------


def fixed_features(kernel, weight, fit_intercept):
    """Return φ (n, r) with P S φ = V |λ|^½, by numpy's own eigendecomposition."""
    root = np.ones(N) if weight is None else np.sqrt(weight)
    projection = np.eye(N)
    if fit_intercept:
        projection -= np.outer(root, root) / (root @ root)
    matrix = projection @ (root[:, None] * kernel(X) * root) @ projection
    return ridge_oracles.absolute_factor(matrix) / root[:, None]


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


def left_out_error(refit, weight=None, group=None):
    """Return Σ wᵢ ‖yᵢ - f(xᵢ)‖², f being fitted without the rows of i's group."""
    weight = np.ones(N) if weight is None else weight
    group = np.arange(N) if group is None else group
    total = 0.0
    for number in np.unique(group):
        out = group == number
        residual = Y[out] - refit(~out)(out)
        total += (weight[out] @ residual**2).sum()
    return total


def closed_form(kernel, alpha, weight, fit_intercept, group=None, rows=X, targets=Y):
    weighting = Weighting.of(len(rows), tensor(weight), fit_intercept=fit_intercept)
    values, vectors = torch.linalg.eigh(weighting.reduce_matrix(tensor(kernel(rows))))
    reduced = weighting.reduce_targets(tensor(targets))
    group = None if group is None else torch.tensor(group)
    return _LeaveOneOut(vectors, values.abs(), reduced, weighting, group)(alpha)


@strengths
@intercepts
@weights
@kernels
def test_leave_one_out_in_fixed_features_is_refits(kernel, weight, fit_intercept, alpha):
    features = fixed_features(kernel, weight, fit_intercept)
    w = np.ones(N) if weight is None else weight

    def refit(kept):
        function = ridge(features[kept], Y[kept], alpha, w[kept], fit_intercept)
        return lambda out: function(features[out])

    found = closed_form(kernel, alpha, weight, fit_intercept)
    assert_close(found, left_out_error(refit, weight), "fit", np.float64)


@strengths
@intercepts
@weights
def test_leave_one_out_of_a_definite_kernel_is_refits_of_the_machine(weight, fit_intercept, alpha):
    def refit(kept):
        fit = ridge_oracles.krein_ridge(
            DEFINITE(X[kept]),
            Y[kept],
            alpha,
            None if weight is None else weight[kept],
            fit_intercept=fit_intercept,
        )
        return lambda out: DEFINITE(X[out], X[kept]) @ fit.coefficients + fit.intercept

    found = closed_form(DEFINITE, alpha, weight, fit_intercept)
    assert_close(found, left_out_error(refit, weight), "fit", np.float64)


@strengths
@intercepts
@weights
def test_equal_rows_are_left_out_together(weight, fit_intercept, alpha):
    group = generator.permutation(np.repeat(np.arange(8), 3))
    rows = X[group]

    def refit(kept):
        fit = ridge_oracles.krein_ridge(
            DEFINITE(rows[kept]),
            Y[kept],
            alpha,
            None if weight is None else weight[kept],
            fit_intercept=fit_intercept,
        )
        return lambda out: DEFINITE(rows[out], rows[kept]) @ fit.coefficients + fit.intercept

    found = closed_form(DEFINITE, alpha, weight, fit_intercept, group, rows)
    assert_close(found, left_out_error(refit, weight, group), "fit", np.float64)


@intercepts
@kernels
def test_the_chosen_strength_does_not_tell_weights_from_repetitions(kernel, fit_intercept):
    numbers = np.repeat(np.arange(N), COUNTS)
    keywords = {"fit_intercept": fit_intercept}
    weighted = krein_ridge(
        tensor(kernel(X)), tensor(Y), AUTO, weight=tensor(COUNTS), group=torch.arange(N), **keywords
    )
    repeated = krein_ridge(
        tensor(kernel(X[numbers])),
        tensor(Y[numbers]),
        AUTO,
        group=torch.tensor(numbers),
        **keywords,
    )
    assert repeated.alpha == pytest.approx(weighted.alpha, rel=1e-12)
    # Rows that are not known to be equal judge one another: less penalty seems to be enough.
    alone = krein_ridge(tensor(kernel(X[numbers])), tensor(Y[numbers]), AUTO, **keywords)
    assert alone.alpha < weighted.alpha


@intercepts
@weights
@kernels
def test_krein_ridge_takes_the_best_of_the_grid(kernel, weight, fit_intercept):
    matrix = kernel(X)
    keywords = {"weight": tensor(weight), "fit_intercept": fit_intercept}
    found = krein_ridge(tensor(matrix), tensor(Y), AUTO, **keywords)
    features = fixed_features(kernel, weight, fit_intercept)
    w = np.ones(N) if weight is None else weight
    scale = (w @ features**2).sum() / w.sum()

    def error(alpha):
        def refit(kept):
            function = ridge(features[kept], Y[kept], alpha, w[kept], fit_intercept)
            return lambda out: function(features[out])

        return left_out_error(refit, weight)

    assert found.alpha == pytest.approx(best_of(error, scale), rel=1e-9)
    same = krein_ridge(tensor(matrix), tensor(Y), found.alpha, **keywords)
    assert torch.equal(found.value, same.value) and torch.equal(found.intercept, same.intercept)
    assert f"alpha {found.alpha:.2g} had the smallest leave-one-out error" in found.reason
    assert "leave-one-out" not in same.reason and same.alpha == found.alpha


# Rows held out ---------------------------------------------------------------------------------


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


def landmarks(kernel, alpha, weight, fit_intercept, dtype=np.float64, **options):
    marks = X[::3].astype(dtype)
    root = signed_root(
        tensor(kernel(X[::3])), cut=1e-13 if dtype == np.float64 else 1e-7, centred=fit_intercept
    )
    operator = KernelOperator(kernel, X.astype(dtype), marks, memory="2 kB")
    return landmark_ridge(
        operator,
        root,
        tensor(Y),
        alpha,
        weight=tensor(weight),
        fit_intercept=fit_intercept,
        **options,
    ), root


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


# Both --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-6, 7.0, 1e6])
@intercepts
@kernels
def test_a_larger_kernel_gets_a_larger_penalty(kernel, fit_intercept, factor):
    scaled = factor * kernel
    for solve in (
        lambda k: krein_ridge(tensor(k(X)), tensor(Y), AUTO, fit_intercept=fit_intercept),
        lambda k: landmarks(k, AUTO, None, fit_intercept)[0],
    ):
        one, other = solve(kernel), solve(scaled)
        assert other.alpha == pytest.approx(factor * one.alpha, rel=1e-6)


def test_a_linear_model_of_noise_is_penalised_and_one_of_signal_is_not():
    rows = generator.normal(size=(40, 10))
    matrix = tensor(Linear()(rows))
    noise = krein_ridge(matrix, tensor(generator.normal(size=(40, 1))), AUTO)
    signal = krein_ridge(matrix, tensor(rows[:, :1] * 3.0), AUTO)
    scale = float(np.square(rows - rows.mean(0)).sum(1).mean())
    assert noise.alpha > scale > 1e4 * signal.alpha
