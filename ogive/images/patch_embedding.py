"""Patch features as an embedding: what a convolutional kernel map sees in a picture."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ogive._checks import check_count
from ogive.images.embedding import refuse_options, register_embedder
from ogive.images.embedding_parts import (
    ProjectedEmbedder,
    principal_projection,
    suitable_patch_map,
)
from ogive.images.picture_shapes import check_images


@register_embedder
class PatchEmbedder(ProjectedEmbedder):
    """Principal components of patch features: (features - centre) V.

    Fitted without labels: landmarks are whitened patches, features their pooled logistic answers
    (`ogive.features.patches.PatchMap`), V the leading eigenvectors of the features' covariance.

    Parameters
    ----------
    projection : PatchProjection
    asked : int, optional
        The number of components that was asked for; d of them were found.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (50, 12, 12, 1), np.uint8)
    >>> PatchEmbedder.fit(images, components=5, filters=8).embed(images).shape
    (50, 5)
    """

    name = "patches"

    @classmethod
    def fit(
        cls, images: np.ndarray, components: int = 128, filters: int = 128, **options: Any
    ) -> Self:
        """Return an embedder for pictures like these.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8, at least two different ones.
        components : int, default 128
            At most so many; fewer if the features vary in fewer directions.
        filters : int, default 128
            Number of landmarks.

        Raises
        ------
        InvalidDataError
            If all pictures are the same, or all are flat.
        """
        refuse_options(options, cls.name, "components, filters")
        check_images(images)
        wanted = check_count(components, "components")
        patch_map = suitable_patch_map(images, check_count(filters, "filters"))
        cure = "add others, or take the embedding 'pixels'"
        return cls(principal_projection(patch_map, images, wanted, cure=cure), asked=wanted)
