"""Kernel convolutions: each patch of a signal or an image compared with learned prototypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.kernels import Kernel
from ogive.nn.squares import sum_of_squares
from ogive.nn.units import KernelUnits

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
_PADDING_NAMES = ("valid", "same")


class _KernelConv(KernelUnits):
    """A kernel convolution in any number of dimensions."""

    dimensions: ClassVar[int]
    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        kernel: str | Kernel = "sigmoid",
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
        per_unit: bool = True,
        prototypes: str = "critical",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.in_channels = check_count(in_channels, "in_channels")
        self.out_channels = check_count(out_channels, "out_channels")
        self.groups = check_count(groups, "groups")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise InvalidParameterError(
                    f"groups={groups} does not divide {name}={channels}; it must divide both"
                )
        self.kernel_size = self._numbers(kernel_size, "kernel_size", least=1)
        self.stride = self._numbers(stride, "stride", least=1)
        self.dilation = self._numbers(dilation, "dilation", least=1)
        self.padding_mode = padding_mode
        if padding_mode not in _PADDING_MODES:
            raise InvalidParameterError(
                f"padding_mode={padding_mode!r} is unknown; "
                f"{nearest_name(padding_mode, _PADDING_MODES)}"
            )
        self.padding = padding if isinstance(padding, str) else self._numbers(padding, "padding")
        self._margins = self._padding_margins()
        super().__init__(
            (out_channels, in_channels // groups, *self.kernel_size),
            kernel,
            per_unit=per_unit,
            prototypes=prototypes,
            device=device,
            dtype=dtype,
        )

    def forward(self, input: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        """Return k(patch, w_j) at every place: (batch, channels, ...), or without the batch."""
        spatial = self.dimensions
        if input.ndim not in (spatial + 1, spatial + 2):
            raise InvalidDataError(
                f"input has shape {tuple(input.shape)}; {type(self).__name__} needs (batch, "
                f"channels) and {spatial} more dimensions, or the same without the batch"
            )
        channel = input.ndim - spatial - 1
        self.check_width(input.shape[channel], self.in_channels, input, "channels")
        padding: tuple[int, ...] = (0,) * spatial
        if any(self._margins):
            if self.padding_mode == "zeros" and self._margins[::2] == self._margins[1::2]:
                padding = self._margins[::-2]
            else:
                mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
                input = functional.pad(input, self._margins, mode)
        argument = self._function(
            input, *self.folded(), self.stride, padding, self.dilation, self.groups
        )
        if self.family.by_distance:
            argument = self._subtract_squares(argument, input, channel, padding)
        return self.respond(argument)

    def _subtract_squares(
        self, argument: Tensor, input: Tensor, channel: int, padding: tuple[int, ...]
    ) -> Tensor:
        """Subtract gamma ‖patch‖² from an argument that nobody else needs: in its own memory."""
        assert self.gamma is not None
        grouped = input.unflatten(channel, (self.groups, -1))
        squares = self._box_sum(sum_of_squares(grouped, channel + 1), padding)
        if self.groups > 1:
            squares = squares.repeat_interleave(self.out_channels // self.groups, channel)
        # Not a view of the argument: an in-place change of a view costs copies when differentiated.
        gamma = self.gamma.reshape(-1, *(1,) * self.dimensions)
        return argument.addcmul_(gamma, squares, value=-1)

    def _box_sum(self, values: Tensor, padding: tuple[int, ...]) -> Tensor:
        """Return the sums over all windows, one dimension after another."""
        if any(padding):
            values = functional.pad(values, [p for size in padding[::-1] for p in (size, size)])
        for place in range(self.dimensions):
            step, dilation = self.stride[place], self.dilation[place]
            reach = dilation * (self.kernel_size[place] - 1) + 1
            windows = values.unfold(place - self.dimensions, reach, step)
            values = windows[..., ::dilation].sum(-1)
        return values

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        ordinary = {
            "stride": (1,) * self.dimensions,
            "padding": (0,) * self.dimensions,
            "dilation": (1,) * self.dimensions,
            "groups": 1,
            "padding_mode": "zeros",
        }
        for name, usual in ordinary.items():
            if getattr(self, name) != usual:
                shown.append(f"{name}={getattr(self, name)!r}")
        return ", ".join([*shown, super().extra_repr()])

    def _numbers(self, value: int | Sequence[int], name: str, *, least: int = 0) -> tuple[int, ...]:
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) != self.dimensions:
                raise InvalidParameterError(
                    f"{name}={value!r}; it must be one whole number or {self.dimensions} of them"
                )
            return tuple(check_count(v, name, least=least) for v in value)
        return (check_count(value, name, least=least),) * self.dimensions

    def _padding_margins(self) -> tuple[int, ...]:
        """Return what is added before and after, the last dimension first, as `pad` wants it."""
        if not isinstance(self.padding, str):
            return tuple(p for size in reversed(self.padding) for p in (size, size))
        if self.padding not in _PADDING_NAMES:
            raise InvalidParameterError(
                f"padding={self.padding!r} is unknown; {nearest_name(self.padding, _PADDING_NAMES)}"
            )
        if self.padding == "valid":
            return (0, 0) * self.dimensions
        if any(step != 1 for step in self.stride):
            raise InvalidParameterError(
                f"padding='same' with stride={self.stride}: the answer cannot have the size of the "
                "input; give padding as a number"
            )
        reach = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return tuple(p for size in reversed(reach) for p in (size // 2, size - size // 2))


class KernelConv1d(_KernelConv):
    """Kernel values between each stretch of a signal and learned prototypes.

    The one-dimensional `KernelConv2d`: (batch, in_channels, length) in, (batch, out_channels,
    length') out, with the same parameters and the same source.

    Examples
    --------
    >>> import torch
    >>> KernelConv1d(3, 8, 5, "logistic", padding="same")(torch.randn(2, 3, 100)).shape
    torch.Size([2, 8, 100])
    """

    dimensions = 1
    _function = staticmethod(functional.conv1d)


class KernelConv2d(_KernelConv):
    """Kernel values between each patch of an image and learned prototypes: y_j = k(patch, w_j).

    For the sigmoid kernel tanh(gamma_j ⟨patch, w_j⟩ + coef0_j), which is an ordinary convolution
    with folded weights and tanh in place. By distance, ‖patch - w‖² = ‖patch‖² - 2⟨patch, w⟩ +
    ‖w‖² takes a box sum of x² beside it. Patches are never unfolded.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or two of them
    kernel : str or Kernel, default "sigmoid"
        "linear", "polynomial", "gaussian", "sigmoid", "logistic", or an object such as
        ``Sigmoid(0.5, -1.0)``, whose numbers the parameters start with.
    stride, dilation : int or two of them, default 1
    padding : int, two of them, "same" or "valid", default 0
    groups : int, default 1
        Must divide both numbers of channels; a patch is then that of its group.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}, default "zeros"
    per_unit : bool, default True
        Whether each channel of the answer has a gamma and a coef0 of its own.
    prototypes : {"critical", "random"}, default "critical"
        See `reset_parameters`.
    device, dtype
        Of the parameters.

    Raises
    ------
    InvalidParameterError
        Where a number, a name or their combination is not possible.

    Notes
    -----
    The input has shape (batch, in_channels, height, width), the answer (batch, out_channels,
    height', width'). The kernels of Wang, Yang, Xie and Yuan, Kervolutional neural networks (CVPR
    2019, arXiv:1904.03955), section 3, at the cost of a convolution and with gamma and coef0 that
    learn. The control for the sigmoid kernel is ``torch.tanh(conv(x))``: the same functions.

    Examples
    --------
    >>> import torch
    >>> layer = KernelConv2d(3, 8, 3, "gaussian", padding=1)
    >>> layer(torch.randn(2, 3, 32, 32)).shape
    torch.Size([2, 8, 32, 32])
    >>> sorted(name for name, _ in layer.named_parameters())
    ['gamma', 'weight']
    """

    dimensions = 2
    _function = staticmethod(functional.conv2d)
