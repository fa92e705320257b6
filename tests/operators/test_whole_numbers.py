"""Products of 8-bit integers, and what is made of them, to the last bit."""

import numpy as np
import pytest
import torch

from ogive._whole_numbers import product_of_digits, whole_product
from ogive.operators.whole_loops import squared_distances, sums


@pytest.mark.parametrize("rows", [1, 15, 16, 100])
@pytest.mark.parametrize("width", [1, 16, 90])
@pytest.mark.parametrize("columns", [1, 2, 16, 33])
def test_whole_products_are_exact(rows, width, columns):
    generator = torch.Generator().manual_seed(rows + width + columns)
    left = torch.randint(-128, 128, (rows, width), generator=generator, dtype=torch.int8)
    right = torch.randint(-128, 128, (width, columns), generator=generator, dtype=torch.int8)
    expected = (left.long() @ right.long()).int()
    assert torch.equal(whole_product(left, right), expected)
    assert torch.equal(whole_product(left, right.T.contiguous().T), expected)
    if rows > 1:
        other = torch.randint(-128, 128, (rows, columns), generator=generator, dtype=torch.int8)
        assert torch.equal(whole_product(left.T, other), (left.T.long() @ other.long()).int())


@pytest.mark.parametrize("columns", [1, 5, 20])
def test_products_of_digits_round_to_16_bits(columns):
    generator = torch.Generator().manual_seed(columns)
    whole = torch.randint(-127, 128, (40, 300), generator=generator, dtype=torch.int8)
    matrix = torch.randn(300, columns, generator=generator) * torch.logspace(-6, 6, columns)
    found = product_of_digits(whole, matrix)
    step = matrix.abs().amax(0) / 32_385
    error = (found.double() - whole.double() @ matrix.double()).abs() / step
    # Rounding errors are uniform: 300 of variance 1/12, times at most 127, five times that.
    assert float(error.max()) < 5 * 127 * (300 / 12) ** 0.5
    assert not product_of_digits(whole, torch.zeros(300, columns)).any()


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (17, 16)])
def test_tiles_are_finished_as_the_formulas_say(shape):
    generator = np.random.default_rng(sum(shape))
    rows, columns = (generator.integers(-128, 128, (side, 30)) for side in shape)
    products = (rows @ columns.T).astype(np.int32)
    norms = ((part**2).sum(1).astype(np.int32) for part in (rows, columns))
    out = np.empty(shape, np.float32)
    squared_distances(products, *norms, np.float32(0.5), np.float32(3), out)
    exact = ((rows[:, None] - columns[None]) ** 2).sum(2)
    np.testing.assert_array_equal(out, 0.5 * exact + 3)
    row, column = (np.arange(side, dtype=np.float32) for side in shape)
    sums(products, row, column, np.float32(0.25), out)
    np.testing.assert_array_equal(out, 0.25 * products + (row[:, None] + column))


def test_distances_at_the_limits_of_32_bits():
    # The widest rows that are multiplied in 8 bits, at opposite corners.
    width = 2**15 - 1
    low, high = (np.full((1, width), value, np.int64) for value in (-128, 127))
    products = (low @ high.T).astype(np.int32)
    norms = ((part**2).sum(1).astype(np.int32) for part in (low, high))
    out = np.empty((1, 1), np.float32)
    squared_distances(products, *norms, np.float32(1), np.float32(0), out)
    assert out[0, 0] == np.float32(width * 255**2)
