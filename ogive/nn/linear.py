"""Fully connected kernel units."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ogive._checks import check_count
from ogive._typing import Float
from ogive.kernels import Kernel
from ogive.nn.units import KernelUnits


class KernelLinear(KernelUnits):
    """Kernel values between an input and learned prototypes: y_j = k(x, w_j).

    For the sigmoid kernel y_j = tanh(gamma_j ⟨x, w_j⟩ + coef0_j), for the logistic one
    σ(gamma_j ⟨x, w_j⟩ + coef0_j), for the polynomial one (gamma_j ⟨x, w_j⟩ + coef0_j)^degree, for
    the Gaussian one exp(-gamma_j ‖x - w_j‖²), for the linear one ⟨x, w_j⟩.

    Parameters
    ----------
    in_features, out_features : int
    kernel : str or Kernel, default "sigmoid"
        "linear", "polynomial", "gaussian", "sigmoid", "logistic", or an object such as
        ``Sigmoid(0.5, -1.0)``, whose numbers the parameters start with.
    per_unit : bool, default True
        Whether each unit has a gamma and a coef0 of its own, or the layer one of each.
    prototypes : {"critical", "random"}, default "critical"
        See `reset_parameters`; `ogive.nn.init.prototypes_` takes them from data.
    device, dtype
        Of the parameters.

    Raises
    ------
    InvalidParameterError
        For a number of features below 1, an unknown kernel, or gamma = 0.

    Notes
    -----
    The input has shape (..., in_features), the answer (..., out_features). Between hidden and
    output layers such units are those of the sigmoid kernel's neural reading: a two-layer
    perceptron is a machine with k(x, w) = tanh(gamma ⟨x, w⟩ + coef0) (Vapnik, The Nature of
    Statistical Learning Theory, 1995, section 5.6).

    Examples
    --------
    >>> import torch
    >>> layer = KernelLinear(10, 4)
    >>> layer(torch.randn(32, 10)).shape
    torch.Size([32, 4])
    >>> layer
    KernelLinear(in_features=10, out_features=4, kernel='sigmoid')
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel: str | Kernel = "sigmoid",
        *,
        per_unit: bool = True,
        prototypes: str = "critical",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.in_features = check_count(in_features, "in_features")
        self.out_features = check_count(out_features, "out_features")
        super().__init__(
            (out_features, in_features),
            kernel,
            per_unit=per_unit,
            prototypes=prototypes,
            device=device,
            dtype=dtype,
        )

    def forward(self, input: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        """Return k(x, w_j) for each row x of the input."""
        self.check_width(input.shape[-1], self.in_features, input, "features (its last dimension)")
        argument = functional.linear(input, *self.folded())
        if self.family.by_distance:
            assert self.gamma is not None
            squares = input.square().sum(-1, keepdim=True)
            argument = argument.addcmul_(self.gamma, squares, value=-1)
        return self.respond(argument)

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"{super().extra_repr()}"
        )
