"""A small network of kernel convolutions that names what is in a picture."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ogive._errors import InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import fit_patch_map
from ogive.images.gradient.normalised import NormalisedKernelConv2d
from ogive.nn import KernelConv2d
from ogive.nn.init import critical_

KERNELS = ("sigmoid", "logistic", "relu")
NORMALISATIONS = ("batch", "none")
STARTS = ("critical", "closed-form")
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
        Of the convolutions' units; "relu" is the control, an ordinary network.
    normalisation : {"batch", "none"}, default "batch"
        Whether the units' arguments are normalised batch by batch while they learn
        (`NormalisedKernelConv2d`), or units are a `KernelConv2d`. Without it networks of kernels
        learn more slowly and become worse.
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
        normalisation: str = "batch",
        width: int = 32,
    ) -> None:
        super().__init__()
        height, width_, channels = image_shape
        for name, given, known in (
            ("kernel", kernel, KERNELS),
            ("normalisation", normalisation, NORMALISATIONS),
        ):
            if given not in known:
                raise InvalidParameterError(
                    f"{name}={given!r} is unknown; {nearest_name(given, known)}"
                )
        for name, value, most in (
            ("width", width, LARGEST_WIDTH),
            ("channels", channels, MOST_CHANNELS),
        ):
            if not 1 <= value <= most:
                raise InvalidParameterError(f"{name}={value!r}: must be from 1 to {most}")
        self.image_shape, self.kernel = image_shape, kernel
        self.normalisation, self.width = normalisation, width
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))
        side, layers = min(height, width_), []
        sizes = (channels, width, 2 * width, 2 * width, 4 * width, 4 * width)
        for number, (before, after) in enumerate(itertools.pairwise(sizes)):
            layers += _units(before, after, kernel, normalisation)
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
    def start(
        self,
        pictures: Float[Tensor, "n channels height width"],
        seed: int,
        first: str = "critical",
    ) -> None:
        """Standardise to some pictures, and draw weights with which gradients pass every layer.

        The first 256 make each layer critical, χ = 1 (see `ogive.nn.init.critical_`); before batch
        normalisation, which takes any scale off, orthogonal weights will do. ``first`` says what
        becomes of the first layer: "critical" leaves it so; with "closed-form" its weights are
        landmarks of whitened patches (`ogive.features.patches.PatchMap`), of the same length.

        Raises
        ------
        InvalidParameterError
            If ``first`` is another word.
        InvalidDataError
            If all patches are flat, and landmarks are asked for.
        """
        if first not in STARTS:
            raise InvalidParameterError(
                f"start={first!r} is unknown; {nearest_name(first, STARTS)}"
            )
        deviation, mean = torch.std_mean(pictures, (0, 2, 3), correction=0)
        self.mean.copy_(mean[:, None, None])
        self.deviation.copy_(deviation.clamp(min=_DEVIATION_FLOOR)[:, None, None])
        generator = torch.Generator().manual_seed(seed)
        measured = pictures[:_INITIAL] if self.normalisation == "none" else None
        critical_(self, measured, generator=generator)
        if first == "closed-form":
            weight = next(part for part in self.body.parameters() if part.ndim == 4)
            found = _landmarks(pictures, len(weight), seed) * self.deviation
            length = weight.flatten(1).norm(dim=1) / found.flatten(1).norm(dim=1)
            weight.copy_(found * length[:, None, None, None])
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def folded(self) -> PictureNetwork:
        """Return the same function of one picture without the normalisation of kernels' arguments.

        Batch normalisation before ReLU stays: such a network is the control, and is left as it is.
        """
        if self.normalisation == "none" or self.kernel == "relu":
            return self
        network = PictureNetwork(
            self.image_shape,
            self.head.out_features,
            kernel=self.kernel,
            normalisation="none",
            width=self.width,
        )
        network.mean, network.deviation, network.head = self.mean, self.deviation, self.head
        parts = (p.folded() if isinstance(p, NormalisedKernelConv2d) else p for p in self.body)
        network.body = nn.Sequential(*parts)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.train(self.training)


def _landmarks(pictures: Tensor, count: int, seed: int) -> Tensor:
    """Return whitened landmarks as weights of 3×3 patches that are not, (count, channels, 3, 3)."""
    options = PatchOptions(filters=count, size=3, grid=1)
    found = fit_patch_map(pictures.permute(0, 2, 3, 1), options, seed=seed)
    weights = (found.whitening @ found.filters).T
    # A patch is taken less its mean, to which weights that sum to 0 are blind.
    centred = weights - weights.mean(1, keepdim=True)
    return centred.unflatten(1, (pictures.shape[1], 3, 3))


def _units(before: int, after: int, kernel: str, normalisation: str) -> list[nn.Module]:
    normalised = normalisation == "batch"
    if kernel == "relu":
        convolution = nn.Conv2d(before, after, 3, padding=1, bias=not normalised)
        return [convolution, *([nn.BatchNorm2d(after)] if normalised else []), nn.ReLU()]
    if normalised:
        return [NormalisedKernelConv2d(before, after, kernel)]
    return [KernelConv2d(before, after, 3, kernel, padding=1)]
