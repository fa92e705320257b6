"""Dataset: what it refuses, and what its methods return."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.data import Dataset

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 12)


def pair(**changes):
    fields = {
        "name": "pair",
        "X": PIXELS,
        "y": np.array([1, 0]),
        "classes": ("cat", "dog"),
        "image_shape": (2, 2, 3),
        "feature_names": None,
    }
    return Dataset(**(fields | changes))


def test_length_and_repr():
    assert len(pair()) == 2
    assert repr(pair()) == "Dataset('pair': 2 rows × 12 features (uint8), 2 classes, images 2×2×3)"
    real = pair(y=np.array([0.5, 1.5]), classes=(), image_shape=None)
    assert repr(real).endswith("12 features (uint8), a real target)")


def test_pixels_become_fractions_and_x_stays():
    features = pair().features()
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, (PIXELS / 255).astype(np.float32))
    assert pair().features(np.float64)[1, 11] == 23 / 255
    assert pair().X[1, 11] == 23


def test_numbers_are_cast_not_scaled():
    numbers = np.array([[0.5, 255.0], [1.0, 2.0]])
    table = pair(X=numbers, image_shape=None)
    np.testing.assert_array_equal(table.features(), numbers.astype(np.float32))
    assert table.features(np.float64) is numbers
    # uint8 columns that are no pixels are numbers too.
    assert pair(image_shape=None).features()[1, 11] == 23


def test_float_images_are_not_scaled():
    assert pair(X=PIXELS.astype(np.float64)).features()[1, 11] == 23


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.complex64])
def test_features_refuses_other_dtypes(dtype):
    with pytest.raises(InvalidTypeError, match="must be floating"):
        pair().features(dtype)


def test_images_is_a_view():
    data = pair()
    assert data.images().shape == (2, 2, 2, 3)
    assert np.shares_memory(data.images(), data.X)
    assert data.images()[1, 1, 0, 2] == 12 + 1 * 6 + 0 * 3 + 2


def test_images_needs_images():
    with pytest.raises(InvalidDataError, match="no images"):
        pair(image_shape=None).images()


def test_take():
    data = pair(feature_names=tuple("abcdefghijkl"))
    taken = data.take([1, 1, 0])
    np.testing.assert_array_equal(taken.y, [0, 0, 1])
    np.testing.assert_array_equal(taken.X[0], PIXELS[1])
    assert (taken.classes, taken.image_shape, taken.feature_names) == (
        data.classes,
        data.image_shape,
        data.feature_names,
    )
    np.testing.assert_array_equal(data.take(np.array([False, True])).y, [0])
    np.testing.assert_array_equal(data.take([-1]).y, [0])


@pytest.mark.parametrize(
    ("indices", "error", "words"),
    [
        ([0.5], InvalidTypeError, "integers or a boolean mask"),
        (["a"], InvalidTypeError, "integers or a boolean mask"),
        ([True], InvalidParameterError, "mask of shape"),
        ([False, False], InvalidParameterError, "at least one"),
        ([], InvalidParameterError, "at least one"),
        (0, InvalidParameterError, "at least one"),
        ([[0]], InvalidParameterError, "at least one"),
        ([2], InvalidParameterError, "leave the 2 rows"),
        ([-3], InvalidParameterError, "leave the 2 rows"),
    ],
)
def test_take_refuses(indices, error, words):
    with pytest.raises(error, match=words):
        pair().take(indices)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"X": PIXELS.tolist()}, InvalidTypeError, "X is a list"),
        ({"y": [0, 1]}, InvalidTypeError, "y is a list"),
        ({"X": PIXELS[0]}, InvalidDataError, "one target a row"),
        ({"y": np.array([[0], [1]])}, InvalidDataError, "one target a row"),
        ({"y": np.array([0])}, InvalidDataError, "one target a row"),
        ({"X": PIXELS[:0], "y": np.array([], dtype=np.int64)}, InvalidDataError, "nothing"),
        ({"X": PIXELS[:, :0]}, InvalidDataError, "nothing"),
        ({"X": PIXELS.astype(str)}, InvalidTypeError, "convert it to numbers"),
        ({"y": np.array([0.0, 1.0])}, InvalidTypeError, "int64 is expected"),
        ({"y": np.array([0, 1], dtype=np.int32)}, InvalidTypeError, "int64 is expected"),
        ({"classes": ()}, InvalidTypeError, "float64 is expected"),
        ({"y": np.array([0, 2])}, InvalidDataError, "codes must be 0 to 1"),
        ({"y": np.array([-1, 0])}, InvalidDataError, "codes must be 0 to 1"),
        ({"image_shape": (2, 2, 1)}, InvalidDataError, "image_shape=.*12 columns"),
        ({"image_shape": (4, 3)}, InvalidDataError, "image_shape=.*12 columns"),
        ({"feature_names": ("a",)}, InvalidDataError, "1 feature_names for 12"),
    ],
)
def test_refuses_what_does_not_fit(changes, error, words):
    with pytest.raises(error, match=words):
        pair(**changes)


NUMBERS = np.array([[0.0, 1.5, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0]])


def sparse_set(**changes):
    fields = {"name": "words", "X": sparse.csr_matrix(NUMBERS), "y": np.array([1, 0, 1])}
    fields |= {"classes": ("cat", "dog"), "feature_names": ("a", "b", "c")}
    return Dataset(**(fields | changes))


def test_sparse_rows():
    data = sparse_set()
    assert data.sparse and not pair().sparse and len(data) == 3
    assert repr(data) == "Dataset('words': 3 rows × 3 features (float64, sparse), 2 classes)"


@pytest.mark.parametrize(
    "indices", [[2, 0, 0], [-1], np.array([True, False, True])], ids=["list", "last", "mask"]
)
def test_sparse_take(indices):
    taken = sparse_set().take(indices)
    assert isinstance(taken.X, sparse.csr_matrix)
    np.testing.assert_array_equal(taken.X.toarray(), NUMBERS[indices])
    np.testing.assert_array_equal(taken.y, np.array([1, 0, 1])[indices])
    assert taken.feature_names == ("a", "b", "c")


def test_sparse_features():
    data = sparse_set()
    assert data.features(np.float64) is data.X
    single = data.features()
    assert isinstance(single, sparse.csr_matrix) and single.dtype == np.float32
    np.testing.assert_array_equal(single.toarray(), NUMBERS.astype(np.float32))
    assert data.X.dtype == np.float64
    counts = sparse_set(X=sparse.csr_matrix(NUMBERS.astype(np.uint8))).features()
    np.testing.assert_array_equal(counts.toarray(), NUMBERS.astype(np.uint8))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"X": sparse.csc_matrix(NUMBERS)}, InvalidTypeError, r"csc_matrix.*csr_matrix\(X\)"),
        ({"X": sparse.csr_array(NUMBERS)}, InvalidTypeError, r"csr_array.*csr_matrix\(X\)"),
        ({"X": sparse.csr_matrix(NUMBERS + 0j)}, InvalidTypeError, "complex128: convert it"),
        ({"X": sparse.csr_matrix(NUMBERS[:2])}, InvalidDataError, "one target a row"),
        ({"X": sparse.csr_matrix((3, 0))}, InvalidDataError, "nothing to learn from"),
        ({"feature_names": ("a",)}, InvalidDataError, "1 feature_names for 3"),
        ({"image_shape": (1, 3, 1)}, InvalidDataError, r"with a sparse X: pass X.toarray\(\)"),
        ({"y": sparse.csr_matrix(NUMBERS[:1])}, InvalidTypeError, "y is a csr_matrix"),
    ],
)
def test_refuses_sparse_rows_that_do_not_fit(changes, error, words):
    with pytest.raises(error, match=words):
        sparse_set(**changes)


def test_is_frozen():
    with pytest.raises(AttributeError):
        pair().name = "other"
