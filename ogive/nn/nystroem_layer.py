"""Signed landmark features as layers: kernel values at landmarks, times |W|^-½."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._checks import as_rows, check_count, check_positive
from ogive._errors import InvalidDataError
from ogive._typing import Float
from ogive.features.nystrom import APPROXIMATION_CUT
from ogive.kernels import Kernel
from ogive.nn.conv import KernelConv2d
from ogive.nn.init.prototypes import prototypes_
from ogive.nn.linear import KernelLinear


class _Nystroem(nn.Module, ABC):
    """A kernel layer whose prototypes are landmarks, and the root of their kernel matrix."""

    units: KernelLinear | KernelConv2d
    root: Tensor | None
    floor: Tensor

    def __init__(self, units: KernelLinear | KernelConv2d, cut: float, trainable: bool) -> None:
        super().__init__()
        check_positive(cut, "cut")
        self.cut, self.trainable = float(cut), bool(trainable)
        self.units = units.requires_grad_(self.trainable)
        # What saturates does not learn; frozen landmarks are not meant to, and far ones to be 0.
        units._first_batch_seen = not self.trainable
        weight = units.weight
        self.register_buffer("floor", torch.ones((), dtype=weight.dtype, device=weight.device))
        count = len(weight)
        self.register_buffer("root", None if trainable else weight.new_zeros(count, count))
        self.update_root_()

    def reset_parameters(self) -> None:
        """Draw landmarks anew from N(0, 1), as standardised data lie, and find their root."""
        self.units.reset_parameters()
        self.update_root_()

    @property
    def landmarks(self) -> nn.Parameter:
        """The landmarks, (m, d) or (m, channels, height, width)."""
        return self.units.weight

    @property
    def signature(self) -> Float[Tensor, "m m"]:
        """J = W (W² + ε²)^-½, the sign of W: features times J times features approximate k."""
        values, vectors = torch.linalg.eigh(self.landmark_matrix())
        sign = values * (values.square() + self.floor.double().square()).rsqrt()
        return ((vectors * sign) @ vectors.T).to(self.landmarks.dtype)

    def landmark_matrix(self) -> Float[Tensor, "m m"]:
        """Return W, the kernel of all pairs of landmarks; float64, differentiable."""
        units, family = self.units, self.units.family
        rows = units.weight.flatten(1).double()
        products = rows @ rows.T
        if family.by_distance:
            assert units.gamma is not None
            norms = products.diagonal()
            distance = norms[:, None] + norms[None, :] - 2 * products
            argument = -units.gamma.double() * distance
        elif units.gamma is None:
            argument = products
        else:
            assert units.coef0 is not None
            argument = units.gamma.double() * products + units.coef0.double()
        matrix = family.epilogue(argument)
        return 0.5 * (matrix + matrix.T)

    @torch.no_grad()
    def update_root_(self) -> Self:
        """Set ε, and the root of a frozen layer, for the landmarks as they are now.

        To be called after landmarks, gamma or coef0 have been set by hand.

        Raises
        ------
        InvalidDataError
            If the kernel of the landmarks is 0 throughout, or not finite.
        """
        if self.landmarks.device.type == "meta":
            return self
        matrix = self.landmark_matrix()
        if not bool(torch.isfinite(matrix).all()):
            raise InvalidDataError(
                "the kernel of the landmarks is not finite; scale the data, or lower gamma"
            )
        size = float(torch.linalg.eigvalsh(matrix).abs().max())
        if size == 0:
            raise InvalidDataError(
                "the kernel of the landmarks is 0 throughout, so features would say nothing; is "
                "gamma 0, or are all landmarks 0?"
            )
        self.floor.fill_(self.cut * size)
        if self.root is not None:
            self.root.copy_(_AbsoluteRoot.apply(matrix, self.floor.double()))
        return self

    def frozen(self) -> Self:
        """Return a copy with the landmarks as they are now and the root computed once for all."""
        other = copy.deepcopy(self)
        other.trainable = False
        other.units.requires_grad_(False)
        with torch.no_grad():
            root = _AbsoluteRoot.apply(other.landmark_matrix(), other.floor.double())
        other.register_buffer("root", root.to(self.landmarks.dtype))
        return other

    def forward(self, input: Tensor) -> Tensor:
        """Return the features."""
        # |W|^-½ enlarges what half precision rounds off: single precision also under autocast.
        with torch.autocast(input.device.type, enabled=False):
            if self.root is None:
                matrix = self.landmark_matrix()
                root = _AbsoluteRoot.apply(matrix, self.floor.double()).to(self.landmarks.dtype)
            else:
                root = self.root
            return self._product(self.units(input.to(self.landmarks.dtype)), root)

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        return f"landmarks={len(self.landmarks)}, cut={self.cut:g}, trainable={self.trainable}"

    @staticmethod
    @abstractmethod
    def _product(values: Tensor, root: Tensor) -> Tensor:
        """Return kernel values times the root."""


class NystroemLayer(_Nystroem):
    """Signed landmark features of rows: φ(x) = k(x, landmarks) |W|^-½, W = k(landmarks, landmarks).

    For any kernel, definite or not: k(x, y) ≈ φ(x) J φ(y)ᵀ with the `signature` J = sign(W), so a
    linear layer behind it is a kernel machine on the landmarks.

    Parameters
    ----------
    in_features : int
        d.
    landmarks : int
        m, also the number of features. They are drawn from N(0, 1); `from_data` takes rows.
    kernel : str or Kernel, default "sigmoid"
        As for `KernelLinear`; one gamma and one coef0 for all landmarks.
    trainable : bool, default False
        Whether landmarks, gamma and coef0 learn. The root then follows them: it is computed, and
        differentiated, in every forward pass, in O(m³). Otherwise it is computed once.
    cut : float, default 1e-4
        Eigenvalues w of W below ε = cut · max |w| are damped: |w|^-½ is (w² + ε²)^-¼.
        ε stays what it was at first; `update_root_` sets it anew.
    device, dtype
        Of landmarks and features.

    Raises
    ------
    InvalidParameterError
        Where a number or a name is not possible.

    Notes
    -----
    The input has shape (..., in_features), the answer (..., landmarks).

    The root is the symmetric one, a function of the matrix W, whose derivative (Daleckii and Krein
    1965; Higham, Functions of matrices, theorem 3.11) needs no gaps between eigenvalues: with
    a = (w² + ε²)^¼ the divided differences are -(w_i + w_j) / (a_i a_j (a_i + a_j)(a_i² + a_j²)).
    Equal eigenvalues, at which the derivative of the eigenvectors themselves is infinite, do no
    harm. It can be differentiated once. It is computed in float64, and features in single
    precision at least, whatever autocast is set to.

    Sources: Mairal, End-to-end kernel learning with supervised convolutional kernel networks
    (2016), equation 4, for definite kernels; Oglic and Gärtner, Scalable learning in reproducing
    kernel Krein spaces (2019), section 3, for indefinite ones.

    Examples
    --------
    >>> x = torch.randn(100, 5)
    >>> layer = NystroemLayer.from_data(x, 100, "gaussian", cut=1e-6)
    >>> features = layer(x)
    >>> exact = torch.exp(-torch.cdist(x, x) ** 2 / 10)
    >>> torch.allclose(features @ layer.signature @ features.T, exact, atol=1e-3)
    True
    """

    units: KernelLinear

    def __init__(
        self,
        in_features: int,
        landmarks: int,
        kernel: str | Kernel = "sigmoid",
        *,
        trainable: bool = False,
        cut: float = APPROXIMATION_CUT,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_count(landmarks, "landmarks")
        units = KernelLinear(
            in_features,
            landmarks,
            kernel,
            per_unit=False,
            prototypes="random",
            device=device,
            dtype=dtype,
        )
        super().__init__(units, cut, trainable)

    @classmethod
    def from_data(
        cls,
        data: Float[Tensor, "... d"],
        landmarks: int,
        kernel: str | Kernel = "sigmoid",
        *,
        generator: torch.Generator | None = None,
        **options: Any,
    ) -> Self:
        """Return a layer whose landmarks are rows of the data that lie far apart (k-means++).

        Parameters
        ----------
        data : Tensor of shape (..., d)
        landmarks : int
        kernel : str or Kernel, default "sigmoid"
            A rule such as gamma="scale" is resolved on the data.
        generator : torch.Generator, optional
        **options
            trainable, cut, device, dtype: as for the layer; the last two are the data's by default.

        Raises
        ------
        InvalidDataError
            If the data have fewer distinct rows than there are landmarks, or are not finite.
        """
        keywords: dict[str, Any] = {"device": data.device, "dtype": data.dtype} | options
        if isinstance(kernel, Kernel):
            kernel = kernel.resolve(as_rows(data.detach().reshape(-1, data.shape[-1]), "data"))
        layer = cls(data.shape[-1], landmarks, kernel, **keywords)
        prototypes_(layer.units, data, generator=generator)
        return layer.update_root_()

    @staticmethod
    def _product(values: Tensor, root: Tensor) -> Tensor:
        return functional.linear(values, root)  # the root is symmetric


class NystroemConv2d(_Nystroem):
    """Signed landmark features of the patches of images: k(patch, landmarks) |W|^-½ at every place.

    A kernel convolution with the landmarks as prototypes, then a 1 × 1 convolution with the root;
    patches are never unfolded. (batch, in_channels, height, width) in, (batch, landmarks, height',
    width') out. Source: Mairal 2016, see `NystroemLayer`.

    Parameters
    ----------
    in_channels : int
    landmarks : int
        m, also the number of channels of the answer.
    kernel_size : int or two of them
    kernel : str or Kernel, default "sigmoid"
    stride, dilation : int or two of them, default 1
    padding : int, two of them, "same" or "valid", default 0
    padding_mode : str, default "zeros"
        These as for `KernelConv2d`.
    trainable, cut, device, dtype
        As for `NystroemLayer`.

    Raises
    ------
    InvalidParameterError
        Where a number or a name is not possible.

    Examples
    --------
    >>> images = torch.randn(4, 3, 16, 16)
    >>> layer = NystroemConv2d.from_data(images, 32, 5, "gaussian", padding=2)
    >>> layer(images).shape
    torch.Size([4, 32, 16, 16])
    """

    units: KernelConv2d

    def __init__(
        self,
        in_channels: int,
        landmarks: int,
        kernel_size: int | Sequence[int],
        kernel: str | Kernel = "sigmoid",
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        trainable: bool = False,
        cut: float = APPROXIMATION_CUT,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_count(landmarks, "landmarks")
        units = KernelConv2d(
            in_channels,
            landmarks,
            kernel_size,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            padding_mode=padding_mode,
            per_unit=False,
            prototypes="random",
            device=device,
            dtype=dtype,
        )
        super().__init__(units, cut, trainable)

    @classmethod
    def from_data(
        cls,
        data: Float[Tensor, "n channels height width"],
        landmarks: int,
        kernel_size: int | Sequence[int],
        kernel: str | Kernel = "sigmoid",
        *,
        generator: torch.Generator | None = None,
        **options: Any,
    ) -> Self:
        """Return a layer whose landmarks are patches of the images that lie far apart (k-means++).

        Parameters
        ----------
        data : Tensor of shape (n, channels, height, width)
        landmarks : int
        kernel_size : int or two of them
        kernel : str or Kernel, default "sigmoid"
            With numbers for parameters: a rule such as gamma="scale" has no rows to look at.
        generator : torch.Generator, optional
        **options
            Further parameters of the layer; device and dtype are the data's by default.

        Raises
        ------
        InvalidDataError
            If the images have fewer distinct patches than there are landmarks, or are not finite.
        """
        keywords: dict[str, Any] = {"device": data.device, "dtype": data.dtype} | options
        layer = cls(data.shape[1], landmarks, kernel_size, kernel, **keywords)
        prototypes_(layer.units, data, generator=generator)
        return layer.update_root_()

    @staticmethod
    def _product(values: Tensor, root: Tensor) -> Tensor:
        return functional.conv2d(values, root[:, :, None, None])


class _AbsoluteRoot(torch.autograd.Function):
    """(W² + ε²)^-¼ of a symmetric matrix W; see `NystroemLayer` for its derivative."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, floor: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        fourth = (values.square() + floor.square()).sqrt().sqrt()
        ctx.save_for_backward(values, vectors, fourth)
        return (vectors / fourth) @ vectors.T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        values, vectors, fourth = ctx.saved_tensors
        row, column = fourth[:, None], fourth[None, :]
        differences = -(values[:, None] + values[None, :]) / (
            row * column * (row + column) * (row.square() + column.square())
        )
        inner = vectors.T @ (0.5 * (gradient + gradient.T)) @ vectors
        return vectors @ (differences * inner) @ vectors.T, None
