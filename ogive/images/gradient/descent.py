"""How a classifier of pictures is trained by gradient, and what makes it the same training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ogive._checks import check_count
from ogive._training import Batches, digest
from ogive.data import stratified_split
from ogive.images.gradient.pictures import Pictures


@dataclass(frozen=True)
class Descent:
    """How a classifier is trained by gradient.

    Attributes
    ----------
    epochs, batch : int
        How often each picture is seen, and how many make a step.
    label_smoothing : float
        Share of the truth that is spread evenly over all classes.
    flip : bool
        Whether pictures are mirrored at random.
    shift : int
        The most pixels by which they are moved at random.
    average : float
        Decay of the average of the weights, which is what is kept; 0 for the last weights.
    seed : int
    device : torch.device
    patience : int, optional
        Epochs without a lower loss on pictures left out, after which training ends; the weights
        with the lowest are kept then.
    validation_fraction : float, default 0.1
        Share of the pictures that are left out, if there is patience.

    Notes
    -----
    The learning rate falls to 0 at the end of all epochs, and the last epochs are the best as a
    rule: what ends before them has not had the small rates. Patience guards against epochs that
    were far too many; where they were not, fewer epochs are better than stopping early.
    """

    epochs: int
    batch: int
    label_smoothing: float
    flip: bool
    shift: int
    average: float
    seed: int
    device: torch.device
    patience: int | None = None
    validation_fraction: float = 0.1

    def __post_init__(self) -> None:
        if self.patience is not None:
            check_count(self.patience, "patience")

    def identity(self, recipe: Mapping[str, Any], data: Pictures) -> dict[str, Any]:
        """Return what a checkpoint must be of, to go on from it: steps, seed, recipe and data."""
        rows = self.split(data.codes.numpy())[0]
        return {
            "steps": self.steps(len(rows)),
            "seed": self.seed,
            "recipe": dict(recipe),
            "data": digest(data.x.numpy(), data.codes.numpy()),
        }

    def steps(self, pictures: int) -> int:
        """Return the number of steps with so many pictures."""
        return self.epochs * Batches(pictures, self.batch).per_epoch

    def split(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows to learn from, and those that tell when to stop, if any do.

        Raises
        ------
        InvalidParameterError
            If ``validation_fraction`` leaves a class without a row on one side.
        """
        if self.patience is None:
            return np.arange(len(codes)), None
        fraction = self.validation_fraction
        return stratified_split(codes, fraction, self.seed, name="validation_fraction")
