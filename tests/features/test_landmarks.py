"""Landmarks: distinct rows, whatever their order and number; leverage scores by their formula."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ogive._errors import InvalidParameterError
from ogive.features import distinct_rows, landmarks, leverage_scores, select_landmarks
from ogive.kernels import Gaussian, Sigmoid
from ogive.testing import assert_close

METHODS = ["uniform", "k-means++", "leverage"]
KERNEL = Sigmoid(0.2, -0.3)

# Few values, so that rows repeat; whole numbers, so that sums are exact in any order.
tables = st.integers(1, 3).flatmap(
    lambda d: st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=d, max_size=d), min_size=1, max_size=25
    )
)


def row_set(x, index):
    rows = x[index].toarray() if sparse.issparse(x) else x[index].numpy()
    return sorted(map(tuple, (rows + 0.0).tolist()))


def choose(x, count, method, seed=0):
    index = select_landmarks(x, count, method, kernel=KERNEL, random_state=seed)
    assert index.dtype == np.int64 and len(set(index.tolist())) == len(index)
    return index


@pytest.mark.parametrize("method", METHODS)
@given(tables, st.integers(1, 8), st.randoms(use_true_random=False))
def test_the_choice_depends_on_which_rows_there_are_alone(method, table, count, random):
    x = torch.tensor(table, dtype=torch.float64)
    distinct = sorted(set(map(tuple, table)))
    found = row_set(x, choose(x, count, method))
    assert len(found) == min(count, len(distinct)) == len(set(found))
    assert set(found) <= set(distinct)
    again = table + [random.choice(table) for _ in range(5)]
    random.shuffle(again)
    other = torch.tensor(again, dtype=torch.float64)
    assert row_set(other, choose(other, count, method)) == found


@given(tables)
def test_distinct_rows_are_those_of_a_set(table):
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(table, dtype=dtype)
        index = distinct_rows(x)
        assert row_set(x, index) == sorted(set(map(tuple, table)))
        for i in index:  # the first of its like
            assert i == table.index(table[i])


@given(tables)
def test_sparse_rows_are_chosen_like_dense_ones(table):
    dense = np.array(table)
    csr = sparse.csr_matrix(dense)
    assert np.array_equal(distinct_rows(csr), distinct_rows(torch.tensor(dense)))
    for method in ("uniform", "k-means++"):
        mine, other = (select_landmarks(x, 3, method) for x in (csr, torch.tensor(dense)))
        assert row_set(csr, mine) == row_set(torch.tensor(dense), other)


def test_stored_zeros_and_repeated_entries_of_sparse_rows():
    csr = sparse.csr_matrix(
        (
            np.array([1.0, 0.0, 0.5, 0.5, -0.0]),
            np.array([0, 1, 0, 0, 0]),
            np.array([0, 2, 4, 5, 5]),
        ),
        shape=(4, 2),
    )
    assert sorted(distinct_rows(csr).tolist()) == [0, 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_has_no_sign(dtype):
    x = torch.tensor([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0]], dtype=dtype)
    assert sorted(distinct_rows(x).tolist()) == [0, 2]


def test_rows_that_differ_in_the_last_bit_are_two():
    one = np.float32(1.0)
    x = torch.tensor(np.array([[one, one], [one, np.nextafter(one, one * 2)]]))
    assert len(distinct_rows(x)) == 2
    swapped = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    assert len(distinct_rows(swapped)) == 2


@pytest.mark.parametrize("as_sparse", [False, True])
def test_rows_that_share_a_fingerprint_are_told_apart(monkeypatch, as_sparse):
    monkeypatch.setattr(landmarks, "_multipliers", lambda d: np.zeros(d, dtype=np.uint64))
    table = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [0.0, 0.0]])
    x = sparse.csr_matrix(table) if as_sparse else torch.tensor(table)
    assert sorted(distinct_rows(x).tolist()) == [0, 1, 3]


def test_more_rows_than_one_chunk():
    x = torch.tensor(np.random.default_rng(0).integers(0, 40, (9000, 2)).astype(float))
    expected = len(np.unique(x.numpy(), axis=0))
    assert len(distinct_rows(x)) == expected
    assert len(choose(x, 50, "k-means++")) == 50


@pytest.mark.parametrize("method", METHODS)
def test_seeds_repeat_and_differ(method):
    x = torch.tensor(np.random.default_rng(0).normal(size=(200, 3)))
    first, again, other = (choose(x, 40, method, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and set(first) != set(other)
    drawn = select_landmarks(x, 40, method, kernel=KERNEL, random_state=np.random.default_rng(0))
    assert np.array_equal(first, drawn)


def test_distance_draws_spread_out():
    # Three far clusters: a draw by distance finds all of them with three landmarks.
    centres = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    noise = np.random.default_rng(0).normal(size=(300, 2))
    x = torch.tensor(centres[np.repeat([0, 1, 2], [280, 10, 10])] + noise)
    for seed in range(10):
        chosen = x[choose(x, 3, "k-means++", seed)].numpy()
        nearest = ((chosen[:, None] - centres) ** 2).sum(2).argmin(1)
        assert set(nearest.tolist()) == {0, 1, 2}


def test_distance_draws_where_nearly_all_rows_are_alike():
    # All but a few distances are rounded to zero: the draw must go on all the same.
    x = torch.full((60, 2), 1e4, dtype=torch.float32)
    x[:, 0] += torch.arange(60) * 1e-3
    assert len(choose(x, 50, "k-means++")) == 50


def dense_scores(kernel, x, ratio):
    """Diagonal of |K| (|K| + λ)^-1 with λ = trace |K| / (1000 n)."""
    values, vectors = np.linalg.eigh(kernel(x))
    size = np.abs(values)
    penalty = size.sum() / (ratio * len(x))
    return (vectors**2 * (size / (size + penalty))).sum(1)


@pytest.mark.parametrize("kernel", [Gaussian(2.0), Sigmoid(2.0, 0.3)], ids=str)
def test_leverage_scores_of_a_full_pilot_equal_the_dense_formula(kernel):
    x = np.random.default_rng(0).normal(size=(40, 6))
    scores = leverage_scores(kernel, torch.tensor(x), pilot=40, generator=np.random.default_rng(0))
    expected = dense_scores(kernel, x, 1000)
    assert_close(scores, expected, "fit", np.float64)
    assert (scores > 0).all() and (scores <= 1).all()


def test_leverage_scores_find_the_odd_one_out():
    x = np.random.default_rng(0).normal(scale=0.1, size=(200, 2))
    x[17] = [3.0, 3.0]
    scores = leverage_scores(
        Gaussian(1.0), torch.tensor(x), pilot=200, generator=np.random.default_rng(0)
    )
    assert scores.argmax() == 17


def test_refusals():
    x = torch.tensor([[0.0], [1.0], [2.0]])
    with pytest.raises(InvalidParameterError, match="did you mean 'uniform'"):
        select_landmarks(x, 2, "unifrom")
    with pytest.raises(InvalidParameterError, match="needs a kernel"):
        select_landmarks(x, 2, "leverage")
    for count in (0, -1, float("nan")):
        with pytest.raises(InvalidParameterError, match="n_components"):
            select_landmarks(x, count)
