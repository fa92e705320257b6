"""The sigmoid kernel and its logistic form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from ogive._typing import Number
from ogive.kernels.algebra import Scaled
from ogive.kernels.base import Kernel, PairedKernel
from ogive.kernels.epilogue import Epilogue, LogisticFunction, Tanh
from ogive.kernels.pairing import DotProduct, Pairing
from ogive.kernels.scale import GAMMA_RULES, SUGGESTED_COEF0, DataScale, check_number_or_rule


@dataclass(frozen=True, eq=False, repr=False)
class _SShaped(PairedKernel):
    """What both S-shaped kernels share: their parameters and their pairing."""

    gamma: Number | str = "scale"
    coef0: Number | str = 0.0

    def __post_init__(self) -> None:
        check_number_or_rule(self.gamma, "gamma", GAMMA_RULES)
        check_number_or_rule(self.coef0, "coef0", ("suggest",))

    @property
    def pairing(self) -> Pairing:
        """⟨x, z⟩."""
        return DotProduct()

    def scale_and_shift(self) -> tuple[Number, Number]:
        """Return (gamma, coef0)."""
        return self.gamma, self.coef0  # type: ignore[return-value]

    def _resolved(self, scale: DataScale) -> Self:
        gamma = scale.gamma(self.gamma) if isinstance(self.gamma, str) else self.gamma
        coef0 = SUGGESTED_COEF0 if isinstance(self.coef0, str) else self.coef0
        return replace(self, gamma=gamma, coef0=coef0)


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(_SShaped):
    """The sigmoid kernel k(x, z) = tanh(gamma ⟨x, z⟩ + coef0); in general indefinite.

    Parameters
    ----------
    gamma : float, Tensor, "scale", "auto" or "suggest"
        Any sign, though gamma < 0 is useful for little. A name is turned into a number by
        `resolve`.
    coef0 : float, Tensor or "suggest", default 0.0
        Well below -gamma ‖x‖² the kernel is nearly conditionally positive definite.

    Notes
    -----
    `definiteness` measures how indefinite it is on given rows. Ogive's machines treat it as what
    it is (Loosli, Canu and Ong, Learning SVM in Krein spaces, IEEE TPAMI 38(6), 2016), so the
    parameters need not be confined to the nearly definite region (Lin and Lin, A study on sigmoid
    kernels for SVM, 2003).

    Examples
    --------
    >>> import numpy as np
    >>> Sigmoid(0.5, -1.0)(np.array([[1.0, 2.0], [0.0, 1.0]])).round(4)
    array([[ 0.9051,  0.    ],
           [ 0.    , -0.4621]])
    """

    @property
    def epilogue(self) -> Epilogue:
        """φ(z) = tanh(z)."""
        return Tanh()

    def up_to_constant(self) -> Kernel:
        """Return 2σ(2z) = tanh(z) + 1, or -2σ(-2z) = tanh(z) - 1 for a positive coef0.

        Where tanh is near -1 or 1, float32 has lost the digits that tell rows apart; the
        logistic form keeps them.
        """
        self.require_numbers()
        gamma, coef0 = self.scale_and_shift()
        sign = 1.0 if float(coef0) <= 0 else -1.0
        return Scaled(2.0 * sign, Logistic(2 * sign * gamma, 2 * sign * coef0))


@dataclass(frozen=True, eq=False, repr=False)
class Logistic(_SShaped):
    """The logistic kernel k(x, z) = 1 / (1 + exp(-(gamma ⟨x, z⟩ + coef0))); in general indefinite.

    Parameters
    ----------
    gamma : float, Tensor, "scale", "auto" or "suggest"
        A name is turned into a number by `resolve`.
    coef0 : float, Tensor or "suggest", default 0.0

    Examples
    --------
    >>> import numpy as np
    >>> Logistic(0.5, -1.0)(np.array([[1.0, 2.0], [0.0, 1.0]])).round(4)
    array([[0.8176, 0.5   ],
           [0.5   , 0.3775]])
    """

    @property
    def epilogue(self) -> Epilogue:
        """φ(z) = 1 / (1 + exp(-z))."""
        return LogisticFunction()

    def up_to_constant(self) -> Kernel:
        """Return -σ(-z) = σ(z) - 1 for a positive coef0, where σ(z) itself is near 1."""
        self.require_numbers()
        gamma, coef0 = self.scale_and_shift()
        return self if float(coef0) <= 0 else Scaled(-1.0, Logistic(-gamma, -coef0))
