"""Logistic steps on rows of 8 bits, against the objective in float64 and its minimiser."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn import functional

from ogive.solvers.wide_logistic import WholeRows, classify, logistic_path
from ogive.solvers.wide_ridge import rounded_, wide_ridge_sums


def draw(n, d, k):
    generator = torch.Generator().manual_seed(n + d + k)
    x = rounded_(torch.randn(n, d, generator=generator) + 0.5)
    scores = x[:, :k] + torch.randn(n, k, generator=generator)
    return x, scores.argmax(1)


def objective(x, classes, k, penalty):
    """Return the function that logistic steps go down, of W and b in one flat array."""
    x = x.double()

    def value(flat):
        both = torch.as_tensor(flat).double().reshape(-1, k).requires_grad_()
        loss = functional.cross_entropy(x @ both[:-1] + both[-1], classes)
        loss = loss + penalty / 2 * both[:-1].square().sum()
        (slope,) = torch.autograd.grad(loss, both)
        return loss.item(), slope.flatten().numpy()

    return value


def minimum(value, size):
    return minimize(value, np.zeros(size), jac=True, options={"gtol": 1e-9}).fun


def path(x, classes, k, penalty, steps):
    """Return the objective before the first step and after each."""
    mean = x.mean(0)
    centred = x - mean
    bound = (centred.T @ centred) / len(x) / 2 + penalty * torch.eye(x.shape[1])
    start = torch.zeros(x.shape[1], k), torch.zeros(k)
    points = logistic_path(
        WholeRows([(some * 20).round().to(torch.int8) for some in x.split(150)], 1 / 20, mean),
        classes,
        start,
        lambda v: torch.linalg.solve(bound, v),
        penalty,
    )
    value = objective(x, classes, k, penalty)
    return [
        value(torch.cat([w, (b - mean @ w)[None]]).flatten())[0]
        for w, b in [start, *itertools.islice(points, steps)]
    ]


@pytest.mark.parametrize(("n", "d", "k"), [(400, 40, 3), (60, 90, 4), (300, 5, 2), (120, 20, 12)])
@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_steps_go_down_to_the_minimum(n, d, k, penalty):
    x, classes = draw(n, d, k)
    found = path(x, classes, k, penalty, 60)
    least = minimum(objective(x, classes, k, penalty), (d + 1) * k)
    assert found[-1] == pytest.approx(least, rel=1e-4)
    assert (np.diff(found) < 1e-6).all()
    assert found[6] - least < 0.05 * (found[0] - least)


def summed(x, classes, k, kept=None):
    sums = wide_ridge_sums(x.shape[1], k, len(x), kept=len(x) if kept is None else kept)
    targets = 2 * functional.one_hot(classes, k).float() - 1
    for rows, some in zip(x.chunk(3), targets.chunk(3), strict=True):
        sums.add(rows.clone(), some)
    return sums


def noisy(n, d, k):
    """Draw rows of which noise decides often, so that logits are small."""
    generator = torch.Generator().manual_seed(5)
    x = rounded_(torch.randn(n, d, generator=generator))
    scores = 2 * x[:, :k] + torch.distributions.Gumbel(0, 1).sample((n, k))
    return x, scores.argmax(1)


def test_a_classifier_is_calibrated_and_near_the_truth():
    torch.manual_seed(0)
    x, classes = noisy(8000, 30, 3)
    found = classify(summed(x[:6000], classes[:6000], 3), 0.01, steps=8)
    assert found.steps > 0
    logits = x @ found.weight + found.intercept
    loss = functional.cross_entropy(logits[6000:], classes[6000:])
    truth = functional.cross_entropy(2 * x[6000:, :3], classes[6000:])
    assert float(loss - truth) < 0.02
    assert abs(found.loss - float(loss)) < 0.05
    sure = logits[6000:].softmax(1).amax(1).mean()
    assert abs(float(sure - (logits[6000:].argmax(1) == classes[6000:]).float().mean())) < 0.02


@pytest.mark.parametrize(("n", "d"), [(900, 30), (60, 200), (6, 3), (3, 40)])
def test_steps_are_taken_only_where_rows_left_out_gain(n, d):
    torch.manual_seed(1)
    x, classes = noisy(n, max(d, 3), 3)
    ridge = classify(summed(x, classes, 3), 0.05, steps=0)
    found = classify(summed(x, classes, 3), 0.05, steps=6)
    assert ridge.steps == 0 and found.loss <= ridge.loss
    if not found.steps:
        torch.testing.assert_close(found.weight, ridge.weight)
    assert torch.isfinite(found.weight).all()


def test_steps_on_the_rows_kept_alone_learn_too():
    torch.manual_seed(2)
    x, classes = noisy(9000, 30, 3)
    few = classify(summed(x[:7000], classes[:7000], 3, kept=2500), 0.01, steps=8)
    loss = functional.cross_entropy(x[7000:] @ few.weight + few.intercept, classes[7000:])
    truth = functional.cross_entropy(2 * x[7000:, :3], classes[7000:])
    assert float(loss - truth) < 0.03


def test_means_are_taken_out_of_products():
    x, _ = draw(70, 20, 3)
    steps = (x * 20).round().to(torch.int8)
    mean = x.mean(0)
    rows = WholeRows(steps.split(32), 1 / 20, mean)
    weight, right = torch.randn(20, 3), torch.randn(70, 3)
    centred = x - mean
    torch.testing.assert_close(rows.times(weight), centred @ weight, rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(
        rows.transposed_times(right), centred.T @ right, rtol=1e-3, atol=5e-3
    )
