"""Ridge on many features in blocks of 8 bits, against float64 normal equations."""

import pytest
import torch

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.solvers import wide_ridge
from ogive.solvers.wide_ridge import STEP, parts, rounded_, wide_ridge_sums


def draw(n, d, k):
    generator = torch.Generator().manual_seed(n + d)
    x = rounded_(torch.randn(n, d, generator=generator) + 0.5)
    return x, torch.randn(n, k, generator=generator) + x[:, :1]


def naive(x, y, ridge):
    """Return W and b of the centred problem."""
    x, y = x.double(), y.double()
    centred = x - x.mean(0)
    system = centred.T @ centred + ridge * torch.eye(x.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(system, centred.T @ (y - y.mean(0)))
    return weight, y.mean(0) - x.mean(0) @ weight


def solved(x, y, alpha, *, blocks=3, kept=1000):
    sums = wide_ridge_sums(x.shape[1], y.shape[1], len(x), kept=kept)
    for rows, targets in zip(x.chunk(blocks), y.chunk(blocks), strict=True):
        sums.add(rows.clone(), targets)
    return sums.solve(alpha)


@pytest.mark.parametrize(("n", "d", "k"), [(200, 30, 3), (40, 90, 2), (30, 30, 1), (6, 1, 1)])
@pytest.mark.parametrize("alpha", [1e-3, 0.1])
def test_agrees_with_the_normal_equations(monkeypatch, n, d, k, alpha):
    monkeypatch.setattr(wide_ridge, "_COLUMNS", 16)
    x, y = draw(n, d, k)
    found = solved(x, y, alpha)
    weight, intercept = naive(x, y, alpha * n)
    # Float32 sums and factors: the condition number is at most 1 + trace / (alpha n) = 2e5.
    torch.testing.assert_close(found.weight.double(), weight, rtol=2e-3, atol=2e-4)
    torch.testing.assert_close(found.intercept.double(), intercept, rtol=2e-3, atol=5e-4)


@pytest.mark.parametrize(("n", "d"), [(60, 20), (25, 50)])
@pytest.mark.parametrize("left", [slice(0, 1), slice(3, 10), slice(15, 25), slice(4, 4)])
def test_rows_are_left_out_as_by_solving_without_them(n, d, left):
    x, y = draw(n, d, 2)
    alpha = 0.05
    sums = wide_ridge_sums(d, 2, n, kept=n)
    for rows, targets in zip(x.chunk(3), y.chunk(3), strict=True):
        sums.add(rows.clone(), targets)
    found = sums.solve(alpha)
    weight, intercept = sums.without(found.weight, found.intercept, left)
    others = torch.ones(n, dtype=torch.bool)
    others[left] = False
    expected = naive(x[others], y[others], alpha * n)
    torch.testing.assert_close(weight.double(), expected[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(intercept.double(), expected[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("rows", "width"), [(0, 3), (7, 3), (25, 10)])
def test_the_first_rows_are_kept(rows, width):
    x, y = draw(25, width, 2)
    sums = wide_ridge_sums(width, 2, 25, kept=rows)
    for some, targets in zip(x.split(10), y.split(10), strict=True):
        sums.add(some.clone(), targets)
    kept = torch.cat([torch.zeros(0, width), *parts(sums.kept, slice(0, rows))])
    torch.testing.assert_close(kept * STEP, x[:rows])


@pytest.mark.parametrize(("n", "d"), [(60, 20), (25, 50)])
def test_blocks_do_not_matter(n, d):
    x, y = draw(n, d, 2)
    one, many = solved(x, y, 0.01, blocks=1), solved(x, y, 0.01, blocks=5)
    torch.testing.assert_close(one.weight, many.weight, rtol=1e-3, atol=1e-5)


def test_rows_are_rounded_in_place():
    sums, rows = wide_ridge_sums(3, 1, 3), torch.tensor([[0.26, 2.0, 9.0], [3.0, -0.03, -9.0]])
    sums.add(rows, torch.zeros(2, 1))
    torch.testing.assert_close(rows, torch.tensor([[0.25, 2.0, 6.35], [3.0, -0.05, -6.35]]))


def test_processors_without_fast_whole_products_agree(monkeypatch):
    x, y = draw(200, 30, 2)
    fast = solved(x, y, 0.01)
    for name in ("_is_amx_tile_supported", "_is_vnni_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    torch.testing.assert_close(solved(x, y, 0.01).weight, fast.weight, rtol=0, atol=0)


@pytest.mark.parametrize("rows_of_sum", [1, 7, 60])
def test_more_rows_than_32_bits_can_hold_are_summed_all_the_same(monkeypatch, rows_of_sum):
    x, y = draw(200, 30, 2)
    expected = solved(x, y, 0.01)
    monkeypatch.setattr(wide_ridge, "_MOST_SUM", rows_of_sum * 127**2)
    torch.testing.assert_close(solved(x, y, 0.01).weight, expected.weight, rtol=1e-3, atol=1e-5)


def test_no_sum_overflows():
    x = torch.full((140_000, 3), 6.35) * torch.tensor([1.0, -1.0, 1.0])
    x[::2] *= -1
    x[::3, 2] = 0.0
    y = x[:, :1] + torch.randn(len(x), 1, generator=torch.Generator().manual_seed(0))
    sums = wide_ridge_sums(3, 1, len(x))
    for some, targets in zip(x.chunk(40), y.chunk(40), strict=True):
        sums.add(some.clone(), targets)
    weight, _ = naive(x, y, len(x))
    # Targets are summed in float32, and equal features round to the same side each time.
    torch.testing.assert_close(sums.solve(1.0).weight.double(), weight, rtol=5e-3, atol=5e-3)


def test_what_cannot_be_solved_is_refused():
    sums = wide_ridge_sums(2, 1, 3)
    with pytest.raises(InvalidDataError, match="NaN or infinite"):
        sums.add(torch.tensor([[1.0, float("nan")]]), torch.zeros(1, 1))
    sums = wide_ridge_sums(2, 1, 3)
    sums.add(torch.ones(1, 2), torch.zeros(1, 1))
    with pytest.raises(InvalidDataError, match="1 rows were added"):
        sums.solve(0.1)
    with pytest.raises(InvalidParameterError, match="alpha=0"):
        sums.solve(0)
