"""Classes as numbers, and what their rows weigh."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from ogive._errors import InvalidDataError


def class_codes(
    y: np.ndarray, weight: np.ndarray | None, class_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the classes of rows that count, the number of each row's class, and its weight.

    Parameters
    ----------
    y : array of shape (n,)
    weight : float64 array of shape (n,) or None
        Rows of weight 0 do not count.
    class_weight : dict, "balanced" or None
        Multiplies the weights of the rows of each class.

    Returns
    -------
    classes : array of shape (k,), sorted
    codes : int64 array of shape (n,)
        0 … k - 1; for rows of weight 0 any of these.
    weight : float64 array of shape (n,) or None

    Raises
    ------
    InvalidDataError
        If fewer than two classes have rows that count.

    Examples
    --------
    >>> class_codes(np.array(["b", "a", "b"]), None, None)[1]
    array([1, 0, 1])
    """
    check_classification_targets(y)
    classes = np.unique(y if weight is None else y[weight > 0])
    if len(classes) < 2:
        raise InvalidDataError(
            f"y holds {len(classes)} class{'' if len(classes) == 1 else 'es'} "
            f"({', '.join(map(str, classes))}) among rows of positive weight; "
            "a classifier needs at least two"
        )
    codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    if class_weight is not None:
        factors = _factors(class_weight, classes, codes, weight)
        weight = (1.0 if weight is None else weight) * factors[codes]
    return classes, codes, weight


def _factors(
    class_weight: Any, classes: np.ndarray, codes: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    counted = codes if weight is None else codes[weight > 0]
    if isinstance(class_weight, str) and class_weight == "balanced" and weight is not None:
        # As scikit-learn's rule, with a row of weight 2 counted twice.
        totals = np.bincount(codes, weights=weight, minlength=len(classes))
        balanced: np.ndarray = totals.sum() / (len(classes) * totals)
        return balanced
    factors: np.ndarray = compute_class_weight(class_weight, classes=classes, y=classes[counted])
    return factors
