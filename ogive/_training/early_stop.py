"""Stopping a training that no longer gets better, with the weights that were best."""

from __future__ import annotations

import math
from typing import Any

from torch import nn


class EarlyStop:
    """The best weights so far, and whether it is long since they were found.

    A part of a training (see `run_training`): its state goes into the checkpoint.

    Parameters
    ----------
    model : Module
        Whose weights are meant: an average of weights, say.
    patience : int
        Epochs without a lower loss after which training is to end.

    Attributes
    ----------
    epochs : int
        How many were seen.
    best_epoch : int
        The one with the lowest loss, counted from 1; the first of equal ones.

    Notes
    -----
    Source: Prechelt, Early stopping - but when? (1998), the criterion UP with strips of one epoch,
    counted as in Keras.

    Examples
    --------
    >>> model = nn.Linear(1, 1)
    >>> stop = EarlyStop(model, patience=2)
    >>> for loss in (0.5, 0.3, 0.4, 0.3):
    ...     _ = nn.init.constant_(model.weight, loss)
    ...     stop.see(loss)
    >>> stop.finished, stop.best_epoch
    (True, 2)
    >>> stop.restore()
    >>> round(model.weight.item(), 2), stop.epochs
    (0.3, 4)
    """

    def __init__(self, model: nn.Module, patience: int) -> None:
        self._model, self.patience = model, patience
        self.epochs, self.best_epoch, self._lowest = 0, 0, math.inf
        self._weights: dict[str, Any] | None = None

    def see(self, loss: float) -> None:
        """Take the loss of another epoch, and its weights if there was none as low."""
        self.epochs += 1
        if loss < self._lowest:
            self._lowest, self.best_epoch = loss, self.epochs
            self._weights = {k: v.clone() for k, v in self._model.state_dict().items()}

    @property
    def finished(self) -> bool:
        """Whether the last ``patience`` epochs were none of them the best."""
        return self.epochs - self.best_epoch >= self.patience

    def restore(self) -> None:
        """Give the model the best weights."""
        if self._weights is not None:
            self._model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return its state."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "lowest": self._lowest,
            "weights": self._weights,
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take a state."""
        self.epochs, self.best_epoch = state["epochs"], state["best_epoch"]
        self._lowest, self._weights = state["lowest"], state["weights"]
