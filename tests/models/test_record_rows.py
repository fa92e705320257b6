"""Rows and labels in records: dense, sparse and text, and tampered with."""

import math

import numpy as np
import pytest
from scipy import sparse

from ogive._container import read_container, write_container
from ogive._errors import InvalidModelError, InvalidParameterError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from tests.models.records import reader_of

# Rows ----------------------------------------------------------------------------------------


def unsorted_csr(form=sparse.csr_matrix, dtype=np.float64):
    """Return rows with a repeated entry, a stored zero, columns out of order and an empty row."""
    data = np.array([1.0, 2.0, 0.0, -3.0, 0.5], dtype)
    return form((data, np.array([4, 0, 2, 2, 2]), np.array([0, 3, 3, 5])), shape=(3, 5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_rows_survive_as_they_are(form, dtype):
    given = unsorted_csr(form, dtype)
    found = reader_of(lambda writer: writer.rows("X", given)).rows("X", ("n", "d"))
    assert type(found) is type(given) and found.dtype == dtype and found.shape == (3, 5)
    for piece in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, piece), getattr(given, piece))


@pytest.mark.parametrize("order", ["C", "F"])
def test_dense_rows_survive_with_their_order(tmp_path, order):
    given = np.array(np.random.default_rng(0).normal(size=(4, 3)), order=order)
    writer = RecordWriter()
    writer.rows("X", given)
    values, arrays = read_container(write_container(tmp_path / "x", writer.values, writer.arrays))
    found = RecordReader(values, arrays).rows("X", ("n", "d"))
    np.testing.assert_array_equal(found, given)
    assert found.strides == given.strides


def test_other_sparse_forms_become_csr():
    given = sparse.csc_matrix(unsorted_csr())
    found = reader_of(lambda writer: writer.rows("X", given)).rows("X", (3, 5))
    assert found.format == "csr" and (found != given).nnz == 0


FAR = 2**63 - 1


@pytest.mark.parametrize(
    ("piece", "change"),
    [
        ("indices", [4, 0, 2, 2, 5]),
        ("indices", [4, 0, 2, 2, -1]),
        ("indices", [4, 0, 2, 2, 2**40]),
        ("indices", [4, 0, 2, 2]),
        ("indices", [4.0, 0, 2, 2, 2]),
        ("indptr", [0, 3, 3, 6]),
        ("indptr", [0, 3, 3, 4]),
        ("indptr", [1, 3, 3, 5]),
        ("indptr", [0, 5, 3, 5]),
        ("indptr", [0, -1, 3, 5]),
        ("indptr", [0, 2**40, 3, 5]),
        ("indptr", [0, 3, 5]),
        ("indptr", [0, 3, 3, 5, 5]),
        ("indptr", []),
        ("data", [1.0, 2.0, 0.0, -3.0]),
        ("data", [1.0, 2.0, 0.0, -3.0, math.nan]),
        ("data", [[1.0], [2.0], [0.0], [-3.0], [0.5]]),
    ],
)
def test_tampered_sparse_rows(piece, change):
    writer = RecordWriter()
    writer.rows("X", unsorted_csr())
    given = np.array(change, dtype=None if change else np.int64)
    arrays = writer.arrays | {f"X.{piece}": given}
    with pytest.raises(InvalidModelError, match="X"):
        RecordReader(writer.values, arrays).rows("X", ("n", "d"))


def test_pointers_whose_differences_overflow():
    """scipy's own full check takes differences, finds none below 0, and lets this pass."""
    pointers = np.array([0, FAR, -FAR - 1, -5, 5])
    assert (np.diff(pointers) >= 0).all(), "the test shows nothing"
    writer = RecordWriter()
    writer.rows("X", sparse.csr_matrix((4, 5)))
    arrays = {"X.data": np.ones(5), "X.indices": np.zeros(5, np.int64), "X.indptr": pointers}
    with pytest.raises(InvalidModelError, match=r"X.indptr does not divide"):
        RecordReader(writer.values, arrays).rows("X", ("n", "d"))


@pytest.mark.parametrize("shape", [[3], [3, 5, 1], [3, -5], [3, 5.0], [True, 5], [3, 2**63], "35"])
def test_tampered_shape_of_sparse_rows(shape):
    writer = RecordWriter()
    writer.rows("X", unsorted_csr())
    writer.values["X"]["shape"] = shape
    with pytest.raises(InvalidModelError, match="X"):
        RecordReader(writer.values, writer.arrays).rows("X", ("n", "d"))


def test_rows_have_the_expected_shape_and_kind():
    reader = reader_of(lambda writer: writer.rows("X", unsorted_csr()))
    with pytest.raises(InvalidModelError, match=r"X has shape \(3, 5\); it must be \(n, 4\)"):
        reader.rows("X", ("n", 4))
    reader = reader_of(lambda writer: writer.rows("X", np.zeros((2, 3), int)))
    with pytest.raises(InvalidModelError, match=r"X.data has dtype int64"):
        reader.rows("X", (2, 3))


# Labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        np.array([1, 2, 5]),
        np.array([0, 255], np.uint8),
        np.array([False, True]),
        np.array([0.5, 1.5], np.float32),
        np.array([0.5, 1.5], np.float16),
        np.array(["no", "yes"]),
        np.array(["no", "yes"], "U21"),
        np.array(["höhe", "\udcff", ""]),
        np.array(["no", "yes", "trailing\0"], object),
        np.array([], "U3"),
    ],
)
def test_labels_survive_with_their_dtype(labels):
    found = reader_of(lambda writer: writer.labels("classes", labels)).labels("classes", "k")
    assert found.dtype == labels.dtype
    assert found.tolist() == labels.tolist()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([b"a"]),
        np.array([1, "a"], object),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([None], object),
    ],
)
def test_other_labels_are_not_written(labels):
    with pytest.raises(InvalidTypeError, match=r"classes has dtype .*; a model file holds labels"):
        RecordWriter().labels("classes", labels)


def test_short_text_cannot_ask_for_much_memory():
    for width in (0, 1, -1, 2**24, 2**40):
        reader = RecordReader({"classes": {"texts": ["ab", "c"], "width": width}}, {})
        with pytest.raises(InvalidModelError, match="width"):
            reader.labels("classes", 2)
    long = RecordReader({"classes": {"texts": ["a" * 10_000] + [""] * 2000, "width": 10_000}}, {})
    with pytest.raises(InvalidModelError, match="width"):
        long.labels("classes", "k")
    with pytest.raises(InvalidParameterError, match="shorten them"):
        RecordWriter().labels("classes", np.array(["a"] * 2000, "U10000"))


def test_number_of_labels():
    reader = reader_of(lambda writer: writer.labels("classes", np.array(["a", "b"])))
    with pytest.raises(InvalidModelError, match=r"classes has shape \(2,\)"):
        reader.labels("classes", 3)
