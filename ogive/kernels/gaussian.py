"""The Gaussian kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from ogive._checks import check_positive
from ogive._typing import Number
from ogive.kernels.base import PairedKernel
from ogive.kernels.epilogue import Epilogue, Exp
from ogive.kernels.pairing import Pairing, SquaredDistance
from ogive.kernels.scale import DataScale, check_number_or_rule


@dataclass(frozen=True, eq=False, repr=False)
class Gaussian(PairedKernel):
    """The Gaussian kernel k(x, z) = exp(-gamma ‖x - z‖²); positive definite.

    Parameters
    ----------
    gamma : float, Tensor, "scale" or "auto"
        Above 0, in units of 1 / ‖x‖². A name is turned into a number by `resolve`.

    Examples
    --------
    >>> import numpy as np
    >>> Gaussian(0.5)(np.array([[1.0, 2.0], [0.0, 1.0]])).round(4)
    array([[1.    , 0.3679],
           [0.3679, 1.    ]])
    """

    gamma: Number | str = "scale"

    def __post_init__(self) -> None:
        check_number_or_rule(self.gamma, "gamma", ("scale", "auto"))
        if not isinstance(self.gamma, str | Tensor):
            check_positive(self.gamma, "gamma")

    @property
    def pairing(self) -> Pairing:
        """‖x - z‖²."""
        return SquaredDistance()

    @property
    def epilogue(self) -> Epilogue:
        """φ(z) = exp(z)."""
        return Exp()

    def scale_and_shift(self) -> tuple[Number, Number]:
        """Return (-gamma, 0)."""
        return -self.gamma, 0.0  # type: ignore[operator]

    @property
    def positive_definite(self) -> bool:
        """Always."""
        return True

    def _resolved(self, scale: DataScale) -> Self:
        return replace(self, gamma=scale.gamma(self.gamma)) if self.unresolved else self  # type: ignore[arg-type]
