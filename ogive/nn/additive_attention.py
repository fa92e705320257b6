"""Attention with the additive sigmoid kernel, in time and memory linear in the number of tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Bool, Float
from ogive.nn.additive_interpolation import DEFAULT_INTERPOLATION, ClippedInterpolation
from ogive.nn.additive_sums import (
    additive_attention,
    additive_attention_bound,
    additive_weights,
)


class AdditiveAttention(nn.Module):
    """Attention whose scores are σ(α_hᵀq_i + β_hᵀk_j + γ_h), linear in the number of tokens.

    Head h answers to query i

        Σ_j σ(u_i + v_j) V_j / number of valid keys j,  u = α_hᵀq, v = β_hᵀk + γ_h,

    and the heads' answers are projected together. σ(u + v) is interpolated in u at fixed nodes
    (`ClippedInterpolation`), which makes the cost that of nodes · head width for a token, with or
    without a causal mask; `error_bound` bounds the difference from the formula.

    It is called like `torch.nn.MultiheadAttention` with ``batch_first=True``; any number of
    dimensions may come before tokens and features.

    Parameters
    ----------
    embed_dim : int
        Width of queries and of the output.
    num_heads : int
        Divides embed_dim. In one head all queries rank all keys alike, by v_j; a query decides
        where the line between attended and ignored keys runs, at v_j = -u_i. Use several.
    kdim, vdim : int, optional
        Width of keys and values; embed_dim if left out.
    bias : bool, default True
        Whether the projections of values and outputs have a bias.
    nodes, low, high : int, float, float, default 32, -8.0, 8.0
        See `ClippedInterpolation`. An u outside [low, high] counts as the nearest end and gets no
        gradient; inside, the bound holds.
    device, dtype
        Of the parameters.

    Attributes
    ----------
    alpha : Parameter of shape (num_heads, embed_dim)
    beta : Parameter of shape (num_heads, kdim)
    gamma : Parameter of shape (num_heads,)
    value_projection, output_projection : Linear

    Raises
    ------
    InvalidParameterError
        If a number is below 1, num_heads does not divide embed_dim, or the range is empty.

    Notes
    -----
    The sum is divided by the number of keys that the query may see (all that are not padding; with
    a causal mask, those up to its own place), not by the sum of its weights: a query may ignore
    everything. A query with no valid key is answered by the output projection's bias alone.

    A program that is exported with is_causal=True is for one number of tokens; without, for any.

    The argument of σ is one number of the query plus one of the key. That all queries rank keys
    alike by such scores is shown by Brody, Alon, Yahav, How attentive are graph attention
    networks? (ICLR 2022, theorem 1). Additive attention with a hidden layer and softmax (Bahdanau,
    Cho, Bengio, ICLR 2015) has no such limit, and no way to linear time that is known.

    Examples
    --------
    >>> import torch
    >>> attention = AdditiveAttention(32, 4)
    >>> tokens = torch.randn(2, 1000, 32)
    >>> answer, _ = attention(tokens, tokens, tokens, is_causal=True)
    >>> answer.shape
    torch.Size([2, 1000, 32])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        bias: bool = True,
        nodes: int = DEFAULT_INTERPOLATION.nodes,
        low: float = DEFAULT_INTERPOLATION.low,
        high: float = DEFAULT_INTERPOLATION.high,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.embed_dim = check_count(embed_dim, "embed_dim")
        self.num_heads = check_count(num_heads, "num_heads")
        if embed_dim % num_heads:
            raise InvalidParameterError(
                f"num_heads={num_heads} does not divide embed_dim={embed_dim}; each head answers "
                "with an equal share of the output"
            )
        self.kdim = embed_dim if kdim is None else check_count(kdim, "kdim")
        self.vdim = embed_dim if vdim is None else check_count(vdim, "vdim")
        self.interpolation = ClippedInterpolation(nodes, low, high)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        def linear(width: int) -> nn.Linear:
            # Not drawn here: `reset_parameters` decides, and alone uses the random generator.
            place = torch.get_default_device() if device is None else device
            options = {"bias": bias, "device": place, "dtype": dtype}
            return nn.utils.skip_init(nn.Linear, width, embed_dim, **options)

        self.alpha = parameter(num_heads, embed_dim)
        self.beta = parameter(num_heads, self.kdim)
        self.gamma = parameter(num_heads)
        self.value_projection = linear(self.vdim)
        self.output_projection = linear(embed_dim)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the parameters anew.

        For inputs of mean square 1, u and v have variance 1 (orthonormal rows, in blocks if there
        are more heads than features); gamma is 0, so that scores start around ½; the other
        projections are those of `torch.nn.MultiheadAttention`, Glorot's uniform ones, biases 0.
        """
        for directions in (self.alpha, self.beta):
            for block in torch.split(directions, directions.shape[1]):
                nn.init.orthogonal_(block)
        self.gamma.zero_()
        for projection in (self.value_projection, self.output_projection):
            nn.init.xavier_uniform_(projection.weight)
            if projection.bias is not None:
                projection.bias.zero_()

    def forward(  # noqa: PLR0917 - as many, in this order, as torch.nn.MultiheadAttention
        self,
        query: Float[Tensor, "*batch n embed"],
        key: Float[Tensor, "*batch m kdim"],
        value: Float[Tensor, "*batch m vdim"],
        key_padding_mask: Bool[Tensor, "*batch m"] | None = None,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Float[Tensor, "*batch n embed"], Tensor | None]:
        """Return the answer to each query, and the dense weights if they are asked for.

        Parameters
        ----------
        query, key, value : Tensor
        key_padding_mask : Tensor of bool, optional
            True for keys that are padding.
        need_weights : bool, default False
            Whether to form the weights, (..., n, m), without interpolation; quadratic.
        attn_mask : None
            Refused: sums over all keys at once leave no place for a mask of pairs.
        average_attn_weights : bool, default True
            Whether weights are averaged over the heads, or given for each, (..., heads, n, m).
        is_causal : bool, default False
            Whether query i sees the keys j ≤ i only.

        Returns
        -------
        answer : Tensor of shape (..., n, embed_dim)
        weights : Tensor or None

        Raises
        ------
        InvalidParameterError
            If an ``attn_mask`` is given.
        InvalidDataError
            If shapes do not agree, or the padding mask is not of bool.
        """
        if attn_mask is not None:
            raise InvalidParameterError(
                "attn_mask is given, and linear-time sums over keys cannot leave out single pairs; "
                "use is_causal=True for the causal mask, key_padding_mask for padding, and "
                "ogive.nn's dense attention for any other"
            )
        u, v, valid = self._scores(query, key, value, key_padding_mask)
        heads = additive_attention(
            u,
            v,
            self._split(self.value_projection(value)),
            valid=valid,
            is_causal=is_causal,
            interpolation=self.interpolation,
        )
        answer: Tensor = self.output_projection(heads.transpose(-3, -2).flatten(-2))
        if not need_weights:
            return answer, None
        u = self.interpolation.clipped(u)
        weights = additive_weights(u, v, valid=valid, is_causal=is_causal)
        return answer, weights.mean(-3) if average_attn_weights else weights

    @torch.no_grad()
    def error_bound(
        self,
        query: Float[Tensor, "*batch n embed"],
        key: Float[Tensor, "*batch m kdim"],
        value: Float[Tensor, "*batch m vdim"],
        key_padding_mask: Bool[Tensor, "*batch m"] | None = None,
        is_causal: bool = False,
    ) -> Float[Tensor, "*batch _ embed"]:
        """Return a bound on the error of each entry of the answer, by its inputs.

        It is that of `additive_attention_bound`, carried through the absolute values of the output
        projection. The projections' own rounding, which any layer has, is not in it, and an u
        outside [low, high] is taken as clipped.

        Returns
        -------
        Tensor of shape (..., n, embed_dim) if causal, otherwise (..., 1, embed_dim)
        """
        u, _, valid = self._scores(query, key, value, key_padding_mask)
        bound = additive_attention_bound(
            self._split(self.value_projection(value)),
            u.shape[-1],
            valid=valid,
            is_causal=is_causal,
            interpolation=self.interpolation,
        )
        bound = bound.transpose(-3, -2).flatten(-2)
        return bound @ self.output_projection.weight.abs().T.to(bound.dtype)

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        plan = self.interpolation
        return (
            f"embed_dim={self.embed_dim}, num_heads={self.num_heads}, kdim={self.kdim}, "
            f"vdim={self.vdim}, nodes={plan.nodes}, low={plan.low}, high={plan.high}"
        )

    def _scores(
        self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return u (..., heads, n), v (..., heads, m) and which keys count, (..., 1, m)."""
        for name, given, width in (
            ("query", query, self.embed_dim),
            ("key", key, self.kdim),
            ("value", value, self.vdim),
        ):
            if given.ndim < 2 or given.shape[-1] != width:
                raise InvalidDataError(
                    f"{name} has shape {tuple(given.shape)}; this AdditiveAttention was made for "
                    f"(..., tokens, {width})"
                )
        if key.shape[:-1] != value.shape[:-1] or query.shape[:-2] != key.shape[:-2]:
            raise InvalidDataError(
                f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}: "
                "keys and values must be as many as each other, and all have the same dimensions "
                "before tokens and features"
            )
        u = functional.linear(query, self.alpha).transpose(-1, -2)
        v = functional.linear(key, self.beta, self.gamma).transpose(-1, -2)
        if padding is None:
            return u, v, None
        if padding.dtype != torch.bool or padding.shape != key.shape[:-1]:
            raise InvalidDataError(
                f"key_padding_mask of {padding.dtype} has shape {tuple(padding.shape)}; it must be "
                f"of torch.bool and {tuple(key.shape[:-1])}, True for keys that are padding"
            )
        return u, v, ~padding[..., None, :]

    def _split(self, projected: Tensor) -> Tensor:
        """Return (..., m, embed) as (..., heads, m, head width)."""
        return projected.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2)
