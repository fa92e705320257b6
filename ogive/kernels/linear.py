"""The linear kernel."""

from __future__ import annotations

from dataclasses import dataclass

from ogive._typing import Number
from ogive.kernels.base import PairedKernel
from ogive.kernels.epilogue import Epilogue, Identity
from ogive.kernels.pairing import DotProduct, Pairing


@dataclass(frozen=True, eq=False, repr=False)
class Linear(PairedKernel):
    """The linear kernel k(x, z) = ⟨x, z⟩; positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> Linear()(np.array([[1.0, 2.0], [0.0, 1.0]]))
    array([[5., 2.],
           [2., 1.]])
    """

    @property
    def pairing(self) -> Pairing:
        """⟨x, z⟩."""
        return DotProduct()

    @property
    def epilogue(self) -> Epilogue:
        """φ(z) = z."""
        return Identity()

    def scale_and_shift(self) -> tuple[Number, Number]:
        """Return (1, 0)."""
        return 1.0, 0.0

    @property
    def positive_definite(self) -> bool:
        """Always."""
        return True
