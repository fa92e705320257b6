"""Kernel convolutions for Keras: each patch of an image compared with learned prototypes."""

from __future__ import annotations

from typing import Any

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.keras._arguments import checked_count, checked_name, checked_pair
from ogive.keras._backend import keras
from ogive.keras.kernel_layer import Shape
from ogive.keras.units import KernelUnits

ops = keras.ops


@keras.saving.register_keras_serializable(package="ogive")
class KernelConv2D(KernelUnits):
    """Kernel values between each patch of an image and learned prototypes: y_j = k(patch, w_j).

    For the sigmoid kernel tanh(gamma_j ⟨patch, w_j⟩ + coef0_j), which is an ordinary convolution
    with folded weights and tanh. By distance, ‖patch - w‖² = ‖patch‖² - 2⟨patch, w⟩ + ‖w‖² takes a
    box sum of x² beside it. Patches are never unfolded.

    Parameters
    ----------
    filters : int
        Number of channels of the answer.
    kernel_size : int or two of them
    kernel : {"sigmoid", "logistic", "polynomial", "gaussian", "linear"}, default "sigmoid"
    strides : int or two of them, default 1
    padding : {"valid", "same"}, default "valid"
    data_format : {"channels_last", "channels_first"}, optional
        As Keras is configured, if left out.
    dilation_rate : int or two of them, default 1
    groups : int, default 1
        Must divide both numbers of channels; a patch is then that of its group.
    per_unit : bool, default True
        Whether each channel of the answer has a gamma and a coef0 of its own.
    degree : int, default 3
        Of the polynomial kernel.
    **keywords
        Initializers, regularizers and constraints of ``prototypes``, ``gamma`` and ``coef0`` (see
        `KernelDense`), and those of any Keras layer.

    Attributes
    ----------
    prototypes : variable of shape (height, width, inputs / groups, filters)
        ``weight`` of `ogive.nn.KernelConv2d` with its axes in the order 2, 3, 1, 0.
    gamma, coef0 : variables of shape (filters,) or (), or None

    Raises
    ------
    InvalidParameterError
        Where a number, a name or their combination is not possible.
    InvalidDataError
        If an image is smaller than a patch.

    Notes
    -----
    The input has shape (batch, height, width, channels), or channels before height as
    ``data_format`` says. Source: see `ogive.nn.KernelConv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> layer = KernelConv2D(8, 3, padding="same", data_format="channels_last")
    >>> tuple(layer(np.zeros((2, 32, 32, 3), dtype="float32")).shape)
    (2, 32, 32, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        kernel: str = "sigmoid",
        *,
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = 1,
        groups: int = 1,
        per_unit: bool = True,
        degree: int = 3,
        **keywords: Any,
    ) -> None:
        super().__init__(kernel, per_unit=per_unit, degree=degree, **keywords)
        self.filters = checked_count(filters, "filters")
        self.groups = checked_count(groups, "groups")
        self.kernel_size = checked_pair(kernel_size, "kernel_size")
        self.strides = checked_pair(strides, "strides")
        self.dilation_rate = checked_pair(dilation_rate, "dilation_rate")
        self.padding = checked_name(padding, "padding", ("valid", "same"))
        self.data_format = checked_name(
            data_format or keras.config.image_data_format(),
            "data_format",
            ("channels_last", "channels_first"),
        )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise InvalidParameterError(
                f"strides={self.strides} with dilation_rate={self.dilation_rate}: not every "
                "backend of Keras can do both; one of them must be 1"
            )
        self._check_groups("filters", self.filters)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for images of that shape."""
        channels = input_shape[self._channel_axis]
        assert channels is not None, "Keras knows the number of channels"
        self._check_groups("the number of channels", channels)
        self.compute_output_shape(input_shape)
        self.add_units((*self.kernel_size, channels // self.groups, self.filters))
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={self._channel_axis: channels})
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return k(patch, w_j) at every place."""
        weight, bias = self.folded()
        argument = self._convolve(inputs, weight)
        if bias is not None:
            argument = argument + self._by_channel(bias)
        if self.family.by_distance:
            argument = argument - self._by_channel(self.gamma) * self._squares(inputs)
        return self.respond(argument)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the answer.

        Raises
        ------
        InvalidDataError
            If no patch fits into the image.
        """
        first = 1 if self._channel_axis == -1 else 2
        sizes = list(input_shape[first : first + 2])
        for axis, size in enumerate(sizes):
            if size is not None:
                reach = self.dilation_rate[axis] * (self.kernel_size[axis] - 1)
                room = size - 1 - (reach if self.padding == "valid" else 0)
                sizes[axis] = room // self.strides[axis] + 1
                if room < 0:
                    raise InvalidDataError(
                        f"input of shape {tuple(input_shape)}: a patch of {reach + 1} does not fit "
                        f"into {size} pixels; give larger images, or padding='same'"
                    )
        if first == 1:
            return (input_shape[0], *sizes, self.filters)
        return (input_shape[0], self.filters, *sizes)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer."""
        config = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
        }
        return {**super().get_config(), **config}

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _convolve(self, inputs: Any, weight: Any) -> Any:
        return ops.conv(
            inputs,
            weight,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def _squares(self, inputs: Any) -> Any:
        """Return ‖patch‖² for each channel of the answer: a sum over a box, one for each group."""
        axis = inputs.ndim - 1 if self._channel_axis == -1 else 1
        shape = ops.shape(inputs)
        grouped = (*shape[:axis], self.groups, shape[axis] // self.groups, *shape[axis + 1 :])
        squares = ops.sum(ops.reshape(ops.square(inputs), grouped), axis + 1)
        box = ops.ones((*self.kernel_size, 1, self.groups), dtype=squares.dtype)
        squares = self._convolve(squares, box)
        return ops.repeat(squares, self.filters // self.groups, axis)

    def _by_channel(self, values: Any) -> Any:
        """Return a number for each channel, or one for all, ready to be broadcast."""
        values = ops.cast(values, self.compute_dtype)
        shape = (1, 1, 1, -1) if self._channel_axis == -1 else (1, -1, 1, 1)
        return ops.reshape(values, shape)

    def _check_groups(self, name: str, channels: int) -> None:
        if channels % self.groups:
            raise InvalidParameterError(
                f"groups={self.groups} does not divide {name}, {channels}; it must divide both "
                "the channels of the input and the filters"
            )
