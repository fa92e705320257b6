"""What to train on pictures, as a TOML file says it and flags of the command line override it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ogive._errors import InvalidParameterError
from ogive._typing import ImageShape
from ogive.features.patch_options import PatchOptions
from ogive.images.recipe_file import checked, read_recipe_file

Size = Literal["small", "medium", "large"]
METHODS = ("closed-form", "gradient", "both")


class ClosedForm(BaseModel):
    """How a classifier is fitted in closed form; None stands for what suits the pictures.

    Attributes
    ----------
    size : {"small", "medium", "large"}
        How many filters, unless ``filters`` says it: seconds, a minute, minutes. Medium if left
        open, and small beside a network.
    layers : {1, 2}
        With two, a layer of 32 landmarks comes before (``n_first_filters``). On CIFAR-10 and
        Fashion-MNIST one layer of as many features was better.
    filters, patch_size, grid, both_signs, mirror, smooth, whitening, gain, quantile, \
alpha, logistic_steps
        As for `ogive.estimators.PatchKernelClassifier`.

    Examples
    --------
    >>> ClosedForm(filters=128).settled((28, 28, 1))["grid"]
    6
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Size | None = None
    layers: Literal[1, 2] = 1
    filters: int | None = Field(default=None, ge=1)
    patch_size: int | None = Field(default=None, ge=2)
    grid: int | None = Field(default=None, ge=1)
    both_signs: bool | None = None
    mirror: bool | None = None
    smooth: float | None = Field(default=None, ge=0)
    whitening: float = Field(default=3e-3, gt=0)
    gain: float = Field(default=3.0, gt=0)
    quantile: float = Field(default=0.8, gt=0, lt=1)
    alpha: float = Field(default=0.01, gt=0)
    logistic_steps: int = Field(default=8, ge=0)

    def settled(self, image_shape: ImageShape, size: Size = "medium") -> dict[str, Any]:
        """Return all settings but the size, nothing left open, for pictures of that shape.

        ``size`` is that of a recipe that does not say it.

        Grey pictures get one sign and a fine grid; colour pictures both signs, a coarse grid that
        is averaged over smoothly, and their mirror images, which was best on held-out rows of
        Fashion-MNIST and CIFAR-10. Many filters of colour pictures see larger patches.
        """
        colour = image_shape[2] > 1
        first = _FIRST_FILTERS if self.layers == 2 else 0
        # A first layer leaves a picture of half as many places a side.
        side = min(PatchOptions(first=first).read_shape(image_shape)[:2])
        filters = _FILTERS[self.size or size][colour]
        many = colour and (self.filters or filters) >= _MANY
        patch = self.patch_size or max(2, min(4 if first else 8 if many else 6, side // 2))
        rules: dict[str, Any] = {
            "filters": filters,
            "n_first_filters": first,
            "patch_size": patch,
            "grid": max(1, min(3 if colour else 6, side - patch + 1)),
            "both_signs": colour,
            "mirror": colour,
            "smooth": 0.4 if colour else 0.0,
        }
        given = self.model_dump(exclude={"size", "layers"}, exclude_none=True)
        return {**rules, **given}


_FIRST_FILTERS = 32
_MANY = 700  # filters of CIFAR-10, from which on 8 × 8 pixels are better than 6 × 6
_FILTERS = {"small": (128, 384), "medium": (384, 896), "large": (640, 1408)}  # grey, colour


class Gradient(BaseModel):
    """How a classifier is trained by gradient; None stands for what suits the pictures.

    Attributes
    ----------
    kernel : {"sigmoid", "logistic", "relu"}
        Of the network's units; relu is the control.
    normalisation : {"batch", "none"}
        Of the arguments of the network's units while they learn.
    start : {"critical", "closed-form"}
        Of the weights of its first layer.
    width, epochs, batch, rate, weight_decay, label_smoothing, flip, shift, average, patience, \
validation_fraction
        As for `ogive.images.gradient.classifier.NetworkClassifier`.

    Examples
    --------
    >>> Gradient(epochs=8).settled((32, 32, 3))["flip"]
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kernel: Literal["sigmoid", "logistic", "relu"] = "sigmoid"
    normalisation: Literal["batch", "none"] = "batch"
    start: Literal["critical", "closed-form"] = "critical"
    width: int | None = Field(default=None, ge=1, le=1024)
    epochs: int | None = Field(default=None, ge=1)
    batch: int = Field(default=128, ge=2)
    rate: float | None = Field(default=None, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    flip: bool | None = None
    shift: int | None = Field(default=None, ge=0)
    average: float = Field(default=0.98, ge=0, lt=1)
    patience: int | None = Field(default=None, ge=1)
    validation_fraction: float = Field(default=0.1, gt=0, lt=1)

    def settled(self, image_shape: ImageShape, *, beside: bool = False) -> dict[str, Any]:
        """Return all settings, nothing left open but rate and patience, for such pictures.

        Beside a closed form a narrower network sees the pictures more often. Colour pictures are
        taken for photographs, which stay what they are when they are mirrored or moved by a few
        pixels; grey ones may be letters.
        """
        height, width, channels = image_shape
        colour = channels > 1
        width, epochs = (24, 8) if colour else (16, 8)
        if not beside:
            width, epochs = 2 * width, 8 if colour else 4
        rules: dict[str, Any] = {
            "width": width,
            "epochs": epochs,
            "rate": None,
            "patience": None,
            "flip": colour,
            "shift": min(height, width) // 12 if colour else 0,
        }
        return {**rules, **self.model_dump(exclude_none=True)}


class Recipe(BaseModel):
    r"""A recipe file: a method, and a table of settings for it.

    Attributes
    ----------
    method : {"closed-form", "gradient", "both"}
    seed : int
    closed_form : ClosedForm
        Written ``[closed-form]`` in the file.
    gradient : Gradient

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "small.toml"
    ...     _ = path.write_text("seed = 1\n[closed-form]\nfilters = 64\n")
    ...     recipe = Recipe.read(path)
    >>> recipe.seed, recipe.closed_form.filters
    (1, 64)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    method: Literal["closed-form", "gradient", "both"] = "closed-form"
    seed: int = Field(default=0, ge=0)
    closed_form: ClosedForm = Field(default_factory=ClosedForm, alias="closed-form")
    gradient: Gradient = Field(default_factory=Gradient)

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """Read a TOML file.

        Raises
        ------
        DataNotFoundError
            If it is not there.
        InvalidParameterError
            If it is no TOML, or holds a name or a value that a recipe does not have.
        """
        return cls.of(read_recipe_file(path), str(path))

    @classmethod
    def of(cls, given: dict[str, Any], origin: str = "the recipe") -> Recipe:
        """Check settings, as a file or the command line gives them.

        Raises
        ------
        InvalidParameterError
            Naming the first setting that is wrong, its value, and the rule.
        """
        return checked(cls, given, origin, _TABLES)

    def overridden(self, **flags: Any) -> Recipe:
        """Return the recipe with the flags that are not None in place of its own settings.

        Raises
        ------
        InvalidParameterError
            If a value is not possible, or a flag has no effect with the recipe's method. Tables
            that the method does not use may stand in a file all the same.

        Examples
        --------
        >>> Recipe().overridden(epochs=3)
        Traceback (most recent call last):
        ogive._errors.InvalidParameterError: epochs=3 has no effect with method='closed-form': \
leave it out, or choose the method 'gradient' or 'both'
        """
        given, recipe = (
            {n: v for n, v in flags.items() if v is not None},
            self.model_dump(by_alias=True),
        )
        for name, value in given.items():
            table = next((t for t in _TABLES if name in _TABLES[t].model_fields), None)
            (recipe if table is None else recipe[table])[name] = value
        found = Recipe.of(recipe, "the command line")
        for name, value in given.items():
            methods = _methods_of(name)
            if found.method not in methods:
                raise InvalidParameterError(
                    f"{name}={value!r} has no effect with method={found.method!r}: leave it out, "
                    f"or choose the method {' or '.join(map(repr, methods))}"
                )
        if "validation_fraction" in given and found.gradient.patience is None:
            raise InvalidParameterError(
                f"validation_fraction={given['validation_fraction']} has no effect without "
                "patience: leave it out, or say for how many epochs to be patient"
            )
        return found


_TABLES: dict[str, type[BaseModel]] = {"closed-form": ClosedForm, "gradient": Gradient}


def _methods_of(name: str) -> tuple[str, ...]:
    """Return the methods in which a setting has an effect."""
    if name in ClosedForm.model_fields:
        return ("closed-form", "both")
    return ("gradient", "both") if name in Gradient.model_fields else METHODS
