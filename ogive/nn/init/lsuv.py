"""Layer-sequential unit-variance initialisation."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from ogive._checks import check_positive
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels.meanfield import Response
from ogive.nn.init.delta_orthogonal import orthogonal_
from ogive.nn.init.layers import WeightedLayer, sampled, visit, weighted_layers

Model = TypeVar("Model", bound=nn.Module)


@torch.no_grad()
def lsuv_(
    model: Model,
    batch: Tensor,
    *,
    variance: float = 1.0,
    response: str | Response | None = None,
    generator: torch.Generator | None = None,
) -> Model:
    """Set orthonormal weights, then scale them layer by layer to arguments of unit variance.

    In a layer φ(u) the weights are divided by √(Var u / variance), measured on the batch as it
    comes out of the layers that are set already; offsets are set to 0.

    Parameters
    ----------
    model : Module
        Any network; its nn.Linear, nn.Conv1d … 3d, `KernelLinear` and kernel convolution layers
        are set, unless they compare by distance.
    batch : Tensor
        Some hundred inputs of the model.
    variance : float, default 1.0
        Of the arguments: what the layer gives to its activation, or a kernel layer to its φ. For a
        logistic layer 4 is what 1 is for tanh.
    response : optional
        As for `critical_`, which aims at χ = 1 instead; it matters little here.
    generator : torch.Generator, optional

    Returns
    -------
    Module
        ``model``, changed in place.

    Raises
    ------
    InvalidParameterError
        If there is no layer to set.
    InvalidDataError
        If the batch is none, holds NaN, or does not vary in some layer.

    Notes
    -----
    The pass is made without gradients and in evaluation mode, one pass for all layers; the mode of
    every module is restored. Kernel layers keep gamma; the linear ones scale exactly, so that one
    division is enough where the paper iterates.

    Source: Mishkin and Matas, All you need is a good init (2016), algorithm 1.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 10))
    >>> batch = torch.randn(100, 20)
    >>> round(lsuv_(model, batch)(batch).var(unbiased=False).item(), 4)
    1.0
    """
    check_positive(variance, "variance")
    layers = [layer for layer in weighted_layers(model, response) if not layer.by_distance]
    if not layers:
        raise InvalidParameterError(
            "a layer with a Gaussian kernel compares by distance, and has no weights to scale; "
            "use ogive.nn.init.prototypes_(layer, data)"
        )

    def scale(layer: WeightedLayer, input: Tensor) -> None:
        found = float(sampled(layer.arguments(input)).var(unbiased=False))
        if found == 0:
            raise InvalidDataError(
                f"the arguments of layer {layer.name!r} are the same for the whole batch; "
                "give a batch of different inputs, with features that vary"
            )
        layer.weight.mul_((variance / found) ** 0.5)

    for layer in layers:
        matrix = layer.weight.detach().flatten(1)
        layer.weight.copy_(orthogonal_(matrix.clone(), 1.0, generator).view_as(layer.weight))
        if layer.shift is not None:
            layer.shift.zero_()
    visit(model, batch, layers, scale)
    return model
