"""Fully connected kernel units for Keras."""

from __future__ import annotations

from typing import Any

from ogive.keras._arguments import checked_count
from ogive.keras._backend import keras
from ogive.keras.kernel_layer import Shape
from ogive.keras.units import KernelUnits

ops = keras.ops


@keras.saving.register_keras_serializable(package="ogive")
class KernelDense(KernelUnits):
    """Kernel values between an input and learned prototypes: y_j = k(x, w_j).

    For the sigmoid kernel y_j = tanh(gamma_j ⟨x, w_j⟩ + coef0_j), for the logistic one
    σ(gamma_j ⟨x, w_j⟩ + coef0_j), for the polynomial one (gamma_j ⟨x, w_j⟩ + coef0_j)^degree, for
    the Gaussian one exp(-gamma_j ‖x - w_j‖²), for the linear one ⟨x, w_j⟩.

    Parameters
    ----------
    units : int
        Number of outputs.
    kernel : {"sigmoid", "logistic", "polynomial", "gaussian", "linear"}, default "sigmoid"
    per_unit : bool, default True
        Whether each unit has a gamma and a coef0 of its own, or the layer one of each.
    degree : int, default 3
        Of the polynomial kernel.
    prototypes_initializer, gamma_initializer, coef0_initializer : initializer or float, optional
        A number is the constant that all start with. What is left out is chosen such that the
        layer is critical for inputs of mean square 1 (see `ogive.nn.KernelLinear`).
    prototypes_regularizer, gamma_regularizer, coef0_regularizer : regularizer, optional
    prototypes_constraint, gamma_constraint, coef0_constraint : constraint, optional
    **keywords
        name, dtype, trainable and activity_regularizer, as of any Keras layer.

    Attributes
    ----------
    prototypes : variable of shape (inputs, units)
        The w_j in columns: the transpose of ``weight`` in `ogive.nn.KernelLinear`.
    gamma, coef0 : variables of shape (units,) or ()
        Of any sign. The linear kernel has neither, the Gaussian one no coef0: None.

    Raises
    ------
    InvalidParameterError
        For units or a degree below 1, an unknown kernel, gamma = 0, or an option of a quantity
        that the kernel does not have.

    Notes
    -----
    The input has shape (batch, ..., inputs), the answer (batch, ..., units). With the same weights
    the answers are those of `ogive.nn.KernelLinear`, on any backend; the source is named there.

    Examples
    --------
    >>> import numpy as np
    >>> layer = KernelDense(4, "gaussian")
    >>> tuple(layer(np.zeros((32, 10), dtype="float32")).shape)
    (32, 4)
    >>> [weight.name for weight in layer.weights]
    ['prototypes', 'gamma']
    """

    def __init__(
        self,
        units: int,
        kernel: str = "sigmoid",
        *,
        per_unit: bool = True,
        degree: int = 3,
        **keywords: Any,
    ) -> None:
        super().__init__(kernel, per_unit=per_unit, degree=degree, **keywords)
        self.units = checked_count(units, "units")
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of that shape."""
        width = input_shape[-1]
        assert width is not None, "Keras knows the number of features"
        self.add_units((width, self.units))
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: width})
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return k(x, w_j) for each row x of the input."""
        weight, bias = self.folded()
        argument = ops.matmul(inputs, weight)
        if bias is not None:
            argument = argument + bias
        if self.family.by_distance:
            squares = ops.sum(ops.square(inputs), -1, keepdims=True)
            argument = argument - ops.cast(self.gamma, squares.dtype) * squares
        return self.respond(argument)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer."""
        return {**super().get_config(), "units": self.units}
