"""What the layers share: trained quantities with initializer, regularizer and constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ogive.keras._arguments import checked_number, is_number
from ogive.keras._backend import keras

_OPTIONS = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}
Shape = tuple[int | None, ...]


class KernelLayer(keras.layers.Layer):
    """A layer whose trained quantities each have three options, as Keras names them.

    For a quantity ``gamma`` they are ``gamma_initializer``, ``gamma_regularizer`` and
    ``gamma_constraint``. An initializer may be a number, which stands for that constant; None
    leaves the quantity to the layer.
    """

    quantities: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **keywords: Any) -> None:
        given = {name: keywords.pop(name, None) for name in self._option_names()}
        super().__init__(**keywords)
        for name, value in given.items():
            setattr(self, name, _option(name, value))

    @property
    def wide_dtype(self) -> str:
        """Float32, or wider if the layer computes so: what sums and offsets are formed in."""
        return str(keras.backend.result_type(self.compute_dtype, "float32"))

    def add_quantity(
        self, name: str, shape: tuple[int, ...], natural: Callable[..., Any] | float
    ) -> Any:
        """Return a new weight, which starts with ``natural`` unless an initializer was given."""
        initializer = getattr(self, f"{name}_initializer")
        if initializer is None:
            constant = is_number(natural)
            initializer = keras.initializers.Constant(natural) if constant else natural
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
            # Quantities are multiplied with one another in full precision, then rounded once.
            autocast=False,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer."""
        options = {
            name: _OPTIONS[name.rpartition("_")[2]].serialize(getattr(self, name))
            for name in self._option_names()
            if getattr(self, name) is not None
        }
        return {**super().get_config(), **options}

    @classmethod
    def _option_names(cls) -> list[str]:
        return [f"{quantity}_{option}" for quantity in cls.quantities for option in _OPTIONS]


def _option(name: str, value: Any) -> Any:
    """Return an initializer, a regularizer or a constraint, or None."""
    if is_number(value) and name.endswith("_initializer"):
        return keras.initializers.Constant(checked_number(value, name))
    return _OPTIONS[name.rpartition("_")[2]].get(value)


def constant_of(initializer: Any) -> float | None:
    """Return the number that an initializer fills with, or None if it does something else.

    Examples
    --------
    >>> constant_of(keras.initializers.Constant(0.5)), constant_of(keras.initializers.Ones())
    (0.5, 1.0)
    """
    initializers = keras.initializers
    if isinstance(initializer, initializers.Zeros | initializers.Ones):
        return float(isinstance(initializer, initializers.Ones))
    if isinstance(initializer, initializers.Constant) and is_number(initializer.value):
        return float(initializer.value)
    return None
