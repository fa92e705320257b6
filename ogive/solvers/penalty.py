"""Choosing the strength of a penalty by an error that is measured on rows left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from ogive._typing import Bool, Float

AUTO = "auto"
# Powers of ten of the mean ‖φ(x)‖², in which the penalty has a meaning whatever the kernel's size.
_DECADES = range(-6, 4)


Hits = Callable[[Sequence[float]], tuple[Bool[Tensor, "a n"], Float[Tensor, " n"]]]


def choose_penalty(
    error: Callable[[float], float], scale: float, hits: Hits | None = None
) -> float:
    """Return the strength with the smallest error: whole decades first, then the halves beside.

    For classes, squared error is smooth and not quite what counts: it finds the region, and within
    a decade of its best the strength that names most rows right is taken.

    Parameters
    ----------
    error : callable(alpha) -> float
        Not finite where alpha is of no use.
    scale : float
        The mean squared norm of the features, centred if there is an intercept.
    hits : callable(alphas) -> (Tensor of shape (alphas, n), Tensor of shape (n,)), optional
        Which of n rows are named right with each strength, and the weights of the rows.

    Returns
    -------
    float
        ``scale`` times a power of √10.

    Examples
    --------
    >>> import math
    >>> choose_penalty(lambda alpha: abs(math.log10(alpha) + 1.5), scale=1.0) == 10**-1.5
    True
    """
    unit = scale if scale > 0 else 1.0
    found: dict[float, float] = {}

    def measure(power: float) -> float:
        value = error(unit * 10.0**power)
        return value if math.isfinite(value) else math.inf

    found = {float(power): measure(power) for power in _DECADES}
    best = min(found, key=found.__getitem__)
    best = min(_beside(best, (-0.5, 0.5), measure, found), key=found.__getitem__)
    if hits is None:
        return unit * 10.0**best
    _beside(best, (-1.0, -0.5, 0.5, 1.0), measure, found)
    near = sorted((power for power in found if abs(power - best) <= 1), key=found.__getitem__)
    right, weight = hits([unit * 10.0**power for power in near])
    # The first of equals: the one with the smallest squared error.
    return unit * 10.0 ** near[int((right.double() @ weight).argmax())]


def _beside(
    power: float,
    steps: Sequence[float],
    measure: Callable[[float], float],
    found: dict[float, float],
) -> dict[float, float]:
    """Add the errors of the powers beside one to those found."""
    found.update({power + s: measure(power + s) for s in steps if power + s not in found})
    return found
