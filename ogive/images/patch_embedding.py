"""Patch features as an embedding: what a convolutional kernel map sees in a picture."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from ogive._checks import check_count
from ogive._errors import InvalidDataError
from ogive._record import RecordReader, RecordWriter
from ogive.images.embedding import refuse_options, register_embedder
from ogive.images.embedding_parts import (
    PatchProjection,
    ProjectedEmbedder,
    leading_directions,
    patch_rows,
    read_asked,
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

    def __init__(self, projection: PatchProjection, *, asked: int | None = None) -> None:
        super().__init__(projection)
        self.asked = projection.width if asked is None else asked

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
        rows = torch.from_numpy(patch_rows(patch_map, images))
        centre = rows.mean(0)
        found = leading_directions(rows.sub_(centre), wanted)
        if not found.shape[1]:
            raise InvalidDataError(
                f"the {len(images)} pictures to fit on are all the same: add others, or take the "
                "embedding 'pixels'"
            )
        return cls(PatchProjection(patch_map, centre.numpy(), found.numpy()), asked=wanted)

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `fit`."""
        filters = self.projection.patch_map.options.filters
        return {"components": self.asked, "filters": filters}

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""
        writer.value("asked", self.asked)
        self.projection.write(writer)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        projection = PatchProjection.read(reader)
        return cls(projection, asked=read_asked(reader, projection.width))
