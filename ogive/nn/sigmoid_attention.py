"""Multi-head attention with a trainable sigmoid kernel in each head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Float
from ogive.kernels import Kernel
from ogive.nn.attention_scores import attention_kernel, attention_weights
from ogive.nn.kernel_attention import kernel_attention


class SigmoidAttention(nn.Module):
    """Multi-head attention by a logistic or a sigmoid kernel, called like `MultiheadAttention`.

    Head h answers query i, which may see c_i keys, by

        Σ_j σ(z_ij - log c_i) v_j  or  Σ_j tanh(z_ij) v_j / c_i,
        z_ij = gamma_h ⟨q_i, k_j⟩ / √head_dim + coef0_h,

    and the heads' answers are projected together. gamma and coef0 are trained with the rest. The
    memory it needs is linear in the number of tokens, forward and backward (`kernel_attention`).

    Parameters
    ----------
    embed_dim : int
        Width of queries and of the output.
    num_heads : int
        Divides embed_dim.
    kernel : "logistic", "sigmoid", "tanh", or the class `Logistic` or `Sigmoid`
        "sigmoid" is tanh, here as everywhere in Ogive: weights may be negative.
    bias : bool, default True
        Whether the projections have biases.
    kdim, vdim : int, optional
        Width of keys and values; embed_dim if left out.
    num_key_value_heads : int, optional
        Divides num_heads; so many heads of keys and values are shared by all (grouped queries).
    qk_norm : bool, default False
        Divide each head's queries and keys by their root mean square, with trainable weights:
        scores then cannot grow with the weights of the projections.
    batch_first : bool, default False
        Whether tensors are (batch, tokens, features), and not (tokens, batch, features); False as
        in `torch.nn.MultiheadAttention`, so that one can take the place of the other.
    device, dtype
        Of the parameters.

    Attributes
    ----------
    gamma, coef0 : Parameters of shape (num_heads,)
        Of any sign. They start at 1 and 0.
    query_projection, key_projection, value_projection, output_projection : Linear

    Raises
    ------
    InvalidParameterError
        If a number is below 1, or a number of heads does not divide what it must.

    Notes
    -----
    There is no dropout of weights: these are no distribution over keys that could be renormalised,
    and a dropped weight is indistinguishable from one that the kernel has closed. Drop tokens or
    outputs instead.

    That there are log(number of keys) to subtract is shown by Ramapuram et al., Theory, analysis,
    and best practices for sigmoid self-attention (ICLR 2025), section 3; there it is a constant of
    the longest sequence, here it is counted for each query.

    Examples
    --------
    >>> attention = SigmoidAttention(32, 4, batch_first=True)
    >>> tokens = torch.randn(2, 100, 32)
    >>> answer, weights = attention(tokens, tokens, tokens, is_causal=True)
    >>> answer.shape, weights is None
    (torch.Size([2, 100, 32]), True)
    """

    # `nn.TransformerEncoderLayer` looks at these to learn that its fused softmax does not apply.
    in_proj_bias: None = None
    _qkv_same_embed_dim = False

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        kernel: str | type[Kernel] = "logistic",
        *,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        num_key_value_heads: int | None = None,
        qk_norm: bool = False,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        key_heads = num_heads if num_key_value_heads is None else num_key_value_heads
        check_count(embed_dim, "embed_dim")
        check_count(num_heads, "num_heads")
        check_count(key_heads, "num_key_value_heads")
        _check_divides("num_heads", num_heads, "embed_dim", embed_dim)
        _check_divides("num_key_value_heads", key_heads, "num_heads", num_heads)
        self.kernel = attention_kernel(kernel).name
        self.embed_dim, self.num_heads, self.num_key_value_heads = embed_dim, num_heads, key_heads
        self.head_dim, self.batch_first, self.qk_norm = embed_dim // num_heads, batch_first, qk_norm
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        inner = key_heads * self.head_dim
        device = torch.get_default_device() if device is None else device
        where: dict[str, Any] = {"device": device, "dtype": dtype}

        def linear(width: int, outputs: int) -> nn.Linear:
            # Drawn once, below, so that the same seed gives what `reset_parameters` gives.
            return nn.utils.skip_init(nn.Linear, width, outputs, bias, **where)

        self.query_projection = linear(embed_dim, embed_dim)
        self.key_projection = linear(self.kdim, inner)
        self.value_projection = linear(self.vdim, inner)
        self.output_projection = linear(embed_dim, embed_dim)
        if qk_norm:
            self.query_norm = nn.RMSNorm(self.head_dim, eps=1e-6, **where)
            self.key_norm = nn.RMSNorm(self.head_dim, eps=1e-6, **where)
        # 1/√head_dim is kept apart: what is trained has the size of 1 whatever the width.
        self.gamma = nn.Parameter(torch.empty(num_heads, **where))
        self.coef0 = nn.Parameter(torch.empty(num_heads, **where))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections (Glorot's uniform, zero biases); gamma 1, coef0 0."""
        for projection in self.query_projection, self.key_projection, self.value_projection:
            nn.init.xavier_uniform_(projection.weight)
        self.output_projection.reset_parameters()
        for module in self.children():
            if isinstance(module, nn.RMSNorm):
                module.reset_parameters()
            elif isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        nn.init.ones_(self.gamma)
        nn.init.zeros_(self.coef0)

    def extra_repr(self) -> str:
        """Return what the projections do not tell."""
        text = f"num_heads={self.num_heads}, kernel={self.kernel!r}"
        if self.num_key_value_heads != self.num_heads:
            text += f", num_key_value_heads={self.num_key_value_heads}"
        return f"{text}, batch_first={self.batch_first}"

    def forward(  # noqa: PLR0917 - the order of `MultiheadAttention`
        self,
        query: Float[Tensor, "..."],
        key: Float[Tensor, "..."],
        value: Float[Tensor, "..."],
        key_padding_mask: Tensor | None = None,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."] | None]:
        """Attend.

        Parameters
        ----------
        query : Tensor of shape (n, batch, embed_dim)
            (batch, n, embed_dim) if ``batch_first``, or (n, embed_dim) without a batch.
        key, value : Tensors of shape (m, batch, kdim) and (m, batch, vdim)
            Likewise.
        key_padding_mask : Tensor of shape (batch, m) or (m,), optional
            True hides a key. One of floats is added to the scores of all queries.
        need_weights : bool, default False
            Also return the weights. They take n × m memory for each head: for inspection. (In
            `MultiheadAttention` the default is True.)
        attn_mask : Tensor of shape (n, m) or (batch · num_heads, n, m), optional
            True hides a key from a query. One of floats is added to the scores; -inf hides.
        average_attn_weights : bool, default True
            Whether the weights are averaged over the heads.
        is_causal : bool, default False
            Query i sees the keys up to i + m - n. No mask need be given, but if one is, both count.

        Returns
        -------
        answer : Tensor of the shape of query
        weights : Tensor of shape (batch, n, m), (batch, num_heads, n, m), or None
            Without a batch, without that dimension.

        Raises
        ------
        InvalidDataError
            If the inputs do not have the same two or three dimensions.
        InvalidParameterError
            If a mask does not fit.
        """
        if not query.ndim == key.ndim == value.ndim or query.ndim not in (2, 3):
            raise InvalidDataError(
                f"query, key and value have {query.ndim}, {key.ndim} and {value.ndim} dimensions; "
                "all must have three (tokens, batch, features; see batch_first), or all two "
                "(tokens, features)"
            )
        turned = query.ndim == 3 and not self.batch_first
        if turned:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q = self._split(self.query_projection(query), self.num_heads)
        k = self._split(self.key_projection(key), self.num_key_value_heads)
        v = self._split(self.value_projection(value), self.num_key_value_heads)
        if self.qk_norm:
            q, k = self.query_norm(q), self.key_norm(k)
        scale = self.gamma * self.head_dim**-0.5
        padding, mask = self._masks(key_padding_mask, attn_mask, batch=q.shape[:-3])
        answer = kernel_attention(
            q,
            k,
            v,
            self.kernel,
            scale=scale,
            offset=self.coef0,
            is_causal=is_causal,
            key_padding_mask=padding,
            attn_mask=mask,
            enable_gqa=True,
        )
        weights = None
        if need_weights:
            weights = attention_weights(
                q,
                k,
                self.kernel,
                scale=scale,
                offset=self.coef0,
                is_causal=is_causal,
                key_padding_mask=padding,
                attn_mask=mask,
            )
            weights = weights.mean(-3) if average_attn_weights else weights
        answer = self.output_projection(answer.transpose(-2, -3).flatten(-2))
        return answer.transpose(0, 1) if turned else answer, weights

    def _split(self, x: Tensor, heads: int) -> Tensor:
        """(..., tokens, heads · head_dim) -> (..., heads, tokens, head_dim)."""
        return x.unflatten(-1, (heads, self.head_dim)).transpose(-2, -3)

    def _masks(
        self, padding: Tensor | None, mask: Tensor | None, batch: torch.Size
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return masks as `kernel_attention` takes them: padding of floats becomes a mask."""
        if mask is not None and mask.ndim == 3:
            if len(mask) != batch.numel() * self.num_heads:
                raise InvalidParameterError(
                    f"attn_mask has shape {tuple(mask.shape)}; one of three dimensions must begin "
                    f"with batch · num_heads = {batch.numel() * self.num_heads}"
                )
            mask = mask.unflatten(0, (*batch, self.num_heads))
        if padding is None or padding.dtype == torch.bool:
            return padding, mask
        added = padding[..., None, None, :]
        if mask is None:
            return None, added
        if mask.dtype == torch.bool:
            mask = torch.zeros_like(mask, dtype=added.dtype).masked_fill(mask, -torch.inf)
        return None, mask + added


def _check_divides(name: str, divisor: int, of_name: str, of: int) -> None:
    if of % divisor:
        raise InvalidParameterError(f"{name}={divisor!r} does not divide {of_name}={of!r}; it must")
