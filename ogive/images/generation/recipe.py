"""How to train a generator, as a TOML file says it and flags of the command line override it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ogive._errors import InvalidParameterError
from ogive._typing import ImageShape
from ogive.images.generation.flow import MOST_GUIDANCE
from ogive.images.generation.layers import TWIN
from ogive.images.generation.network import NetworkShape
from ogive.images.recipe_file import checked, read_recipe_file

_TABLE = "generator"
# Who heeds which settings; seed, unlabelled and guidance are heeded by both.
_HEEDED = {
    "gradient": ("minutes", "steps", "kernel", "twin", "width", "blocks", "batch", "rate", "decay"),
    "closed-form": ("landmarks",),
}


class GeneratorRecipe(BaseModel):
    r"""A recipe for a generator; in a file it is the table ``[generator]``.

    Attributes
    ----------
    method : {"gradient", "closed-form"}
        A network trained by gradient, or, in seconds and for the smallest pictures, kernel ridge
        regressions; of the settings below these heed seed, unlabelled, guidance and landmarks.
    minutes : float
        About how long training may take on this machine, unless ``steps`` says how many batches.
    steps : int, optional
        Batches in all.
    seed : int
    kernel : {"sigmoid", "logistic"}
        Of convolutions and fully connected layers.
    twin : bool
        Train the same network with SiLU and softmax in place of kernels, for comparison.
    width : int
        Channels at the finer of two levels, a multiple of 4.
    blocks : int
        Residual blocks at the finer level, on each way.
    batch : int
        Pictures of a batch.
    rate : float
        The highest learning rate.
    decay : float
        Of the running average of weights.
    unlabelled : float
        The share of pictures whose class is kept back in training; 0 makes guidance impossible.
    guidance : float, optional
        How far samples are pushed towards their class, 1 for not at all; by default 2, and 1.5 in
        closed form.
    landmarks : int
        Of each regression of the closed form.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.toml"
    >>> _ = path.write_text("[generator]\nwidth = 32\nminutes = 5\n")
    >>> recipe = GeneratorRecipe.read(path).overridden(minutes=None, seed=3)
    >>> recipe.width, recipe.minutes, recipe.seed
    (32, 5.0, 3)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Literal["gradient", "closed-form"] = "gradient"
    minutes: float = Field(default=20.0, gt=0)
    steps: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    kernel: Literal["sigmoid", "logistic"] = "sigmoid"
    twin: bool = False
    width: int = Field(default=64, ge=4, le=1024, multiple_of=4)
    blocks: int = Field(default=2, ge=1, le=64)
    batch: int = Field(default=128, ge=1)
    rate: float = Field(default=3e-3, gt=0)
    decay: float = Field(default=0.999, ge=0, lt=1)
    unlabelled: float = Field(default=0.1, ge=0, lt=1)
    guidance: float | None = Field(default=None, ge=0, le=MOST_GUIDANCE)
    landmarks: int = Field(default=500, ge=1)

    def network_shape(self, image_shape: ImageShape, classes: int) -> NetworkShape:
        """Return what the network of this recipe is for such pictures."""
        kernel = TWIN if self.twin else self.kernel
        return NetworkShape(image_shape, classes, kernel, self.width, self.blocks)

    @classmethod
    def read(cls, path: str | Path) -> GeneratorRecipe:
        """Read the table ``[generator]`` of a TOML file; others are left to whom they concern.

        Raises
        ------
        DataNotFoundError
            If the file is not there.
        InvalidParameterError
            If it is no TOML, has no such table, or holds a name or a value that a recipe does not
            have.
        """
        given = read_recipe_file(path)
        if not isinstance(given.get(_TABLE), dict):
            raise InvalidParameterError(
                f"recipe={str(path)!r} has no table [{_TABLE}]: write one, with such lines as "
                "minutes = 5"
            )
        return cls.of(given[_TABLE], str(path))

    @classmethod
    def of(cls, given: dict[str, Any], origin: str = "the recipe") -> GeneratorRecipe:
        """Check settings, as a file or the command line gives them.

        Raises
        ------
        InvalidParameterError
            Naming the first setting that is wrong, its value, and the rule.
        """
        return checked(cls, given, origin)

    def overridden(self, **flags: Any) -> GeneratorRecipe:
        """Return the recipe with the flags that are not None in place of its own settings.

        Minutes that are given put an end to steps that the recipe had. A recipe may hold settings
        of both methods; what is given here must be heeded.

        Raises
        ------
        InvalidParameterError
            If a value is wrong, a flag is of another method, or both minutes and steps are given.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        if "minutes" in given and "steps" in given:
            raise InvalidParameterError(
                f"minutes={given['minutes']!r} and steps={given['steps']!r}: both say how long to "
                "train; give one of them"
            )
        if "minutes" in given:
            given = {"steps": None, **given}
        found = GeneratorRecipe.of(self.model_dump() | given, "the command line")
        for method, names in _HEEDED.items():
            idle = [name for name in names if given.get(name) is not None]
            if idle and method != found.method:
                raise InvalidParameterError(
                    f"{idle[0]}={given[idle[0]]!r}: method={found.method!r} does not heed it; "
                    f"leave it out, or choose method={method!r}"
                )
        return found
