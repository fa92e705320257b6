"""The signed root of an indefinite matrix: L S Lᵀ = K, centred and weighted."""

import numpy as np
import pytest
import torch

from ogive._errors import InvalidDataError
from ogive.features import signed_root
from ogive.features.nystrom import APPROXIMATION_CUT, PREDICTION_CUT
from ogive.kernels import Gaussian, Sigmoid
from ogive.testing import assert_close, oracles
from ogive.testing.ridge_oracles import absolute_factor

X = np.random.default_rng(0).normal(size=(25, 8))
KERNELS = [Sigmoid(0.4, -0.2), Sigmoid(0.3, 0.5), Gaussian(0.3)]
WEIGHT = np.random.default_rng(1).integers(1, 5, 25).astype(float)

every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=str)


def root_of(matrix, **options):
    return signed_root(torch.tensor(matrix), cut=1e-13, **options)


@every_kernel
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("centred", [False, True])
def test_with_all_rows_as_landmarks_features_give_the_kernel(kernel, weight, centred):
    matrix = kernel(X)
    w = None if weight is None else torch.tensor(weight)
    root = root_of(matrix, centred=centred, weight=w)
    features = matrix @ root.root.numpy()
    if centred:
        expected = oracles.centred(matrix, weight)
        share = np.ones(25) if weight is None else weight
        features = features - (share @ features) / share.sum()
    else:
        expected = matrix
    rebuilt = features @ np.diag(root.signature.numpy()) @ features.T
    assert_close(rebuilt, expected, "root", np.float64)
    assert root.rank == 25 - centred
    assert set(root.signature.tolist()) <= {1.0, -1.0}
    assert ((root.signature < 0).any() == isinstance(kernel, Sigmoid)).item()


@every_kernel
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_centred_columns_sum_to_zero(kernel, weight):
    matrix = kernel(X)
    w = None if weight is None else torch.tensor(weight)
    root = root_of(matrix, centred=True, weight=w)
    assert float(root.root.sum(0).abs().max()) <= 1e-13 * float(root.root.abs().max())
    # So a constant of any size in the kernel changes no feature.
    shifted = root_of(matrix + 1e3, centred=True, weight=w)
    features, other = (m @ r.root.numpy() for m, r in ((matrix, root), (matrix + 1e3, shifted)))
    sizes = [
        f @ np.diag(r.signature.numpy()) @ f.T for f, r in ((features, root), (other, shifted))
    ]
    centre = [oracles.centred(s) for s in sizes]
    assert_close(centre[1], centre[0], "root", np.float64, amplification=1e3)


@every_kernel
def test_the_penalty_is_the_absolute_value(kernel):
    # β = root⁺ c: ‖β‖² = cᵀ |W| c, and with weights cᵀ D⁻¹ |D W D| D⁻¹ c.
    matrix, c = kernel(X), np.random.default_rng(2).normal(size=25)
    factor = absolute_factor(matrix)
    beta = np.linalg.solve(root_of(matrix).root.numpy(), c)
    assert_close(beta @ beta, c @ factor @ factor.T @ c, "root", np.float64, amplification=25)
    scale = np.sqrt(WEIGHT / WEIGHT.mean())
    beta = np.linalg.solve(root_of(matrix, weight=torch.tensor(WEIGHT)).root.numpy(), c)
    factor = absolute_factor(scale[:, None] * matrix * scale) / scale[:, None]
    assert_close(beta @ beta, c @ factor @ factor.T @ c, "root", np.float64, amplification=25)


def test_equal_weights_are_no_weights():
    matrix = KERNELS[0](X)
    plain = root_of(matrix, centred=True)
    equal = root_of(matrix, centred=True, weight=torch.full((25,), 7.0, dtype=torch.float64))
    for mine, other in (
        (plain.eigenvalues, equal.eigenvalues),
        (plain.root.abs(), equal.root.abs()),
    ):
        assert_close(mine, other, "root", np.float64)


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


@pytest.mark.parametrize("centred", [False, True])
def test_a_kernel_that_tells_no_rows_apart_is_refused(centred):
    matrix = torch.ones(4, 4, dtype=torch.float64) if centred else torch.zeros(4, 4).double()
    with pytest.raises(InvalidDataError, match="constant"):
        signed_root(matrix, cut=1e-7, centred=centred)


@pytest.mark.parametrize("n", [3, 7, 50])
@pytest.mark.parametrize("value", [0.1, -0.7, 3.3])
def test_a_constant_kernel_is_refused_whatever_its_value(n, value):
    # Centring leaves rounding noise, which is no kernel.
    matrix = torch.full((n, n), value, dtype=torch.float64)
    with pytest.raises(InvalidDataError, match="constant"):
        signed_root(matrix, cut=1e-7, centred=True)


def test_cuts_are_ordered_by_precision():
    assert PREDICTION_CUT[torch.float64] < PREDICTION_CUT[torch.float32] < APPROXIMATION_CUT
