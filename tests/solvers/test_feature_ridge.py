"""Ridge regression on features in memory, against explicit least squares and naive refits."""

import numpy as np
import pytest
import torch

from ogive.solvers.components import exact_components
from ogive.solvers.feature_ridge import FeatureRidge
from ogive.testing import assert_close
from tests.solvers.penalties import (
    COUNTS,
    INDEFINITE,
    WEIGHT,
    N,
    X,
    Y,
    intercepts,
    ridge,
    strengths,
    tensor,
    weights,
)

generator = np.random.default_rng(2)
shapes = pytest.mark.parametrize("width", [1, 4, N, 40])


def features_of(width):
    return np.random.default_rng(width).normal(size=(N, width)) + 2.0


def left_out(features, alpha, weight, fit_intercept, group=None):
    w = np.ones(N) if weight is None else weight
    group = np.arange(N) if group is None else group
    total = 0.0
    for number in np.unique(group):
        out = group == number
        kept = ~out
        function = ridge(features[kept], Y[kept], alpha, w[kept], fit_intercept)
        total += (w[out] @ (Y[out] - function(features[out])) ** 2).sum()
    return total / w.sum() / Y.shape[1]


@shapes
@strengths
@intercepts
@weights
def test_it_is_the_explicit_least_squares(weight, fit_intercept, alpha, width):
    features = features_of(width)
    problem = FeatureRidge.of(
        tensor(features), tensor(Y), tensor(weight), fit_intercept=fit_intercept
    )
    beta, intercept = problem.fit(alpha)
    w = np.ones(N) if weight is None else weight
    expected = ridge(features, Y, alpha, w, fit_intercept)(features)
    assert_close(tensor(features) @ beta + intercept, expected, "fit", np.float64)


@shapes
@strengths
@intercepts
@weights
def test_rows_left_out_are_refits(weight, fit_intercept, alpha, width):
    group = generator.permutation(N) // 2
    features = features_of(width)[group]  # a row and its twin are left out together
    problem = FeatureRidge.of(
        tensor(features),
        tensor(Y),
        tensor(weight),
        fit_intercept=fit_intercept,
        group=torch.tensor(group),
    )
    expected = left_out(features, alpha, weight, fit_intercept, group)
    assert_close(problem.left_out.mean(alpha), expected, "fit", np.float64, amplification=10)


@strengths
@intercepts
@weights
def test_orthogonal_features_need_no_decomposition(weight, fit_intercept, alpha):
    found = exact_components(tensor(INDEFINITE(X)), tensor(weight), fit_intercept=fit_intercept)
    options = {"fit_intercept": fit_intercept}
    one, other = (
        FeatureRidge.of(found.values, tensor(Y), tensor(weight), **o)
        for o in (options, options | {"size": found.eigenvalues.abs()})
    )
    assert other.axes is None and one.axes is not None
    for mine, theirs in zip(one.fit(alpha), other.fit(alpha), strict=True):
        assert_close(mine, theirs, "fit", np.float64)
    assert_close(one.left_out.mean(alpha), other.left_out.mean(alpha), "fit", np.float64)
    assert one.scale == pytest.approx(other.scale)


@intercepts
def test_weights_are_repetitions_and_rows_of_no_weight_have_no_say(fit_intercept):
    counts = COUNTS - 1
    repeated = np.repeat(np.arange(N), counts)
    features = features_of(6)
    weighted = FeatureRidge.of(
        tensor(features),
        tensor(Y),
        tensor(counts),
        fit_intercept=fit_intercept,
        group=torch.arange(N),
    )
    rows = FeatureRidge.of(
        tensor(features[repeated]),
        tensor(Y[repeated]),
        fit_intercept=fit_intercept,
        group=torch.tensor(repeated),
    )
    for mine, theirs in zip(weighted.fit(0.3), rows.fit(0.3), strict=True):
        assert_close(mine, theirs, "fit", np.float64)
    assert_close(weighted.left_out.mean(0.3), rows.left_out.mean(0.3), "fit", np.float64)


@intercepts
def test_without_a_penalty_the_pseudo_inverse_is_taken(fit_intercept):
    features = np.hstack([features_of(3), features_of(3)])
    beta, intercept = FeatureRidge.of(tensor(features), tensor(Y), fit_intercept=fit_intercept).fit(
        0.0
    )
    assert_close(beta[:3], beta[3:], "fit", np.float64)
    expected = ridge(features_of(3), Y, 0.0, np.ones(N), fit_intercept)(features_of(3))
    assert_close(tensor(features) @ beta + intercept, expected, "fit", np.float64)


def test_a_row_that_decides_its_own_value_cannot_be_judged():
    problem = FeatureRidge.of(torch.eye(N, dtype=torch.float64), tensor(Y), fit_intercept=False)
    assert problem.left_out.mean(0.0) is None
    assert problem.left_out.mean(1.0) == pytest.approx((Y**2).mean())


def test_features_that_are_all_the_same_leave_the_mean():
    beta, intercept = FeatureRidge.of(torch.ones(N, 3, dtype=torch.float64), tensor(Y)).fit(1.0)
    assert not beta.any()
    assert_close(intercept, Y.mean(0), "fit", np.float64)


def test_float32_features_and_arguments():
    features = torch.tensor(features_of(4), dtype=torch.float32)
    before, targets = features.clone(), tensor(Y)
    single = FeatureRidge.of(features, targets, tensor(WEIGHT)).fit(0.1)
    double = FeatureRidge.of(features.double(), targets, tensor(WEIGHT)).fit(0.1)
    assert torch.equal(features, before) and torch.equal(targets, tensor(Y))
    for mine, theirs in zip(single, double, strict=True):
        assert torch.equal(mine, theirs)
