"""Definiteness, measured, against eigenvalues of the written-out matrices."""

import numpy as np
import pytest
import torch
from scipy import sparse

from ogive._errors import InvalidParameterError
from ogive.kernels import CallableKernel, Gaussian, Linear, Sigmoid, definiteness
from ogive.kernels.spectrum import CONDITIONAL, INDEFINITE, POSITIVE, centre
from ogive.testing import KERNEL_CASES, SYMMETRIC_CASES, assert_close, oracles

X = np.random.default_rng(0).uniform(-1, 1, (40, 3))


@pytest.mark.parametrize("case", SYMMETRIC_CASES, ids=str)
def test_counts_and_masses_equal_those_of_the_written_out_matrices(case):
    # A tolerance far above rounding, so that no eigenvalue lies on the border.
    found = definiteness(case.kernel, X, tolerance=1e-8)
    matrix = case.oracle(X, X)
    count, mass = oracles.negative_share(matrix, 1e-8)
    assert found.plain.negative_count == count and found.sample_size == 40
    assert found.plain.negative_mass == pytest.approx(mass, abs=1e-9)
    # The kernel's precise form differs by a constant, which centring removes.
    centred = oracles.centred(matrix)
    if np.abs(centred).max() > 1e-6:
        count, mass = oracles.negative_share(centred, 1e-8)
        assert found.centred.negative_count == pytest.approx(count, abs=1)
        assert found.centred.negative_mass == pytest.approx(mass, abs=1e-6)
    assert np.allclose(found.plain.eigenvalues, np.linalg.eigvalsh(matrix), atol=1e-10)


def negative_distance(x, z):
    return -((x[:, None, :] - z[None, :, :]) ** 2).sum(2)


@pytest.mark.parametrize(
    ("kernel", "verdict"),
    [
        (Gaussian(0.5), POSITIVE),
        (Linear(), POSITIVE),
        (-1.0 * Linear(), INDEFINITE),
        (Sigmoid(0.5, 0.0), INDEFINITE),
        (Sigmoid(0.5, 2.0), INDEFINITE),
        pytest.param(CallableKernel(negative_distance), CONDITIONAL, id="negative distance"),
    ],
    ids=str,
)
def test_verdicts(kernel, verdict):
    found = kernel.definiteness(X)
    assert found.verdict == verdict and str(found).startswith(verdict)
    assert (found.plain.negative_count == 0) == (verdict == POSITIVE)
    assert definiteness(kernel, torch.tensor(X)).verdict == verdict


def test_rounding_noise_of_a_definite_kernel_counts_as_zero():
    found = definiteness(Gaussian(1e-3), X)  # eigenvalues down to 1e-16 of the largest
    assert found.verdict == POSITIVE and found.plain.negative_mass == 0.0


def test_a_sample_is_drawn_and_the_draw_is_repeatable():
    kernel = Sigmoid("scale", -0.2)
    small = [definiteness(kernel, X, sample_size=25, random_state=s) for s in (0, 0, 1)]
    assert [s.sample_size for s in small] == [25, 25, 25]
    assert np.array_equal(small[0].plain.eigenvalues, small[1].plain.eigenvalues)
    assert not np.array_equal(small[0].plain.eigenvalues, small[2].plain.eigenvalues)
    sparse_found = definiteness(kernel, sparse.csr_matrix(X), sample_size=25)
    assert sparse_found.plain.negative_count == small[0].plain.negative_count
    # The scale is that of all rows, not of the sample.
    resolved = definiteness(kernel.resolve(X), X, sample_size=25)
    assert np.array_equal(resolved.plain.eigenvalues, small[0].plain.eigenvalues)


def test_a_constant_near_minus_one_hides_nothing():
    # tanh + 1 is of size 1e-8 here: centred plain values would have lost half of their digits.
    kernel = Sigmoid(0.5, -9.5)
    precise = oracles.centred(oracles.tanh_plus_one(0.5, -9.5)(X, X))
    found = definiteness(kernel, X, tolerance=1e-10)
    values = np.linalg.eigvalsh(precise)
    assert np.allclose(found.centred.eigenvalues, values, atol=1e-12 * np.abs(values).max())


def test_centring_with_weights_is_centring_with_repetitions():
    weight = np.array([1, 3, 2, 1])
    matrix = Sigmoid(0.4, -0.3)(X[:4])
    expected = oracles.centred(matrix, weight)
    found = centre(torch.tensor(matrix), torch.tensor(weight, dtype=torch.float64))
    assert_close(found, expected, "entry", np.float64)
    index = np.repeat(np.arange(4), weight)
    repeated = centre(torch.tensor(matrix[np.ix_(index, index)]))
    assert_close(repeated, expected[np.ix_(index, index)], "entry", np.float64)


def test_refusals():
    asymmetric = next(case for case in KERNEL_CASES if not case.kernel.symmetric)
    with pytest.raises(InvalidParameterError, match="not symmetric"):
        definiteness(asymmetric.kernel, X)
    with pytest.raises(InvalidParameterError, match="sample_size"):
        definiteness(Linear(), X, sample_size=0)
    with pytest.raises(InvalidParameterError, match="tolerance"):
        definiteness(Linear(), X, tolerance=-1.0)
