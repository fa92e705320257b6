"""Stratified splits and subsets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data import stratified_split, stratified_subset

COUNTS = st.lists(st.integers(2, 30), min_size=1, max_size=6)


def labels_of(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(1).permutation(y)


@given(counts=COUNTS, data=st.data(), seed=st.integers(0, 2**32))
def test_split_is_a_partition_in_proportion(counts, data, seed):
    y = labels_of(counts)
    classes, rows = len(counts), len(y)
    size = data.draw(st.integers(classes, rows - classes))
    train, test = stratified_split(y, size, seed)
    assert len(test) == size
    assert train.dtype == test.dtype == np.int64
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(rows))
    assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
    share = np.bincount(y[test], minlength=classes)
    assert (share >= 1).all() and (share < counts).all()
    again = stratified_split(y, size, seed)
    np.testing.assert_array_equal(again[1], test)
    exact = size * np.array(counts) / rows
    if (exact >= 1).all() and (exact <= np.array(counts) - 1).all():
        assert (np.abs(share - exact) < 1).all()


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=6), data=st.data())
def test_subset_is_in_proportion(counts, data):
    y = labels_of(counts)
    size = data.draw(st.integers(1, len(y)))
    rows = stratified_subset(y, size, 3)
    assert rows.dtype == np.int64 and len(rows) == size
    assert (np.diff(rows) > 0).all()
    share = np.bincount(y[rows], minlength=len(counts))
    assert (np.abs(share - size * np.array(counts) / len(y)) < 1).all()


def test_largest_remainder_by_hand():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    # 7 rows: 3.5, 2.1, 1.4 -> 3, 2, 1, and the last one to the largest remainder.
    assert np.bincount(y[stratified_subset(y, 7)]).tolist() == [4, 2, 1]
    # 4 rows: 2.0, 1.2, 0.8 -> 2, 1, 0 and one more to 0.8.
    assert np.bincount(y[stratified_split(y, 4)[1]]).tolist() == [2, 1, 1]


def test_rare_classes_keep_a_row_on_both_sides():
    y = np.repeat([0, 1], [1000, 2])
    assert np.bincount(y[stratified_split(y, 5)[1]]).tolist() == [4, 1]
    assert np.bincount(y[stratified_split(y, 1000)[1]]).tolist() == [999, 1]


def test_many_rare_classes_take_from_the_large_one():
    # One row each for the rare classes is more than their share: the large one gives way.
    y = np.repeat([0, 1, 2, 3], [2, 2, 2, 100])
    assert np.bincount(y[stratified_split(y, 4)[1]]).tolist() == [1, 1, 1, 1]
    assert np.bincount(y[stratified_split(y, 102)[0]]).tolist() == [1, 1, 1, 1]


def test_fractions_and_seeds():
    y = np.repeat([0, 1], 50)
    train, test = stratified_split(y, 0.3)
    assert (len(train), len(test)) == (70, 30)
    assert len(stratified_split(y, np.float32(0.25))[1]) == 25
    assert not np.array_equal(stratified_split(y, 30, 1)[1], stratified_split(y, 30, 2)[1])


def test_any_sortable_values():
    y = np.array(["b", "a"] * 5)
    assert sorted(y[stratified_split(y, 2)[1]]) == ["a", "b"]


@pytest.mark.parametrize("size", [0, 10, -1, 0.0, 1.0, 1.5, 0.01, True, "2", None])
def test_test_size_refused(size):
    with pytest.raises(InvalidParameterError, match="test_size="):
        stratified_split([0, 1] * 5, size)


@pytest.mark.parametrize("size", [1, 9])
def test_too_small_for_the_classes(size):
    with pytest.raises(InvalidParameterError, match=r"each of 2 classes.*choose 2 to 8 rows"):
        stratified_split([0, 1] * 5, size)


def test_a_class_of_one_row():
    with pytest.raises(InvalidParameterError, match="class 7 has 1 row"):
        stratified_split([3, 3, 3, 7], 2)
    with pytest.raises(InvalidParameterError, match="class 'dog' has 1 row"):
        stratified_split([0, 0, 0, 1], 2, classes=("cat", "dog"))


@pytest.mark.parametrize("size", [0, 11, 0.5, True, "2"])
def test_subset_size_refused(size):
    with pytest.raises(InvalidParameterError, match="size="):
        stratified_subset([0, 1] * 5, size)


def test_whole_subset():
    np.testing.assert_array_equal(stratified_subset([0, 1] * 5, 10), np.arange(10))


@pytest.mark.parametrize("y", [[], [[0, 1]], 3])
def test_y_refused(y):
    with pytest.raises(InvalidDataError, match="one class a row"):
        stratified_split(y, 1)


@pytest.mark.parametrize("seed", [-1, "x", 0.5])
def test_seed_refused(seed):
    with pytest.raises(InvalidParameterError, match="seed="):
        stratified_split([0, 1] * 5, 2, seed)
