"""The network that tells the velocity of a picture on its way from noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._typing import Float, ImageShape, Int
from ogive.images.generation.layers import (
    ChannelNorm,
    make_attention,
    make_convolution,
    make_linear,
)

_FREQUENCIES = 32
_FASTEST = 64 * math.pi  # half turns in the unit of time: neighbouring steps of a sampler differ
_HEADS = 4


@dataclass(frozen=True)
class NetworkShape:
    """What a `FlowNetwork` is made for, and how large it is.

    Attributes
    ----------
    image_shape : (height, width, channels)
    classes : int
    kernel : {"sigmoid", "logistic", "twin"}
        Of the nonlinear layers; "twin" stands for SiLU and softmax in the same places.
    width : int
        Channels of the finer of two levels; the coarser has twice as many. A multiple of 4.
    blocks : int
        Residual blocks of the finer level, on the way down and on the way up.
    """

    image_shape: ImageShape
    classes: int
    kernel: str = "sigmoid"
    width: int = 64
    blocks: int = 2

    @property
    def patch(self) -> int:
        """Side of the squares of pixels that become channels: the finer level has ≤ 16 places."""
        return max(1, 2 ** math.ceil(math.log2(max(self.image_shape[:2]) / 16)))


class FlowNetwork(nn.Module):
    """A small U-Net v(x, t, class) of two levels, its nonlinearities kernels.

    Squares of pixels become channels; residual blocks at that size; at half the size residual
    blocks around self-attention over all places; back up, joined with what was before; a linear
    convolution. Paths around blocks, changes of size and the last layer are linear, so that bounded
    kernels bound no velocity.

    Parameters
    ----------
    shape : NetworkShape

    Notes
    -----
    The class one past the last stands for none (classifier-free guidance). Every block, and the
    answer, starts at zero. The two-level form follows Ronneberger, Fischer and Brox, U-Net:
    convolutional networks for biomedical image segmentation (MICCAI 2015); time and class by scale
    and shift, Perez et al., FiLM (AAAI 2018).

    Examples
    --------
    >>> network = FlowNetwork(NetworkShape((28, 28, 1), classes=10, width=16))
    >>> x = torch.randn(2, 1, 28, 28)
    >>> network(x, torch.tensor([0.0, 0.5]), torch.tensor([3, 10])).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        width, kernel = shape.width, shape.kernel
        inner = shape.image_shape[2] * shape.patch**2
        state = 2 * width
        self.times = nn.Linear(2 * _FREQUENCIES, state)
        self.labels = nn.Embedding(shape.classes + 1, state)
        self.state = nn.Sequential(
            make_linear(kernel, state, state), make_linear(kernel, state, state)
        )
        self.first = nn.Conv2d(inner, width, 3, padding=1)
        self.before = _Blocks(kernel, width, state, shape.blocks)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = _Blocks(kernel, 2 * width, state, 1)
        self.attention_norm = ChannelNorm(2 * width)
        self.attention = make_attention(kernel, 2 * width, _HEADS)
        self.coarse_too = _Blocks(kernel, 2 * width, state, 2)
        self.up = nn.Conv2d(2 * width, 4 * width, 1)
        self.join = nn.Conv2d(2 * width, width, 1)
        self.after = _Blocks(kernel, width, state, shape.blocks)
        self.last_norm = ChannelNorm(width)
        self.last = _zero(nn.Conv2d(width, inner, 3, padding=1))

    @property
    def image_shape(self) -> ImageShape:
        """(height, width, channels) of a picture."""
        return self.shape.image_shape

    @property
    def classes(self) -> int:
        """How many classes it knows."""
        return self.shape.classes

    @property
    def parameter_count(self) -> int:
        """How many numbers were trained."""
        return sum(weights.numel() for weights in self.parameters())

    def forward(
        self, x: Float[Tensor, "b c h w"], time: Float[Tensor, " b"], label: Int[Tensor, " b"]
    ) -> Float[Tensor, "b c h w"]:
        """Return the velocity of each picture.

        Parameters
        ----------
        x : Tensor of shape (b, channels, height, width)
        time : Tensor of shape (b,)
            From 0 (noise) to 1 (picture).
        label : Tensor of shape (b,)
            Codes of classes; as many as there are classes stands for none.
        """
        state = self.state(self.times(_waves(time)) + self.labels(label))
        height, width = x.shape[2:]
        step = 2 * self.shape.patch
        padded = functional.pad(x, (0, -width % step, 0, -height % step))
        fine = functional.pixel_unshuffle(padded, self.shape.patch)
        fine = self.first(fine.contiguous(memory_format=torch.channels_last))
        fine = self.before(fine, state)
        coarse = self.coarse(self.down(fine), state)
        coarse = coarse + self.attention(self.attention_norm(coarse))
        coarse = self.coarse_too(coarse, state)
        raised = functional.pixel_shuffle(self.up(coarse), 2)
        fine = self.after(self.join(torch.cat([fine, raised], 1)), state)
        answer = functional.pixel_shuffle(self.last(self.last_norm(fine)), self.shape.patch)
        return answer[:, :, :height, :width]


class _Block(nn.Module):
    """x + A k₂(s ⊙ k₁(norm x) + b), with s and b linear in the state, and A linear."""

    def __init__(self, kernel: str, width: int, state: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.first = make_convolution(kernel, width)
        self.modulation = _zero(nn.Linear(state, 2 * width))
        self.second = make_convolution(kernel, width)
        self.last = _zero(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        scale, shift = self.modulation(state)[:, :, None, None].chunk(2, 1)
        inside = torch.addcmul(shift, self.first(self.norm(x)), 1 + scale)
        return x + self.last(self.second(inside))


class _Blocks(nn.Module):
    """Residual blocks one after the other."""

    def __init__(self, kernel: str, width: int, state: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(kernel, width, state) for _ in range(count))

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, state)
        return x


def _zero(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _waves(time: Float[Tensor, " b"]) -> Float[Tensor, "b f"]:
    """Return sines and cosines of the time, from half a turn up to many."""
    steps = torch.linspace(0, 1, _FREQUENCIES, device=time.device)
    angles = time[:, None] * math.pi * (_FASTEST / math.pi) ** steps
    return torch.cat([angles.sin(), angles.cos()], 1)
