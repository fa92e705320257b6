"""Splitting rows at random with the classes in proportion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ogive._errors import InvalidDataError, InvalidParameterError


def stratified_split(
    y: npt.ArrayLike,
    test_size: float,
    seed: int = 0,
    *,
    classes: Sequence[str] = (),
    name: str = "test_size",
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into a training and a test part, each class in proportion in both.

    Class c of n_c rows out of n gives test_size · n_c / n rows to the test part, rounded by
    largest remainder, at least one and at most n_c - 1.

    Parameters
    ----------
    y : array of shape (n,)
        The class of each row; any values that can be sorted.
    test_size : int or float
        Rows of the test part: a number of them, or a fraction in (0, 1), rounded to a number.
    seed : int
        Of the random choice: the same rows for the same seed.
    classes : sequence of str, optional
        Names of the codes in `y`, for error messages.
    name : str
        What the caller's caller knows `test_size` by, for error messages.

    Returns
    -------
    train, test : ndarray of int64
        Sorted row numbers that share none and leave none out.

    Raises
    ------
    InvalidDataError
        If `y` is empty or not one-dimensional.
    InvalidParameterError
        If a class has one row only, or `test_size` leaves a class without a row on one side.

    Examples
    --------
    >>> train, test = stratified_split([0, 0, 0, 0, 1, 1, 1, 1], 0.25)
    >>> len(train), len(test)
    (6, 2)
    """
    values, codes, counts = _classes(y)
    total = _row_count(name, test_size, len(codes))
    if counts.min() < 2:
        alone = int(np.argmin(counts))
        label = classes[int(values[alone])] if classes else values[alone].item()
        raise InvalidParameterError(
            f"class {label!r} has 1 row, and a split needs 2 at least, one a side: "
            "add rows of it or leave the class out"
        )
    if not len(counts) <= total <= len(codes) - len(counts):
        raise InvalidParameterError(
            f"{name}={test_size} means {total} of {len(codes)} rows, and each of "
            f"{len(counts)} classes needs a row on both sides: choose {len(counts)} to "
            f"{len(codes) - len(counts)} rows"
        )
    share = _apportion(counts, total, lowest=np.ones_like(counts), highest=counts - 1)
    test = _draw(codes, share, seed)
    rest = np.ones(len(codes), dtype=bool)
    rest[test] = False
    return np.flatnonzero(rest).astype(np.int64), test


def stratified_subset(y: npt.ArrayLike, size: int, seed: int = 0) -> np.ndarray:
    """Choose `size` rows at random, each class in proportion (largest remainder).

    Parameters
    ----------
    y : array of shape (n,)
        The class of each row.
    size : int
        How many rows to choose, 1 to n. A class may get none if it is too rare.
    seed : int
        Of the random choice.

    Returns
    -------
    ndarray of int64
        Sorted row numbers.

    Raises
    ------
    InvalidDataError
        If `y` is empty or not one-dimensional.
    InvalidParameterError
        If `size` is no integer from 1 to n.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[stratified_subset(labels, 3)]
    array([0, 0, 1])
    """
    _, codes, counts = _classes(y)
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size > len(codes):
        raise InvalidParameterError(f"size={size!r} must be an integer from 1 to {len(codes)}")
    total = _row_count("size", size, len(codes) + 1)
    share = _apportion(counts, total, lowest=np.zeros_like(counts), highest=counts)
    return _draw(codes, share, seed)


def _classes(y: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct values, each row's index into them, and how often each occurs."""
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.size == 0:
        raise InvalidDataError(
            f"y has shape {labels.shape} where (n,) with n > 0 is expected: give one class a row"
        )
    return np.unique(labels, return_inverse=True, return_counts=True)


def _row_count(name: str, size: float, rows: int) -> int:
    """Turn a number or a fraction of rows into a number, 1 to rows - 1."""
    whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    fraction = isinstance(size, float | np.floating) and 0 < size < 1
    if not whole and not fraction:
        raise InvalidParameterError(
            f"{name}={size!r} must be a number of rows or a fraction between 0 and 1: pass 0.2, say"
        )
    count = int(size) if whole else round(float(size) * rows)
    if not 1 <= count < rows:
        raise InvalidParameterError(
            f"{name}={size!r} means {count} of {rows} rows: choose 1 to {rows - 1}"
        )
    return count


def _apportion(
    counts: np.ndarray, total: int, lowest: np.ndarray, highest: np.ndarray
) -> np.ndarray:
    """Share out `total` rows in proportion to `counts`, by largest remainder, within bounds."""
    rows = counts.sum()
    # In integers (shares times rows), so that no rounding error decides a tie.
    exact = total * counts
    share = np.clip(exact // rows, lowest, highest)
    while share.sum() < total:
        share[np.argmax(np.where(share < highest, exact - share * rows, -np.inf))] += 1
    while share.sum() > total:
        share[np.argmin(np.where(share > lowest, exact - share * rows, np.inf))] -= 1
    return share


def _draw(codes: np.ndarray, share: np.ndarray, seed: int) -> np.ndarray:
    """Draw share[c] rows of each class c."""
    try:
        generator = np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"seed={seed!r} must be a non-negative integer") from error
    # Rows grouped by class in one sort, instead of one pass over all rows a class.
    groups = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    drawn = [generator.permutation(rows)[:take] for rows, take in zip(groups, share, strict=True)]
    return np.sort(np.concatenate(drawn)).astype(np.int64)
