"""Distances of generated from real feature vectors, against naive formulas and by their laws."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.images import neighbours
from ogive.images.distances import (
    coverage,
    density,
    frechet_distance,
    half_floor,
    kernel_distance,
    nearest,
)
from ogive.kernels import CallableKernel, Gaussian, Linear, Logistic, Polynomial, Sigmoid

SMALL = "1 KB"  # some tiles, however few the rows


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def rotation(width, seed=9):
    return np.linalg.qr(normal(seed, width, width))[0]


# Naive oracles


def frechet_by_root(a, b):
    product = np.cov(a.T, ddof=1).reshape(a.shape[1], -1) @ np.cov(b.T).reshape(a.shape[1], -1)
    root = linalg.sqrtm(product).real
    spread = np.trace(np.atleast_2d(np.cov(a.T))) + np.trace(np.atleast_2d(np.cov(b.T)))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + spread - 2 * np.trace(root)


def discrepancy_by_loops(x, y, kernel):
    m, n = len(x), len(y)
    inner = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    outer = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    across = sum(kernel(x[i], y[j]) for i in range(m) for j in range(n)) / (m * n)
    return inner + outer - 2 * across


def balls_by_loops(real, generated, k):
    """Return the matrix of which generated row (column) lies in the ball of which real row."""
    found = np.zeros((len(real), len(generated)), bool)
    for i, x in enumerate(real):
        others = [((x - z) ** 2).sum() for j, z in enumerate(real) if j != i]
        radius = sorted(others)[k - 1]
        for j, y in enumerate(generated):
            found[i, j] = ((x - y) ** 2).sum() < radius
    return found


def cubic(x, y):
    return (x @ y / len(x) + 1) ** 3


# Fréchet


@pytest.mark.parametrize(("n", "m", "d"), [(50, 40, 5), (2, 3, 1), (200, 6, 6), (3000, 2500, 3)])
def test_frechet_against_the_root_of_a_matrix(n, m, d):
    a, b = normal(0, n, d), normal(1, m, d) @ rotation(d) * 2 + 1
    np.testing.assert_allclose(frechet_distance(a, b), frechet_by_root(a, b), rtol=1e-8)


def test_frechet_of_fewer_rows_than_features():
    # In the span of all rows nothing is lost, and there the root of a matrix works.
    a, b = normal(0, 7, 40), normal(1, 9, 40) + 0.5
    basis = np.linalg.qr(np.vstack([a, b]).T)[0]
    covariances = [np.cov((rows @ basis).T) + 1e-13 * np.eye(16) for rows in (a, b)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum()
    expected += sum(np.trace(c) for c in covariances) - 2 * np.trace(root)
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(30, 4), (5, 60), (2, 1)])
def test_frechet_of_the_same_set_is_zero(shape):
    a = normal(0, *shape) * 100
    assert frechet_distance(a, a) <= 1e-12 * a.var() * shape[1]
    assert frechet_distance(a, a[::-1]) <= 1e-12 * a.var() * shape[1]


def test_frechet_of_a_shift_is_its_square():
    a, shift = normal(0, 40, 3), np.array([1.0, -2.0, 2.0])
    np.testing.assert_allclose(frechet_distance(a, a + shift), 9, rtol=1e-10)


@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 8), st.integers(0, 9))
def test_frechet_laws(n, m, d, seed):
    a, b = normal(seed, n, d), normal(seed + 100, m, d) * 3
    found = frechet_distance(a, b)
    tolerance = {"rtol": 1e-8, "atol": 1e-10}
    np.testing.assert_allclose(frechet_distance(b, a), found, **tolerance)
    turn, shift = rotation(d), normal(7, d)
    np.testing.assert_allclose(
        frechet_distance(a @ turn + shift, b @ turn + shift), found, **tolerance
    )
    np.testing.assert_allclose(frechet_distance(10 * a, 10 * b), 100 * found, **tolerance)
    assert found >= 0


def test_frechet_far_from_the_origin():
    a, b = normal(0, 300, 4), normal(1, 300, 4) * 1.5
    far = frechet_distance(a + 1e6, b + 1e6)
    np.testing.assert_allclose(far, frechet_distance(a, b), rtol=1e-6)


def test_frechet_of_single_precision_is_computed_in_double():
    a, b = (normal(seed, 60, 5).astype(np.float32) for seed in (0, 1))
    exact = frechet_distance(a.astype(np.float64), b.astype(np.float64))
    assert frechet_distance(a, b) == exact
    assert frechet_distance(torch.from_numpy(a), torch.from_numpy(b)) == exact


# Kernel


@pytest.mark.parametrize(
    ("kernel", "formula"),
    [
        (None, cubic),
        (Gaussian(0.3), lambda x, y: math.exp(-0.3 * ((x - y) ** 2).sum())),
        (Linear(), lambda x, y: x @ y),
        (Polynomial(2, 0.5, 0.0) + 2.0 * Linear(), lambda x, y: (x @ y / 2) ** 2 + 2 * x @ y),
    ],
)
def test_kernel_distance_against_double_loops(kernel, formula):
    x, y = normal(0, 12, 3), normal(1, 12, 3) + 0.4
    found = kernel_distance(x, y, kernel, subsets=1, size=12, memory="10 KB")
    np.testing.assert_allclose(found.mean, discrepancy_by_loops(x, y, formula), rtol=1e-10)
    assert math.isnan(found.error)


def test_kernel_distance_over_subsets():
    x, y = normal(0, 30, 3), normal(1, 20, 3) + 0.4
    found = kernel_distance(x, y, subsets=7, size=6, seed=3)
    generator = np.random.default_rng(3)
    values = []
    for _ in range(7):
        parts = [rows[generator.choice(len(rows), 6, replace=False)] for rows in (x, y)]
        values.append(discrepancy_by_loops(*parts, cubic))
    np.testing.assert_allclose(found.mean, np.mean(values), rtol=1e-10)
    np.testing.assert_allclose(found.error, np.std(values, ddof=1) / 7**0.5, rtol=1e-10)
    assert kernel_distance(x, y, subsets=7, size=6, seed=4) != found


def test_kernel_distance_is_unbiased():
    # Of subsets of one distribution: around zero, on either side, however small the subsets.
    x, y = normal(0, 3000, 4), normal(1, 3000, 4)
    for size in (5, 50):
        found = kernel_distance(x, y, Gaussian(0.2), subsets=200, size=size)
        assert abs(found.mean) < 4 * found.error + 1e-3


def test_kernel_distance_of_the_same_set_is_near_zero():
    x = normal(0, 400, 4)
    found = kernel_distance(x, x, Gaussian(0.2))
    assert abs(found.mean) < 0.01 < kernel_distance(x, x + 1, Gaussian(0.2)).mean


def test_kernel_distance_by_default_takes_half_of_the_smaller_set(monkeypatch):
    x, y = normal(0, 30, 3), normal(1, 11, 3)
    assert kernel_distance(x, y) == kernel_distance(x, y, size=5)
    assert kernel_distance(x[:2], y[:3]) == kernel_distance(x[:2], y[:3], size=2)
    monkeypatch.setattr("ogive.images.distances._SUBSET_ROWS", 4)
    assert kernel_distance(x, y) == kernel_distance(x, y, size=4)


def test_kernels_that_name_a_rule_are_resolved():
    x, y = normal(0, 40, 3), normal(1, 40, 3)
    resolved = Gaussian("scale").resolve(x)
    assert kernel_distance(x, y, Gaussian("scale")) == kernel_distance(x, y, resolved)


@pytest.mark.parametrize(
    "kernel",
    [
        Sigmoid(0.1, -1.0),
        Logistic(0.1),
        Polynomial(3, 1.0, -1.0),
        Gaussian(1.0) + Sigmoid(0.1),
        CallableKernel(lambda x, z: x @ z.T),
    ],
)
def test_indefinite_kernels_are_refused(kernel):
    with pytest.raises(InvalidParameterError, match=r"not known to be positive definite.*Gaussian"):
        kernel_distance(normal(0, 5, 2), normal(1, 5, 2), kernel)


def test_kernel_distance_refused():
    x = normal(0, 6, 2)
    for size in (1, 7):
        with pytest.raises(InvalidParameterError, match=rf"size={size}; it must be 2 to 6"):
            kernel_distance(x, x, size=size)
    with pytest.raises(InvalidParameterError, match="subsets=0"):
        kernel_distance(x, x, subsets=0)
    with pytest.raises(InvalidTypeError, match="kernel='rbf' is no kernel"):
        kernel_distance(x, x, "rbf")


# Neighbours


@pytest.mark.parametrize(
    ("n", "m", "d", "k"), [(20, 15, 3, 5), (2, 1, 1, 1), (30, 40, 2, 3), (6, 9, 4, 5)]
)
def test_coverage_and_density_against_double_loops(n, m, d, k):
    real, generated = normal(0, n, d), normal(1, m, d) * 0.8
    inside = balls_by_loops(real, generated, k)
    for memory in ("256 MB", SMALL):
        assert coverage(real, generated, k, memory=memory) == inside.any(1).mean()
        assert density(real, generated, k, memory=memory) == pytest.approx(inside.sum() / (k * m))


@given(st.integers(0, 30), st.integers(1, 4))
def test_ties_are_decided_exactly(seed, k):
    # Whole numbers on a small grid: many equal distances, at a place where products round.
    generator = np.random.default_rng(seed)
    real, generated = (generator.integers(0, 3, (count, 2)) for count in (12, 9))
    inside = balls_by_loops(real, generated, k)
    real, generated = real * 0.5 + 4096.0, generated * 0.5 + 4096.0
    assert coverage(real, generated, k) == inside.any(1).mean()
    assert density(real, generated, k) == pytest.approx(inside.sum() / (k * 9))


def test_a_set_covers_itself():
    real = normal(0, 60, 8)
    assert coverage(real, real) == 1
    assert density(real, real) == 1
    assert coverage(real, real + 1000) == density(real, real + 1000) == 0


def test_expected_values_of_one_distribution():
    real, generated = normal(0, 2000, 4), normal(1, 2000, 4)
    assert coverage(real, generated, 3) == pytest.approx(1 - 2**-3, abs=0.03)
    assert density(real, generated, 3) == pytest.approx(1, abs=0.05)


def test_balls_are_open():
    line = np.arange(5.0)[:, None]
    assert coverage(line, np.array([[-1.0]]), 1) == 0
    assert coverage(line, np.array([[-0.99]]), 1) == 0.2
    copies = np.zeros((6, 2))
    assert coverage(copies, copies, 5) == 0  # five copies of each: no room around any


def test_neighbours_refused():
    x = normal(0, 5, 2)
    for measure in (coverage, density):
        with pytest.raises(InvalidParameterError, match=r"neighbours=5 of 5 real rows; .* most 4"):
            measure(x, x)
        with pytest.raises(InvalidParameterError, match="neighbours=0"):
            measure(x, x, 0)


@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (1, 4, 2), (40, 30, 5)])
def test_nearest_against_all_distances(n, m, d):
    real, generated = normal(0, n, d), normal(1, m, d)
    every = np.sqrt(((generated[:, None] - real[None]) ** 2).sum(-1))
    for memory in ("256 MB", SMALL):
        found = nearest(real, generated, memory=memory)
        np.testing.assert_array_equal(found.index, every.argmin(1))
        np.testing.assert_allclose(found.distance, every.min(1), rtol=1e-12)


def test_copies_are_found_at_no_distance():
    real = normal(0, 50, 6).astype(np.float32) + 1000
    found = nearest(real, real[::-1].copy())
    assert found.index.tolist() == list(range(49, -1, -1))
    assert (found.distance == 0).all()
    assert nearest(real[[3, 5, 3]], real[[3]]).index.tolist() == [0]  # of equal ones the first


def test_nearest_answers_in_kind():
    real, generated = normal(0, 5, 2), normal(1, 4, 2)
    found = nearest(real, generated)
    assert found.index.dtype == np.int64 and found.distance.dtype == np.float64
    told = nearest(real, torch.from_numpy(generated).requires_grad_())
    assert isinstance(told.index, torch.Tensor) and not told.distance.requires_grad
    np.testing.assert_array_equal(told.index.numpy(), found.index)


def test_no_tile_is_larger_than_the_budget(monkeypatch):
    before, largest = torch.mm, []

    def watched(left, right, out):
        largest.append(out.numel() * 8)
        return before(left, right, out=out)

    monkeypatch.setattr(neighbours.torch, "mm", watched)
    coverage(normal(0, 100, 3), normal(1, 90, 3), memory="8 KB")
    assert max(largest) <= 8000 and len(largest) > 20


# All of them

MEASURES = {
    "frechet": frechet_distance,
    "kernel": lambda a, b: kernel_distance(a, b, Gaussian(0.2), subsets=20).mean,
    "uncovered": lambda a, b: 1 - coverage(a, b),
    "thin": lambda a, b: -density(a, b),
    "nearest": lambda a, b: float(nearest(a, b).distance.mean()),
}


@pytest.mark.parametrize("name", MEASURES)
def test_what_turns_and_moves_both_changes_nothing(name):
    a, b = normal(0, 150, 4), normal(1, 120, 4) * 1.2
    turn = rotation(4)
    found = MEASURES[name](a, b)
    assert MEASURES[name](a @ turn + 5, b @ turn + 5) == pytest.approx(found, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_more_noise_is_farther(name):
    real, noise = normal(0, 400, 4), normal(1, 400, 4)
    found = [MEASURES[name](real, real + level * noise) for level in (0, 0.5, 1, 2, 4)]
    assert found == sorted(found) and found[0] < found[-1]


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance, coverage, density, nearest])
def test_refused_by_all(measure):
    x = normal(0, 9, 2)
    with pytest.raises(InvalidDataError, match=r"has 3 features and .* has 2"):
        measure(x, normal(0, 9, 3))
    with pytest.raises(InvalidDataError, match="contains NaN"):
        measure(x, np.where(x > 0, np.nan, x))
    with pytest.raises(InvalidDataError, match="at least one row"):
        measure(x, x[:0])
    with pytest.raises(InvalidTypeError, match="is sparse"):
        measure(sparse.csr_matrix(x), x)


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance])
def test_one_row_has_no_spread(measure):
    with pytest.raises(InvalidDataError, match="b has 1 rows; it must have at least 2"):
        measure(normal(0, 5, 2), normal(0, 1, 2))


# The floor


def test_the_floor_is_between_two_halves():
    real = np.arange(11.0)[:, None]
    halves = half_floor(real, lambda a, b: (a, b), seed=1)
    assert [len(part) for part in halves] == [5, 5]
    together = np.concatenate(halves).ravel().tolist()
    assert len(set(together)) == 10 and set(together) <= set(real.ravel().tolist())
    assert half_floor(real, lambda a, b: a.tolist(), seed=1) == halves[0].tolist()
    assert half_floor(real, lambda a, b: a.tolist(), seed=2) != halves[0].tolist()


def test_the_floor_of_each_measure():
    real = normal(0, 600, 4)
    assert 0 < half_floor(real, frechet_distance) < 0.1
    assert abs(half_floor(real, partial(kernel_distance, kernel=Gaussian(0.2))).mean) < 0.01
    assert half_floor(real, coverage) > 0.9
    tensor = torch.from_numpy(real)
    assert half_floor(tensor, frechet_distance) == half_floor(real, frechet_distance)
    with pytest.raises(InvalidDataError, match="real has 1 rows; it must have at least 2"):
        half_floor(real[:1], coverage)
