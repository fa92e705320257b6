"""The additive sigmoid kernel, of one head or many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_same_width, from_numpy
from ogive._errors import InvalidParameterError
from ogive.kernels.base import Kernel, torch_dtype
from ogive.kernels.pairing import Products, project


@dataclass(frozen=True, eq=False, repr=False)
class AdditiveSigmoid(Kernel):
    """The additive kernel k(x, z) = Σ_h weight_h σ(alpha_hᵀx + beta_hᵀz + gamma_h).

    Indefinite, of low numerical rank, and symmetric only if tied (beta = alpha). With one head
    every row ranks all others alike, because the value depends on x through one number only: use
    several heads, see `random`.

    Parameters
    ----------
    alpha : array or Tensor of shape (heads, d) or (d,)
    beta : array or Tensor of the same shape, optional
        ``alpha`` itself if left out: the kernel is then tied.
    gamma : float, array or Tensor of shape (heads,), default 0.0
    weight : float, array or Tensor of shape (heads,), default 1.0

    Examples
    --------
    >>> import numpy as np
    >>> k = AdditiveSigmoid([[1.0, 0.0], [0.0, 1.0]], gamma=[0.0, -1.0], weight=0.5)
    >>> k(np.array([[1.0, 2.0], [0.0, 1.0]])).round(4)
    array([[0.9167, 0.8059],
           [0.8059, 0.6155]])
    """

    alpha: Any
    beta: Any = None
    gamma: Any = 0.0
    weight: Any = 1.0

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma", "weight"):
            value = getattr(self, name)
            if value is None or isinstance(value, Tensor):
                continue
            array = np.array(value, dtype=np.float64)  # a copy: the kernel never changes
            array.flags.writeable = False
            object.__setattr__(self, name, float(array) if array.ndim == 0 else array)
        self._check_shapes()

    @classmethod
    def random(
        cls, d: int, heads: int = 16, seed: int = 0, *, scale: float = 1.0, tied: bool = False
    ) -> AdditiveSigmoid:
        """Return a kernel of random heads, drawn from normal distributions.

        Parameters
        ----------
        d : int
            Number of features.
        heads : int, default 16
        seed : int, default 0
        scale : float, default 1.0
            Standard deviation of alpha_hᵀx and beta_hᵀz for rows of unit-variance features; the
            offsets gamma_h have it too.
        tied : bool, default False
            Whether beta = alpha, which makes the kernel symmetric.

        Examples
        --------
        >>> AdditiveSigmoid.random(10, heads=4, tied=True)
        AdditiveSigmoid(alpha=array[4, 10], beta=None, gamma=array[4], weight=0.25)
        """
        generator = np.random.default_rng(seed)
        directions = generator.normal(scale=scale / np.sqrt(d), size=(2, heads, d))
        offsets = generator.normal(scale=scale, size=heads)
        beta = None if tied else directions[1]
        return cls(directions[0], beta, offsets, 1.0 / heads)

    @property
    def symmetric(self) -> bool:
        """Whether beta = alpha."""
        if self.beta is None or self.beta is self.alpha:
            return True
        return bool(torch.equal(_matrix(self.alpha).detach(), _matrix(self.beta).detach()))

    @property
    def heads(self) -> int:
        """Number of heads."""
        return _matrix(self.alpha).shape[0]

    @property
    def leaves(self) -> int:
        """Two tiles: the running sum and one head."""
        return 2

    def transposed(self) -> AdditiveSigmoid:
        """Return the kernel with alpha and beta exchanged."""
        beta = self.alpha if self.beta is None else self.beta
        return AdditiveSigmoid(beta, self.alpha, self.gamma, self.weight)

    def projections(self, x: Rows, z: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """Return u = alpha x + gamma (n, heads), v = beta z (m, heads), and the weights (heads,).

        The kernel of a pair of rows is Σ_h weight_h σ(u_h + v_h).
        """
        alpha = _matrix(self.alpha)
        beta = alpha if self.beta is None else _matrix(self.beta)
        dtype = torch_dtype(x)
        device = x.device if isinstance(x, Tensor) else torch.device("cpu")
        alpha, beta, gamma, weight = (
            t.to(dtype=dtype, device=device)
            for t in (alpha, beta, _vector(self.gamma), _vector(self.weight))
        )
        check_same_width(alpha, x, "alpha", "X")
        u = project(x, alpha) + gamma
        return u, project(z, beta), weight.expand(alpha.shape[0])

    def evaluate(self, products: Products) -> Tensor:
        """Return Σ_h weight_h σ(u_h + v_h), head by head."""
        u, v, weight = self.projections(*products.sides())
        total = None
        for head in range(u.shape[1]):
            z = products.outer_sum(u[:, head], v[:, head])
            part = z.sigmoid_() if products.in_place else torch.sigmoid(z)
            part = part.mul_(weight[head]) if products.in_place else part * weight[head]
            if total is None:
                total = part
            else:
                total = total.add_(part) if products.in_place else total + part
        assert total is not None  # at least one head, by _check_shapes
        return total

    def _check_shapes(self) -> None:
        alpha = _matrix(self.alpha)
        as_rows(alpha.detach(), "alpha")
        heads = alpha.shape[0]
        if self.beta is not None and _matrix(self.beta).shape != alpha.shape:
            raise InvalidParameterError(
                f"beta has shape {tuple(_matrix(self.beta).shape)} and alpha "
                f"{tuple(alpha.shape)}; both are (heads, d) and must agree"
            )
        for name in ("gamma", "weight"):
            shape = tuple(_vector(getattr(self, name)).shape)
            if shape not in ((1,), (heads,)):
                raise InvalidParameterError(
                    f"{name} has shape {shape}; it must be one number, or one for each of the "
                    f"{heads} heads"
                )


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else from_numpy(np.asarray(value, dtype=np.float64))


def _matrix(value: Any) -> Tensor:
    tensor = _tensor(value)
    return tensor if tensor.ndim == 2 else tensor.reshape(1, -1)


def _vector(value: Any) -> Tensor:
    return _tensor(value).reshape(-1)
