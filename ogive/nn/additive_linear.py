"""A fully connected layer whose outputs share a few projections: the additive kernel as a layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.kernels.epilogue import Epilogue, LogisticFunction, Tanh

# φ, and how far it is stretched: σ(2z) = (1 + tanh z) / 2, so with twice the argument and twice the
# weight both layers start as the same function, up to a constant.
_FUNCTIONS: dict[str, tuple[Epilogue, float]] = {
    "logistic": (LogisticFunction(), 2.0),
    "sigmoid": (Tanh(), 1.0),
}
# Standard deviation of the offsets, in units of that of the projections. Equal offsets make equal
# outputs; with 2 the correlation of two outputs is 0.61 (0.83 with 1, 0.95 with 1/2).
_OFFSET_SPREAD = 2.0
# 1 / √E[tanh'(z)²] for z ~ N(0, 1 + 2²), so that χ = 1; see `reset_parameters`.
_CRITICAL_WEIGHT = 2.0823151294576556
# Entries of a tile: two of them in float32 stay within a core's own cache.
_TILE_ENTRIES = 1 << 17


class AdditiveKernelLinear(nn.Module):
    r"""Outputs that are sums over a few shared projections: y_j = Σ_h w_h φ(α_hᵀx + b_hj) + c_j.

    It is the additive kernel Σ_h w_h φ(α_hᵀx + β_hᵀz_j + γ_h) between the input and a prototype z_j
    of each output, in which only the number b_hj = β_hᵀz_j + γ_h is left of the prototype. It has
    heads · (in + out + 1) numbers, and out more with a bias, where `torch.nn.Linear` has in · out.

    Parameters
    ----------
    in_features, out_features : int
    heads : int, default 8
        Number of projections α_h. With one head every output is a monotone function of the one
        number αᵀx: all outputs rank all inputs alike, and the layer is worth one unit.
    kernel : {"logistic", "sigmoid"}, default "logistic"
        φ is 1/(1 + exp(-z)), or tanh.
    bias : bool, default True
        Whether each output has a constant c_j.
    device, dtype
        Of the parameters.

    Attributes
    ----------
    alpha : Parameter of shape (heads, in_features)
        The projections.
    offset : Parameter of shape (heads, out_features)
        b_hj.
    weight : Parameter of shape (heads,)
        w_h. It is shared by all outputs, so each head moves all of them the same way.
    bias : Parameter of shape (out_features,), or None

    Raises
    ------
    InvalidParameterError
        For a number below 1 or an unknown kernel.
    InvalidDataError
        If an input is not in_features wide.

    Notes
    -----
    The input has shape (..., in_features), the answer (..., out_features). Heads are added up one
    after another, forward and backward, so that memory is that of the answer and never that of
    batch × heads × out values. This is exact; the cost is in · heads multiplications and
    heads · out values of φ a row, less than `torch.nn.Linear` only for few heads.

    The additive kernel is that of `ogive.kernels.AdditiveSigmoid`. What one head cannot do is shown
    for attention by Brody, Alon and Yahav, How attentive are graph attention networks? (2022),
    theorem 1.

    Examples
    --------
    >>> import torch
    >>> layer = AdditiveKernelLinear(512, 256, heads=16)
    >>> layer(torch.randn(32, 512)).shape
    torch.Size([32, 256])
    >>> sum(p.numel() for p in layer.parameters()), 512 * 256 + 256
    (12560, 131328)
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        heads: int = 8,
        *,
        kernel: str = "logistic",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = check_count(in_features, "in_features")
        self.out_features = check_count(out_features, "out_features")
        self.heads = check_count(heads, "heads")
        self.kernel = _checked_kernel(kernel)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.alpha = parameter(heads, in_features)
        self.offset = parameter(heads, out_features)
        self.weight = parameter(heads)
        self.bias = parameter(out_features) if bias else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the parameters anew, such that the layer is critical for inputs of mean square 1.

        The rows of alpha are orthonormal (in blocks of in_features, if there are more heads) and
        b_hj ~ N(0, 2²), both stretched by s, which is 1 for tanh and 2 for the logistic function.
        Then α_hᵀx is about N(0, s²), and a small change of the input changes the output by χ times
        as much in mean square,

            χ = heads · w² s² E[φ'(s z)²],  z ~ N(0, 1 + 2²).

        χ = 1 for w = ±2.082 s / √heads. The outputs' variance over inputs is then 0.79. Signs
        alternate and the bias is -½ Σ_h w_h for the logistic function, which centres the outputs.
        """
        stretch = _FUNCTIONS[self.kernel][1]
        for block in torch.split(self.alpha, self.in_features):
            nn.init.orthogonal_(block, stretch)
        self.offset.normal_(std=_OFFSET_SPREAD * stretch)
        self.weight.fill_(_CRITICAL_WEIGHT * stretch * self.heads**-0.5)
        self.weight[1::2].neg_()
        if self.bias is not None:
            self.bias.zero_()
            if self.kernel == "logistic":
                self.bias.sub_(0.5 * self.weight.sum())

    def forward(self, input: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Return y_j for each row x of the input."""
        if input.shape[-1] != self.in_features:
            raise InvalidDataError(
                f"input of shape {tuple(input.shape)} has {input.shape[-1]} features (its last "
                f"dimension); this AdditiveKernelLinear was made for {self.in_features}"
            )
        projected = functional.linear(input, self.alpha)
        answer = additive_heads(projected, self.offset, self.weight, self.kernel)
        return answer if self.bias is None else answer + self.bias.to(answer.dtype)

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"heads={self.heads}, kernel={self.kernel!r}, bias={self.bias is not None}"
        )


def additive_heads(
    u: Float[Tensor, "*batch heads"],
    offset: Float[Tensor, "heads out"],
    weight: Float[Tensor, " heads"],
    kernel: str = "logistic",
) -> Float[Tensor, "*batch out"]:
    """Return Σ_h weight_h φ(u_h + offset_hj), head by head.

    Parameters
    ----------
    u : Tensor of shape (..., heads)
        May be of a lower precision than the parameters (autocast); the answer is of its type, the
        sum is formed in theirs.
    offset : Tensor of shape (heads, out)
    weight : Tensor of shape (heads,)
    kernel : {"logistic", "sigmoid"}, default "logistic"
        φ is 1/(1 + exp(-z)), or tanh.

    Returns
    -------
    Tensor of shape (..., out)

    Raises
    ------
    InvalidParameterError
        For an unknown kernel.
    InvalidDataError
        If the shapes do not agree.

    Examples
    --------
    >>> import torch
    >>> u, offset = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
    >>> additive_heads(u, offset, torch.tensor([1.0, -1.0]))
    tensor([[0.0000, 0.1497]])
    """
    epilogue, _ = _FUNCTIONS[_checked_kernel(kernel)]
    heads, width = offset.shape
    if weight.shape != (heads,) or u.shape[-1] != heads:
        raise InvalidDataError(
            f"u has shape {tuple(u.shape)}, offset {tuple(offset.shape)}, weight "
            f"{tuple(weight.shape)}; they must be (..., heads), (heads, out) and (heads,)"
        )
    rows = u.to(offset.dtype).reshape(-1, heads)
    if torch.compiler.is_exporting():  # a program keeps no backward pass of ours; torch finds one
        answer = _differentiable_sum(rows, offset, weight, epilogue)
    else:
        answer = _HeadByHead.apply(rows, offset, weight, epilogue)
    return answer.to(u.dtype).reshape(*u.shape[:-1], width)


class _HeadByHead(torch.autograd.Function):
    """Σ_h w_h φ(u_ih + b_hj), forward and backward in the memory of a tile."""

    @staticmethod
    def forward(u: Tensor, offset: Tensor, weight: Tensor, epilogue: Epilogue) -> Tensor:
        answer = u.new_zeros(u.shape[0], offset.shape[1])
        tile = _tile(answer)
        for part in _row_slices(answer):
            total = answer[part]
            values = tile[: total.shape[0]]
            for head in range(len(weight)):
                torch.add(u[part, head, None], offset[head], out=values)
                total.addcmul_(epilogue.overwrite(values), weight[head])
        return answer

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Tensor) -> None:
        u, offset, weight, epilogue = inputs
        ctx.save_for_backward(u, offset, weight)
        ctx.epilogue = epilogue  # type: ignore[attr-defined]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient = gradients[0]
        u, offset, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody differentiates once more
            return *_differentiable_backward(u, offset, weight, ctx.epilogue, gradient), None
        return *_backward(u, offset, weight, ctx.epilogue, gradient), None


def _differentiable_sum(u: Tensor, offset: Tensor, weight: Tensor, epilogue: Epilogue) -> Tensor:
    """Return Σ_h w_h φ(u_ih + b_hj) in new memory."""
    answer = u.new_zeros(u.shape[0], offset.shape[1])
    for head in range(len(weight)):
        answer = torch.addcmul(answer, epilogue(u[:, head, None] + offset[head]), weight[head])
    return answer


def _backward(
    u: Tensor, offset: Tensor, weight: Tensor, epilogue: Epilogue, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of u, offset and weight, all in the memory of two tiles."""
    d_u = torch.empty_like(u)
    d_offset, d_weight = torch.zeros_like(offset), torch.zeros_like(weight)
    first, second = _tile(gradient), _tile(gradient)
    for part in _row_slices(gradient):
        above = gradient[part]
        values, slopes = first[: above.shape[0]], second[: above.shape[0]]
        for head in range(len(weight)):
            epilogue.overwrite(torch.add(u[part, head, None], offset[head], out=values))
            torch.mul(values, above, out=slopes)
            d_weight[head] += slopes.sum()
            # g φ' from φ and g φ: σ' = σ (1 - σ), tanh' = 1 - tanh².
            if isinstance(epilogue, Tanh):
                torch.addcmul(above, slopes, values, value=-1, out=slopes)
            else:
                slopes.addcmul_(slopes, values, value=-1)
            d_u[part, head] = slopes.sum(1)
            d_offset[head] += slopes.sum(0)
    return d_u.mul_(weight), d_offset.mul_(weight[:, None]), d_weight


def _differentiable_backward(
    u: Tensor, offset: Tensor, weight: Tensor, epilogue: Epilogue, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same in new memory, for gradients of gradients."""
    d_u, d_offset, d_weight = [], [], []
    for head in range(len(weight)):
        values = epilogue(u[:, head, None] + offset[head])
        slopes = 1 - values.square() if isinstance(epilogue, Tanh) else values * (1 - values)
        weighted = gradient * slopes * weight[head]
        d_u.append(weighted.sum(1))
        d_offset.append(weighted.sum(0))
        d_weight.append((gradient * values).sum())
    return torch.stack(d_u, 1), torch.stack(d_offset), torch.stack(d_weight)


def _tile(answer: Tensor) -> Tensor:
    """Return a buffer for as many rows of the answer as are handled at once."""
    return answer.new_empty(_rows_at_once(answer), answer.shape[1])


def _row_slices(answer: Tensor) -> Iterator[slice]:
    step = _rows_at_once(answer)
    return (slice(i, i + step) for i in range(0, answer.shape[0], step))


def _rows_at_once(answer: Tensor) -> int:
    """Return all rows where a graph is made, which is to serve batches of any size."""
    if torch.compiler.is_compiling():
        return answer.shape[0]
    return max(1, min(answer.shape[0], _TILE_ENTRIES // answer.shape[1]))


def _checked_kernel(kernel: str) -> str:
    if kernel not in _FUNCTIONS:
        raise InvalidParameterError(
            f"kernel={kernel!r} is unknown; {nearest_name(str(kernel), _FUNCTIONS)}"
        )
    return kernel
