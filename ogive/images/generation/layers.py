"""The nonlinear layers of a flow network: kernel layers, or their twins with SiLU and softmax."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ogive._typing import Float
from ogive.nn import KernelConv2d, KernelLinear, SigmoidAttention

TWIN = "twin"  # where a kernel could be named


def make_convolution(kernel: str, width: int) -> nn.Module:
    """Return a 3×3 convolution with its nonlinearity that keeps width and size."""
    layer = SiluConv2d if kernel == TWIN else KernelConv2d
    return layer(width, width, 3, "sigmoid" if kernel == TWIN else kernel, padding=1)


def make_linear(kernel: str, inputs: int, outputs: int) -> nn.Module:
    """Return a fully connected layer with its nonlinearity."""
    layer = SiluLinear if kernel == TWIN else KernelLinear
    return layer(inputs, outputs, "sigmoid" if kernel == TWIN else kernel)


def make_attention(kernel: str, width: int, heads: int) -> SelfAttention:
    """Return self-attention, whose answer starts at zero."""
    return SelfAttention(SoftmaxAttention if kernel == TWIN else SigmoidAttention, width, heads)


class _SiluResponse:
    """SiLU in place of a kernel's epilogue: the same parameters, another function of them."""

    def respond(self, argument: Tensor) -> Tensor:
        """Return u σ(u)."""
        return functional.silu(argument)


class SiluConv2d(_SiluResponse, KernelConv2d):
    """The twin of `KernelConv2d`: SiLU(gamma_j ⟨patch, w_j⟩ + coef0_j).

    Examples
    --------
    >>> import torch
    >>> SiluConv2d(8, 8, 3, padding=1)(torch.randn(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """


class SiluLinear(_SiluResponse, KernelLinear):
    """The twin of `KernelLinear`: SiLU(gamma_j ⟨x, w_j⟩ + coef0_j)."""


class SoftmaxAttention(SigmoidAttention):
    """The twin of `SigmoidAttention`: softmax of gamma_h ⟨q, k⟩ / √head_dim.

    It has the same parameters; coef0, which softmax does not feel, stays as it is.
    """

    def forward(  # type: ignore[override]
        self,
        query: Float[Tensor, "b n d"],
        key: Float[Tensor, "b m d"],
        value: Float[Tensor, "b m d"],
    ) -> tuple[Float[Tensor, "b n d"], None]:
        """Attend; no masks, and the weights are not returned."""
        q = self._split(self.query_projection(query), self.num_heads)
        k = self._split(self.key_projection(key), self.num_heads)
        v = self._split(self.value_projection(value), self.num_heads)
        scaled = q * self.gamma[:, None, None].to(q.dtype)
        answer = functional.scaled_dot_product_attention(scaled, k, v)
        return self.output_projection(answer.transpose(-2, -3).flatten(-2)), None


class SelfAttention(nn.Module):
    """Attention among the places of a feature map: (batch, width, height, width') in and out.

    Parameters
    ----------
    attention : type
        `SigmoidAttention` or its twin.
    width, heads : int
    """

    def __init__(self, attention: type[SigmoidAttention], width: int, heads: int) -> None:
        super().__init__()
        self.attention = attention(width, heads, batch_first=True)
        nn.init.zeros_(self.attention.output_projection.weight)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Attend."""
        tokens = x.flatten(2).transpose(1, 2)
        answer, _ = self.attention(tokens, tokens, tokens)
        return answer.transpose(1, 2).unflatten(2, x.shape[2:])


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each place, with trainable scale and offset.

    Of channels-last memory it is one fast pass, where group normalisation takes several.

    Parameters
    ----------
    width : int
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalise."""
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)
