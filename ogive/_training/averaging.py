"""The running average of a model's weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ogive._errors import InvalidParameterError

_WARM_UP = 10


def averaged(model: nn.Module, decay: float = 0.999, *, name: str = "decay") -> AveragedModel:
    """Return a copy of a model that is to hold the exponential average of its weights.

    After each step of the optimiser ``average.update_parameters(model)`` sets
    w̄ ← d w̄ + (1 - d) w with d = min(decay, (1 + n) / (10 + n)) at the n-th update, so that the
    first weights, which are random, are soon forgotten.

    Parameters
    ----------
    model : Module
    decay : float, default 0.999
        At least 0, below 1.
    name : str
        What error messages call the decay.

    Returns
    -------
    AveragedModel
        torch's: the average is its ``module``, to predict with; buffers of floats (a batch
        normalisation's statistics) are averaged too, others are copied. Its state dict is all that
        a checkpoint needs.

    Raises
    ------
    InvalidParameterError
        If decay is out of range.

    Notes
    -----
    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992); the
    rule of the first updates is that of TensorFlow's ExponentialMovingAverage.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = averaged(model, 0.5)
    >>> for value in (1.0, 2.0):
    ...     _ = nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> round(average.module.weight.item(), 3)  # 2/11 of the first: d is not yet a half
    1.818
    """
    if not 0 <= decay < 1:
        raise InvalidParameterError(f"{name}={decay!r}: must be at least 0 and below 1")

    @torch.no_grad()
    def update(mean: Any, new: Any, count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (_WARM_UP + int(count)))
        if mean[0].is_floating_point():
            torch._foreach_lerp_(mean, new, share)
        else:
            torch._foreach_copy_(mean, new)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
