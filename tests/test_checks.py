"""Checks at the border: what comes in, what is refused, and how the refusal reads."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import sparse

from ogive._checks import (
    as_rows,
    check_positive,
    check_same_width,
    from_numpy,
    like_input,
    memory_bytes,
)
from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    InvalidTypeError,
    MissingDependencyError,
    OgiveError,
    OutputError,
    nearest_name,
)
from ogive.testing import read_only

# Rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (np.float64, torch.float64),
        (np.float32, torch.float32),
        (np.float16, torch.float32),
        (bool, torch.float32),
        (np.uint8, torch.float32),
        (np.int8, torch.float32),
        (np.int16, torch.float32),
        (np.uint16, torch.float64),
        (np.int32, torch.float64),
        (np.uint32, torch.float64),
        (np.int64, torch.float64),
        (np.uint64, torch.float64),
        (np.longdouble, torch.float64),
        (">f4", torch.float32),
        (">f8", torch.float64),
        (">i2", torch.float32),
        (object, torch.float64),
        ("U8", torch.float64),
    ],
)
def test_types_of_numbers(given_, expected):
    table = np.array([[1, 0], [0, 1]])
    rows = as_rows(table.astype(given_))
    assert rows.dtype == expected and rows.tolist() == table.tolist()


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.uint8, torch.float32),
        (torch.int64, torch.float64),
        (torch.bool, torch.float32),
    ],
)
def test_types_of_tensors(given_, expected):
    rows = as_rows(torch.eye(2).to(given_))
    assert rows.dtype == expected and rows.tolist() == [[1, 0], [0, 1]]


def test_nothing_is_copied_where_the_type_fits():
    for dtype in (np.float32, np.float64):
        array = np.eye(3, dtype=dtype)
        assert np.shares_memory(as_rows(array).numpy(), array)
    tensor = torch.eye(3)
    assert as_rows(tensor) is tensor
    csr = sparse.csr_matrix(np.eye(3))
    assert as_rows(csr).data is csr.data or np.shares_memory(as_rows(csr).data, csr.data)


def test_read_only_arrays_are_viewed_without_a_warning():
    array = read_only(np.eye(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.shares_memory(as_rows(array).numpy(), array)


@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-9, 9))
)
def test_views_of_any_order_keep_their_values(array):
    for view in (array[::-1], array[:, ::-1], array[::-2, ::2], array.T, np.asfortranarray(array)):
        if view.size:
            assert np.array_equal(as_rows(view).numpy(), view)


def test_tables_and_lists():
    frame = pd.DataFrame({"a": [1.5, 2.0], "b": [3, 4]})
    assert as_rows(frame).tolist() == [[1.5, 3.0], [2.0, 4.0]]
    assert as_rows([[1, 2], [3, 4]]).dtype == torch.float64


@pytest.mark.parametrize(
    "kind", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array", "lil_matrix"]
)
def test_sparse_kinds(kind):
    rows = as_rows(getattr(sparse, kind)(np.eye(3, dtype=np.float32)))
    assert isinstance(rows, sparse.csr_matrix) and rows.dtype == np.float32
    assert np.array_equal(rows.toarray(), np.eye(3))
    assert as_rows(getattr(sparse, kind)(np.eye(3, dtype=np.int32))).dtype == np.float64


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(3), InvalidDataError, r"reshape\(-1, 1\)"),
        (1.0, InvalidDataError, "two dimensions"),
        (np.ones((2, 2, 2)), InvalidDataError, r"\(2, 2, 2\)"),
        (np.ones((0, 3)), InvalidDataError, "at least one row"),
        (np.ones((3, 0)), InvalidDataError, "one feature"),
        (sparse.csr_matrix((0, 3)), InvalidDataError, "at least one row"),
        ([[1.0, np.nan], [np.nan, np.inf]], InvalidDataError, r"NaN \(3 values"),
        ([[1.0, np.inf]], InvalidDataError, r"inf \(1 values"),
        ([[1.0, -np.inf]], InvalidDataError, "inf"),
        ([[np.inf, -np.inf]], InvalidDataError, r"inf \(2"),
        (sparse.csr_matrix([[1.0, np.nan]]), InvalidDataError, "NaN"),
        (torch.tensor([[float("nan")]]), InvalidDataError, "NaN"),
        (np.ones((2, 2), dtype=complex), InvalidTypeError, "complex"),
        (torch.ones(2, 2, dtype=torch.complex64), InvalidTypeError, "complex"),
        (sparse.csr_matrix(np.ones((2, 2), dtype=complex)), InvalidTypeError, "complex"),
        ([["a", "b"]], InvalidTypeError, "not numbers"),
        (np.array([[object()]]), InvalidTypeError, "not numbers"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), InvalidTypeError, "numeric"),
    ],
)
def test_refused_rows(X, error, message):
    with pytest.raises(error, match=message) as raised:
        as_rows(X, "X_train")
    assert "X_train" in str(raised.value) and isinstance(raised.value, OgiveError)


def test_a_sum_that_overflows_is_not_mistaken_for_infinity():
    big = np.full((3, 3), 3e38, dtype=np.float32)
    assert as_rows(big).shape == (3, 3)


def test_gradients_survive_the_check():
    x = torch.eye(2, requires_grad=True)
    assert as_rows(x) is x
    assert as_rows(torch.eye(2, dtype=torch.float16, requires_grad=True)).requires_grad


def test_answers_are_in_kind():
    tensor = torch.eye(2, requires_grad=True)
    assert isinstance(like_input(tensor, np.eye(2)), np.ndarray)
    assert isinstance(like_input(tensor, [[1.0]]), np.ndarray)
    assert like_input(tensor, torch.ones(1)) is tensor


def test_from_numpy_of_views():
    for view in (np.arange(6.0)[::-1], np.ones((1, 3))[::-1], np.ones((3, 1))[:, ::-1], np.ones(0)):
        assert np.array_equal(from_numpy(view).numpy(), view)


def test_widths_are_compared():
    check_same_width(torch.ones(2, 3), torch.ones(5, 3), "X", "Z")
    with pytest.raises(InvalidDataError, match="Z has 4 features and X has 3"):
        check_same_width(torch.ones(2, 3), torch.ones(2, 4), "X", "Z")


# Numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3), 1e-300])
def test_positive_numbers_pass(value):
    check_positive(value, "alpha")


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "1", None, [1], np.ones(2)])
def test_other_values_do_not(value):
    with pytest.raises(InvalidParameterError, match=r"alpha=.*above 0"):
        check_positive(value, "alpha")


def test_zero_where_it_is_allowed():
    check_positive(0, "alpha", allow_zero=True)
    with pytest.raises(InvalidParameterError, match="at least 0"):
        check_positive(-1e-9, "alpha", allow_zero=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("256 MB", 256_000_000),
        ("256MB", 256_000_000),
        ("256 mb", 256_000_000),
        ("2 GiB", 2**31),
        ("1.5 KiB", 1536),
        (".5 k", 500),
        ("10 b", 10),
        (" 3 G ", 3_000_000_000),
        (4096, 4096),
        (2.5e6, 2_500_000),
        (np.int64(7), 7),
    ],
)
def test_memory_sizes(text, expected):
    assert memory_bytes(text) == expected


@pytest.mark.parametrize(
    "text", ["", "MB", "-1 MB", "1 TB", "1 iB", "1e3", "1,5 MB", "lots", "1 MBs"]
)
def test_unreadable_memory_sizes(text):
    with pytest.raises(InvalidParameterError, match="256 MB"):
        memory_bytes(text)


@pytest.mark.parametrize("size", [0, -5, float("nan"), float("inf"), None, "0", "0 MB", "0.1"])
def test_impossible_memory_sizes(size):
    with pytest.raises(InvalidParameterError, match="memory="):
        memory_bytes(size)


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InvalidParameterError, ValueError),
        (InvalidTypeError, TypeError),
        (InvalidDataError, ValueError),
        (DataNotFoundError, FileNotFoundError),
        (OutputError, OSError),
        (MissingDependencyError, ImportError),
    ],
)
def test_errors_are_ogives_and_the_ecosystems(error, builtin):
    raised = error("what went wrong")
    assert isinstance(raised, OgiveError) and isinstance(raised, builtin)
    assert str(raised) == "what went wrong"
    copy = pickle.loads(pickle.dumps(raised))
    assert type(copy) is error and str(copy) == str(raised)
    assert str(error()) == ""


def test_a_missing_package_names_its_extra():
    error = MissingDependencyError.for_extra("optuna", "tune", "Searching parameters")
    assert str(error) == (
        "Searching parameters needs the package 'optuna', which is not installed: "
        "pip install 'ogive[tune]'"
    )


def test_the_nearest_name():
    known = ["sigmoid", "linear", "logistic"]
    assert nearest_name("Sigmoind", known).startswith("did you mean 'sigmoid'?")
    assert nearest_name("xyz", known) == "Known: 'linear', 'logistic', 'sigmoid'"
