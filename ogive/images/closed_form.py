"""A classifier of pictures without gradient descent."""

from __future__ import annotations

from typing import Any

from ogive._typing import ImageShape, Progress
from ogive.estimators import PatchKernelClassifier
from ogive.images.recipe import Recipe


def closed_form_settings(recipe: Recipe, image_shape: ImageShape) -> dict[str, Any]:
    """Return a recipe's table ``[closed-form]`` for pictures of that shape, nothing left open.

    Examples
    --------
    >>> [closed_form_settings(Recipe(method=m), (28, 28, 1))["filters"]
    ...  for m in ("closed-form", "both")]
    [384, 128]
    """
    return recipe.closed_form.settled(image_shape, "small" if recipe.method == "both" else "medium")


def closed_form_classifier(
    recipe: Recipe,
    image_shape: ImageShape,
    progress: Progress | None = None,
) -> PatchKernelClassifier:
    """Return the classifier that a recipe describes, not fitted.

    Parameters
    ----------
    recipe : Recipe
    image_shape : (height, width, channels)
        Of the pictures, which it takes as rows.
    progress : callable, optional
        Called with (what is done, pictures done, pictures in all).

    Examples
    --------
    >>> closed_form_classifier(Recipe(), (32, 32, 3)).n_filters
    896
    """
    settings = closed_form_settings(recipe, image_shape)
    return PatchKernelClassifier(
        settings.pop("filters"),
        **settings,
        image_shape=image_shape,
        random_state=recipe.seed,
        progress=progress,
    )
