"""Probabilities from decision values of pairs: the problem they solve, and what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from ogive.estimators.calibration import best_temperature, coupled_probabilities
from ogive.solvers.pairs import class_pairs


def objective(p, values):
    """The sum that probabilities make as small as possible, term by term."""
    total = 0.0
    for (i, j), value in zip(class_pairs(len(p)), values, strict=True):
        total += 2 * (expit(-value) * p[i] - expit(value) * p[j]) ** 2
    return total


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_they_minimise_what_they_should(classes):
    values = np.random.default_rng(classes).normal(size=(4, classes * (classes - 1) // 2))
    found = coupled_probabilities(values, 1.0)
    for row, p in zip(values, found, strict=True):
        best = minimize(
            objective,
            np.full(classes, 1 / classes),
            args=(row,),
            bounds=[(0, 1)] * classes,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            tol=1e-14,
        )
        assert objective(p, row) <= best.fun + 1e-10
        np.testing.assert_allclose(p, best.x, atol=2e-5)


def test_consistent_pairs_give_their_probabilities_back():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    values = np.array([[np.log(p[i] / p[j]) for i, j in class_pairs(4)]])
    np.testing.assert_allclose(coupled_probabilities(values / 3, 3.0), p[None], rtol=1e-9)


@given(
    st.integers(2, 6),
    st.integers(0, 5),
    st.sampled_from([1e-3, 1.0, 1e3]),
    st.integers(0, 100),
)
def test_they_are_probabilities_and_agree_with_who_won(classes, rows, temperature, seed):
    generator = np.random.default_rng(seed)
    # Whole numbers: there are ties.
    values = generator.integers(-2, 3, (rows, classes * (classes - 1) // 2)).astype(float)
    winner = generator.integers(0, classes, rows)
    found = coupled_probabilities(values, temperature, winner)
    assert found.shape == (rows, classes) and (found > 0).all()
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_array_equal(found.argmax(1) if rows else winner, winner)


def test_the_temperature_is_found_again():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, 4)) * 2
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    codes = (p.cumsum(1) < generator.random((len(p), 1))).sum(1)
    values = np.stack([scores[:, i] - scores[:, j] for i, j in class_pairs(4)], 1)
    found = best_temperature(values / 5, codes, np.ones(len(p)))
    assert found == pytest.approx(5, rel=0.03)
