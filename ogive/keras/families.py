"""The kernel families that Keras layers are made of, in `keras.ops`.

They are those of `ogive.kernels` and of `ogive.nn`, whose formulas import torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ogive.keras._arguments import checked_name
from ogive.keras._backend import keras


@dataclass(frozen=True)
class KernelFamily:
    """φ(gamma ⟨x, w⟩ + coef0), or exp(-gamma ‖x - w‖²), by name.

    Attributes
    ----------
    name : {"linear", "polynomial", "gaussian", "sigmoid", "logistic"}
    epilogue : callable(z, degree)
        φ, to be applied to a tensor of any backend.
    gain : float
        Spread of gamma ⟨x, w⟩ for inputs of mean square 1, with which a layer is critical: the
        signal neither dies nor explodes through many of them. The slope of the logistic function
        is a quarter of that of tanh, hence 4.
    """

    name: str
    epilogue: Callable[[Any, int], Any]
    gain: float = 1.0

    @property
    def by_distance(self) -> bool:
        """Whether prototypes are compared by distance, not by inner product."""
        return self.name == "gaussian"

    @property
    def has_gamma(self) -> bool:
        """Whether there is a scale to learn."""
        return self.name != "linear"

    @property
    def has_coef0(self) -> bool:
        """Whether there is an offset to learn."""
        return self.name in ("polynomial", "sigmoid", "logistic")


FAMILIES = {
    family.name: family
    for family in (
        KernelFamily("linear", lambda z, _: z),
        KernelFamily("polynomial", lambda z, degree: z**degree),
        KernelFamily("gaussian", lambda z, _: keras.ops.exp(z)),
        KernelFamily("sigmoid", lambda z, _: keras.ops.tanh(z)),
        KernelFamily("logistic", lambda z, _: keras.ops.sigmoid(z), gain=4.0),
    )
}


def kernel_family(kernel: Any) -> KernelFamily:
    """Return the family of that name.

    Raises
    ------
    InvalidParameterError
        If it is no name, or an unknown one.

    Examples
    --------
    >>> kernel_family("sigmoid").has_coef0, kernel_family("gaussian").has_coef0
    (True, False)
    """
    cure = " (a kernel's numbers are given by gamma_initializer and coef0_initializer)"
    return FAMILIES[checked_name(kernel, "kernel", FAMILIES, cure)]
