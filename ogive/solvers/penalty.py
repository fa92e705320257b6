"""Choosing the strength of a penalty by an error that is measured on rows left out."""

from __future__ import annotations

import math
from collections.abc import Callable

AUTO = "auto"
# Powers of ten of the mean ‖φ(x)‖², in which the penalty has a meaning whatever the kernel's size.
_DECADES = range(-6, 4)


def choose_penalty(error: Callable[[float], float], scale: float) -> float:
    """Return the strength with the smallest error: whole decades first, then the halves beside.

    Parameters
    ----------
    error : callable(alpha) -> float
        Not finite where alpha is of no use.
    scale : float
        The mean squared norm of the features, centred if there is an intercept.

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
    found |= {power: measure(power) for power in (best - 0.5, best + 0.5)}
    return unit * 10.0 ** min(found, key=found.__getitem__)
