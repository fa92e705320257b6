"""A fully connected Keras layer whose outputs share a few projections: the additive kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ogive.keras._arguments import checked_count, checked_name
from ogive.keras._backend import keras
from ogive.keras.families import FAMILIES
from ogive.keras.kernel_layer import KernelLayer, Shape

ops = keras.ops

# How far φ is stretched: σ(2z) = (1 + tanh z) / 2, so with twice the argument and twice the weight
# both layers start as the same function, up to a constant.
STRETCH = {"logistic": 2.0, "sigmoid": 1.0}
# Standard deviation of the offsets, in units of that of the projections.
OFFSET_SPREAD = 2.0
# 1 / √E[tanh'(z)²] for z ~ N(0, 1 + 2²): with it a layer is critical; see
# `ogive.nn.AdditiveKernelLinear`.
_CRITICAL_WEIGHT = 2.0823151294576556


@keras.saving.register_keras_serializable(package="ogive")
class AdditiveKernelDense(KernelLayer):
    """Outputs that are sums over a few shared projections: y_j = Σ_h w_h φ(α_hᵀx + b_hj) + c_j.

    It is the additive kernel Σ_h w_h φ(α_hᵀx + β_hᵀz_j + γ_h) between the input and a prototype z_j
    of each output, in which only the number b_hj = β_hᵀz_j + γ_h is left of the prototype. It has
    heads · (inputs + units + 1) numbers, and as many more as there are units with a bias, where
    `keras.layers.Dense` has inputs · units.

    Parameters
    ----------
    units : int
        Number of outputs.
    heads : int, default 8
        Number of projections α_h. With one head every output is a monotone function of the one
        number αᵀx: all outputs rank all inputs alike, and the layer is worth one unit.
    kernel : {"logistic", "sigmoid"}, default "logistic"
        φ is 1/(1 + exp(-z)), or tanh.
    use_bias : bool, default True
        Whether each output has a constant c_j.
    **keywords
        ``alpha_initializer``, ``alpha_regularizer``, ``alpha_constraint`` and the same of
        ``offset``, ``weight`` and ``bias``; what is left out starts such that the layer is
        critical for inputs of mean square 1 (see `ogive.nn.AdditiveKernelLinear`). And name, dtype,
        trainable and activity_regularizer, as of any Keras layer.

    Attributes
    ----------
    alpha : variable of shape (inputs, heads)
        The projections in columns: the transpose of ``alpha`` in `ogive.nn.AdditiveKernelLinear`.
    offset : variable of shape (heads, units)
        b_hj.
    weight : variable of shape (heads,)
        w_h. It is shared by all outputs, so each head moves all of them the same way.
    bias : variable of shape (units,), or None

    Raises
    ------
    InvalidParameterError
        For a number below 1 or an unknown kernel.

    Notes
    -----
    The input has shape (batch, ..., inputs), the answer (batch, ..., units). Heads are added up one
    after another, in float32 under mixed precision. Source: see `ogive.nn.AdditiveKernelLinear`.

    Examples
    --------
    >>> import numpy as np
    >>> layer = AdditiveKernelDense(256, heads=16)
    >>> tuple(layer(np.zeros((32, 512), dtype="float32")).shape)
    (32, 256)
    >>> layer.count_params(), 512 * 256 + 256
    (12560, 131328)
    """

    quantities = ("alpha", "offset", "weight", "bias")

    def __init__(
        self,
        units: int,
        heads: int = 8,
        *,
        kernel: str = "logistic",
        use_bias: bool = True,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.units = checked_count(units, "units")
        self.heads = checked_count(heads, "heads")
        self.kernel = checked_name(kernel, "kernel", STRETCH)
        self.use_bias = bool(use_bias)
        self.bias = None
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of that shape."""
        width, stretch = input_shape[-1], STRETCH[self.kernel]
        assert width is not None, "Keras knows the number of features"
        offsets = keras.initializers.RandomNormal(stddev=OFFSET_SPREAD * stretch)
        self.alpha = self.add_quantity("alpha", (width, self.heads), orthogonal_heads(stretch))
        self.offset = self.add_quantity("offset", (self.heads, self.units), offsets)
        self.weight = self.add_quantity("weight", (self.heads,), alternating_weights(self.kernel))
        if self.use_bias:
            centre = centring_bias(self.kernel, self.weight)
            self.bias = self.add_quantity("bias", (self.units,), centre)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: width})
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return y_j for each row x of the input."""
        projected = ops.matmul(inputs, ops.cast(self.alpha, self.compute_dtype))
        projected = ops.cast(projected, self.wide_dtype)
        answer = additive_heads(projected, self.offset, self.weight, self.kernel)
        if self.bias is not None:
            answer = answer + self.bias
        return ops.cast(answer, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer."""
        config = {
            "units": self.units,
            "heads": self.heads,
            "kernel": self.kernel,
            "use_bias": self.use_bias,
        }
        return {**super().get_config(), **config}


def additive_heads(u: Any, offset: Any, weight: Any, kernel: str) -> Any:
    """Return Σ_h weight_h φ(u_h + offset_hj), head by head.

    Parameters
    ----------
    u : tensor of shape (..., heads)
    offset : tensor of shape (heads, units)
    weight : tensor of shape (heads,)
    kernel : {"logistic", "sigmoid"}

    Returns
    -------
    tensor of shape (..., units)

    Examples
    --------
    >>> u, offset = ops.array([[0.0, 1.0]]), ops.array([[0.0, 2.0], [-1.0, 0.0]])
    >>> answer = additive_heads(u, offset, ops.array([1.0, -1.0]), "logistic")
    >>> ops.convert_to_numpy(answer).round(4).tolist()
    [[0.0, 0.14970000088214874]]
    """
    answer, epilogue = 0.0, FAMILIES[kernel].epilogue
    offset, weight = ops.convert_to_tensor(offset), ops.convert_to_tensor(weight)
    for head in range(weight.shape[0]):
        answer = answer + weight[head] * epilogue(u[..., head, None] + offset[head], 1)
    return answer


def orthogonal_heads(length: float) -> Callable[..., Any]:
    """Return an initializer for (inputs, heads): orthogonal columns of that length.

    If there are more heads than inputs, they are orthogonal in blocks.
    """

    def initialize(shape: tuple[int, int], dtype: Any = None) -> Any:
        width, heads = shape
        blocks = [
            keras.initializers.Orthogonal(length)((width, min(width, heads - first)), dtype)
            for first in range(0, heads, width)
        ]
        return ops.concatenate(blocks, axis=1)

    return initialize


def alternating_weights(kernel: str) -> Callable[..., Any]:
    """Return an initializer for (heads,): weights of alternating sign, with which χ = 1."""

    def initialize(shape: tuple[int], dtype: Any = None) -> Any:
        size = _CRITICAL_WEIGHT * STRETCH[kernel] * shape[0] ** -0.5
        return ops.convert_to_tensor([size * (-1) ** head for head in range(shape[0])], dtype)

    return initialize


def centring_bias(kernel: str, weight: Any) -> Callable[..., Any] | float:
    """Return an initializer for (units,): -½ Σ_h w_h, which centres what logistic heads add up."""

    def initialize(shape: tuple[int], dtype: Any = None) -> Any:
        total = ops.stop_gradient(ops.sum(ops.convert_to_tensor(weight)))
        return ops.cast(-0.5 * total * ops.ones(shape, dtype), dtype)

    return initialize if kernel == "logistic" else 0.0
