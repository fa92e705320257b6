"""Critical initialisation: gradients that neither vanish nor explode, at any depth."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

from ogive._checks import check_positive
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Float
from ogive.kernels.meanfield import Response, critical_point, slope
from ogive.nn.init.delta_orthogonal import delta_orthogonal_, orthogonal_
from ogive.nn.init.layers import WeightedLayer, sampled, visit, weighted_layers

Model = TypeVar("Model", bound=nn.Module)

_STEP = 1.1  # from one trial of a scale to the next: no root is jumped over
_WIDEST = 1e6


@torch.no_grad()
def critical_(
    model: Model,
    batch: Tensor | None = None,
    *,
    response: str | Response | None = None,
    bias_variance: float = 0.0,
    generator: torch.Generator | None = None,
) -> Model:
    """Set weights and offsets so that every layer has χ = 1: gradients pass at any depth.

    χ = gamma² σ_w² E[φ'(u)²] is what the mean squared gradient is multiplied by in a layer with
    arguments u. Weights become orthogonal (delta-orthogonal in convolutions), with

    - by theory, the gain of the critical point: 1 for tanh, 4 for the logistic function, √2 for
      ReLU; offsets -c Σ_j gamma w_ij that take off what the inputs are about (c = ½ after a
      logistic layer, which makes it a tanh layer), and nothing more;
    - with a batch, the gain with which χ is 1 on that batch, and offsets with which every unit's
      arguments have mean 0 there; layer by layer, in one pass. The signal then fades more slowly
      than by theory, and networks learn faster: prefer it where there are data.

    Parameters
    ----------
    model : Module
        One layer, or a network of them in any arrangement: `KernelLinear`, `KernelConv1d` and
        `KernelConv2d`, nn.Linear, nn.Conv1d … 3d. Other layers are left as they are, and so are
        those with a Gaussian kernel (see `prototypes_`).
    batch : Tensor, optional
        Some hundred inputs of the model.
    response : {"linear", "tanh", "logistic", "relu"} or callable, optional
        φ after nn.Linear and nn.Conv layers, if it is no module. By default it is the activation
        module that is registered next, if there is one before the next layer.
    bias_variance : float, default 0.0
        Further along the critical line: offsets are drawn with this variance, and the gain is what
        belongs to it (for tanh 0.01: 1.19). At 0, the signal fades like 1 / depth. Without a batch
        only.
    generator : torch.Generator, optional

    Returns
    -------
    Module
        ``model``, changed in place.

    Raises
    ------
    InvalidParameterError
        If there is no layer to set, or none of the theory fits its function: give a batch.
    InvalidDataError
        If the batch is none, holds NaN, or does not vary in some layer.

    Notes
    -----
    gamma is kept, the weights take it into account. Where a layer has no offset of its own for
    each unit, its rows are made to sum to 0 instead. The inputs of a model without a batch are
    taken to have mean 0 and mean square 1. The first layer, through which no gradient needs to
    pass, gets arguments of mean square (gain · reach)², where reach is how far answers can be from
    φ(0), at most 1: 1 for tanh, 4 for the logistic function. A layer with more units than inputs
    has rows of norm gain in the mean, so that its arguments, not their sum of squares, keep their
    size. A last layer without φ gets gain 1, behind a logistic one 2.

    Without a batch a deep logistic network is critical and learns slowly all the same: its signal
    fades while its inputs stay about ½, a direction along which the weights' gradient is then far
    steeper than along any other. With a batch, or ``bias_variance=0.04``, the signal stays.

    Sources: Schoenholz and others 2017; Pennington and others 2017 (orthogonal weights); Xiao and
    others 2018 (convolutions); see `ogive.kernels.meanfield`.

    Examples
    --------
    >>> layers = [part for _ in range(50) for part in (nn.Linear(64, 64), nn.Tanh())]
    >>> model = critical_(nn.Sequential(*layers))
    >>> x = torch.randn(8, 64, requires_grad=True)
    >>> (gradient,) = torch.autograd.grad(model(x).sum(), x)
    >>> bool(0.05 < gradient.norm() / 8 ** 0.5 / 64 ** 0.5 < 1)
    True
    """
    check_positive(bias_variance, "bias_variance", allow_zero=True)
    if batch is not None and bias_variance > 0:
        raise InvalidParameterError(
            f"bias_variance={bias_variance:g} with a batch, which decides the offsets itself; "
            "leave one of them out"
        )
    layers = [layer for layer in weighted_layers(model, response) if not layer.by_distance]
    if not layers:
        raise InvalidParameterError(
            "a layer with a Gaussian kernel compares by distance, and has no critical weights; "
            "use ogive.nn.init.prototypes_(layer, data)"
        )
    measured = batch is not None
    for layer in layers:
        gain = 1.0 if measured and not layer.is_linear else _gain(layer, bias_variance)
        _draw(layer, gain, bias_variance, generator)
    if batch is not None:
        visit(model, batch, layers, _by_measure)
    return model


def _draw(
    layer: WeightedLayer, gain: float, bias_variance: float, generator: torch.Generator | None
) -> None:
    """Draw orthogonal weights with rows of norm gain in the mean, and the offsets."""
    weight = layer.weight.detach()
    if weight.ndim == 2:
        orthogonal_(weight, 1.0, generator)
    else:
        delta_orthogonal_(weight, 1.0, groups=layer.groups, generator=generator)
    rows, columns = weight.shape[0] // layer.groups, weight.shape[1]
    weight.mul_(gain * max(1.0, math.sqrt(rows / max(columns, 1))))
    shift = layer.shift
    if layer.centre and (shift is None or shift.shape != weight.shape[:1]):
        _sum_to_zero(weight)
    if layer.gamma is not None:
        weight.div_(layer.gamma.expand(len(weight)).abs().reshape(-1, *(1,) * (weight.ndim - 1)))
    if shift is not None:
        shift.fill_(layer.offset)
        if shift.shape == weight.shape[:1]:
            noise = torch.randn(shift.shape, generator=generator, device=shift.device)
            shift.add_(noise, alpha=0.0 if layer.is_linear else math.sqrt(bias_variance))
            shift.sub_(layer.centre * layer.row_sums())


def _gain(layer: WeightedLayer, bias_variance: float) -> float:
    """Return the gain of a layer by theory."""
    if layer.is_linear and layer.last and layer.before is not None:
        return 1 / layer.before.reach  # nothing behind it: as large an answer as from tanh
    try:
        point = critical_point(
            layer.response, bias_variance=bias_variance, bias_mean=layer.offset, centre=layer.base
        )
    except InvalidParameterError as error:
        raise InvalidParameterError(
            f"layer {layer.name!r}: {error}; or give a batch of data to measure on"
        ) from None
    # Data of mean square 1 are as large as answers that reach 1.
    return point.gain * layer.reach if layer.before is None else point.gain


def _sum_to_zero(weight: Tensor) -> None:
    """Take the mean off every row, at the places of the window that are not 0."""
    used = weight != 0
    count = used.flatten(1).sum(1).clamp(min=1)
    mean = (weight.flatten(1).sum(1) / count).reshape(-1, *(1,) * (weight.ndim - 1))
    weight.sub_(mean * used)


def _by_measure(layer: WeightedLayer, input: Tensor) -> None:
    """Centre the arguments of every unit, and scale the weights until χ = 1."""
    arguments, shift = layer.arguments(input), layer.shift
    own = shift is not None and shift.shape == arguments.shape[1:]
    if own or shift is None:
        rest = torch.full_like(arguments[0], layer.offset if own else 0.0).double()
    else:
        rest = shift.expand(arguments.shape[1]).double()
    origin = arguments.mean(0, dtype=torch.float64) if own else rest
    deviation = sampled(arguments) - origin
    if not bool(deviation.any()):
        raise InvalidDataError(
            f"the arguments of layer {layer.name!r} are the same for the whole batch; "
            "give a batch of different inputs, with features that vary"
        )
    if layer.before is None:
        # No gradient needs to pass it: its arguments get the size they have by theory.
        scale = _first_gain(layer) / float(deviation.square().mean().sqrt())
    else:
        scale = 1.0 if layer.is_linear else _critical_scale(layer, deviation, rest)
    layer.weight.mul_(scale)
    if own and shift is not None:
        shift.zero_()
        shift.sub_(layer.arguments(input).mean(0, dtype=torch.float64) - layer.offset)


def _first_gain(layer: WeightedLayer) -> float:
    try:
        return _gain(layer, 0.0)
    except InvalidParameterError:  # of no theory, such as a square
        return 1.0


def _critical_scale(
    layer: WeightedLayer, deviation: Float[Tensor, "n out"], rest: Float[Tensor, " out"]
) -> float:
    """Return the smallest s with s² · mean of φ'(s · deviation + mean)² gamma² ‖w‖² = 1."""
    powers = layer.row_powers().double()

    def excess(scale: float) -> float:
        slopes = slope(layer.response, scale * deviation + rest).square().mean(0)
        return scale**2 * float((slopes * powers).mean()) - 1

    span = float(deviation.abs().max())
    probe = torch.linspace(-span, span, 401, dtype=torch.float64, device=rest.device)
    steepest = float(slope(layer.response, probe + layer.offset).abs().max())
    low = 1 / (max(steepest, 1e-6) * math.sqrt(float(powers.mean())) * 1.0001)
    while excess(low) > 0:
        low /= 2
    high = low
    while excess(high) < 0:
        low, high = high, high * _STEP
        if high * span > _WIDEST:
            raise InvalidDataError(
                f"no scale of the weights gives layer {layer.name!r} χ = 1 on this batch; its "
                "function is flat there: give a larger batch of standardised inputs"
            )
    return float(brentq(excess, low, high, rtol=4 * np.finfo(float).eps)) if high > low else low
