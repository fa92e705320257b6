"""Sums of values, weighted by the additive kernel, in time linear in the number of tokens."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ogive._checks import check_count
from ogive._typing import Bool, Float
from ogive.nn.additive_interpolation import DEFAULT_INTERPOLATION, ClippedInterpolation

# Tokens, of all batches and heads together, that are handled at once. Their basis stays about
# within a core's own cache, and is formed by calls too short to be shared among threads.
_SPAN_TOKENS = 8192


def additive_attention(
    u: Float[Tensor, "*batch n"],
    v: Float[Tensor, "*batch m"],
    value: Float[Tensor, "*batch m d"],
    *,
    valid: Bool[Tensor, "..."] | None = None,
    is_causal: bool = False,
    interpolation: ClippedInterpolation = DEFAULT_INTERPOLATION,
    chunk: int = 64,
) -> Float[Tensor, "*batch n d"]:
    """Return Σ_j σ(u_i + v_j) value_j / number of valid keys, in time linear in n and m.

    Parameters
    ----------
    u, v : Tensor of shapes (..., n) and (..., m)
        What queries and keys contribute to the argument; u is clipped to the interpolation's range.
    value : Tensor of shape (..., m, d)
    valid : Tensor of bool, optional
        Which keys count; broadcast to the shape of v. A query without one is answered by zeros.
    is_causal : bool, default False
        Whether query i sees the keys j ≤ i only.
    interpolation : ClippedInterpolation
    chunk : int, default 64
        If causal: tokens among which all pairs are formed; what came before them is a running sum
        of nodes · d numbers. 64 and 128 were the fastest on a CPU.

    Returns
    -------
    Tensor of shape (..., n, d)
        Of the type of ``value``; formed in float32 at least, whatever autocast says.

    Raises
    ------
    InvalidParameterError
        If ``chunk`` is below 1.

    Examples
    --------
    >>> import torch
    >>> u, v, value = torch.zeros(3), torch.tensor([-1.0, 0.0, 1.0]), torch.eye(3)
    >>> additive_attention(u, v, value, is_causal=True)
    tensor([[0.2689, 0.0000, 0.0000],
            [0.1345, 0.2500, 0.0000],
            [0.0896, 0.1667, 0.2437]])
    """
    check_count(chunk, "chunk")
    dtype = torch.promote_types(value.dtype, torch.float32)
    count = _number_of_keys(u.shape[-1], v, valid, is_causal).to(dtype)
    with torch.autocast(value.device.type, enabled=False):
        left, right, summands = u.to(dtype), v.to(dtype), value.to(dtype)
        if valid is not None:  # padding may hold anything, NaN too
            right = right.masked_fill(~valid, 0.0)
            summands = summands.masked_fill(~valid[..., None], 0.0)
        if is_causal:
            total = _causal_sums(left, right, summands, interpolation, chunk)
        else:
            total = _sums(left, right, summands, interpolation)
    return (total / count).to(value.dtype)


def additive_attention_bound(
    value: Float[Tensor, "*batch m d"],
    rows: int,
    *,
    valid: Bool[Tensor, "..."] | None = None,
    is_causal: bool = False,
    interpolation: ClippedInterpolation = DEFAULT_INTERPOLATION,
) -> Float[Tensor, "*batch _ d"]:
    """Return a bound on the error of `additive_attention` for u inside the interpolation's range.

    It is e Σ_j |value_j| / number of valid keys, over the keys that a query sees, where e bounds
    the error of one score: `ClippedInterpolation.entry_bound`.

    Parameters
    ----------
    value : Tensor of shape (..., m, d)
    rows : int
        Number of queries.
    valid, is_causal, interpolation
        As in `additive_attention`.

    Returns
    -------
    Tensor of shape (..., rows, d) if causal, otherwise (..., 1, d)

    Examples
    --------
    >>> import torch
    >>> bound = additive_attention_bound(torch.ones(1000, 1, dtype=torch.float64), 1000)
    >>> f"{bound.item():.1e}"
    '6.0e-06'
    """
    dtype = torch.promote_types(value.dtype, torch.float32)
    sizes = value.detach().to(dtype).abs()
    if valid is not None:
        sizes = sizes.masked_fill(~valid[..., None], 0.0)
    count = _number_of_keys(rows, sizes[..., 0], valid, is_causal).to(dtype)
    entry = interpolation.entry_bound(value.shape[-2], dtype)
    total = _resized(sizes, rows).cumsum(-2) if is_causal else sizes.sum(-2, keepdim=True)
    return entry * total / count


def additive_weights(
    u: Float[Tensor, "*batch n"],
    v: Float[Tensor, "*batch m"],
    *,
    valid: Bool[Tensor, "..."] | None = None,
    is_causal: bool = False,
) -> Float[Tensor, "*batch n m"]:
    """Return the dense weights σ(u_i + v_j) / number of valid keys; 0 where a key is not seen.

    Parameters
    ----------
    u, v, valid, is_causal
        As in `additive_attention`; u is taken as it is.

    Returns
    -------
    Tensor of shape (..., n, m)
    """
    weights = torch.sigmoid(u[..., :, None] + v[..., None, :])
    weights = weights / _number_of_keys(u.shape[-1], v, valid, is_causal)
    weights = weights.tril() if is_causal else weights
    return weights if valid is None else weights.masked_fill(~valid[..., None, :], 0.0)


def _number_of_keys(rows: int, v: Tensor, valid: Tensor | None, is_causal: bool) -> Tensor:
    """Return how many keys each query sees, (..., rows or 1, 1), and 1 for none."""
    seen = torch.ones_like(v, dtype=torch.int64) if valid is None else valid.expand_as(v).long()
    if is_causal:
        count = _resized(seen[..., None], rows).cumsum(-2)
    else:
        count = seen.sum(-1, keepdim=True)[..., None]
    return count.clamp(min=1)


def _sums(u: Tensor, v: Tensor, value: Tensor, interpolation: ClippedInterpolation) -> Tensor:
    """Return Σ_j σ(u_i + v_j) value_j, a span of keys and of queries at a time."""
    batch = v.shape[:-1].numel()
    keys = zip(_spans(v, -1, batch), _spans(value, -2, batch), strict=True)
    sampled = sum(interpolation.sampled(*part) for part in keys)
    assert isinstance(sampled, Tensor)
    parts = [interpolation.interpolated(part, sampled) for part in _spans(u, -1, batch)]
    return torch.cat(parts, -2)


def _causal_sums(
    u: Tensor, v: Tensor, value: Tensor, interpolation: ClippedInterpolation, chunk: int
) -> Tensor:
    """Return Σ_{j ≤ i} σ(u_i + v_j) value_j: pairs within a chunk, running sums before it."""
    rows = u.shape[-1]
    chunks = max(1, (rows + chunk - 1) // chunk)
    # What is appended is 0, and comes last: no query of ours sees it.
    u = _resized(u[..., None], chunks * chunk)[..., 0].unflatten(-1, (chunks, chunk))
    v = _resized(v[..., None], chunks * chunk)[..., 0].unflatten(-1, (chunks, chunk))
    value = _resized(value, chunks * chunk).unflatten(-2, (chunks, chunk))
    size = u.shape[:-2].numel() * chunk
    spans = (_spans(u, -2, size), _spans(v, -2, size), _spans(value, -3, size))
    parts, before = [], None
    for left, right, summands in zip(*spans, strict=True):
        part, before = _causal_span(left, right, summands, before, interpolation)
        parts.append(part)
    return torch.cat(parts, -3).flatten(-3, -2)[..., :rows, :]


def _causal_span(
    u: Tensor,
    v: Tensor,
    value: Tensor,
    before: Tensor | None,
    interpolation: ClippedInterpolation,
) -> tuple[Tensor, Tensor]:
    """Return the sums of some chunks (..., chunks, chunk, d), and the running sum after them."""
    sums = interpolation.sampled(v, value).cumsum(-3)
    if before is not None:
        sums = sums + before
    first = torch.zeros_like(sums[..., :1, :, :]) if before is None else before
    earlier = torch.cat([first, sums[..., :-1, :, :]], -3)
    within = torch.sigmoid(interpolation.clipped(u)[..., :, None] + v[..., None, :]).tril()
    return interpolation.interpolated(u, earlier) + within @ value, sums[..., -1:, :, :]


def _spans(tensor: Tensor, dimension: int, size: int) -> tuple[Tensor, ...]:
    """Return the tensor in parts of so many entries along a dimension as are handled at once.

    ``size`` is the number of tokens in an entry. Where a graph is made, which is to serve any
    length, there is one part.
    """
    if torch.compiler.is_compiling():
        return (tensor,)
    return tensor.split(max(1, _SPAN_TOKENS // max(size, 1)), dimension)


def _resized(tensor: Tensor, length: int) -> Tensor:
    """Return (..., m, d) cut or filled up with zeros to (..., length, d)."""
    tensor = tensor[..., :length, :]
    return functional.pad(tensor, (0, 0, 0, length - tensor.shape[-2]))
