"""From noise to pictures along the velocities of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from ogive._typing import Float, ImageShape, Int

Velocity = Callable[[Tensor, float], Tensor]

MOST_GUIDANCE = 100.0  # far more than makes sense: samples are noise by then


class VelocityField(Protocol):
    """What tells velocities: a `FlowNetwork`, or a `KernelFlow`."""

    @property
    def image_shape(self) -> ImageShape:
        """(height, width, channels) of a picture."""

    @property
    def classes(self) -> int:
        """How many classes it knows."""

    def __call__(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        """Return v(x, t, class) of pictures (b, c, h, w), times (b,) and codes (b,)."""


def integrate(
    velocity: Velocity, start: Float[Tensor, "n ..."], steps: int
) -> Float[Tensor, "n ..."]:
    """Return where a point is at time 1 that starts at time 0, by the midpoint rule.

    x ← x + h v(x + h/2 v(x, t), t + h/2) with h = 1 / steps: exact for velocities that do not
    change along a path, its error otherwise of the order h².

    Parameters
    ----------
    velocity : callable(Tensor, float) -> Tensor
        v(x, t). Called twice a step.
    start : Tensor of shape (n, ...)
    steps : int

    Examples
    --------
    >>> around = integrate(lambda x, t: x, torch.ones(1), 20)  # the exact answer is e
    >>> round(around.item(), 3)
    2.717
    """
    x, h = start, 1 / steps
    for step in range(steps):
        half = x + h / 2 * velocity(x, step * h)
        x = x + h * velocity(half, (step + 0.5) * h)
    return x


def guided(field: VelocityField, label: Int[Tensor, " n"], guidance: float) -> Velocity:
    """Return the velocity towards classes, exaggerated.

    v(x, t) = u + w (u_class - u), with the field's velocity u for no class. w = 1 is the
    velocity of the class alone, and takes half the work; above 1, samples are more typical of
    their class and vary less.

    Parameters
    ----------
    field : VelocityField
    label : Tensor of shape (n,)
        Codes of the n samples' classes.
    guidance : float
        w.

    Notes
    -----
    Source: Ho and Salimans, Classifier-free diffusion guidance (2022), equation 6, with w one
    larger than theirs; for velocities: Zheng et al., Guided flows for generative modeling (2023).
    """
    none = torch.full_like(label, field.classes)

    def velocity(x: Tensor, time: float) -> Tensor:
        if guidance == 1:
            return field(x, x.new_full((len(x),), time), label).float()
        both = field(
            torch.cat([x, x]), x.new_full((2 * len(x),), time), torch.cat([label, none])
        ).float()
        towards, free = both.chunk(2)
        return torch.lerp(free, towards, guidance)

    return velocity
