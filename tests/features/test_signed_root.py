"""The signed root of an indefinite matrix: L S Lᵀ = K."""

import numpy as np
import pytest
import torch

from ogive._errors import InvalidDataError
from ogive.features import signed_root
from ogive.features.nystrom import APPROXIMATION_CUT, PREDICTION_CUT
from ogive.kernels import Gaussian, Sigmoid
from ogive.testing import assert_close
from ogive.testing.ridge_oracles import absolute_factor

X = np.random.default_rng(0).normal(size=(25, 8))
KERNELS = [Sigmoid(0.4, -0.2), Sigmoid(0.3, 0.5), Gaussian(0.3)]

every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=str)


def root_of(matrix):
    return signed_root(torch.tensor(matrix), cut=1e-13)


@every_kernel
def test_with_all_rows_as_landmarks_features_give_the_kernel(kernel):
    matrix = kernel(X)
    root = root_of(matrix)
    features = matrix @ root.root.numpy()
    rebuilt = features @ np.diag(root.signature.numpy()) @ features.T
    assert_close(rebuilt, matrix, "root", np.float64)
    assert root.rank == 25
    assert set(root.signature.tolist()) <= {1.0, -1.0}
    assert ((root.signature < 0).any() == isinstance(kernel, Sigmoid)).item()


@every_kernel
def test_the_squared_norm_of_coefficients_is_that_of_the_absolute_value(kernel):
    # β = root⁺ c: ‖β‖² = cᵀ |W| c.
    matrix, c = kernel(X), np.random.default_rng(2).normal(size=25)
    factor = absolute_factor(matrix)
    beta = np.linalg.solve(root_of(matrix).root.numpy(), c)
    assert_close(beta @ beta, c @ factor @ factor.T @ c, "root", np.float64, amplification=25)


def test_eigenvalues_are_sorted_and_cut():
    values = np.array([4.0, -3.0, 1e-3, -1e-5, 0.0])
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    matrix = torch.tensor(basis * values @ basis.T)
    for cut, rank in ((1e-7, 4), (1e-5, 3), (1e-3, 2), (0.8, 1)):
        root = signed_root(matrix, cut=cut)
        assert root.rank == rank
        assert_close(root.eigenvalues, values[:rank], "root", np.float64)
        assert root.signature.tolist() == np.sign(values[:rank]).tolist()
    # The mass is that of all eigenvalues, dropped ones included.
    assert root.negative_mass == pytest.approx(3.00001 / 7.00101, rel=1e-9)
    assert root.root.shape == (5, 1)


def test_a_kernel_that_tells_no_rows_apart_is_refused():
    with pytest.raises(InvalidDataError, match="constant"):
        signed_root(torch.zeros(4, 4, dtype=torch.float64), cut=1e-7)


def test_cuts_are_ordered_by_precision():
    assert PREDICTION_CUT[torch.float64] < PREDICTION_CUT[torch.float32] < APPROXIMATION_CUT
