"""Kernel convolutions whose arguments are normalised while they learn, and folded afterwards."""

from __future__ import annotations

import torch
from torch import nn

from ogive._typing import Float
from ogive.nn import KernelConv2d
from ogive.nn.family import kernel_family

# Spread of the arguments at the start, measured on 15,000 rows of Fashion-MNIST: with 1 half of
# tanh's reach is where it hardly bends and hardly learns. For the logistic function the same.
_SPREAD = {"sigmoid": 0.5, "logistic": 1.0}


class NormalisedKernelConv2d(nn.Module):
    """A 3×3 kernel convolution with φ(gamma ĉ + coef0), ĉ the batch-normalised ⟨patch, w⟩.

    While it learns, ĉ has mean 0 and variance 1 in each batch, and gamma and coef0 are the
    normalisation's own scale and shift. Of a trained layer mean μ and variance s² are numbers:
    gamma ĉ + coef0 = (gamma / s) ⟨patch, w⟩ + coef0 - gamma μ / s, so that what was learnt is a
    `KernelConv2d` like any other (see `folded`).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel : {"sigmoid", "logistic"}, default "sigmoid"

    Notes
    -----
    Source: Ioffe and Szegedy, Batch normalization (2015), section 3.2: before the nonlinearity.

    Examples
    --------
    >>> layer = NormalisedKernelConv2d(3, 8)
    >>> x = torch.randn(16, 3, 6, 6)
    >>> _ = layer(x)  # while it learns, statistics are gathered
    >>> layer = layer.eval()
    >>> bool((layer.folded()(x) - layer(x)).abs().max() < 1e-5)
    True
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: str = "sigmoid") -> None:
        super().__init__()
        self.family = kernel_family(kernel)
        self.convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.normalisation = nn.BatchNorm2d(out_channels)
        nn.init.constant_(self.normalisation.weight, _SPREAD[kernel])

    def forward(
        self, input: Float[torch.Tensor, "n in height width"]
    ) -> Float[torch.Tensor, "n out height width"]:
        """Return the units' answers."""
        argument = self.normalisation(self.convolution(input))
        return self.family.epilogue.overwrite(argument)

    @torch.no_grad()
    def folded(self) -> KernelConv2d:
        """Return the kernel convolution that this layer is in evaluation."""
        weight, norm = self.convolution.weight, self.normalisation
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None and variance is not None
        after, before = weight.shape[:2]
        layer = KernelConv2d(before, after, 3, self.family.name, padding=1).to(weight)
        assert layer.gamma is not None and layer.coef0 is not None
        layer.weight.copy_(weight)
        layer.gamma.copy_(norm.weight / (variance + norm.eps).sqrt())
        layer.coef0.copy_(norm.bias - layer.gamma * mean)
        return layer
