"""Training a linear map by the pairwise sigmoid loss, so that rows of one class come together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ogive._training import Batches, one_cycle, set_rate
from ogive._typing import Float, Int, Progress
from ogive.nn import PairwiseSigmoidLoss, positive_prior

_BATCH = 1024
_EPOCHS, _LEAST_STEPS = 20, 100
# Adam's steps are of the size of the rate, whatever the gradient: columns of V of this length are
# turned within some tens of steps, and not within one.
_RATE, _LENGTH = 0.003, 0.1


def trained_map(
    rows: Float[Tensor, "n f"],
    labels: Int[Tensor, " n"],
    start: Float[Tensor, "f d"],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Float[Tensor, "f d"]:
    """Return V such that rows V / ‖rows V‖ of one class are near each other, and others not.

    Minimises `ogive.nn.PairwiseSigmoidLoss` over V, its temperature and its offset (which start at
    10 and at the logarithm of the odds of a positive pair): batches of up to 1,024 rows, each
    compared with all others of the batch; Adam, one cycle of the learning rate.

    Parameters
    ----------
    rows : Tensor of shape (n, f)
        Centred.
    labels : Tensor of shape (n,)
        At least two classes, one of which has two rows.
    start : Tensor of shape (f, d)
        The first V, up to a factor; its columns of length one.
    seed : int
        Of the order of the rows.
    progress : callable(str, int, int), optional
        Told "training the embedding", steps done, and steps in all.

    Returns
    -------
    Tensor of shape (f, d)
    """
    loss = PairwiseSigmoidLoss(prior=positive_prior(labels))
    components = nn.Parameter(_LENGTH * start)
    optimiser = torch.optim.Adam([components, *loss.parameters()], lr=_RATE)
    batches = Batches(len(rows), _BATCH, seed)
    steps = max(_LEAST_STEPS, _EPOCHS * batches.per_epoch)
    for step in range(steps):
        set_rate(optimiser, _RATE * one_cycle(step, steps))
        some = batches[step]
        optimiser.zero_grad()
        loss(rows[some] @ components, labels=labels[some]).backward()
        optimiser.step()
        if progress is not None:
            progress("training the embedding", step + 1, steps)
    return components.detach()
