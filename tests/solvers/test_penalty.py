"""The choice of a penalty: the search, and what both ways of judging a strength have in common."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive.kernels import Linear
from ogive.solvers import krein_ridge
from ogive.solvers.penalty import AUTO, choose_penalty
from tests.solvers.penalties import X, Y, intercepts, kernels, landmarks, tensor

# The search ----------------------------------------------------------------------------------


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


# Both --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-6, 7.0, 1e6])
@intercepts
@kernels
def test_a_larger_kernel_gets_a_larger_penalty(kernel, fit_intercept, factor):
    scaled = factor * kernel
    for solve in (
        lambda k: krein_ridge(tensor(k(X)), tensor(Y), AUTO, fit_intercept=fit_intercept),
        lambda k: landmarks(k, AUTO, None, fit_intercept),
    ):
        one, other = solve(kernel), solve(scaled)
        assert other.alpha == pytest.approx(factor * one.alpha, rel=1e-6)


def test_a_linear_model_of_noise_is_penalised_and_one_of_signal_is_not():
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(40, 10))
    matrix = tensor(Linear()(rows))
    noise = krein_ridge(matrix, tensor(generator.normal(size=(40, 1))), AUTO)
    signal = krein_ridge(matrix, tensor(rows[:, :1] * 3.0), AUTO)
    scale = float(np.square(rows - rows.mean(0)).sum(1).mean())
    assert noise.alpha > scale > 1e4 * signal.alpha
