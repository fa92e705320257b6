"""What turns the scores of attention into weights: two kernels, and how many keys there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from ogive._errors import InvalidParameterError, nearest_name
from ogive._typing import Bool, Float
from ogive.kernels import Kernel, Logistic, Sigmoid
from ogive.kernels.epilogue import Epilogue, LogisticFunction, Tanh


class AttentionKernel(ABC):
    """An epilogue φ, and where the number of keys that a query may see goes."""

    name: str
    epilogue: Epilogue

    @abstractmethod
    def shift(self, count: Float[Tensor, "..."]) -> Float[Tensor, "..."] | None:
        """Return what is added to a query's scores because of that many keys, if anything."""

    @abstractmethod
    def divisor(self, count: Float[Tensor, "..."]) -> Float[Tensor, "..."] | None:
        """Return what a query's output is divided by because of that many keys, if anything."""

    @abstractmethod
    def overwrite_gradient(self, gradient: Tensor, weights: Tensor) -> Tensor:
        """Overwrite the gradient of the weights φ(z) by the gradient of z."""


class LogisticScores(AttentionKernel):
    """σ(z - log(count)): at z = 0 the weights of a query add up to about 1."""

    name = "logistic"
    epilogue = LogisticFunction()

    def shift(self, count: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Return -log(count)."""
        # torch.log is MKL's, which wakes threads of its own; they go on spinning for a while and
        # take a core from the tiles.
        return -torch.xlogy(torch.ones((), dtype=count.dtype), count.clamp(min=1))

    def divisor(self, count: Float[Tensor, "..."]) -> None:
        """Return None: the shift has done it."""

    def overwrite_gradient(self, gradient: Tensor, weights: Tensor) -> Tensor:
        """Multiply by σ' = σ (1 - σ)."""
        return torch.ops.aten.sigmoid_backward.grad_input(gradient, weights, grad_input=gradient)


class SignedScores(AttentionKernel):
    """tanh(z) / count: a shift of -log(count) would leave every weight at -1."""

    name = "sigmoid"
    epilogue = Tanh()

    def shift(self, count: Float[Tensor, "..."]) -> None:
        """Return None: the divisor does it."""

    def divisor(self, count: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Return count."""
        return count.clamp(min=1)

    def overwrite_gradient(self, gradient: Tensor, weights: Tensor) -> Tensor:
        """Multiply by tanh' = 1 - tanh²."""
        return torch.ops.aten.tanh_backward.grad_input(gradient, weights, grad_input=gradient)


_KERNELS: dict[str, AttentionKernel] = {
    "logistic": LogisticScores(),
    "sigmoid": SignedScores(),
    "tanh": SignedScores(),
}
_CLASSES: dict[Any, str] = {Logistic: "logistic", Sigmoid: "sigmoid"}


def attention_kernel(kernel: str | type[Kernel]) -> AttentionKernel:
    """Return the attention kernel of that name or class.

    Raises
    ------
    InvalidParameterError
        If there is none.

    Examples
    --------
    >>> attention_kernel("tanh").name, attention_kernel(Logistic).name
    ('sigmoid', 'logistic')
    """
    if isinstance(kernel, Kernel):
        raise InvalidParameterError(
            f"kernel={kernel!r}; attention takes a name or a class ({type(kernel).__name__}), and "
            "gamma and coef0 separately (as scale and offset), because they belong to each head"
        )
    name = kernel if isinstance(kernel, str) else _CLASSES.get(kernel, repr(kernel))
    if name not in _KERNELS:
        raise InvalidParameterError(
            f"kernel={kernel!r} is none for attention; {nearest_name(name, _KERNELS)}; or the "
            "classes Logistic and Sigmoid"
        )
    return _KERNELS[name]


def hidden_by(mask: Tensor) -> Bool[Tensor, "..."]:
    """Return where a mask hides a key: where it is True, or -inf if it is to be added."""
    return mask if mask.dtype == torch.bool else mask == -torch.inf


def attention_weights(
    query: Float[Tensor, "... heads n d"],
    key: Float[Tensor, "... key_heads m d"],
    kernel: str | type[Kernel] = "logistic",
    *,
    scale: float | Tensor | None = None,
    offset: float | Tensor | None = None,
    is_causal: bool = False,
    key_padding_mask: Bool[Tensor, "... m"] | None = None,
    attn_mask: Tensor | None = None,
    normalise: bool = True,
) -> Float[Tensor, "... heads n m"]:
    """Return the dense weights that `kernel_attention` multiplies the values by.

    They take n × m memory for each head: this is for looking at them, and for tests.

    Parameters
    ----------
    query, key, kernel, scale, offset, is_causal, key_padding_mask, attn_mask, normalise
        As for `ogive.nn.kernel_attention.kernel_attention`.

    Returns
    -------
    Tensor of shape (..., heads, n, m)
        Zero wherever a key is hidden.

    Examples
    --------
    >>> x = torch.zeros(1, 4, 2)
    >>> attention_weights(x, x, "logistic")[0, 0]
    tensor([0.2000, 0.2000, 0.2000, 0.2000])
    """
    scores = attention_kernel(kernel)
    heads, n, m = query.shape[-3], query.shape[-2], key.shape[-2]
    key = key.repeat_interleave(heads // key.shape[-3], dim=-3)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    z = (query @ key.mT) * _by_head(scale) + _by_head(0.0 if offset is None else offset)
    hidden = torch.zeros(n, m, dtype=torch.bool, device=query.device)
    if is_causal:
        hidden = torch.ones_like(hidden).triu(m - n + 1)
    if key_padding_mask is not None:
        hidden = hidden | key_padding_mask[..., None, None, :]
    if attn_mask is not None:
        hidden = hidden | hidden_by(attn_mask)
        if attn_mask.dtype != torch.bool:
            z = z + attn_mask.masked_fill(hidden_by(attn_mask), 0)
    count = (~hidden).sum(-1, keepdim=True).to(z.dtype)
    shift = scores.shift(count) if normalise else None
    weights = scores.epilogue(z if shift is None else z + shift).masked_fill(hidden, 0)
    divisor = scores.divisor(count) if normalise else None
    return weights if divisor is None else weights / divisor


def _by_head(value: float | Tensor) -> float | Tensor:
    return value[..., None, None] if isinstance(value, Tensor) else value
