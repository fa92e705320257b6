"""What a batch shows of a network's layers: the variance of their arguments, and χ."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ogive.kernels.meanfield import Response
from ogive.nn.init.layers import WeightedLayer, sampled, visit, weighted_layers


@dataclass(frozen=True)
class LayerPropagation:
    """What was measured of one layer.

    Attributes
    ----------
    name : str
        Within the model.
    variance : float
        q: mean square of the arguments about the layer's offset.
    chi : float
        χ: mean of φ'(u_i)² gamma_i² ‖w_i‖² over inputs, places and units i.
    """

    name: str
    variance: float
    chi: float


def measure_propagation(
    model: nn.Module, batch: Tensor, *, response: str | Response | None = None
) -> list[LayerPropagation]:
    """Return q and χ of every layer of a network on a batch, in the order in which they are used.

    The product of all χ is, by mean-field theory, how much larger the mean squared gradient is in
    the first layer than behind the last.

    Parameters
    ----------
    model, batch, response
        As for `critical_`; nothing is changed. Layers with a Gaussian kernel are left out.

    Returns
    -------
    list of LayerPropagation

    Examples
    --------
    >>> import torch
    >>> from ogive.nn.init import critical_
    >>> layers = [part for _ in range(4) for part in (nn.Linear(30, 30), nn.Sigmoid())]
    >>> batch = torch.randn(200, 30)
    >>> model = critical_(nn.Sequential(*layers), batch)
    >>> [round(layer.chi, 2) for layer in measure_propagation(model, batch)][1:]
    [1.0, 1.0, 1.0]
    """
    found: list[LayerPropagation] = []

    def look(layer: WeightedLayer, input: Tensor) -> None:
        arguments = layer.arguments(input)
        variance = float((sampled(arguments) - layer.offset).square().mean())
        found.append(LayerPropagation(layer.name, variance, layer.growth(arguments)))

    layers = [layer for layer in weighted_layers(model, response) if not layer.by_distance]
    visit(model, batch, layers, look)
    return found
