"""Inner products of rounded rows: how close, still semidefinite, and when they are not rounded."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ogive._whole_numbers import fast_whole_products
from ogive.estimators import KernelSVC
from ogive.kernels import Gaussian
from ogive.solvers import rounded_products
from ogive.solvers.rounded_products import inner_products, random_rotation, worth_rounding

needs_fast = pytest.mark.skipif(not fast_whole_products(), reason="no fast 8-bit products here")


@pytest.fixture
def few(monkeypatch):
    """Round products of few rows too."""
    monkeypatch.setattr(rounded_products, "_LEAST_ROWS", 1)


def turned(rows, width, decay):
    generator = torch.Generator().manual_seed(rows)
    z = torch.randn(rows, width, generator=generator) * torch.arange(1, width + 1) ** -decay
    return z @ random_rotation(width, 1).float()


@needs_fast
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_errors_are_as_small_as_said_and_no_eigenvalue_is_negative(few, decay):
    z = turned(300, 400, decay)
    exact = z.double() @ z.double().T
    largest, deviation = float(z.abs().max()), float(z.square().mean().sqrt())
    crest = largest / deviation
    found = inner_products(z)
    error = (found - exact).square().mean().sqrt()
    assert float(error) < 1.5 * crest * deviation**2 * 400**0.5 / 155
    assert float(error) > 1e-7 * float(exact.diagonal().mean())  # they were rounded indeed
    # What is left in z is what was multiplied.
    torch.testing.assert_close(found.double(), z.double() @ z.double().T, rtol=1e-5, atol=1e-4)
    assert float(torch.linalg.eigvalsh(found.double())[0]) > -1e-3


@needs_fast
def test_far_larger_entries_are_not_rounded_away(few):
    z = turned(100, 50, 0.0)
    z[3, 4] = 1000.0
    exact = z @ z.T
    torch.testing.assert_close(inner_products(z.clone()), exact, rtol=1e-5, atol=1e-3)
    assert not inner_products(torch.zeros(40, 20)).any()


def test_few_rows_and_double_precision_are_exact():
    z = turned(100, 50, 0.0)
    torch.testing.assert_close(inner_products(z), z @ z.T)
    assert not worth_rounding(10**6, torch.float64) and not worth_rounding(16_383, torch.float32)


@needs_fast
def test_machines_of_landmarks_answer_as_without_rounding(monkeypatch):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    model = KernelSVC(kernel=Gaussian("scale"), C=10, approximation="nystroem", n_components=300)
    exact = model.fit(X[:1200], y[:1200]).decision_function(X[1200:])
    monkeypatch.setattr(rounded_products, "_LEAST_ROWS", 1)
    rounded = model.fit(X[:1200], y[:1200])
    assert (rounded.decision_function(X[1200:]).argmax(1) == exact.argmax(1)).mean() > 0.995
    assert rounded.score(X[1200:], y[1200:]) > 0.95
