"""Scaling against numpy, dense and sparse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.preprocessing.scaling import Scaling

generator = np.random.default_rng(0)
X = generator.normal(size=(50, 4)) * [1, 100, 0, 1e-3] + [0, 1e6, 7, -1]
X[:, 0] *= generator.random(50) < 0.3  # mostly zeros
NEW = generator.normal(size=(5, 4))
CSR = sparse.csr_matrix(X * [1, 1, 0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standard_is_mean_and_deviation(dtype):
    rows = X.astype(dtype)
    exact = rows.astype(np.float64)
    mean, deviation = exact.mean(0), exact.std(0)
    deviation[2] = 1  # a constant column is centred and not divided by 0
    scaling = Scaling.fit(rows, "standard")
    for given in (rows, NEW.astype(dtype)):
        found = scaling.apply(given)
        assert found.dtype == dtype
        # In float32 the mean itself is rounded: of 1e6 to 0.03, in units of 100.
        np.testing.assert_allclose(
            found,
            (given.astype(np.float64) - mean) / deviation,
            rtol=1e-9 if dtype == np.float64 else 1e-6,
            atol=1e-9 if dtype == np.float64 else 1e-3,
        )
    assert (scaling.apply(rows)[:, 2] == 0).all()
    assert str(scaling) == "centred, scaled"


def test_centre_is_the_mean():
    scaling = Scaling.fit(X, "centre")
    np.testing.assert_allclose(scaling.apply(NEW), NEW - X.mean(0), rtol=1e-12)
    assert scaling.scale is None and str(scaling) == "centred"


def test_sparse_rows_are_divided_and_stay_sparse():
    scaling = Scaling.fit(CSR, "standard")
    deviation = CSR.toarray().std(0)
    deviation[2] = 1
    for given in (CSR, CSR.astype(np.float32)):
        found = scaling.apply(given)
        assert isinstance(found, sparse.csr_matrix) and found.dtype == given.dtype
        assert found.nnz == CSR.nnz
        rtol = 1e-12 if given.dtype == np.float64 else 1e-6
        np.testing.assert_allclose(found.toarray(), CSR.toarray() / deviation, rtol=rtol)
    assert str(scaling) == "scaled to unit variance"


def test_sparse_rows_are_not_centred():
    with pytest.raises(InvalidParameterError, match=r"scale='centre': the rows are sparse"):
        Scaling.fit(CSR, "centre")


def test_none_and_unknown():
    assert Scaling.fit(X, "none") is None
    with pytest.raises(InvalidParameterError, match=r"scale='standart'.*did you mean 'standard'"):
        Scaling.fit(X, "standart")


@pytest.mark.parametrize("how", ["centre", "standard"])
def test_arguments_are_left_alone(how):
    scaling, rows = Scaling.fit(X, how), X.copy()
    assert scaling.apply(rows) is not rows
    np.testing.assert_array_equal(rows, X)
    # Without anything to do, the rows themselves.
    assert Scaling(None, None).apply(rows) is rows and Scaling(None, None).apply(CSR) is CSR


@pytest.mark.parametrize(("how", "power"), [("standard", 200), ("centre", 308), ("standard", 308)])
def test_columns_whose_squares_overflow(how, power):
    rows = np.column_stack([np.arange(9.0), np.full(9, 1.5) * 10.0**power])
    rows[0, 1] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidDataError, match=r"column 1 of the numbers is too large.*1.5e\+"):
            Scaling.fit(rows, how)
    assert Scaling.fit(rows, "none") is None
