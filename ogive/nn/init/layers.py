"""The layers of a model that have weights, each with the function that follows it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules import activation
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.kernels.epilogue import Identity, LogisticFunction, Tanh
from ogive.kernels.meanfield import Response, slope
from ogive.nn.units import KernelUnits

_ORDINARY = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_ACTIVATIONS = (
    activation.CELU,
    activation.ELU,
    activation.GELU,
    activation.Hardsigmoid,
    activation.Hardswish,
    activation.Hardtanh,  # and ReLU6, which is one
    activation.LeakyReLU,
    activation.LogSigmoid,
    activation.Mish,
    activation.ReLU,
    activation.SELU,
    activation.SiLU,
    activation.Sigmoid,
    activation.Softplus,
    activation.Softsign,
    activation.Tanh,
    activation.Tanhshrink,
)
_ENOUGH = 2**18  # arguments tell χ to a percent
_FAR = 1e4  # an argument at which bounded functions have come to their bound
RESPONSES: dict[str, Response] = {
    "linear": Identity(),
    "tanh": Tanh(),
    "logistic": LogisticFunction(),
    "relu": torch.relu,
}


@dataclass
class WeightedLayer:
    """A fully connected or convolutional layer, and the function φ of its arguments.

    Attributes
    ----------
    name : str
        Within the model; empty if it is the model.
    module : Module
        nn.Linear, nn.Conv1d, 2d, 3d, or a kernel layer.
    response : callable(Tensor) -> Tensor
        φ.
    offset : float
        What the offsets are about: 0, but 1 for the polynomial kernel, whose slope is 0 at 0.
    before : WeightedLayer or None
        The one whose answers are its inputs; None for the first, whose inputs are data. A layer
        that stands alone is taken for one of many alike, and comes before itself.
    last : bool
        Whether nothing comes behind it.
    """

    name: str
    module: nn.Module
    response: Response
    offset: float = 0.0
    before: WeightedLayer | None = field(default=None, repr=False)
    last: bool = False

    @property
    def weight(self) -> Tensor:
        """The weights, (out, in / groups, ...)."""
        return self.module.weight  # type: ignore[return-value]

    @property
    def gamma(self) -> Tensor | None:
        """What the inner products are multiplied with, or nothing."""
        return self.module.gamma if isinstance(self.module, KernelUnits) else None

    @property
    def shift(self) -> Tensor | None:
        """The offsets that are added to the inner products, or nothing."""
        if isinstance(self.module, KernelUnits):
            return self.module.coef0
        return self.module.bias  # type: ignore[return-value]

    @property
    def is_linear(self) -> bool:
        """Whether φ is the identity."""
        return isinstance(self.response, Identity)

    @property
    def by_distance(self) -> bool:
        """Whether the layer compares by distance, so that none of the theory is about it."""
        return isinstance(self.module, KernelUnits) and self.module.family.by_distance

    @property
    def groups(self) -> int:
        """Into how many independent parts the channels fall."""
        return getattr(self.module, "groups", 1)

    @property
    def base(self) -> float:
        """φ(offset): what the layer's own answers are about."""
        return float(self._respond(self.offset))

    @property
    def reach(self) -> float:
        """How far its answers can be from their base, at most 1."""
        far = float((self._respond(-_FAR, _FAR) - self.base).abs().max())
        return min(1.0, far) if math.isfinite(far) else 1.0

    @property
    def centre(self) -> float:
        """What its inputs are about: the base of the layer before."""
        return 0.0 if self.before is None or self.before.by_distance else self.before.base

    def row_powers(self) -> Float[Tensor, " out"]:
        """Return gamma_i² ‖w_i‖² for every unit i."""
        powers = self.weight.flatten(1).square().sum(1)
        return powers if self.gamma is None else powers * self.gamma.square()

    def row_sums(self) -> Float[Tensor, " out"]:
        """Return gamma_i Σ w_i for every unit i."""
        sums = self.weight.flatten(1).sum(1)
        return sums if self.gamma is None else sums * self.gamma

    def arguments(self, input: Tensor) -> Float[Tensor, "n out"]:
        """Return what φ is applied to when the layer is given this input; a row a place."""
        if isinstance(self.module, KernelUnits):
            self.module.respond = _unchanged  # type: ignore[method-assign]
            try:
                answer = self.module.forward(input)
            finally:
                del self.module.respond
        else:
            answer = self.module.forward(input)
        channel = -1 - (self.weight.ndim - 2)
        return answer.movedim(channel, -1).reshape(-1, len(self.weight))

    def growth(self, arguments: Float[Tensor, "n out"]) -> float:
        """Return χ = mean of φ'(u_i)² gamma_i² ‖w_i‖² over places and units i."""
        slopes = slope(self.response, sampled(arguments)).square().mean(0)
        return float((slopes * self.row_powers().double()).mean())

    def _respond(self, *arguments: float) -> Tensor:
        with torch.no_grad():
            return self.response(torch.tensor(arguments, dtype=torch.float64))


def weighted_layers(model: nn.Module, response: str | Response | None) -> list[WeightedLayer]:
    """Return the layers of a model in the order in which they are registered.

    Parameters
    ----------
    model : Module
        A network, or one layer.
    response : str, callable or None
        What follows nn.Linear and nn.Conv layers; None finds it: the first activation module after
        the layer and before the next one, or none at all.

    Raises
    ------
    InvalidParameterError
        If there is no such layer, or the weights of one cannot be set.
    """
    given = _response(response)
    found: list[WeightedLayer] = []
    for name, module in model.named_modules():
        if isinstance(module, KernelUnits):
            offset = 1.0 if module.kernel == "polynomial" else 0.0
            found.append(WeightedLayer(name, module, module.family.epilogue, offset))
        elif isinstance(module, _ORDINARY):
            found.append(WeightedLayer(name, module, given or Identity()))
        elif isinstance(module, _ACTIVATIONS) and found and given is None:
            last = found[-1]
            if last.is_linear and not isinstance(last.module, KernelUnits):
                last.response = module
    if not found:
        raise InvalidParameterError(
            f"{type(model).__name__} has no layer with weights (nn.Linear, nn.Conv1d … 3d, "
            "KernelLinear, KernelConv1d, KernelConv2d); give a network that has one"
        )
    for layer in found:
        _check_settable(layer)
    for before, layer in itertools.pairwise(found):
        layer.before = before
    if found[0].module is model:
        found[0].before = found[0]
    else:
        found[-1].last = True
    return found


def visit(
    model: nn.Module,
    batch: Tensor,
    layers: list[WeightedLayer],
    action: Callable[[WeightedLayer, Tensor], None],
) -> None:
    """Send a batch through a model; act on each layer with its input before it answers.

    One pass: what the action changes is in force for all layers behind. Without gradients, in
    evaluation mode; the mode of every module is restored.
    """
    if not isinstance(batch, Tensor) or not batch.is_floating_point() or batch.shape[0] < 2:
        what = (
            f"a {batch.dtype} tensor of shape {tuple(batch.shape)}"
            if isinstance(batch, Tensor)
            else f"a {type(batch).__name__}"
        )
        raise InvalidDataError(
            f"batch is {what}; it must be a floating-point tensor of at least 2 inputs: "
            "give some hundred rows of the training data"
        )
    waiting = {id(layer.module): layer for layer in layers}

    def before(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        layer = waiting.pop(id(module), None)  # a layer that is used twice is set by its first use
        if layer is not None:
            if not bool(torch.isfinite(arguments[0]).all()):
                raise InvalidDataError(
                    f"layer {layer.name!r} is given NaN or inf; every value of the batch must be "
                    "finite: impute or drop the rows concerned"
                )
            action(layer, arguments[0])

    hooks = [layer.module.register_forward_pre_hook(before) for layer in layers]
    try:
        with torch.no_grad(), evaluating(model):
            model(batch)
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode within the block; every module gets its mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def sampled(arguments: Float[Tensor, "n out"]) -> Float[Tensor, "m out"]:
    """Return enough of the rows for statistics, evenly spread, in float64."""
    step = max(1, arguments.numel() // _ENOUGH)
    return arguments[::step].double()


def _unchanged(argument: Tensor) -> Tensor:
    return argument


def _response(response: str | Response | None) -> Response | None:
    if not isinstance(response, str):
        return response
    if response not in RESPONSES:
        raise InvalidParameterError(
            f"response={response!r} is unknown; {nearest_name(response, RESPONSES)}"
        )
    return RESPONSES[response]


def _check_settable(layer: WeightedLayer) -> None:
    if parametrize.is_parametrized(layer.module, "weight"):
        raise InvalidParameterError(
            f"the weight of layer {layer.name!r} is computed by a parametrisation, so setting it "
            "has no effect; initialise first, parametrise then"
        )
    if is_lazy(layer.weight):
        raise InvalidParameterError(
            f"layer {layer.name!r} does not know its shape yet; "
            "send a batch through the model first"
        )
    if layer.weight.device.type == "meta":
        raise InvalidParameterError(
            f"layer {layer.name!r} is on the meta device and has no values; "
            "use model.to_empty first"
        )
    if layer.gamma is not None and not bool(layer.gamma.detach().all()):
        raise InvalidParameterError(
            f"layer {layer.name!r} has a gamma of 0: its answer does not depend on the input; "
            "give it a gamma that is not 0"
        )
