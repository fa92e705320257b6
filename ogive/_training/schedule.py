"""Learning rates as functions of the step: nothing to be kept in a checkpoint."""

from __future__ import annotations

import math

from torch.optim import Optimizer

from ogive._errors import InvalidParameterError


def one_cycle(step: int, steps: int, *, rising: float = 0.3) -> float:
    """Return a learning rate's share of the highest one: up from 1/25, and down to about 0.

    Both ways along half a cosine wave.

    Parameters
    ----------
    step : int
        From 0 to steps - 1.
    steps : int
    rising : float, default 0.3
        The share of steps during which it rises.

    Raises
    ------
    InvalidParameterError
        If ``rising`` is not from 0 to 1.

    Notes
    -----
    Source: Smith and Topin, Super-convergence (2017), with the cosine of fastai and PyTorch.

    Examples
    --------
    >>> [round(one_cycle(step, 10), 2) for step in range(10)]
    [0.04, 0.28, 0.76, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05]
    """
    if not 0 <= rising <= 1:
        raise InvalidParameterError(f"rising={rising!r}: must be from 0 to 1")
    top = rising * steps
    if step < top:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * step / top)) / 2
    return (1 + math.cos(math.pi * (step - top) / max(steps - top, 1))) / 2


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Set the learning rate of every group of parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate
