"""A classifier of pictures without gradient descent."""

from __future__ import annotations

from collections.abc import Callable

from ogive.estimators import PatchKernelClassifier
from ogive.images.recipe import Recipe, Shape


def closed_form_classifier(
    recipe: Recipe,
    image_shape: Shape,
    progress: Callable[[str, int, int], None] | None = None,
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
    settings = recipe.closed_form.settled(image_shape)
    return PatchKernelClassifier(
        settings.pop("filters"),
        **settings,
        image_shape=image_shape,
        random_state=recipe.seed,
        progress=progress,
    )
