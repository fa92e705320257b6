"""Multi-head attention with a trainable sigmoid kernel in each head, for Keras."""

from __future__ import annotations

from typing import Any

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.keras._arguments import checked_count, checked_name
from ogive.keras._backend import keras
from ogive.keras.kernel_layer import KernelLayer, Shape

ops = keras.ops

_KERNELS = ("logistic", "sigmoid", "tanh")


@keras.saving.register_keras_serializable(package="ogive")
class SigmoidAttention(KernelLayer):
    """Attention by a logistic or a sigmoid kernel, called like `keras.layers.MultiHeadAttention`.

    Head h answers query i, which may see c_i keys, by

        Σ_j σ(z_ij - log c_i) v_j  or  Σ_j tanh(z_ij) v_j / c_i,
        z_ij = gamma_h ⟨q_i, k_j⟩ / √key_dim + coef0_h,

    and the heads' answers are projected together. gamma and coef0 are trained with the rest. A
    query that may see no key is answered by the bias of that last projection.

    Parameters
    ----------
    num_heads : int
    key_dim : int
        Width of each head for queries and keys.
    value_dim : int, optional
        Width of each head for values; key_dim if left out.
    kernel : {"logistic", "sigmoid", "tanh"}, default "logistic"
        "sigmoid" is tanh, here as everywhere in Ogive: weights may be negative.
    use_bias : bool, default True
        Whether the projections have biases.
    output_shape : int, optional
        Width of the answer; that of the query if left out.
    kernel_initializer, kernel_regularizer, kernel_constraint
        Of the projections' matrices, named as in `keras.layers.MultiHeadAttention`; Glorot's
        uniform initializer if left out.
    bias_initializer, bias_regularizer, bias_constraint
        Of the projections' biases, which start at 0.
    gamma_initializer, coef0_initializer : initializer or float, optional
        1 and 0 if left out.
    gamma_regularizer, gamma_constraint, coef0_regularizer, coef0_constraint : optional
    **keywords
        name, dtype, trainable and activity_regularizer, as of any Keras layer.

    Attributes
    ----------
    gamma, coef0 : variables of shape (num_heads,)
        Of any sign.
    query_dense, key_dense, value_dense, output_dense : keras.layers.Dense
        The projections. Their matrices are (inputs, num_heads · key_dim) and so on: transposes of
        those of `ogive.nn.SigmoidAttention`.

    Raises
    ------
    InvalidParameterError
        For a number below 1, an unknown kernel, or a mask of the wrong number of dimensions.
    InvalidDataError
        If inputs do not have three dimensions, or keys and values differ in their number.

    Notes
    -----
    Scores are held densely, num_heads · T · S of them, as in Keras's own layer without flash
    attention; `ogive.nn.SigmoidAttention` needs memory linear in T + S.

    There is no dropout of weights: these are no distribution over keys that could be renormalised.

    That there are log(number of keys) to subtract is shown by Ramapuram et al., Theory, analysis,
    and best practices for sigmoid self-attention (ICLR 2025), section 3; there it is a constant of
    the longest sequence, here it is counted for each query.

    Examples
    --------
    >>> import numpy as np
    >>> attention = SigmoidAttention(num_heads=4, key_dim=8)
    >>> tokens = np.zeros((2, 100, 32), dtype="float32")
    >>> tuple(attention(tokens, tokens, use_causal_mask=True).shape)
    (2, 100, 32)
    """

    quantities = ("kernel", "bias", "gamma", "coef0")

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        *,
        kernel: str = "logistic",
        use_bias: bool = True,
        output_shape: int | tuple[int] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.num_heads = checked_count(num_heads, "num_heads")
        self.key_dim = checked_count(key_dim, "key_dim")
        self.value_dim = (
            self.key_dim if value_dim is None else checked_count(value_dim, "value_dim")
        )
        kernel = checked_name(kernel, "kernel", _KERNELS)
        self.kernel = "sigmoid" if kernel == "tanh" else kernel
        self.use_bias = bool(use_bias)
        # `output_shape` itself is a property of Keras layers.
        self.output_width = _checked_width(output_shape)
        self.supports_masking = True

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the weights for inputs of these shapes."""
        key_shape = value_shape if key_shape is None else key_shape
        _check_shapes(query_shape, value_shape, key_shape)
        self.query_dense = self._projection("query", self.num_heads * self.key_dim, query_shape)
        self.key_dense = self._projection("key", self.num_heads * self.key_dim, key_shape)
        inner = self.num_heads * self.value_dim
        self.value_dense = self._projection("value", inner, value_shape)
        width = self.output_width or query_shape[-1]
        self.output_dense = self._projection("output", width, (*query_shape[:-1], inner))
        self.gamma = self.add_quantity("gamma", (self.num_heads,), 1.0)
        self.coef0 = self.add_quantity("coef0", (self.num_heads,), 0.0)
        self.built = True

    def call(  # noqa: PLR0917 - the order of `MultiHeadAttention`
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Attend.

        Parameters
        ----------
        query : tensor of shape (batch, T, width)
        value : tensor of shape (batch, S, width)
        key : tensor of shape (batch, S, width), optional
            The value, if left out.
        query_mask, value_mask, key_mask : bool tensors of shape (batch, T) or (batch, S), optional
            False for padding; Keras fills them in where an embedding or a masking layer made them.
        attention_mask : bool tensor that broadcasts to (batch, T, S) or (batch, num_heads, T, S)
            True where a query may see a key. (`ogive.nn` and PyTorch's `MultiheadAttention` mean
            the reverse.)
        return_attention_scores : bool, default False
            Also return the weights.
        training : bool, optional
            Makes no difference; there for layers that pass it on.
        use_causal_mask : bool, default False
            Query i sees the keys up to i, as in Keras; `ogive.nn` counts from the last key. Both
            are the same for T = S.

        Returns
        -------
        answer : tensor of shape (batch, T, width)
        weights : tensor of shape (batch, num_heads, T, S), if asked for
            0 where a key is hidden.
        """
        key = value if key is None else key
        _check_shapes(query.shape, value.shape, key.shape)
        q = self._split(self.query_dense(query), self.key_dim)
        k = self._split(self.key_dense(key), self.key_dim)
        v = self._split(self.value_dense(value), self.value_dim)
        seen = _merged(
            [
                None if query_mask is None else ops.expand_dims(query_mask, (1, 3)),
                None if value_mask is None else ops.expand_dims(value_mask, (1, 2)),
                None if key_mask is None else ops.expand_dims(key_mask, (1, 2)),
                _with_heads(attention_mask),
                _causal(ops.shape(query)[1], ops.shape(key)[1]) if use_causal_mask else None,
            ]
        )
        weights = self._weights(ops.einsum("bthd,bshd->bhts", q, k), seen)
        answer = ops.einsum("bhts,bshd->bthd", weights, v)
        batch, tokens = ops.shape(query)[:2]
        answer = ops.reshape(answer, (batch, tokens, self.num_heads * self.value_dim))
        answer = self.output_dense(answer)
        return (answer, weights) if return_attention_scores else answer

    def compute_output_shape(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        """Return the shape of the answer."""
        _check_shapes(query_shape, value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], self.output_width or query_shape[-1])

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        *masks: Any,
        return_attention_scores: bool = False,
        **others: Any,
    ) -> Any:
        """Return shape and type of what `call` returns."""
        key_shape = None if key is None else key.shape
        shape = self.compute_output_shape(query.shape, value.shape, key_shape)
        answer = keras.KerasTensor(shape, dtype=self.compute_dtype)
        if not return_attention_scores:
            return answer
        scores = (query.shape[0], self.num_heads, query.shape[1], value.shape[1])
        return answer, keras.KerasTensor(scores, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer."""
        config = {
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "kernel": self.kernel,
            "use_bias": self.use_bias,
            "output_shape": self.output_width,
        }
        return {**super().get_config(), **config}

    def _projection(self, name: str, width: int | None, input_shape: Shape) -> Any:
        initializer = self.kernel_initializer or keras.initializers.GlorotUniform()
        # An initializer draws the same each time it is called: each projection needs its own.
        layer = keras.layers.Dense(
            width,
            use_bias=self.use_bias,
            kernel_initializer=getattr(initializer, "clone", lambda: initializer)(),
            bias_initializer=self.bias_initializer or "zeros",
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(input_shape)
        return layer

    def _split(self, x: Any, width: int) -> Any:
        """(batch, tokens, heads · width) -> (batch, tokens, heads, width)."""
        batch, tokens = ops.shape(x)[:2]
        return ops.reshape(x, (batch, tokens, self.num_heads, width))

    def _weights(self, products: Any, seen: Any) -> Any:
        """Return the weights of the values, given ⟨q, k⟩ and where a key may be seen."""
        # In bfloat16, log(4096) is known to 1/64 only, and a weight then to 2 %.
        wide = self.wide_dtype
        scale = ops.reshape(ops.cast(self.gamma, wide) * self.key_dim**-0.5, (-1, 1, 1))
        offset = ops.reshape(ops.cast(self.coef0, wide), (-1, 1, 1))
        z = scale * ops.cast(products, wide) + offset
        if seen is None:
            count = ops.cast(max(ops.shape(products)[-1], 1), wide)
        else:
            seen = ops.broadcast_to(seen, (*ops.shape(seen)[:-1], ops.shape(products)[-1]))
            count = ops.maximum(ops.sum(ops.cast(seen, wide), -1, keepdims=True), 1)
        logistic = self.kernel == "logistic"
        weights = ops.sigmoid(z - ops.log(count)) if logistic else ops.tanh(z) / count
        if seen is not None:
            weights = ops.where(seen, weights, ops.zeros_like(weights))
        return ops.cast(weights, self.compute_dtype)


def _checked_width(output_shape: int | tuple[int] | None) -> int | None:
    """Return the width of the answer, which `MultiHeadAttention` also takes as a shape."""
    if output_shape is None:
        return None
    single = isinstance(output_shape, tuple | list) and len(output_shape) == 1
    return checked_count(output_shape[0] if single else output_shape, "output_shape")  # type: ignore[index]


def _check_shapes(query: Shape, value: Shape, key: Shape) -> None:
    shapes = f"query {tuple(query)}, value {tuple(value)}, key {tuple(key)}"
    if any(len(shape) != 3 for shape in (query, value, key)):
        raise InvalidDataError(
            f"{shapes}: each must have three dimensions (batch, tokens, features); reshape others "
            "into these"
        )
    if None not in (value[1], key[1]) and value[1] != key[1]:
        raise InvalidDataError(f"{shapes}: there must be as many keys as values")


def _with_heads(mask: Any) -> Any:
    """Return a mask of four dimensions: (batch, heads, T, S), each of full length or 1."""
    if mask is None:
        return None
    mask = ops.convert_to_tensor(mask)
    dimensions = len(mask.shape)
    if dimensions not in (2, 3, 4):
        raise InvalidParameterError(
            f"attention_mask has shape {tuple(mask.shape)}; it must have the dimensions (T, S), "
            "(batch, T, S) or (batch, heads, T, S)"
        )
    if dimensions == 2:
        mask = ops.expand_dims(mask, 0)
    return mask if dimensions == 4 else ops.expand_dims(mask, 1)


def _merged(masks: list[Any]) -> Any:
    """Return where all masks are True, or None if there is none."""
    merged = None
    for mask in masks:
        if mask is not None:
            seen = ops.cast(mask, "bool")
            merged = seen if merged is None else ops.logical_and(merged, seen)
    return merged


def _causal(queries: int, keys: int) -> Any:
    rows, columns = ops.arange(queries), ops.arange(keys)
    return ops.expand_dims(rows, 1) >= ops.expand_dims(columns, 0)
