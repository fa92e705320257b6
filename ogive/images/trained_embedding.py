"""An embedding that is trained on classes, so that pictures of one class are near each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ogive._checks import check_count
from ogive._errors import InvalidDataError
from ogive._typing import Progress
from ogive.images.embedding import check_classes, refuse_options, register_embedder
from ogive.images.embedding_parts import (
    PatchProjection,
    ProjectedEmbedder,
    principal_projection,
    suitable_patch_map,
)
from ogive.images.embedding_training import trained_map
from ogive.images.picture_shapes import check_images

_FIRST = 10_000  # pictures that principal directions are found on
_DIRECTIONS = 512  # principal directions that are trained on, or as many as are wanted
_ROWS = 2048  # pictures whose features are in memory at once


@register_embedder
class TrainedEmbedder(ProjectedEmbedder):
    """A linear map of patch features, trained by the pairwise sigmoid loss: (φ - centre) V.

    Whether two pictures are of one class is a logistic question about the inner product of their
    unit vectors; V minimises its loss over all pairs of a batch (`ogive.nn.PairwiseSigmoidLoss`).
    It starts from the principal components of the patch features, which are fitted without labels.

    Parameters
    ----------
    projection : PatchProjection
    asked : int
        The number of components that was asked for; d of them were found.

    Notes
    -----
    Source of the loss: Zhai, Mustafa, Kolesnikov and Beyer, Sigmoid loss for language image
    pre-training (ICCV 2023); here with several positive pairs a row.

    Examples
    --------
    >>> labels = np.arange(60) % 2
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    >>> images[labels == 1, :4] //= 4
    >>> embedder = TrainedEmbedder.fit(images, components=4, filters=8, labels=labels)
    >>> vectors = embedder.embed(images)
    >>> products = vectors @ vectors.T
    >>> bool(products[0, 2::2].min() > products[0, 1::2].max())
    True
    """

    name = "trained"
    sample: ClassVar[int] = 60_000
    learns: ClassVar[bool] = True

    @classmethod
    def fit(
        cls,
        images: np.ndarray,
        components: int = 128,
        filters: int = 128,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
        **options: Any,
    ) -> Self:
        """Return an embedder trained on pictures.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8.
        components : int, default 128
            At most so many; fewer if the features vary in fewer directions.
        filters : int, default 128
            Number of landmarks.
        labels : ndarray of shape (n,)
            Classes as whole numbers from 0 on; pictures with -1 are left aside.
        seed : int, default 0
        progress : callable(str, int, int), optional

        Raises
        ------
        InvalidDataError
            If there are no two classes, one of them with two pictures, or all pictures are the
            same.
        """
        refuse_options(options, cls.name, "components, filters")
        check_images(images)
        wanted = check_count(components, "components")
        check_count(filters, "filters")
        labels = np.full(len(images), -1) if labels is None else np.asarray(labels)
        if labels.shape != (len(images),):
            raise InvalidDataError(f"labels has shape {labels.shape} for {len(images)} pictures")
        check_classes(labels, cls.name)
        # In random order, so that the first stand for all.
        order = np.random.default_rng(seed).permutation(np.flatnonzero(labels >= 0))
        images, codes = images[order], torch.from_numpy(labels[order].astype(np.int64))
        patch_map = suitable_patch_map(images, filters, seed=seed)
        most = max(_DIRECTIONS, wanted)
        base = principal_projection(patch_map, images[:_FIRST], most, cure="add others")
        # The first products are those of principal components. Whitened ones separate what they
        # are trained on too easily: of hundreds of pictures they find less than these.
        start = torch.eye(base.width, min(wanted, base.width))
        found = trained_map(
            _rows(base, images, progress), codes, start, seed=seed, progress=progress
        )
        projection = replace(base, components=base.components @ found.numpy())
        return cls(projection, asked=wanted)


def _rows(base: PatchProjection, images: np.ndarray, progress: Progress | None) -> Tensor:
    """Return the projections of all pictures, whose features would not fit in memory."""
    found = np.empty((len(images), base.width), dtype=np.float32)
    for start in range(0, len(images), _ROWS):
        part = slice(start, start + _ROWS)
        found[part] = base.features(images[part])
        if progress is not None:
            progress("reading features", min(start + _ROWS, len(images)), len(images))
    return torch.from_numpy(found)
