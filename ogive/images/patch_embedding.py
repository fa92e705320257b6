"""Patch features as an embedding: what a convolutional kernel map sees in a picture."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.estimators.patch_kernel_features import patch_features
from ogive.estimators.patch_record import read_patch_map, write_patch_map
from ogive.features.patches import PatchMap, PatchOptions, fit_patch_map
from ogive.images.embedding import (
    Embedder,
    check_image_shape,
    check_images,
    register_embedder,
)
from ogive.images.recipe import ClosedForm

_OVERSAMPLED, _STEPS = 16, 4  # of the search for principal components


@register_embedder
class PatchEmbedder(Embedder):
    """Principal components of patch features: (features - centre) V.

    Fitted without labels: landmarks are whitened patches, features their pooled logistic answers
    (`ogive.features.patches.PatchMap`), V the leading eigenvectors of the features' covariance.

    Parameters
    ----------
    patch_map : PatchMap
    centre : ndarray of shape (features,)
        float32.
    components : ndarray of shape (features, d)
        float32.
    asked : int, optional
        The number of components that was asked for; d of them were found.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (50, 12, 12, 1), np.uint8)
    >>> PatchEmbedder.fit(images, components=5, filters=8).embed(images).shape
    (50, 5)
    """

    name = "patches"

    def __init__(
        self,
        patch_map: PatchMap,
        centre: np.ndarray,
        components: np.ndarray,
        *,
        asked: int | None = None,
    ) -> None:
        super().__init__(patch_map.image_shape)
        self.patch_map, self.centre, self.components = patch_map, centre, components
        self.asked = components.shape[1] if asked is None else asked

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
        for option in options:
            raise InvalidParameterError(
                f"{option}= is no option of the embedding 'patches'; its options: components, "
                "filters"
            )
        check_images(images)
        wanted = check_count(components, "components")
        shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
        chosen = ClosedForm(filters=check_count(filters, "filters")).settled(shape)
        settings = PatchOptions(
            filters=chosen["filters"],
            size=chosen["patch_size"],
            grid=chosen["grid"],
            both_signs=chosen["both_signs"],
            mirror=chosen["mirror"],
        )
        pictures = torch.from_numpy(np.ascontiguousarray(images))
        patch_map = fit_patch_map(pictures, settings)
        rows = patch_features(patch_map, pictures)
        centre = rows.mean(0)
        found = _leading(rows.sub_(centre), wanted)
        if not found.shape[1]:
            raise InvalidDataError(
                f"the {len(images)} pictures to fit on are all the same: add others, or take the "
                "embedding 'pixels'"
            )
        return cls(patch_map, centre.numpy(), found.numpy(), asked=wanted)

    @property
    def width(self) -> int:
        """Length d of the vectors: the number of components."""
        return self.components.shape[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `fit`."""
        return {"components": self.asked, "filters": self.patch_map.options.filters}

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the components of each picture's patch features."""
        rows = patch_features(self.patch_map, torch.from_numpy(np.ascontiguousarray(images)))
        found: np.ndarray = (rows.numpy() - self.centre) @ self.components
        return found

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""
        writer.value("asked", self.asked)
        options = writer.part("options")
        for name, value in self.patch_map.options._asdict().items():
            options.value(name, value)
        write_patch_map(self.patch_map, writer.part("patch_map"))
        writer.array("centre", self.centre)
        writer.array("components", self.components)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        patch_map = _read_map(reader)
        reader.bind("features", patch_map.width)
        centre = reader.array("centre", ("features",), "float32")
        components = reader.array("components", ("features", "width"), "float32")
        if not components.shape[1]:
            reader.fail("components", "has no columns")
        asked = reader.value("asked", int)
        if asked < components.shape[1]:
            reader.fail("asked", f"is {asked} for {components.shape[1]} components")
        return cls(patch_map, centre, components, asked=asked)


def _read_map(reader: RecordReader) -> PatchMap:
    part = reader.part("options")
    kinds = {bool: bool, int: int, float: (int, float)}
    options = {
        name: part.value(name, kinds[type(default)])
        for name, default in PatchOptions._field_defaults.items()
    }
    part = reader.part("patch_map")
    patch_map = read_patch_map(part, PatchOptions(**options))
    try:
        check_image_shape(patch_map.image_shape)
    except InvalidParameterError as error:
        part.fail("image_shape", str(error))
    return patch_map


def _leading(rows: Tensor, wanted: int) -> Tensor:
    """Return the leading right singular vectors of centred rows, in columns.

    By subspace iteration from a fixed random start (Halko, Martinsson and Tropp 2011, algorithm
    4.4): features are thousands, and of their directions some hundred are wanted.
    """
    count = min(wanted + _OVERSAMPLED, *rows.shape)
    start = torch.randn(rows.shape[1], count, generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(start).Q
    for _ in range(_STEPS):
        basis = torch.linalg.qr(rows.T @ (rows @ basis)).Q
    _, values, vectors = torch.linalg.svd(rows @ basis, full_matrices=False)
    # Features run from 0 to 1, and are rounded to about 1e-7.
    kept = values[:wanted] > 1e-5 * len(rows) ** 0.5
    found: Tensor = (basis @ vectors.T)[:, :wanted][:, kept]
    peaks = found.abs().argmax(0)
    return (found * found[peaks, torch.arange(found.shape[1])].sign()).contiguous()
