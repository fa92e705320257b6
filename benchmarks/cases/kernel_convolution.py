"""Training steps of kernel convolutions beside tanh of a convolution, written by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from ogive.nn import KernelConv2d

_HAND, _UNFOLD, _SIGMOID, _GAUSSIAN = "tanh by hand", "tanh, unfold", "sigmoid", "Gaussian"
_LAST = ", channels last"
_STEPS = 5
# A gradient sums float32 products over all places of all pictures.
_ALLOWED = 1e-4

Answer = Mapping[str, Tensor]
Forward = Callable[[KernelConv2d, Tensor], Tensor]


@dataclass(frozen=True)
class Layout:
    """Pictures, what comes back to their answers, and the layers, in one memory format; float32."""

    x: Tensor
    upstream: Tensor
    sigmoid: KernelConv2d
    gaussian: KernelConv2d

    def to(self, memory_format: torch.memory_format) -> Layout:
        """Return a copy in another memory format."""
        x = self.x.detach().contiguous(memory_format=memory_format).requires_grad_()
        layers = (
            copy.deepcopy(layer).to(memory_format=memory_format)
            for layer in (self.sigmoid, self.gaussian)
        )
        return Layout(x, self.upstream.contiguous(memory_format=memory_format), *layers)


@dataclass(frozen=True)
class ConvolutionData:
    """The same in both memory formats, and how many steps one run takes."""

    usual: Layout
    last: Layout
    steps: int


def prepare(quick: bool, in_channels: int, out_channels: int) -> ConvolutionData:
    """Draw normal numbers, and give each channel a gamma and a coef0 of its own."""
    count, width = (2, 8) if quick else (32, 32)
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    layers = [
        KernelConv2d(in_channels, out_channels, 3, name, padding=1)
        for name in ("sigmoid", "gaussian")
    ]
    with torch.no_grad():
        for layer in layers:
            layer.weight.copy_(normal(*layer.weight.shape) * in_channels**-0.5 / 3)
            layer.gamma.mul_((0.3 * normal(out_channels)).exp())
        layers[0].coef0.copy_(0.3 * normal(out_channels))
    x = normal(count, in_channels, width, width).requires_grad_()
    usual = Layout(x, normal(count, out_channels, width, width), *layers)
    return ConvolutionData(usual, usual.to(torch.channels_last), 1 if quick else _STEPS)


def title(data: ConvolutionData) -> str:
    count, channels, width, _ = data.usual.x.shape
    return (
        f"kernel convolution 3×3, {count} pictures of {width}×{width} pixels, {channels} to "
        f"{data.usual.sigmoid.out_channels} channels, float32; {data.steps} × forward and backward"
    )


def by_hand(layer: KernelConv2d, x: Tensor) -> Tensor:
    """Answer tanh(gamma · conv(x, w) + coef0), as one writes it."""
    products = functional.conv2d(x, layer.weight, padding=1)
    return torch.tanh(layer.gamma[:, None, None] * products + layer.coef0[:, None, None])


def by_unfolding(layer: KernelConv2d, x: Tensor) -> Tensor:
    """Answer the same from a matrix of all patches, as kernel convolutions are often written."""
    patches = functional.unfold(x, 3, padding=1)
    products = (layer.weight.flatten(1) @ patches).unflatten(2, x.shape[2:])
    return torch.tanh(layer.gamma[:, None, None] * products + layer.coef0[:, None, None])


def by_ogive(layer: KernelConv2d, x: Tensor) -> Tensor:
    """Answer by the layer."""
    return layer(x)


def train(data: ConvolutionData, forward: Forward, *, kernel: str, last: bool = False) -> Answer:
    """Return the answers, and the gradients of all parameters and of the pictures."""
    layout = data.last if last else data.usual
    layer: KernelConv2d = getattr(layout, kernel)
    for _ in range(data.steps):
        answer = _with_gradients(layer, layout.x, layout.upstream, forward)
    return answer


def _with_gradients(layer: KernelConv2d, x: Tensor, upstream: Tensor, forward: Forward) -> Answer:
    parameters = {"x": x, **dict(layer.named_parameters())}
    y = forward(layer, x)
    gradients = torch.autograd.grad(y, tuple(parameters.values()), upstream)
    return {"y": y.detach(), **dict(zip(parameters, gradients, strict=True))}


def check(data: ConvolutionData, answers: Answers) -> Sequence[Agreement]:
    """Compare answers and gradients with the kernels' formulas in float64."""
    usual = data.usual
    x = usual.x.detach().double().requires_grad_()
    expected = {
        kernel: _with_gradients(
            copy.deepcopy(getattr(usual, kernel)).double(), x, usual.upstream.double(), formula
        )
        for kernel, formula in (("sigmoid", by_hand), ("gaussian", _by_distances))
    }
    return tuple(
        Agreement(
            f"{name}: answers and gradients against float64",
            max(relative_error(answer[key], value) for key, value in reference.items()),
            _ALLOWED,
        )
        for name, answer in answers.items()
        for reference in [expected["gaussian" if _GAUSSIAN in name else "sigmoid"]]
    )


def _by_distances(layer: KernelConv2d, x: Tensor) -> Tensor:
    """Answer exp(-gamma ‖patch - w‖²), patch by patch."""
    patches = functional.unfold(x, 3, padding=1).mT
    distances = torch.cdist(
        patches, layer.weight.flatten(1), compute_mode="donot_use_mm_for_euclid_dist"
    )
    return torch.exp(-layer.gamma * distances.square()).mT.unflatten(2, x.shape[2:])


def kernel_convolution(
    name: str, summary: str, in_channels: int, out_channels: int
) -> Case[ConvolutionData]:
    """Return the case with those numbers of channels."""
    hand = partial(train, forward=by_hand, kernel="sigmoid")
    sigmoid = partial(train, forward=by_ogive, kernel="sigmoid")
    gaussian = partial(train, forward=by_ogive, kernel="gaussian")
    return Case(
        name=name,
        summary=summary,
        prepare=partial(prepare, in_channels=in_channels, out_channels=out_channels),
        title=title,
        ways=(
            Way(_HAND, hand),
            Way(_UNFOLD, partial(train, forward=by_unfolding, kernel="sigmoid")),
            Way(_SIGMOID, sigmoid),
            Way(_GAUSSIAN, gaussian),
            Way(_HAND + _LAST, partial(hand, last=True)),
            Way(_SIGMOID + _LAST, partial(sigmoid, last=True)),
            Way(_GAUSSIAN + _LAST, partial(gaussian, last=True)),
        ),
        baselines=(_HAND, _HAND + _LAST),
        check=check,
        notes=(
            "By hand: torch.tanh(gamma * conv2d(x, w) + coef0). All learn gamma, coef0 and the "
            "prototypes, and give the pictures a gradient; the Gaussian kernel has no coef0.",
            "Sigmoid and Gaussian: KernelConv2d, to be compared with tanh in the same format.",
        ),
    )


KERNEL_CONVOLUTION = kernel_convolution(
    "kernel-convolution", "training steps of a convolution of 64 to 64 channels", 64, 64
)
FIRST_CONVOLUTION = kernel_convolution(
    "first-convolution", "training steps of a convolution of 3 to 32 channels", 3, 32
)
