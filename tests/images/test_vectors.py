"""The nearest unit vectors: against a naive float64 oracle, with ties, removals and records."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import (
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
)
from ogive._record import RecordReader, RecordWriter
from ogive.images.ranking import check_ranking, kernel_values
from ogive.images.vectors import ExactIndex
from ogive.kernels import Gaussian, Logistic, Sigmoid


def oracle(rows, ids, queries, k, kernel=lambda p: p):
    """Sort all kernel values in float64, ties by id; rows and queries are float32 unit rows."""
    found = []
    for query in queries.astype(np.float64):
        values = [kernel(float((query * row).sum())) for row in rows.astype(np.float64)]
        order = sorted(range(len(rows)), key=lambda i: (-values[i], ids[i]))
        found.append([ids[i] for i in order[:k]])
    return np.array(found, dtype=np.int64).reshape(len(queries), min(k, len(rows)))


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def round_trip(index, kind):
    writer = RecordWriter()
    index.write(writer)
    reader = RecordReader(writer.values, writer.arrays)
    found = kind.read(reader)
    reader.finish()
    return found


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 60),
    queries=st.integers(0, 5),
    width=st.integers(1, 9),
    k=st.integers(1, 70),
    coarse=st.booleans(),
    memory=st.sampled_from(["1 kB", "64 MB"]),
)
def test_the_nearest_are_those_of_an_oracle(seed, rows, queries, width, k, coarse, memory):
    generator = np.random.default_rng(seed)
    # Coarse numbers make many rows equal: ties are the rule and not the exception.
    draw = (
        (lambda n: generator.integers(1, 3, (n, width)))
        if coarse
        else (lambda n: generator.normal(size=(n, width)))
    )
    index = ExactIndex(width)
    X, Q = draw(rows), draw(queries)
    ids = generator.permutation(200)[:rows]
    index.add(X, ids)
    found = index.search(Q, k, memory=memory)
    # Sorted by id first, so that the order of equal rows is that of their ids.
    wanted = oracle(index.vectors(ids), ids.tolist(), unit(Q), min(k, rows))
    np.testing.assert_array_equal(found.ids, wanted.reshape(queries, min(k, rows)))
    exact = np.einsum(
        "qkd,qd->qk",
        index.vectors(found.ids.ravel()).reshape(queries, min(k, rows), width).astype(np.float64),
        unit(Q).astype(np.float64),
    )
    np.testing.assert_allclose(found.products, exact, atol=1e-12)


@pytest.mark.parametrize("kernel", [Sigmoid(2.0, 0.0), Sigmoid(0.7, -1.0), Logistic(3.0, 0.5)])
def test_ranking_before_the_epilogue_is_ranking_by_the_kernel(kernel):
    generator = np.random.default_rng(1)
    index = ExactIndex(16)
    index.add(generator.normal(size=(500, 16)))
    queries = generator.normal(size=(20, 16))
    rows = torch.from_numpy(index.vectors(index.ids)).double()
    matrix = kernel(torch.from_numpy(unit(queries)).double(), rows)
    found = index.search(queries, 25)
    np.testing.assert_array_equal(found.ids, matrix.topk(25).indices.numpy())
    np.testing.assert_allclose(
        kernel_values(kernel, found.products), matrix.topk(25).values.numpy(), atol=1e-12
    )


def test_float32_kernel_values_tie_where_products_do_not():
    index = ExactIndex(2)
    angles = np.linspace(0.1, 0.5, 9)[::-1]
    index.add(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    found = index.search([[1.0, 0.0]], 9)
    assert found.ids[0].tolist() == list(range(9))[::-1]
    values = kernel_values(Sigmoid(20.0), torch.tensor(found.products, dtype=torch.float32))
    assert len(values.unique()) == 1  # ranking by these would be ranking by id
    assert (np.diff(found.products) < 0).all()


def test_near_ties_below_float32_are_told_apart_by_float64():
    generator = np.random.default_rng(2)
    base = unit(generator.normal(size=(1, 300)))
    rows = np.repeat(base, 400, axis=0)
    rows[np.arange(400), generator.integers(0, 300, 400)] += np.float32(1e-6)
    index = ExactIndex(300)
    index.add(rows)
    query = unit(generator.normal(size=(3, 300)))
    wanted = oracle(index.vectors(index.ids), list(range(400)), query, 10)
    for memory in ("2 kB", "64 MB"):
        np.testing.assert_array_equal(index.search(query, 10, memory=memory).ids, wanted)


def test_an_answer_depends_on_neither_tiles_nor_other_queries():
    generator = np.random.default_rng(3)
    index = ExactIndex(64)
    index.add(generator.normal(size=(3000, 64)))
    queries = generator.normal(size=(300, 64))
    whole = index.search(queries, 7)
    alone = [index.search(queries[i : i + 1], 7, memory="10 kB") for i in range(0, 300, 37)]
    np.testing.assert_array_equal(whole.ids[::37], np.concatenate([one.ids for one in alone]))
    np.testing.assert_array_equal(
        whole.products[::37], np.concatenate([one.products for one in alone])
    )


def test_the_whole_matrix_is_never_made(monkeypatch):
    index = ExactIndex(4)
    index.add(np.random.default_rng(0).normal(size=(5000, 4)))
    largest, product = [], np.matmul
    monkeypatch.setattr(
        np, "matmul", lambda a, b, out: (largest.append(out.size), product(a, b, out=out))[1]
    )
    index.search(np.eye(4), 3, memory="16 kB")
    assert max(largest) * 4 <= 16_000 and sum(largest) == 4 * 5000


def test_the_nearest_of_a_vector_is_itself():
    rows = np.random.default_rng(4).normal(size=(50, 8)) * np.logspace(-20, 20, 50)[:, None]
    index = ExactIndex(8)
    index.add(rows)
    assert index.search(rows, 1).ids[:, 0].tolist() == list(range(50))


def test_added_in_parts_removed_and_added_again():
    generator = np.random.default_rng(5)
    index, rows = ExactIndex(5), {}
    for count in (1, 0, 70, 3):
        X = generator.normal(size=(count, 5))
        rows |= dict(zip(index.add(X).tolist(), unit(X), strict=True))
    gone = [0, 5, 73]
    index.remove(gone)
    rows = {id: row for id, row in rows.items() if id not in gone}
    assert index.ids.tolist() == list(rows) and len(index) == 71
    assert index.add([[1, 2, 3, 4, 5]]).tolist() == [74]  # 73 never names something else
    index.remove(74)
    query = generator.normal(size=(4, 5))
    wanted = oracle(np.array(list(rows.values())), list(rows), unit(query), 9)
    np.testing.assert_array_equal(index.search(query, 9).ids, wanted)
    again = round_trip(index, ExactIndex)
    np.testing.assert_array_equal(again.search(query, 9).ids, wanted)
    assert again.add([[1, 2, 3, 4, 5]]).tolist() == [75]
    index.remove(index.ids)
    assert len(index) == 0 and index.search(query).ids.shape == (4, 0)


def test_tensors_in_tensors_out():
    index = ExactIndex(3)
    assert index.add(torch.eye(3)).tolist() == [0, 1, 2]
    found = index.search(torch.eye(3, dtype=torch.float64, requires_grad=True), 1)
    assert isinstance(found.ids, torch.Tensor) and found.ids.dtype == torch.int64
    assert found.products.dtype == torch.float64 and found.ids[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "ids", "error", "words"),
    [
        ([[0, 0]], None, InvalidDataError, "row 0 of vectors holds zeros only"),
        ([[1, 2], [1, np.nan]], None, InvalidDataError, "row 1 of vectors holds NaN or infinity"),
        ([[1, 2, 3]], None, InvalidDataError, r"shape \(1, 3\); it must be \(n, 2\)"),
        ([1, 2], None, InvalidDataError, r"shape \(2,\)"),
        ([["a", "b"]], None, InvalidTypeError, "real numbers"),
        ([[1, 2]], [7], InvalidParameterError, "id 7 is in use; remove it first"),
        ([[1, 2]], [-1], InvalidParameterError, "from 0 on"),
        ([[1, 2]], [1, 2], InvalidParameterError, "2 ids for 1 vectors"),
        ([[1, 2], [3, 4]], [1, 1], InvalidParameterError, "twice"),
        ([[1, 2]], [0.5], InvalidTypeError, "list of integers"),
    ],
)
def test_what_cannot_be_added(rows, ids, error, words):
    index = ExactIndex(2)
    index.add([[1, 0]], [7])
    with pytest.raises(error, match=words):
        index.add(rows, ids)
    assert index.ids.tolist() == [7]


def test_what_cannot_be_asked():
    index = ExactIndex(2)
    index.add([[1, 0], [0, 1]])
    with pytest.raises(InvalidParameterError, match="id 9 is not in the index"):
        index.remove([0, 9])
    assert len(index) == 2
    with pytest.raises(InvalidParameterError, match="id 2 is not"):
        index.vectors([2])
    for k in (0, 1.5, True):
        with pytest.raises(InvalidParameterError, match="k="):
            index.search([[1, 0]], k)
    with pytest.raises(InvalidDataError, match="row 0 of queries"):
        index.search([[0, 0]])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ids", np.array([1, 0]), "must ascend"),
        ("ids", np.array([-1, 0]), "must ascend"),
        ("ids", np.array([0, 9]), "must ascend"),
        ("vectors", np.full((2, 2), 0.5, np.float32), "length is not one"),
        ("vectors", np.full((2, 2), np.inf, np.float32), "NaN or infinity"),
        ("vectors", np.eye(3, 2, dtype=np.float32), "shape"),
        ("vectors", np.eye(2), "dtype"),
    ],
)
def test_records_are_not_believed(name, value, words):
    index = ExactIndex(2)
    index.add(np.eye(2))
    writer = RecordWriter()
    index.write(writer)
    writer.arrays[name] = value
    with pytest.raises(InvalidModelError, match=words):
        ExactIndex.read(RecordReader(writer.values, writer.arrays))


@pytest.mark.parametrize(
    ("kernel", "error", "words"),
    [
        (Sigmoid(-1.0), InvalidParameterError, "gamma=-1.0; it must be above 0.*least alike"),
        (Sigmoid(0.0), InvalidParameterError, "the same for all"),
        (Sigmoid("scale"), InvalidTypeError, "gamma='scale' is read off data"),
        (Sigmoid(1.0, "suggest"), InvalidTypeError, "coef0='suggest'"),
        (Gaussian(1.0), InvalidTypeError, "kernel is a Gaussian"),
    ],
)
def test_kernels_that_do_not_rank_by_inner_products(kernel, error, words):
    with pytest.raises(error, match=words):
        check_ranking(kernel)
