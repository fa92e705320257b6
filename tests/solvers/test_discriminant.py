"""Discriminant analysis of features against explicit scatter matrices."""

import numpy as np
import pytest
import torch
from scipy.linalg import eigh

from ogive._errors import InvalidParameterError
from ogive.solvers.discriminant import discriminant
from ogive.testing import as_numpy, assert_close

generator = np.random.default_rng(0)
N = 40
CLASSES = np.concatenate([np.arange(3), generator.integers(0, 3, N - 3)])
Z = generator.normal(size=(N, 5)) + generator.normal(size=(3, 5))[CLASSES] + 1.5
WEIGHT = generator.uniform(0.3, 3.0, N)
COUNTS = generator.integers(1, 4, N)
PRIORS = np.array([0.2, 0.7, 0.1])

weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
priors = pytest.mark.parametrize("given", [None, PRIORS], ids=["shares", "priors"])
ridges = pytest.mark.parametrize("mu", [0.0, 1e-3, 1.0])


def tensor(array):
    return None if array is None else torch.tensor(array, dtype=torch.float64)


def shares(classes, weight):
    totals = np.bincount(classes, weights=weight)
    return totals / totals.sum()


def fit(mu, weight=None, given=None, features=Z, classes=CLASSES, **options):
    share = shares(classes, weight) if given is None else given
    return discriminant(
        tensor(features), torch.tensor(classes), mu, tensor(share), weight=tensor(weight), **options
    )


def scatters(weight, given, mu):
    """Return classes' means, the covariance within and that between, class by class."""
    w = np.ones(N) if weight is None else weight
    share = shares(CLASSES, weight) if given is None else given
    means, within = [], np.zeros((5, 5))
    for c in range(3):
        rows, mine = Z[c == CLASSES], w[c == CLASSES]
        means.append(mine @ rows / mine.sum())
        away = rows - means[-1]
        within += share[c] * (away.T @ (mine[:, None] * away)) / mine.sum()
    middle = share @ np.array(means)
    away = np.array(means) - middle
    between = away.T @ (share[:, None] * away)
    ridge = mu * (np.trace(within) + np.trace(between))
    return np.array(means), middle, within + ridge * np.eye(5), between, share


@ridges
@priors
@weights
def test_it_is_the_explicit_one(weight, given, mu):
    means, middle, within, between, share = scatters(weight, given, mu)
    found = fit(mu, weight, given)
    away = means - middle
    coefficients = np.linalg.solve(within, away.T)
    assert_close(found.coefficients, coefficients, "fit", np.float64)
    for c in range(3):
        expected = -middle @ coefficients[:, c] - 0.5 * away[c] @ coefficients[:, c]
        assert float(found.intercept[c]) == pytest.approx(expected + np.log(share[c]))
    values, vectors = eigh(between, within)
    assert_close(found.ratios, values[::-1][:2], "fit", np.float64)
    axes = as_numpy(found.axes)
    assert_close(np.abs(axes), np.abs(vectors[:, ::-1][:, :2]), "fit", np.float64)
    assert_close(axes.T @ within @ axes, np.eye(2), "fit", np.float64)
    assert_close(found.origin, -(middle @ axes), "fit", np.float64)


@weights
def test_scores_are_gaussian_log_densities(weight):
    means, _, within, _, share = scatters(weight, None, 1e-2)
    found = fit(1e-2, weight)
    scores = Z @ as_numpy(found.coefficients) + as_numpy(found.intercept)
    away = Z[:, None] - means
    expected = np.log(share) - 0.5 * np.einsum("ncr,rs,ncs->nc", away, np.linalg.inv(within), away)
    differences = scores - scores[:, :1]
    assert_close(differences, expected - expected[:, :1], "fit", np.float64, amplification=10)


@ridges
@weights
def test_a_diagonal_scatter_need_not_be_decomposed(weight, mu):
    w = np.ones(N) if weight is None else weight
    middle = w @ Z / w.sum()
    away = Z - middle
    values, turn = np.linalg.eigh(away.T @ (w[:, None] * away) / w.sum())
    features = away @ turn
    one = fit(mu, weight, features=features)
    other = fit(mu, weight, features=features, size=tensor(values))
    assert_close(one.coefficients, other.coefficients, "fit", np.float64)
    assert_close(one.axes, other.axes, "fit", np.float64)
    assert_close(one.intercept, other.intercept, "fit", np.float64)


@priors
def test_weights_are_repetitions(given):
    weighted = fit(1e-2, COUNTS, given)
    repeated = fit(1e-2, None, given, np.repeat(Z, COUNTS, axis=0), np.repeat(CLASSES, COUNTS))
    for name in ("coefficients", "intercept", "axes", "origin", "ratios"):
        mine, theirs = getattr(weighted, name), getattr(repeated, name)
        assert_close(mine, theirs, "fit", np.float64)


def test_float32_features_are_close():
    double = fit(1e-2, WEIGHT)
    single = discriminant(
        torch.tensor(Z, dtype=torch.float32),
        torch.tensor(CLASSES),
        1e-2,
        tensor(shares(CLASSES, WEIGHT)),
        weight=tensor(WEIGHT),
    )
    assert_close(single.coefficients, double.coefficients, "fit", np.float32)


def test_one_feature_has_one_axis():
    found = fit(1e-3, features=Z[:, :1])
    assert found.axes.shape == (1, 1) and found.coefficients.shape == (1, 3)


def test_without_a_ridge_features_that_separate_classes_are_refused():
    features = np.eye(N)
    with pytest.raises(InvalidParameterError, match=r"mu=0\.0 is too small"):
        fit(0.0, features=features)
    found = fit(1e-3, features=features)
    scores = features @ as_numpy(found.coefficients) + as_numpy(found.intercept)
    assert (scores.argmax(1) == CLASSES).all()


def test_dependent_features_without_a_ridge_take_the_pseudo_inverse():
    one, twice = fit(0.0), fit(0.0, features=np.hstack([Z, Z]))
    scores = Z @ as_numpy(one.coefficients)
    mine = np.hstack([Z, Z]) @ as_numpy(twice.coefficients)
    assert_close(mine, scores, "fit", np.float64, amplification=10)
