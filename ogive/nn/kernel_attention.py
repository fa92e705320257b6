"""Attention with the logistic or the sigmoid kernel, in memory linear in the number of tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Bool, Float
from ogive.kernels import Kernel
from ogive.nn.attention_operator import computed_dtype, kernel_attention_operator
from ogive.nn.attention_scores import attention_kernel


def kernel_attention(
    query: Float[Tensor, "... heads n d"],
    key: Float[Tensor, "... key_heads m d"],
    value: Float[Tensor, "... key_heads m e"],
    kernel: str | type[Kernel] = "logistic",
    *,
    scale: float | Tensor | None = None,
    offset: float | Tensor | None = None,
    is_causal: bool = False,
    key_padding_mask: Bool[Tensor, "... m"] | None = None,
    attn_mask: Tensor | None = None,
    enable_gqa: bool = False,
    normalise: bool = True,
) -> Float[Tensor, "... heads n e"]:
    """Attend by a kernel that needs no softmax, tile by tile.

    With "logistic" and with "sigmoid" (or "tanh"), query i of a head is answered by

        Σ_j σ(scale ⟨q_i, k_j⟩ + offset - log c_i) v_j,
        Σ_j tanh(scale ⟨q_i, k_j⟩ + offset) v_j / c_i,

    where j runs over the c_i keys that the query may see. A query that may see none is answered by
    zeros. The backward pass computes the weights again, so memory is linear in n + m both ways.

    Parameters
    ----------
    query : Tensor of shape (..., heads, n, d)
        Half precision is computed in float32 inside and answered in half precision.
    key, value : Tensors of shape (..., heads, m, d) and (..., heads, m, e)
        With ``enable_gqa`` they may have fewer heads, which divide the query's: with a and b heads,
        query head h uses key head h // (a / b).
    kernel : "logistic", "sigmoid", "tanh", or the class `Logistic` or `Sigmoid`
        As everywhere in Ogive, "sigmoid" is tanh. Its weights may be negative.
    scale : float or Tensor of shape () or (heads,), optional
        1/√d if left out. Gradients flow to scale and offset.
    offset : float or Tensor of shape () or (heads,), optional
        0 if left out.
    is_causal : bool, default False
        Query i sees the keys up to i + m - n: the last query sees all, as it must when earlier
        keys come from a cache. (`scaled_dot_product_attention` counts from the first instead;
        with n = m both are the same.)
    key_padding_mask : bool Tensor of shape (..., m), optional
        True hides a key from all queries, as in `torch.nn.MultiheadAttention`; without
        ``attn_mask``, hidden keys cost nothing.
    attn_mask : Tensor that broadcasts to (..., heads, n, m), optional
        Of bool, True hides a key (as in `torch.nn.MultiheadAttention`; it is the reverse of what
        `scaled_dot_product_attention` means). Of floats, it is added to the scores, -inf hides,
        and gradients flow to it. The only thing here whose memory may grow as n × m, and it is the
        caller's own. Tiles hidden as a whole are skipped.
    enable_gqa : bool, default False
        Allow fewer heads of keys and values.
    normalise : bool, default True
        With False, c_i is taken as 1, for recipes whose offset already contains it.

    Returns
    -------
    Tensor of shape (..., heads, n, e)

    Raises
    ------
    InvalidParameterError
        For an unknown kernel, or a scale, offset or mask that does not fit.
    InvalidDataError
        If the shapes of query, key and value do not fit.

    Notes
    -----
    There is no dropout: weights are not a distribution over keys. Gradients cannot be
    differentiated again. On several threads each works on tiles of its own, with operations of one
    thread.

    Sigmoid attention and its offset of -log n: Ramapuram et al., Theory, analysis, and best
    practices for sigmoid self-attention (ICLR 2025), equation 3 and section 3.

    Examples
    --------
    >>> query = torch.randn(2, 8, 100, 64)
    >>> key, value = torch.randn(2, 2, 130, 64), torch.randn(2, 2, 130, 64)
    >>> kernel_attention(query, key, value, enable_gqa=True, is_causal=True).shape
    torch.Size([2, 8, 100, 64])
    """
    name = attention_kernel(kernel).name
    _check_shapes(query, key, value, enable_gqa)
    batch, (heads, n, d), (m, e) = query.shape[:-3], query.shape[-3:], value.shape[-2:]
    dtype = torch.promote_types(torch.promote_types(query.dtype, key.dtype), value.dtype)
    count = batch.numel()
    answer = kernel_attention_operator(
        query.to(dtype).reshape(count, heads, n, d),
        key.to(dtype).reshape(count, key.shape[-3], m, d),
        value.to(dtype).reshape(count, key.shape[-3], m, e),
        _by_head(d**-0.5 if scale is None else scale, "scale", query, dtype),
        _by_head(0.0 if offset is None else offset, "offset", query, dtype),
        _padding(key_padding_mask, batch, m),
        _mask(attn_mask, (*batch, heads, n, m)),
        name,
        is_causal,
        normalise,
    )
    return answer.reshape(*batch, heads, n, e)


# What comes from the caller --------------------------------------------------------------------


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, enable_gqa: bool) -> None:
    shapes = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    for tensor in (query, key, value):
        if tensor.ndim < 3 or not tensor.is_floating_point():
            raise InvalidDataError(
                f"{shapes}, of {query.dtype}, {key.dtype}, {value.dtype}; each must hold floating "
                "point numbers and have the dimensions (..., heads, tokens, features)"
            )
    if (
        key.shape[:-1] != value.shape[:-1]
        or query.shape[:-3] != key.shape[:-3]
        or query.shape[-1] != key.shape[-1]
    ):
        raise InvalidDataError(
            f"{shapes}; key and value must agree in all but features, query and key in features "
            "and in all dimensions before the heads"
        )
    heads, key_heads = query.shape[-3], key.shape[-3]
    if heads != key_heads and not (enable_gqa and key_heads > 0 and heads % key_heads == 0):
        rule = "must divide the query's" if enable_gqa else "must be the query's"
        raise InvalidDataError(
            f"{shapes}; the number of key heads, {key_heads}, {rule}, {heads}"
            + ("" if enable_gqa else " (with enable_gqa=True it may divide it)")
        )


def _by_head(value: float | Tensor, name: str, query: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a number for each head, differentiable."""
    heads = query.shape[-3]
    if not isinstance(value, Tensor):
        return torch.full((heads,), value, dtype=computed_dtype(dtype), device=query.device)
    if value.shape not in ((), (heads,)):
        raise InvalidParameterError(
            f"{name} has shape {tuple(value.shape)}; it must be a number, or a tensor of shape () "
            f"or (heads,) = ({heads},)"
        )
    return value.to(query.device, computed_dtype(dtype)).expand(heads).contiguous()


def _padding(padding: Tensor | None, batch: torch.Size, m: int) -> Tensor | None:
    if padding is None:
        return None
    if padding.dtype != torch.bool or padding.shape != (*batch, m):
        raise InvalidParameterError(
            f"key_padding_mask has shape {tuple(padding.shape)} and type {padding.dtype}; it must "
            f"be of torch.bool and shape {(*batch, m)}, True for keys to ignore"
        )
    return padding.reshape(batch.numel(), m)


def _mask(mask: Tensor | None, shape: tuple[int, ...]) -> Tensor | None:
    """Return a mask of four dimensions, each of full length or 1."""
    if mask is None:
        return None
    fits = mask.ndim <= len(shape) and all(
        mine in (1, full) for mine, full in zip(mask.shape[::-1], shape[::-1], strict=False)
    )
    if not fits or not (mask.dtype == torch.bool or mask.is_floating_point()):
        raise InvalidParameterError(
            f"attn_mask has shape {tuple(mask.shape)} and type {mask.dtype}; it must be of "
            f"torch.bool (True hides) or of floats (added), and broadcast to {shape}"
        )
    mask = mask[(None,) * (len(shape) - mask.ndim)]
    before, last = mask.shape[:-3], mask.shape[-3:]
    if before.numel() != 1:
        mask = mask.expand(*shape[:-3], *last)
    return mask.reshape(-1 if mask.numel() else mask.shape[:-3].numel(), *last)
