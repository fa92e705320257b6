"""The kernel families that layers are made of, and the numbers a layer of one starts with."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ogive._errors import InvalidParameterError, InvalidTypeError, nearest_name
from ogive.kernels import Gaussian, Kernel, Linear, Logistic, Polynomial, Sigmoid
from ogive.kernels.epilogue import Epilogue

_FAMILIES: dict[str, type[Kernel]] = {
    "linear": Linear,
    "polynomial": Polynomial,
    "gaussian": Gaussian,
    "sigmoid": Sigmoid,
    "logistic": Logistic,
}
# Weights are drawn so large that tanh and the logistic function are critical: the signal neither
# dies nor explodes through many such layers. The slope of the logistic function is a quarter.
_GAINS = {"sigmoid": 1.0, "logistic": 4.0}


@dataclass(frozen=True)
class KernelFamily:
    """What a layer computes with: φ(gamma ⟨x, w⟩ + coef0), or exp(-gamma ‖x - w‖²).

    Attributes
    ----------
    name : {"linear", "polynomial", "gaussian", "sigmoid", "logistic"}
    epilogue : Epilogue
        φ.
    gamma, coef0 : float or None
        The numbers to start with; None where the caller left them to the layer.
    degree : int or None
        Of the polynomial kernel.
    """

    name: str
    epilogue: Epilogue
    gamma: float | None
    coef0: float | None
    degree: int | None = None

    @property
    def by_distance(self) -> bool:
        """Whether prototypes are compared by distance, not by inner product."""
        return self.name == "gaussian"

    @property
    def has_gamma(self) -> bool:
        """Whether there is a scale to learn."""
        return self.name != "linear"

    @property
    def has_coef0(self) -> bool:
        """Whether there is an offset to learn."""
        return self.name in ("polynomial", "sigmoid", "logistic")

    @property
    def gain(self) -> float:
        """Spread of gamma ⟨x, w⟩ for inputs of mean square 1, with which the layer is critical."""
        return _GAINS.get(self.name, 1.0)


def kernel_family(kernel: str | Kernel) -> KernelFamily:
    """Return the family of a kernel that is given by its name or as an object.

    Parameters
    ----------
    kernel : str or Kernel
        A name leaves gamma and coef0 to the layer; an object's numbers are what it starts with.

    Raises
    ------
    InvalidParameterError
        For an unknown name, gamma = 0, a rule such as "scale", or a degree that is no whole number.
    InvalidTypeError
        For something else than a name or one of these kernels.

    Examples
    --------
    >>> from ogive.kernels import Sigmoid
    >>> family = kernel_family(Sigmoid(0.5, -1.0))
    >>> family.name, family.gamma, family.coef0
    ('sigmoid', 0.5, -1.0)
    """
    if isinstance(kernel, str):
        if kernel not in _FAMILIES:
            raise InvalidParameterError(
                f"kernel={kernel!r} is unknown; {nearest_name(kernel, _FAMILIES)}"
            )
        example = _FAMILIES[kernel]()
        degree = _whole_degree(example)
        return KernelFamily(kernel, _epilogue(example), None, None, degree)
    for name, family in _FAMILIES.items():
        if type(kernel) is family:
            gamma = _number(kernel, "gamma")
            if gamma == 0:
                raise InvalidParameterError(
                    f"kernel={kernel!r}: with gamma = 0 the layer answers the same to every input; "
                    "give a gamma that is not 0"
                )
            coef0 = _number(kernel, "coef0")
            return KernelFamily(name, _epilogue(kernel), gamma, coef0, _whole_degree(kernel))
    raise InvalidTypeError(
        f"kernel={kernel!r} is no kernel that layers are made of; give one of "
        f"{', '.join(repr(name) for name in _FAMILIES)}, or such an object as Sigmoid(1.0, 0.0)"
    )


def _epilogue(kernel: Kernel) -> Epilogue:
    epilogue: Epilogue = kernel.epilogue  # type: ignore[attr-defined]
    return epilogue


def _number(kernel: Kernel, name: str) -> float | None:
    value = kernel.parameters().get(name)
    if isinstance(value, str):
        raise InvalidParameterError(
            f"kernel={kernel!r}: {name}={value!r} is a rule for data, and a layer has none yet; "
            "give a number, or the kernel's name alone for what suits the layer"
        )
    return float(value) if isinstance(value, Tensor | int | float) else None


def _whole_degree(kernel: Kernel) -> int | None:
    if not isinstance(kernel, Polynomial):
        return None
    if kernel.degree != int(kernel.degree):
        raise InvalidParameterError(
            f"kernel={kernel!r}: degree must be a whole number in a layer, whose arguments have "
            "both signs"
        )
    return int(kernel.degree)
