"""What the size of the data says about a kernel's parameters: the rules behind their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, from_numpy
from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name


@dataclass(frozen=True)
class DataScale:
    """The few figures of a data matrix from which parameters are taken.

    Attributes
    ----------
    features : int
        Number of columns d.
    variance : float
        Variance of all entries about their common mean, as `numpy.var(X)`.
    mean_squared_norm : float
        Mean of ‖x‖² over the rows.
    """

    features: int
    variance: float
    mean_squared_norm: float

    @classmethod
    def measure(cls, x: Rows, sample_weight: Any = None) -> DataScale:
        """Return the figures of rows x (n, d); a row of weight w counts as w rows."""
        sums, squares = _row_sums(x)
        weight = _weights(sample_weight, x.shape[0])
        total = float(weight.sum())
        if total <= 0:
            raise InvalidDataError("sample_weight sums to 0; at least one row must count")
        mean = float(weight @ sums) / (total * x.shape[1])
        mean_square = float(weight @ squares) / (total * x.shape[1])
        return cls(
            features=x.shape[1],
            variance=max(mean_square - mean**2, 0.0),
            mean_squared_norm=mean_square * x.shape[1],
        )

    def gamma(self, rule: str) -> float:
        """Return gamma by the rule of that name.

        "scale" is 1 / (d · variance) and "auto" is 1 / d, as in scikit-learn; "suggest" is
        1 / (2 · mean ‖x‖²): with coef0 = ½ the argument of a mean row with itself is 1, where
        tanh bends and does not yet saturate.

        Where the data have no extent at all (one constant), the answer is 1.
        """
        if rule == "auto":
            return 1.0 / self.features
        size = {"scale": self.features * self.variance, "suggest": 2 * self.mean_squared_norm}
        return 1.0 / size[rule] if size[rule] > 0 else 1.0


GAMMA_RULES = ("scale", "auto", "suggest")
# Found on held-out rows of four data sets (digits, Fashion-MNIST, CIFAR-10, breast cancer),
# coef0 in -2 … 2: with indefiniteness treated, a small positive offset is as good as any.
SUGGESTED_COEF0 = 0.5


def check_number_or_rule(value: Any, name: str, rules: tuple[str, ...]) -> None:
    """Raise unless ``value`` is a finite number, a 0-dimensional tensor, or a known rule."""
    if isinstance(value, str):
        if value not in rules:
            known = f"; {nearest_name(value, rules)}" if rules else ""
            raise InvalidParameterError(
                f"{name}={value!r}; it must be a number" + (" or a rule" if rules else "") + known
            )
        return
    if isinstance(value, Tensor):
        if value.ndim != 0 or not value.is_floating_point():
            raise InvalidParameterError(
                f"{name} is a {value.dtype} tensor of shape {tuple(value.shape)}; "
                "it must be a floating-point tensor without dimensions"
            )
        return
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not np.isfinite(value):
        raise InvalidParameterError(f"{name}={value!r}; it must be a finite number")


def _row_sums(x: Rows) -> tuple[Tensor, Tensor]:
    if isinstance(x, Tensor):
        x = x.detach()
        # einsum squares and sums in one pass, without a copy of the data.
        squares = torch.cat([torch.linalg.vector_norm(b, dim=1).double() for b in x.split(8192)])
        return x.sum(1, dtype=torch.float64), squares.square()
    squared = x.multiply(x).sum(1)
    sums = np.asarray(x.sum(1), dtype=np.float64).ravel()
    return from_numpy(sums), from_numpy(np.asarray(squared, dtype=np.float64).ravel())


def _weights(sample_weight: Any, n: int) -> Tensor:
    if sample_weight is None:
        return torch.ones(n, dtype=torch.float64)
    return torch.as_tensor(np.asarray(sample_weight), dtype=torch.float64)
