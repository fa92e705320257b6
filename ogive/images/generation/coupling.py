"""Which noise becomes which picture: the optimal transport between small sets of both."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ogive._typing import Float, Int


def couple(
    noise: Float[Tensor, "n d"], pictures: Float[Tensor, "n d"], labels: Int[Tensor, " n"]
) -> Int[Tensor, " n"]:
    """Return which row of noise each picture is to come from, within each class the nearest.

    Among the rows of each class that noise has by chance (row i has the label of picture i), the
    permutation with the least Σ ‖noise - picture‖², exactly. The paths from noise to pictures then
    hardly cross, are straighter, and need fewer steps. Across classes nothing is exchanged: noise
    would else depend on the class, and that of a sample, which is drawn without regard to the
    class, would be the wrong one.

    Parameters
    ----------
    noise, pictures : Tensor of shape (n, d)
    labels : Tensor of shape (n,)

    Returns
    -------
    Tensor of shape (n,)
        A permutation of 0, …, n - 1.

    Notes
    -----
    Sources: Tong et al., Improving and generalizing flow-based generative models with minibatch
    optimal transport (TMLR 2024), section 3.2.3; that conditions must not be mixed: Cheng and
    Schwing, The curse of conditions (ICCV 2025), section 3.

    Examples
    --------
    >>> noise = torch.tensor([[0.0], [5.0], [9.0]])
    >>> couple(noise, torch.tensor([[6.0], [1.0], [7.0]]), torch.tensor([0, 0, 1])).tolist()
    [1, 0, 2]
    """
    chosen = torch.arange(len(labels))
    for label in labels.unique():
        rows = (labels == label).nonzero().squeeze(1)
        # Of ‖a - b‖² only the product depends on the permutation.
        cost = -(pictures[rows] @ noise[rows].T)
        _, order = linear_sum_assignment(cost.numpy())
        chosen[rows] = rows[torch.from_numpy(order)]
    return chosen
