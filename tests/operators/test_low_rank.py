"""The low-rank operator against the operator contract."""

import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

from ogive._errors import InvalidDataError
from ogive.operators import LowRank
from ogive.testing import OPERATOR_CHECKS, OperatorCase, read_only

SHAPES = [(1, 1, 1), (5, 2, 3), (3, 7, 1), (6, None, 2)]


def factors(n, m, rank, dtype):
    generator = np.random.default_rng(0)
    left, right, weights = (
        read_only(generator.uniform(-1, 1, size).astype(dtype))
        for size in ((n, rank), (m or n, rank), rank)
    )
    return left, left if m is None else right, weights


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("check", OPERATOR_CHECKS, ids=lambda c: c.__name__)
def test_operator_contract(check, dtype, weighted):
    for n, m, rank in SHAPES:
        left, right, weights = factors(n, m, rank, dtype)
        scale = weights.astype(float) if weighted else np.ones(rank)
        dense = sum(
            scale[r] * np.outer(left[:, r].astype(float), right[:, r].astype(float))
            for r in range(rank)
        )

        def make(container, left=left, right=right, weights=weights, m=m):
            return LowRank(
                container(left),
                container(weights) if weighted else None,
                None if m is None else container(right),
            )

        kind = torch.float32 if dtype == np.float32 else torch.float64
        check(OperatorCase(make, dense, kind))


def test_gradients_flow():
    left, right, weights = (torch.tensor(f) for f in factors(4, 3, 2, np.float64))
    v = torch.ones(3, 2, dtype=torch.float64)
    inputs = [t.requires_grad_() for t in (left, weights, right, v)]
    assert torch.autograd.gradcheck(lambda a, w, b, v: LowRank(a, w, b) @ v, inputs)


def test_sparse_factors_and_whole_weights():
    left = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    op = LowRank(sparse.csr_matrix(left), weights=[1, -1])
    assert np.array_equal(op.to_dense(), left @ np.diag([1, -1]) @ left.T)


def test_factors_of_two_types_have_the_wider_one():
    left, right, weights = factors(4, 3, 2, np.float64)
    op = LowRank(left.astype(np.float32), weights, right)
    expected = left.astype(np.float32).astype(float) * weights @ right.T
    assert op.dtype == torch.float64
    assert np.allclose(op.to_dense(), expected, atol=1e-15)
    assert np.allclose(op @ np.eye(3), expected, atol=1e-15)
    assert np.allclose(op.rows([0, 2]), expected[[0, 2]], atol=1e-15)


def test_protected_weights_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LowRank(np.ones((2, 1)), read_only(np.ones(1)))


def test_factors_that_do_not_fit():
    left = np.ones((3, 2))
    for weights, right in ((np.ones(3), None), (None, np.ones((3, 1))), (np.ones((2, 1)), None)):
        with pytest.raises(InvalidDataError, match="rank"):
            LowRank(left, weights, right)
