"""Penalties judged by rows left out one by one, against naive refits without each of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ogive.solvers import krein_ridge
from ogive.solvers.leave_one_out import LeaveOneOut
from ogive.solvers.penalty import AUTO
from ogive.solvers.weighting import Weighting
from ogive.testing import assert_close, ridge_oracles
from tests.solvers.penalties import (
    COUNTS,
    DEFINITE,
    N,
    X,
    Y,
    best_of,
    intercepts,
    kernels,
    ridge,
    strengths,
    tensor,
    weights,
)

generator = np.random.default_rng(1)


def fixed_features(kernel, weight, fit_intercept):
    """Return φ (n, r) with P S φ = V |λ|^½, by numpy's own eigendecomposition."""
    root = np.ones(N) if weight is None else np.sqrt(weight)
    projection = np.eye(N)
    if fit_intercept:
        projection -= np.outer(root, root) / (root @ root)
    matrix = projection @ (root[:, None] * kernel(X) * root) @ projection
    return ridge_oracles.absolute_factor(matrix) / root[:, None]


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


def closed_form(kernel, alpha, *arguments, **keywords):
    return errors_of(kernel, *arguments, **keywords)(alpha)


def errors_of(kernel, weight, fit_intercept, group=None, rows=X, targets=Y):
    weighting = Weighting.of(len(rows), tensor(weight), fit_intercept=fit_intercept)
    values, vectors = torch.linalg.eigh(weighting.reduce_matrix(tensor(kernel(rows))))
    reduced = weighting.reduce_targets(tensor(targets))
    group = None if group is None else torch.tensor(group)
    return LeaveOneOut(vectors, values.abs(), reduced, weighting, group)


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


@intercepts
@weights
def test_errors_of_many_strengths_and_targets_are_those_of_each(weight, fit_intercept):
    targets = generator.normal(size=(N, 100))
    errors = errors_of(DEFINITE, weight, fit_intercept, targets=targets)
    # More than are computed at once, and the last of them alone.
    alphas = np.logspace(-3, 3, 5).tolist()
    total = N if weight is None else weight.sum()
    expected = [errors(alpha) / total / targets.shape[1] for alpha in alphas]
    assert_close(errors.means(alphas), expected, "fit", np.float64)
    single = [
        errors_of(DEFINITE, weight, fit_intercept, targets=column[:, None]).mean(alphas[1])
        for column in targets.T
    ]
    assert_close(errors.mean(alphas[1]), np.mean(single), "fit", np.float64)


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
