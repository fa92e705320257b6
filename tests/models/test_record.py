"""Records: what is written of an object is read back, and whatever does not fit is refused."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

from ogive._container import read_container, write_container
from ogive._errors import InvalidModelError, InvalidParameterError, InvalidTypeError, OgiveError
from ogive._record import RecordReader, RecordWriter
from ogive.kernels import (
    AdditiveSigmoid,
    CallableKernel,
    Gaussian,
    Linear,
    Logistic,
    Polynomial,
    Sigmoid,
)
from ogive.kernels.record import read_kernel, write_kernel


def reader_of(fill):
    """Return a reader of what ``fill(writer)`` wrote."""
    writer = RecordWriter()
    fill(writer)
    return RecordReader(writer.values, writer.arrays)


# Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1, 1),
        (True, True),
        (None, None),
        ("text", "text"),
        (0.1, 0.1),
        (-math.inf, -math.inf),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.10000000149011612),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        ((1, (2.0, "x")), [1, [2.0, "x"]]),
        ({"a": np.float32(0.5)}, {"a": 0.5}),
    ],
)
def test_values_become_plain_and_survive(given, expected):
    reader = reader_of(lambda writer: writer.value("it", given))
    found = reader.value("it", (int, float, bool, str, list, dict, None))
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("value", [math.nan, np.float32("nan"), [1, {"a": math.nan}]])
def test_nan_is_not_written(value):
    with pytest.raises(InvalidParameterError, match=r"part.it.*nan; a model file holds no NaN"):
        RecordWriter().part("part").value("it", value)


@pytest.mark.parametrize("value", [object(), {1: 2}, {3}, 1j, np.zeros(2), b"x", torch.zeros(2)])
def test_other_values_are_not_written(value):
    with pytest.raises(InvalidTypeError, match=r"it=.* is a .*; a model file holds"):
        RecordWriter().value("it", value)


@pytest.mark.parametrize(
    ("value", "kind", "allowed"),
    [
        (1, int, True),
        (1, float, True),
        (1.0, int, False),
        (True, int, False),
        (True, float, False),
        (True, bool, True),
        (1, bool, False),
        (None, int, False),
        (None, (int, None), True),
        (None, None, True),
        ("a", str, True),
        ("a", (int, float), False),
        ([1], list, True),
        ({"a": 1}, dict, True),
        ({"a": 1}, list, False),
    ],
)
def test_kinds_of_values(value, kind, allowed):
    reader = RecordReader({"it": value}, {})
    if allowed:
        assert reader.value("it", kind) == value
    else:
        with pytest.raises(InvalidModelError, match=r"it is .*; it must be"):
            reader.value("it", kind)


def test_whole_numbers_become_floats_only_where_integers_are_not_allowed():
    reader = RecordReader({"it": 1}, {})
    assert type(reader.value("it", (float, None))) is float
    assert type(reader.value("it", (int, float))) is int


def test_choices():
    reader = RecordReader({"it": "lineer"}, {})
    with pytest.raises(InvalidModelError, match="did you mean 'linear'"):
        reader.value("it", str, choices=("linear", "cubic"))
    assert reader.value("it", str, choices=("lineer",)) == "lineer"


def test_strings():
    reader = RecordReader({"good": ["a", ""], "bad": ["a", 1], "no": "ab"}, {})
    assert reader.strings("good") == ("a", "")
    for name in ("bad", "no", "none"):
        with pytest.raises(InvalidModelError, match=name):
            reader.strings(name)


# Arrays --------------------------------------------------------------------------------------


def test_lengths_are_bound_and_compared():
    reader = RecordReader({}, {"a": np.zeros((3, 2)), "b": np.zeros(3), "c": np.zeros((2, 2))})
    reader.bind("d", 2)
    reader.array("a", ("n", "d"))
    assert reader.dimension("n") == 3
    reader.array("b", ("n",))
    with pytest.raises(InvalidModelError, match=r"c has shape \(2, 2\); it must be \(3, 2\)"):
        reader.array("c", ("n", "d"))
    with pytest.raises(InvalidModelError, match="has 4 for 'n', which is 3"):
        reader.bind("n", 4)


@pytest.mark.parametrize("shape", [(), (3,), (3, 3), ("n", "n"), (2, 3), (3, 2, 1), ("n",)])
def test_wrong_shapes(shape):
    with pytest.raises(InvalidModelError, match=r"a has shape|has 2 for 'n', which is 3"):
        RecordReader({}, {"a": np.zeros((3, 2))}).array("a", shape)


@pytest.mark.parametrize("dtype", ["?", "i1", "i8", "u2", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("f", {"f4", "f8"}),
        ("i", {"i1", "i8"}),
        ("biu", {"?", "i1", "i8", "u2"}),
        ("biuf", {"?", "i1", "i8", "u2", "f2", "f4", "f8"}),
        ("float64", {"f8"}),
        ("int64", {"i8"}),
    ],
)
def test_kinds_of_arrays(dtype, kind, allowed):
    reader = RecordReader({}, {"a": np.zeros(2, dtype)})
    if dtype in allowed:
        assert reader.array("a", (2,), kind).dtype == dtype
    else:
        with pytest.raises(InvalidModelError, match="a has dtype"):
            reader.array("a", (2,), kind)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_of_arrays_are_finite(number):
    reader = RecordReader({}, {"a": np.array([0.0, number])})
    for kind in ("f", "biuf"):
        with pytest.raises(InvalidModelError, match="a holds NaN or infinity"):
            reader.array("a", (2,), kind)


def test_text_is_no_array():
    with pytest.raises(InvalidTypeError, match="names has dtype"):
        RecordWriter().array("names", np.array(["a"]))


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


# Parts, and what is left ---------------------------------------------------------------------


def test_lengths_of_parts_are_their_own():
    def fill(writer):
        writer.array("a", np.zeros(3))
        writer.part("inner").array("a", np.zeros(4))

    reader = reader_of(fill)
    reader.array("a", ("n",))
    assert reader.part("inner").array("a", ("n",)).shape == (4,)
    reader.finish()


def test_has():
    def fill(writer):
        writer.value("value", 1)
        writer.array("array", np.zeros(1))
        writer.part("part").array("inner", np.zeros(1))

    reader = reader_of(fill)
    assert all(reader.has(name) for name in ("value", "array", "part"))
    assert not reader.has("inner") and reader.part("part").has("inner")
    assert reader.has_array("array") and not reader.has_array("value")


@pytest.mark.parametrize("name", ["value", "array", "part"])
def test_missing_names(name):
    reader = RecordReader({"outer": {}}, {}).part("outer")
    with pytest.raises(InvalidModelError, match=f"outer.{name} is missing"):
        {"value": reader.value, "array": reader.array, "part": reader.part}[name](
            name, *(() if name == "part" else (None,))
        )


def test_a_part_is_an_object():
    with pytest.raises(InvalidModelError, match="part is 3; it must be an object"):
        RecordReader({"part": 3}, {}).part("part")


@pytest.mark.parametrize(
    ("values", "arrays"),
    [
        ({"more": 1}, {}),
        ({"inner": {"more": 1}}, {}),
        ({}, {"more": np.zeros(1)}),
        ({}, {"inner.more": np.zeros(1)}),
        ({}, {"inner": np.zeros(1)}),
        ({}, {"../../etc/passwd": np.zeros(1)}),
        ({}, {"": np.zeros(1)}),
        ({}, {"inner.": np.zeros(1)}),
        ({"other": {}}, {}),
        ({"other": {}}, {"other.more": np.zeros(1)}),
    ],
)
def test_what_is_not_read_is_refused(values, arrays):
    reader = RecordReader({"inner": {"a": 1}} | values, {"x": np.zeros(1), "inner.y": np.zeros(1)})
    reader._values["inner"] = {"a": 1} | reader._values["inner"]
    reader._arrays.update(arrays)
    inner = reader.part("inner")
    inner.value("a", int), inner.array("y", (1,)), reader.array("x", (1,))
    with pytest.raises(InvalidModelError, match="is there and means nothing"):
        reader.finish()


def test_finish_is_content_when_all_is_read():
    reader = RecordReader({"inner": {"a": 1}}, {"x": np.zeros(1), "inner.y": np.zeros(1)})
    inner = reader.part("inner")
    inner.value("a", int), inner.array("y", (1,)), reader.array("x", (1,))
    reader.finish()


@pytest.mark.parametrize("again", ["value", "array", "part", "rows"])
def test_nothing_is_written_twice(again):
    writer = RecordWriter()
    writer.value("a", 1)
    with pytest.raises(AssertionError, match="twice"):
        getattr(writer, again)("a", *(() if again == "part" else (np.zeros((1, 1)),)))
    with pytest.raises(AssertionError, match="separator"):
        writer.value("a.b", 1)


# Kernels -------------------------------------------------------------------------------------

ALPHA = np.random.default_rng(0).normal(size=(3, 4))
KERNELS = [
    Linear(),
    Polynomial(),
    Polynomial(3, 0.1, 2),
    Polynomial(2.5, "scale", 0.1),
    Gaussian("auto"),
    Gaussian(np.float64(0.1)),
    Sigmoid("suggest", "suggest"),
    Sigmoid(-0.1, 1e-300),
    Logistic(0.2, -1.0),
    AdditiveSigmoid(ALPHA),
    AdditiveSigmoid(ALPHA[0], gamma=[0.5], weight=2),
    AdditiveSigmoid(ALPHA, 2 * ALPHA, [1.0, 2.0, 3.0], [0.1, 0.2, 0.3]),
    AdditiveSigmoid.random(5, heads=4, tied=True),
    Sigmoid(0.1, 0.2) + Gaussian(0.3),
    -1.5 * (Linear() * Sigmoid(0.1) + AdditiveSigmoid(ALPHA)) * Gaussian(1.0),
]


def copied(kernel):
    reader = reader_of(lambda writer: write_kernel(kernel, writer))
    found = read_kernel(reader)
    reader.finish()
    return found


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels_survive(kernel):
    found = copied(kernel)
    assert found == kernel and str(found) == str(kernel)
    for name, value in kernel.parameters().items():
        if isinstance(value, int | float):
            assert type(found.parameters()[name]) in (type(value), float)


def test_tensors_become_numbers_and_arrays():
    number = torch.tensor(0.1, requires_grad=True)
    assert copied(Sigmoid(number, torch.tensor(0.5, dtype=torch.bfloat16))) == Sigmoid(
        float(number.detach()), 0.5
    )
    found = copied(AdditiveSigmoid(torch.from_numpy(ALPHA).float(), weight=torch.tensor(2.0)))
    assert found == AdditiveSigmoid(ALPHA.astype(np.float32), weight=2.0)


class Own(Sigmoid):
    pass


class Cosine(Linear):
    pass


Cosine.__name__ = "Sigmoid"


@pytest.mark.parametrize(
    "kernel",
    [CallableKernel(min), Own(0.1), Cosine(), Linear() + CallableKernel(min), 2.0 * Own(0.1)],
)
def test_code_of_the_users_own_is_not_written(kernel):
    with pytest.raises(InvalidTypeError, match=r"code of your own.*Ogive's kernels.*pickle"):
        write_kernel(kernel, RecordWriter())


def test_nesting_is_bounded():
    kernel = Linear()
    for _ in range(49):
        kernel = kernel + Sigmoid(0.1)
    assert copied(kernel) == kernel
    kernel = kernel + Linear()
    with pytest.raises(InvalidParameterError, match="nested more than 50 deep"):
        write_kernel(kernel, RecordWriter())
    values = {"class": "Linear"}
    for _ in range(900):
        values = {"class": "Scaled", "factor": 1.0, "inner": values}
    with pytest.raises(InvalidModelError, match="nested more than 50 deep"):
        read_kernel(RecordReader(values, {}))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"class": "Kernel"},
        {"class": "CallableKernel", "function": "print"},
        {"class": "__import__"},
        {"class": 3},
        {"class": "Sigmoid"},
        {"class": "Sigmoid", "gamma": True, "coef0": 0.0},
        {"class": "Sigmoid", "gamma": None, "coef0": 0.0},
        {"class": "Sigmoid", "gamma": [0.1], "coef0": 0.0},
        {"class": "Sigmoid", "gamma": math.inf, "coef0": 0.0},
        {"class": "Sigmoid", "gamma": "print", "coef0": 0.0},
        {"class": "Sigmoid", "gamma": 0.1, "coef0": {"class": "Linear"}},
        {"class": "Gaussian", "gamma": -1.0},
        {"class": "Polynomial", "degree": "scale", "gamma": 0.1, "coef0": 1.0},
        {"class": "Sum", "left": 1.0, "right": {"class": "Linear"}},
        {"class": "Sum", "left": {"class": "Linear"}},
        {"class": "Scaled", "factor": "scale", "inner": {"class": "Linear"}},
        {"class": "AdditiveSigmoid", "alpha": 1.0, "beta": None, "gamma": 0.0, "weight": 1.0},
    ],
)
def test_damaged_kernels(values):
    with pytest.raises(OgiveError):
        read_kernel(RecordReader(values, {}))


@pytest.mark.parametrize(
    "arrays",
    [
        {"alpha": np.zeros((0, 3))},
        {"alpha": np.array([[math.nan]])},
        {"alpha": np.zeros((2, 3), int)},
        {"alpha": np.zeros((2, 3)), "beta": np.zeros((3, 2))},
        {"alpha": np.zeros((2, 3)), "gamma": np.zeros(3)},
    ],
)
def test_damaged_additive_kernels(arrays):
    values = {"class": "AdditiveSigmoid", "beta": None, "gamma": 0.0, "weight": 1.0}
    with pytest.raises(OgiveError):
        read_kernel(RecordReader({k: v for k, v in values.items() if k not in arrays}, arrays))
