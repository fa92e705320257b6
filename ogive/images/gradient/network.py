"""A small network of kernel convolutions that names what is in a picture."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ogive._errors import InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.nn import KernelConv2d
from ogive.nn.init import critical_

KERNELS = ("sigmoid", "logistic", "relu")
MOST_CHANNELS = 16
LARGEST_WIDTH = 1024
_INITIAL = 256  # pictures that the weights are made critical on
_DEVIATION_FLOOR = 1e-3


class PictureNetwork(nn.Module):
    """Five 3×3 convolutions with w, 2w, 2w, 4w, 4w units, and a linear function of their maxima.

    Pictures are standardised; after the first and the third layer the maximum of each 2×2 block
    goes on, and at the end that of each unit over the whole picture: 4w features.

    Parameters
    ----------
    image_shape : (height, width, channels)
    classes : int
    kernel : {"sigmoid", "logistic", "relu"}, default "sigmoid"
        A `KernelConv2d` of this kernel, without normalisation between layers; "relu" stands for
        the ordinary network of convolution, batch normalisation and ReLU, the control.
    width : int, default 32
        w.

    Raises
    ------
    InvalidParameterError
        If a setting is not possible.

    Examples
    --------
    >>> network = PictureNetwork((28, 28, 1), 10, width=8)
    >>> x = torch.rand(2, 1, 28, 28)
    >>> network(x).shape, network.features(x).shape
    (torch.Size([2, 10]), torch.Size([2, 32]))
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        kernel: str = "sigmoid",
        width: int = 32,
    ) -> None:
        super().__init__()
        height, width_, channels = image_shape
        if kernel not in KERNELS:
            raise InvalidParameterError(
                f"kernel={kernel!r} is unknown; {nearest_name(kernel, KERNELS)}"
            )
        for name, value, most in (
            ("width", width, LARGEST_WIDTH),
            ("channels", channels, MOST_CHANNELS),
        ):
            if not 1 <= value <= most:
                raise InvalidParameterError(f"{name}={value!r}: must be from 1 to {most}")
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))
        side, layers = min(height, width_), []
        sizes = (channels, width, 2 * width, 2 * width, 4 * width, 4 * width)
        for number, (before, after) in enumerate(itertools.pairwise(sizes)):
            layers += _units(before, after, kernel)
            if number in (0, 2) and side >= 4:
                layers.append(nn.MaxPool2d(2))
                side //= 2
        self.body = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.head = nn.Linear(4 * width, classes)

    def features(self, input: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n d"]:
        """Return the features of pictures with pixels from 0 to 1."""
        found: Tensor = self.body((input - self.mean) / self.deviation)
        return found

    def forward(
        self, input: Float[Tensor, "n channels height width"]
    ) -> Float[Tensor, "n classes"]:
        """Return the logarithms of the classes' probabilities, up to a constant."""
        found: Tensor = self.head(self.features(input))
        return found

    @torch.no_grad()
    def start(self, pictures: Float[Tensor, "n channels height width"], seed: int) -> None:
        """Standardise to some pictures, and draw weights with which gradients pass every layer.

        The first 256 make each layer critical, χ = 1 (see `ogive.nn.init.critical_`); behind batch
        normalisation, which takes any scale off, the theory of ReLU will do.
        """
        deviation, mean = torch.std_mean(pictures, (0, 2, 3), correction=0)
        self.mean.copy_(mean[:, None, None])
        self.deviation.copy_(deviation.clamp(min=_DEVIATION_FLOOR)[:, None, None])
        generator = torch.Generator().manual_seed(seed)
        if any(isinstance(part, KernelConv2d) for part in self.body):
            critical_(self, pictures[:_INITIAL], generator=generator)
        else:
            critical_(self, generator=generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _units(before: int, after: int, kernel: str) -> list[nn.Module]:
    if kernel == "relu":
        convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    return [KernelConv2d(before, after, 3, kernel, padding=1)]
