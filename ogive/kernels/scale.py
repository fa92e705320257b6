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
        weight = _weights(sample_weight, x.shape[0])
        total = float(weight.sum()) * x.shape[1]
        mean = float(weight @ _row_sums(x, 0.0, squared=False)) / total
        variance = float(weight @ _row_sums(x, mean, squared=True)) / total
        # The mean itself is rounded: constant data must not seem to vary by that.
        noise = (16 * torch.finfo(torch.float64).eps * mean) ** 2
        variance = variance if variance > noise else 0.0
        return cls(x.shape[1], variance, (variance + mean**2) * x.shape[1])

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


_CHUNK_ENTRIES = 2**18  # 2 MB of float64: within the caches
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


def _row_sums(x: Rows, origin: float, *, squared: bool) -> Tensor:
    """Return Σ_j (x_ij - origin), or of its square, for each row i, in float64."""
    if isinstance(x, Tensor):
        step = max(1, _CHUNK_ENTRIES // x.shape[1])
        buffer = torch.empty(min(step, len(x)), x.shape[1], dtype=torch.float64, device=x.device)
        found = torch.empty(len(x), dtype=torch.float64, device=x.device)
        for chunk, out in zip(x.detach().split(step), found.split(step), strict=True):
            part = buffer[: len(chunk)].copy_(chunk).sub_(origin)
            torch.sum(part.square_() if squared else part, 1, out=out)
        return found
    x = x.astype(np.float64)
    sums = np.asarray(x.sum(1)).ravel()
    if not squared:
        return from_numpy(sums - origin * x.shape[1])
    squares = np.asarray(x.multiply(x).sum(1)).ravel()
    return from_numpy(squares - 2 * origin * sums + x.shape[1] * origin**2)


def _weights(sample_weight: Any, n: int) -> Tensor:
    if sample_weight is None:
        return torch.ones(n, dtype=torch.float64)
    weight = torch.as_tensor(np.asarray(sample_weight), dtype=torch.float64)
    if weight.shape != (n,) or bool((weight < 0).any()) or float(weight.sum()) <= 0:
        raise InvalidDataError(
            f"sample_weight has shape {tuple(weight.shape)} for {n} rows and sum "
            f"{float(weight.sum()):g}; it must hold one number of at least 0 for each row, "
            "not all of them 0"
        )
    return weight
