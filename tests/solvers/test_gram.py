"""Gram matrices added up in float64 and of 8-bit digits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ogive.estimators import KernelRidge, KernelRidgeClassifier
from ogive.kernels import Gaussian, Sigmoid
from ogive.solvers import gram as gram_module
from ogive.solvers.gram import RoundedGram, add_gram

fast_only = pytest.mark.skipif(
    not torch.cpu._is_amx_tile_supported(), reason="this processor has no fast 8-bit products"
)


def lower(block):
    return (block.T @ block).tril()


def rounded_sum(*blocks):
    """Return the lower triangle of the sum and what rounding has added."""
    width = blocks[0].shape[1]
    gram = torch.zeros(width, width, dtype=torch.float64)
    rounded = RoundedGram(gram)
    for block in blocks:
        rounded.add(block)
    rounded.finish()
    return gram.tril(), rounded.rounding


def step_for(block):
    return 1.125 * float(block.abs().max()) / 32_385


@pytest.mark.parametrize(("rows", "width"), [(0, 3), (1, 1), (70, 5), (50, 80)])
def test_added_in_float64_it_is_the_lower_triangle(rows, width):
    block = torch.randn(rows, width, dtype=torch.float64)
    gram = torch.zeros(width, width, dtype=torch.float64)
    add_gram(gram, block)
    torch.testing.assert_close(gram.tril(), lower(block), rtol=1e-12, atol=1e-12)


@fast_only
@pytest.mark.parametrize("width", [20, 64, 513])
def test_of_digits_it_is_that_of_a_rounded_block(width):
    block = torch.randn(500, width, dtype=torch.float64)
    gram, rounding = rounded_sum(block)
    step = step_for(block)
    assert rounding == pytest.approx(500 * step**2 / 12)
    close_by = (block * (1 / step)).float().round().double() * step
    torch.testing.assert_close(gram, lower(close_by), rtol=1e-12, atol=1e-9)
    assert float((gram - lower(block)).abs().max()) < 6 * 500**0.5 * step


@fast_only
def test_whole_numbers_of_steps_are_added_exactly(monkeypatch):
    monkeypatch.setattr(gram_module, "_HEADROOM", 1.0)
    generator = torch.Generator().manual_seed(0)
    block = torch.randint(-32_385, 32_386, (300, 40), generator=generator).double()
    block[0, 0], block[1, 1] = 32_385, -32_385
    gram, rounding = rounded_sum(block)
    assert rounding == 300 / 12
    assert torch.equal(gram, lower(block))


@fast_only
@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    scales=st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6),
    height=st.integers(1, 50),
)
def test_blocks_of_any_height_and_scale_add_up(sizes, scales, height):
    generator = torch.Generator().manual_seed(sum(sizes))
    blocks = [
        torch.randn(size, 17, dtype=torch.float64, generator=generator) * scale
        for size, scale in zip(sizes, scales, strict=False)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gram_module, "_HEIGHT", height)
        gram, rounding = rounded_sum(*blocks)
    whole = torch.cat(blocks)
    if not len(whole):
        assert not gram.any()
        return
    largest = float(whole.abs().max())
    assert rounding <= len(whole) * (1.125 * largest / 32_385) ** 2 / 12
    assert float((gram - lower(whole)).abs().max()) <= len(whole) * largest**2 / 25_000


@fast_only
def test_blocks_that_rounding_would_harm_are_added_as_they_are():
    outlier = torch.randn(1500, 20, dtype=torch.float64)
    outlier[3, 4] = 1e5
    for block in (outlier, torch.zeros(500, 20, dtype=torch.float64)):
        gram, rounding = rounded_sum(block)
        assert rounding == 0
        torch.testing.assert_close(gram, lower(block), rtol=1e-12, atol=1e-12)


@fast_only
def test_an_infinite_number_is_not_lost():
    block = torch.randn(50, 20, dtype=torch.float64)
    block[3, 4] = torch.inf
    assert not torch.isfinite(rounded_sum(block)[0][4, 4])


def drawn(n):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 8))
    noise = 0.3 * generator.normal(size=n)
    return X, np.sin(X[:, 0]) * X[:, 1] + noise


@fast_only
@pytest.mark.parametrize("kernel", [Sigmoid(0.05, 0.5), Gaussian(0.05)])
@pytest.mark.parametrize("alpha", [1e-6, 1e-2, "auto"])
def test_classes_of_float32_rows_are_told_like_those_of_float64_ones(kernel, alpha):
    X, y = drawn(8000)
    classes = np.digitize(y, [-0.3, 0.3])
    options = {"kernel": kernel, "approximation": "nystroem", "landmarks": X[:300]}
    train, test = slice(6000), slice(6000, None)
    exact, fast = (
        KernelRidgeClassifier(alpha, **options).fit(rows[train], classes[train])
        for rows in (X, X.astype(np.float32))
    )
    scores = [m.score(X[test], classes[test]) for m in (exact, fast)]
    assert scores[0] > 0.6
    assert abs(scores[0] - scores[1]) < 0.01


@pytest.mark.parametrize("kernel", [Sigmoid(0.05, 0.5), Gaussian(0.05)])
def test_values_are_fitted_without_rounding(monkeypatch, kernel):
    X, y = drawn(6000)
    monkeypatch.setattr(RoundedGram, "add", None)
    KernelRidge(1e-3, kernel=kernel, landmarks=X[:300]).fit(X.astype(np.float32), y)
