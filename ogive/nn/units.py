"""What kernel layers share: prototypes, gamma and coef0, and the response to an inner product."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ogive._errors import InvalidDataError, InvalidModelError, InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive.kernels import Kernel
from ogive.nn.family import KernelFamily, kernel_family
from ogive.nn.saturation import check_first_batch

_PROTOTYPES = ("critical", "random")


class KernelUnits(nn.Module, ABC):
    """A layer of units j that answer k(x, w_j) to their input x.

    Scale and offset are folded into the prototypes, so that a layer costs what an ordinary one
    costs: φ(⟨x, gamma w⟩ + coef0) is one product with a bias, and φ in place.

    Attributes
    ----------
    weight : Parameter of shape (out, in, ...)
        The prototypes w_j.
    gamma : Parameter of shape (out,) or ()
        The kernel's scale, of any sign; absent from the linear kernel.
    coef0 : Parameter of shape (out,) or ()
        The kernel's offset; absent from the linear and the Gaussian kernel.
    """

    _version = 1  # written into state dicts; raise it when their meaning changes

    weight: nn.Parameter
    gamma: nn.Parameter | None
    coef0: nn.Parameter | None

    def __init__(
        self,
        weight_shape: tuple[int, ...],
        kernel: str | Kernel,
        *,
        per_unit: bool,
        prototypes: str,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        if prototypes not in _PROTOTYPES:
            raise InvalidParameterError(
                f"prototypes={prototypes!r} is unknown; {nearest_name(prototypes, _PROTOTYPES)}"
            )
        self.family: KernelFamily = kernel_family(kernel)
        self.per_unit, self.prototypes = per_unit, prototypes
        shape = weight_shape[:1] if per_unit else ()

        def parameter(shape: tuple[int, ...]) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight = parameter(weight_shape)
        self.gamma = parameter(shape) if self.family.has_gamma else None
        self.coef0 = parameter(shape) if self.family.has_coef0 else None
        self._first_batch_seen = False
        self.reset_parameters()

    @property
    def kernel(self) -> str:
        """The name of the kernel."""
        return self.family.name

    @property
    def fan_in(self) -> int:
        """Number of inputs that one unit compares with its prototype."""
        return math.prod(self.weight.shape[1:])

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the prototypes anew, and set gamma and coef0 to what the layer starts with.

        For inputs of mean square 1, "critical" gives gamma ⟨x, w⟩ the variance with which the
        signal neither vanishes nor explodes (tanh: 1; logistic: 16, and coef0 = -½ gamma Σ w,
        which centres inputs that are logistic values themselves). "random" draws prototypes like
        standardised data, N(0, 1), with gamma = 1/√fan_in, or 1/(2 fan_in) by distance, and no
        offset. Numbers of a kernel that was given as an object are kept.
        """
        family, fan_in = self.family, max(self.fan_in, 1)
        critical = self.prototypes == "critical" and not family.by_distance
        self.weight.normal_()
        if family.by_distance:
            natural = 1 / (2 * fan_in)
        elif critical or not family.has_gamma:
            natural = 1.0
        else:
            natural = fan_in**-0.5
        gamma = natural if family.gamma is None else family.gamma
        if critical:
            self.weight.mul_(family.gain / abs(gamma) * fan_in**-0.5)
        if self.gamma is not None:
            self.gamma.fill_(gamma)
        if self.coef0 is not None:
            self.coef0.fill_(family.coef0 or 0.0)
            if family.name == "logistic" and family.coef0 is None and critical and self.per_unit:
                self.coef0.copy_(-0.5 * gamma * self.weight.flatten(1).sum(1))

    def folded(self) -> tuple[Float[Tensor, "out ..."], Float[Tensor, " out"] | None]:
        """Return weight and bias of the ordinary layer that forms the argument of φ.

        With a Gaussian kernel the input's own -gamma ‖x‖² is still to be added.
        """
        if self.gamma is None:
            return self.weight, None
        gamma = self.gamma.expand(len(self.weight))
        column = gamma.reshape(-1, *(1 for _ in self.weight.shape[1:]))
        if self.family.by_distance:
            return 2 * column * self.weight, -gamma * self.weight.square().flatten(1).sum(1)
        assert self.coef0 is not None
        return column * self.weight, self.coef0.expand(len(self.weight))

    def respond(self, argument: Tensor) -> Tensor:
        """Return φ of an argument that nobody else needs: in its own memory."""
        if not self._first_batch_seen:
            self._first_batch_seen = check_first_batch(self, argument, self.family.epilogue)
        return self.family.epilogue.overwrite(argument)

    def check_width(self, given: int, expected: int, input: Tensor, what: str) -> None:
        """Raise InvalidDataError unless the input is as wide as the layer."""
        if given != expected:
            raise InvalidDataError(
                f"input of shape {tuple(input.shape)} has {given} {what}; this "
                f"{type(self).__name__} was made for {expected}"
            )

    @abstractmethod
    def forward(self, input: Tensor) -> Tensor:
        """Return the units' answers."""

    def extra_repr(self) -> str:
        """Return what the printed form says about the kernel."""
        degree = "" if self.family.degree is None else f", degree={self.family.degree}"
        unit = "" if self.per_unit else ", per_unit=False"
        return f"kernel={self.kernel!r}{degree}{unit}"

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        local_metadata: Mapping[str, Any],
        *rest: Any,
    ) -> None:
        version = local_metadata.get("version") or 1
        if version > self._version:
            raise InvalidModelError(
                f"the state of {prefix.rstrip('.') or type(self).__name__} has version {version}, "
                f"this Ogive reads versions up to {self._version}; install a newer Ogive"
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)
