"""What kernel units share: prototypes, gamma and coef0, and the response to an inner product."""

from __future__ import annotations

import math
from typing import Any

from ogive._errors import InvalidParameterError
from ogive.keras._arguments import checked_count
from ogive.keras._backend import keras
from ogive.keras.families import kernel_family
from ogive.keras.kernel_layer import KernelLayer, constant_of

ops = keras.ops


class KernelUnits(KernelLayer):
    """A layer of units j that answer k(x, w_j) to their input x.

    Scale and offset are folded into the prototypes, so that a layer costs what an ordinary one
    costs: φ(⟨x, gamma w⟩ + coef0) is one product with a bias, and φ.
    """

    quantities = ("prototypes", "gamma", "coef0")

    def __init__(self, kernel: str, *, per_unit: bool, degree: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.family = kernel_family(kernel)
        self.per_unit, self.degree = bool(per_unit), checked_count(degree, "degree")
        self.gamma: Any = None
        self.coef0: Any = None
        if not self.family.has_gamma:
            self._check_absent("gamma")
        elif constant_of(self.gamma_initializer) == 0:
            raise InvalidParameterError(
                "gamma_initializer=0: with gamma = 0 the layer answers the same to every input; "
                "give a number that is not 0"
            )
        if not self.family.has_coef0:
            self._check_absent("coef0")

    @property
    def kernel(self) -> str:
        """The name of the kernel."""
        return self.family.name

    def add_units(self, shape: tuple[int, ...]) -> None:
        """Make the weights of units whose prototypes have the shape (..., inputs, units).

        What no initializer was given for starts as in `ogive.nn`: gamma = 1 and prototypes of such
        a spread that the layer is critical for inputs of mean square 1 (tanh: gamma ⟨x, w⟩ of
        variance 1; logistic: 16, and coef0 = -½ gamma Σ w, which centres inputs that are logistic
        values themselves); by distance, prototypes like standardised data and gamma =
        1/(2 fan_in).
        """
        family, fan_in = self.family, max(math.prod(shape[:-1]), 1)
        per_unit = shape[-1:] if self.per_unit else ()
        scale = abs(constant_of(self.gamma_initializer) or 1.0)
        spread = 1.0 if family.by_distance else family.gain / scale * fan_in**-0.5
        normal = keras.initializers.RandomNormal(stddev=spread)
        centred = (
            family.name == "logistic" and self.per_unit and self.prototypes_initializer is None
        )
        self.prototypes = self.add_quantity("prototypes", shape, normal)
        if family.has_gamma:
            natural = 1 / (2 * fan_in) if family.by_distance else 1.0
            self.gamma = self.add_quantity("gamma", per_unit, natural)
        if family.has_coef0:
            self.coef0 = self.add_quantity("coef0", per_unit, self._centre if centred else 0.0)

    def folded(self) -> tuple[Any, Any]:
        """Return weight and bias of the ordinary layer that forms the argument of φ, if any.

        With a Gaussian kernel the input's own -gamma ‖x‖² is still to be added.
        """
        weight: Any = ops.convert_to_tensor(self.prototypes)
        bias: Any = None
        if self.family.by_distance:
            bias = -self.gamma * ops.sum(ops.square(weight), tuple(range(len(weight.shape) - 1)))
            weight = 2 * self.gamma * weight
        elif self.gamma is not None:
            weight, bias = self.gamma * weight, ops.convert_to_tensor(self.coef0)
        bias = bias if bias is None else ops.cast(bias, self.compute_dtype)
        return ops.cast(weight, self.compute_dtype), bias

    def respond(self, argument: Any) -> Any:
        """Return φ of an argument."""
        return self.family.epilogue(argument, self.degree)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer."""
        config = {"kernel": self.kernel, "per_unit": self.per_unit, "degree": self.degree}
        return {**super().get_config(), **config}

    def _centre(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return -½ gamma Σ w, unit by unit, of the prototypes that have just been drawn."""
        weight = ops.convert_to_tensor(self.prototypes)
        total = ops.sum(self.gamma * weight, tuple(range(len(weight.shape) - 1)))
        return ops.cast(-0.5 * ops.stop_gradient(total), dtype)

    def _check_absent(self, quantity: str) -> None:
        for option in ("initializer", "regularizer", "constraint"):
            value = getattr(self, f"{quantity}_{option}")
            if value is not None:
                raise InvalidParameterError(
                    f"{quantity}_{option}={value!r}: the {self.kernel} kernel has no {quantity}; "
                    "leave it out, or take another kernel"
                )
