"""A network with a sigmoid kernel between its hidden and its output layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ogive._errors import InvalidParameterError
from ogive.keras._arguments import checked_count, checked_number, is_number
from ogive.keras._backend import keras
from ogive.keras.additive import (
    OFFSET_SPREAD,
    STRETCH,
    additive_heads,
    alternating_weights,
    centring_bias,
    orthogonal_heads,
)
from ogive.keras.kernel_layer import Shape

ops = keras.ops

_STRETCH = STRETCH["logistic"]


@keras.saving.register_keras_serializable(package="ogive")
class SigmoidKernelNN(keras.Model):
    """A hidden layer, and the kernel K(x, y) = σ(αᵀx + βᵀy + γ) between it and the outputs.

        h = activation(W x + b),
        output_j = out(Σ_k w_k σ(α_kᵀh + β_kᵀz_j + γ_k) + c_j).

    The kernel's recipe says that K stands between the hidden and the output layer, and not what its
    second argument is. Here y is a prototype z_j of output j, in the space of the hidden layer, and
    learned. Taken literally there is one α, one β and one γ: then each output is a monotone
    function of the one number αᵀh, and all outputs rank all inputs alike. So K is a weighted sum of
    several such heads; ``heads=1`` is the literal reading.

    Parameters
    ----------
    alpha, beta : float or initializer, default 2.0 and 4.0
        A number is the length of each α_k and β_k, drawn in orthogonal directions: the spread of
        α_kᵀh for a hidden layer of mean square 1, and of β_kᵀz_j. With the defaults the kernel
        layer is critical (`ogive.nn.AdditiveKernelLinear`). An initializer gets the shape
        (hidden_units, heads).
    gamma : float or initializer, default 0.0
        A number is what every γ_k starts with. An initializer gets the shape (heads,).
    units : int, default 1
        Number of outputs.
    hidden_units : int, default 64
    heads : int, default 8
    hidden_activation : activation, default "tanh"
    activation : activation, default "sigmoid"
        Of the outputs: "sigmoid" for binary cross-entropy, "softmax" for categorical, "linear" for
        regression or for losses of logits.
    **keywords
        name, dtype and trainable, as of any Keras model.

    Attributes
    ----------
    hidden : keras.layers.Dense
    alpha, beta : variables of shape (hidden_units, heads)
        α_k and β_k in columns.
    gamma, weight : variables of shape (heads,)
        γ_k and w_k. The w_k start with alternating signs.
    prototypes : variable of shape (units, hidden_units)
        z_j.
    bias : variable of shape (units,)
        c_j.

    Raises
    ------
    InvalidParameterError
        For a number below 1, or alpha, beta = 0, for which all heads are the same.

    Notes
    -----
    An ordinary Keras model: `compile` with Adam, RMSprop or any optimizer, `fit`, `save`. Before
    the activation, the outputs are the kernel ``ogive.kernels.AdditiveSigmoid(alpha.T, beta.T,
    gamma, weight)`` of the hidden layer and the prototypes, plus the bias.

    Examples
    --------
    >>> import numpy as np
    >>> model = SigmoidKernelNN(heads=4)
    >>> model.compile(optimizer="adam", loss="binary_crossentropy")
    >>> x = np.random.default_rng(0).normal(size=(100, 10)).astype("float32")
    >>> history = model.fit(x, x[:, 0] > 0, epochs=2, verbose=0)
    >>> model.predict(x, verbose=0).shape
    (100, 1)
    """

    def __init__(
        self,
        alpha: Any = _STRETCH,
        beta: Any = _STRETCH * OFFSET_SPREAD,
        gamma: Any = 0.0,
        *,
        units: int = 1,
        hidden_units: int = 64,
        heads: int = 8,
        hidden_activation: Any = "tanh",
        activation: Any = "sigmoid",
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.units = checked_count(units, "units")
        self.hidden_units = checked_count(hidden_units, "hidden_units")
        self.heads = checked_count(heads, "heads")
        self.starts = {
            "alpha": _checked_start("alpha", alpha),
            "beta": _checked_start("beta", beta),
            "gamma": _checked_start("gamma", gamma),
        }
        self.activation = keras.activations.get(activation)
        # Variance 1 before the activation, for inputs of mean square 1.
        self.hidden = keras.layers.Dense(
            self.hidden_units,
            hidden_activation,
            kernel_initializer="lecun_normal",
            dtype=self.dtype_policy,
            name="hidden",
        )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of that shape."""
        self.hidden.build(input_shape)
        projections = (self.hidden_units, self.heads)

        def weight(name: str, shape: tuple[int, ...], initializer: Any) -> Any:
            if is_number(initializer):
                initializer = keras.initializers.Constant(initializer)
            return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

        self.alpha = weight("alpha", projections, self._directions("alpha"))
        self.beta = weight("beta", projections, self._directions("beta"))
        self.gamma = weight("gamma", (self.heads,), self.starts["gamma"])
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.prototypes = weight("prototypes", (self.units, self.hidden_units), normal)
        self.weight = weight("weight", (self.heads,), alternating_weights("logistic"))
        self.bias = weight("bias", (self.units,), centring_bias("logistic", self.weight))
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the outputs for each row of the input, in float32 or wider."""
        hidden = self.hidden(inputs)
        projected = ops.matmul(hidden, ops.cast(self.alpha, hidden.dtype))
        offset = ops.matmul(ops.transpose(self.beta), ops.transpose(self.prototypes))
        offset = offset + ops.expand_dims(self.gamma, 1)
        projected = ops.cast(projected, self._wide_dtype)
        answer = additive_heads(projected, offset, self.weight, "logistic") + self.bias
        return self.activation(answer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (..., units)."""
        return (*input_shape[:-1], self.units)

    def compute_output_spec(self, inputs: Any, *_: Any, **__: Any) -> Any:
        """Return shape and type of the outputs."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self._wide_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a model."""
        starts = {
            name: start if is_number(start) else keras.initializers.serialize(start)
            for name, start in self.starts.items()
        }
        config = {
            **starts,
            "units": self.units,
            "hidden_units": self.hidden_units,
            "heads": self.heads,
            "hidden_activation": keras.activations.serialize(self.hidden.activation),
            "activation": keras.activations.serialize(self.activation),
        }
        return {**super().get_config(), **config}

    @property
    def _wide_dtype(self) -> str:
        return str(keras.backend.result_type(self.compute_dtype, "float32"))

    def _directions(self, name: str) -> Callable[..., Any]:
        start = self.starts[name]
        if is_number(start):
            return orthogonal_heads(start)
        initializer: Callable[..., Any] = start
        return initializer


def _checked_start(name: str, value: Any) -> Any:
    """Return a number, or an initializer."""
    if is_number(value):
        return checked_number(value, name, allow_zero=name == "gamma")
    initializer = keras.initializers.get(value)
    if initializer is None:
        raise InvalidParameterError(f"{name}=None; it must be a number or an initializer")
    return initializer
