"""The polynomial kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from ogive._checks import check_positive
from ogive._typing import Number
from ogive.kernels.base import PairedKernel
from ogive.kernels.epilogue import Epilogue, Power
from ogive.kernels.pairing import DotProduct, Pairing
from ogive.kernels.scale import GAMMA_RULES, DataScale, check_number_or_rule


@dataclass(frozen=True, eq=False, repr=False)
class Polynomial(PairedKernel):
    """The polynomial kernel k(x, z) = (gamma ⟨x, z⟩ + coef0)^degree.

    Parameters
    ----------
    degree : float, default 3
        Above 0; with a fraction, gamma ⟨x, z⟩ + coef0 must not be negative.
    gamma : float, Tensor, "scale", "auto" or "suggest"
        A name is turned into a number by `resolve`.
    coef0 : float or Tensor, default 1.0
        Positive definite if degree is whole, gamma ≥ 0 and coef0 ≥ 0.

    Examples
    --------
    >>> import numpy as np
    >>> Polynomial(2, 0.5, 1.0)(np.array([[1.0, 2.0], [0.0, 1.0]]))
    array([[12.25,  4.  ],
           [ 4.  ,  2.25]])
    """

    degree: float = 3
    gamma: Number | str = "scale"
    coef0: Number = 1.0

    def __post_init__(self) -> None:
        check_positive(self.degree, "degree")
        check_number_or_rule(self.gamma, "gamma", GAMMA_RULES)
        check_number_or_rule(self.coef0, "coef0", ())

    @property
    def pairing(self) -> Pairing:
        """⟨x, z⟩."""
        return DotProduct()

    @property
    def epilogue(self) -> Epilogue:
        """φ(z) = z^degree."""
        return Power(self.degree)

    def scale_and_shift(self) -> tuple[Number, Number]:
        """Return (gamma, coef0)."""
        return self.gamma, self.coef0  # type: ignore[return-value]

    @property
    def positive_definite(self) -> bool:
        """Whether degree is whole and neither gamma nor coef0 is negative."""
        numbers = not isinstance(self.gamma, str | Tensor) and not isinstance(self.coef0, Tensor)
        return numbers and self.degree % 1 == 0 and self.gamma >= 0 and self.coef0 >= 0  # type: ignore[operator, return-value]

    def _resolved(self, scale: DataScale) -> Self:
        return replace(self, gamma=scale.gamma(self.gamma)) if self.unresolved else self  # type: ignore[arg-type]
