"""What several embeddings are made of: affine maps of patch features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ogive._checks import from_numpy
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive._typing import Float, ImageShape
from ogive.estimators.patch_record import read_patch_map, write_patch_map
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import PatchMap, fit_patch_map
from ogive.images.embedding import Embedder, read_asked
from ogive.images.picture_shapes import check_image_shape
from ogive.images.recipe import ClosedForm

_OVERSAMPLED, _STEPS = 16, 4  # of the search for principal directions


@dataclass(frozen=True, eq=False)
class PatchProjection:
    """(φ - centre) V, with the patch features φ of a picture.

    Attributes
    ----------
    patch_map : PatchMap
    centre : ndarray of shape (features,)
        float32.
    components : ndarray of shape (features, d)
        float32: V.
    """

    patch_map: PatchMap
    centre: np.ndarray
    components: np.ndarray

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of the pictures that it takes."""
        return self.patch_map.image_shape

    @property
    def width(self) -> int:
        """The number d of components."""
        return self.components.shape[1]

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return float32 numbers of shape (n, d) for uint8 pictures of `image_shape`."""
        return projected(patch_rows(self.patch_map, images), self.centre, self.components)

    def write(self, writer: RecordWriter) -> None:
        """Write map, centre and components into a record."""
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
        return cls(patch_map, *read_affine(reader))


class ProjectedEmbedder(Embedder):
    """An embedder whose features are a projection; concrete ones say how it is found.

    Parameters
    ----------
    projection : PatchProjection
    asked : int, optional
        The number of components that was asked for; d of them were found.
    """

    def __init__(self, projection: PatchProjection, *, asked: int | None = None) -> None:
        super().__init__(projection.image_shape)
        self.projection = projection
        self.asked = projection.width if asked is None else asked

    @property
    def width(self) -> int:
        """Length d of the vectors: the number of components."""
        return self.projection.width

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `fit`, without what is told of the pictures."""
        filters = self.projection.patch_map.options.filters
        return {"components": self.asked, "filters": filters}

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the components of each picture."""
        return self.projection.features(images)

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""
        writer.value("asked", self.asked)
        self.projection.write(writer)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        projection = PatchProjection.read(reader)
        return cls(projection, asked=read_asked(reader, projection.width))


def suitable_patch_map(images: np.ndarray, filters: int, *, seed: int = 0) -> PatchMap:
    """Return a patch map of uint8 pictures (n, height, width, c), with options for their shape.

    Raises
    ------
    InvalidDataError
        If all pictures are flat.
    """
    shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
    chosen = ClosedForm(filters=filters).settled(shape)
    options = PatchOptions(
        filters=filters,
        size=chosen["patch_size"],
        grid=chosen["grid"],
        both_signs=chosen["both_signs"],
        mirror=chosen["mirror"],
        smooth=chosen["smooth"],
    )
    return fit_patch_map(from_numpy(np.ascontiguousarray(images)), options, seed=seed)


def patch_rows(patch_map: PatchMap, images: np.ndarray) -> np.ndarray:
    """Return the patch features of uint8 pictures, float32 of shape (n, features)."""
    pictures = from_numpy(np.ascontiguousarray(images))
    rows: np.ndarray = patch_map.features(pictures).numpy()
    return rows


def principal_projection(
    patch_map: PatchMap, images: np.ndarray, wanted: int, *, cure: str
) -> PatchProjection:
    """Return the projection on the principal directions of the patch features of some pictures.

    Raises
    ------
    InvalidDataError
        If all pictures are the same; its last words are the cure.
    """
    rows = torch.from_numpy(patch_rows(patch_map, images))
    centre = rows.mean(0)
    found = leading_directions(rows.sub_(centre), wanted)
    if not found.shape[1]:
        raise InvalidDataError(f"the {len(images)} pictures to fit on are all the same: {cure}")
    return PatchProjection(patch_map, centre.numpy(), found.numpy())


def projected(rows: np.ndarray, centre: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Return (rows - centre) V; the rows are overwritten."""
    found: np.ndarray = np.subtract(rows, centre, out=rows) @ components
    return found


def leading_directions(rows: Float[Tensor, "n f"], wanted: int) -> Float[Tensor, "f d"]:
    """Return the leading right singular vectors of centred rows, in columns.

    By subspace iteration from a fixed random start (Halko, Martinsson and Tropp 2011, algorithm
    4.4): features are thousands, and of their directions some hundred are wanted. Fewer come back
    if the rows vary in fewer.
    """
    count = min(wanted + _OVERSAMPLED, *rows.shape)
    start = torch.randn(rows.shape[1], count, generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(start).Q
    for _ in range(_STEPS):
        basis = torch.linalg.qr(rows.T @ (rows @ basis)).Q
    _, values, vectors = torch.linalg.svd(rows @ basis, full_matrices=False)
    # Features are of the order of 1, and are rounded to about 1e-7.
    kept = values[:wanted] > 1e-5 * len(rows) ** 0.5
    found: Tensor = (basis @ vectors.T)[:, :wanted][:, kept]
    peaks = found.abs().argmax(0)
    return (found * found[peaks, torch.arange(found.shape[1])].sign()).contiguous()


def read_affine(reader: RecordReader) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and components for the length that the reader calls "features"."""
    centre = reader.array("centre", ("features",), "float32")
    components = reader.array("components", ("features", "width"), "float32")
    if not components.shape[1]:
        reader.fail("components", "has no columns")
    return centre, components


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
