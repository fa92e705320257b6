"""Principal components of pixels as an embedding."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive._typing import ImageShape
from ogive.images.embedding import (
    Embedder,
    read_asked,
    read_image_shape,
    refuse_options,
    register_embedder,
)
from ogive.images.picture_shapes import check_images

Components = tuple[np.ndarray, np.ndarray, np.ndarray]

_WIDEST = 12_288  # 64 × 64 × 3: its covariance takes 1.2 GB
_TILE_BYTES = 32 << 20


@register_embedder
class PrincipalEmbedder(Embedder):
    """The principal components of pixels: (x - mean) V, or whitened, (x - mean) V λ^-½.

    V are the eigenvectors of the largest eigenvalues λ of the covariance of the pixels, from 0 to
    1. Whitened, all components count alike: closer to what distinguishes pictures if they are
    few, closer to noise if they are many.

    Parameters
    ----------
    image_shape : (int, int, int)
    mean : ndarray of shape (pixels,)
        float64.
    components : ndarray of shape (pixels, d)
        float64 eigenvectors, of length one.
    variances : ndarray of shape (d,)
        float64 eigenvalues, above 0.
    whiten : bool
    asked : int, optional
        The number of components that was asked for; d of them were found.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 1), np.uint8)
    >>> embedder = PrincipalEmbedder.fit(images, components=3)
    >>> embedder.embed(images).shape
    (50, 3)
    """

    name = "pca"

    def __init__(
        self,
        image_shape: ImageShape,
        mean: np.ndarray,
        components: np.ndarray,
        variances: np.ndarray,
        *,
        whiten: bool,
        asked: int | None = None,
    ) -> None:
        super().__init__(image_shape)
        self.mean, self.components, self.variances = mean, components, variances
        self.whiten = whiten
        self.asked = components.shape[1] if asked is None else asked

    @classmethod
    def fit(
        cls, images: np.ndarray, components: int = 64, whiten: bool = False, **options: Any
    ) -> Self:
        """Return an embedder for pictures like these.

        The covariance is summed over tiles of whole numbers, exactly, and decomposed in float64;
        where there are fewer pictures than pixels, the products of pictures are.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8, at least two different ones.
        components : int, default 64
            At most so many; fewer if the pictures vary in fewer directions.
        whiten : bool, default False

        Raises
        ------
        InvalidParameterError
            If there are too many pixels for a covariance.
        InvalidDataError
            If all pictures are the same.
        """
        refuse_options(options, cls.name, "components, whiten")
        check_images(images)
        wanted = check_count(components, "components")
        pixels = math.prod(images.shape[1:])
        if pixels > _WIDEST:
            raise InvalidParameterError(
                f"pictures of {images.shape[1:]} have {pixels:,} numbers; a covariance is taken of "
                f"at most {_WIDEST:,}: choose a smaller image_shape, (32, 32, 3) say"
            )
        flat = images.reshape(len(images), -1)
        mean, vectors, values = (_few if 2 * len(images) < pixels else _many)(flat, wanted)
        if not len(values):
            raise InvalidDataError(
                f"the {len(images)} pictures to fit on are all the same, so they have no principal "
                "components: add others, or take the embedding 'pixels'"
            )
        return cls(images.shape[1:], mean, vectors, values, whiten=bool(whiten), asked=wanted)

    @property
    def width(self) -> int:
        """Length d of the vectors: the number of components."""
        return self.components.shape[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `fit`."""
        return {"components": self.asked, "whiten": self.whiten}

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the components of each picture."""
        rows = images.reshape(len(images), -1).astype(np.float64)
        rows /= 255
        rows -= self.mean
        found: np.ndarray = rows @ self.components
        return found / np.sqrt(self.variances) if self.whiten else found

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""
        writer.value("image_shape", list(self.image_shape))
        writer.value("whiten", self.whiten)
        writer.value("asked", self.asked)
        writer.array("mean", self.mean)
        writer.array("components", self.components)
        writer.array("variances", self.variances)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        shape = read_image_shape(reader)
        reader.bind("pixels", math.prod(shape))
        mean = reader.array("mean", ("pixels",), "float64")
        components = reader.array("components", ("pixels", "width"), "float64")
        variances = reader.array("variances", ("width",), "float64")
        if not len(variances) or variances.min() <= 0:
            reader.fail("variances", "must be numbers above 0, at least one")
        asked = read_asked(reader, len(variances))
        whiten = reader.value("whiten", bool)
        return cls(shape, mean, components, variances, whiten=whiten, asked=asked)


def _moments(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the covariance of uint8 rows, in units of 255."""
    count, width = pixels.shape
    total, square = np.zeros(width), np.zeros((width, width))
    step = max(1, _TILE_BYTES // (8 * width))
    for start in range(0, count, step):
        # Whole numbers below 2^53 all the way: no rounding, and no trace of the tiles.
        tile = pixels[start : start + step].astype(np.float64)
        tile -= 128
        total += tile.sum(axis=0)
        square += tile.T @ tile
    mean = total / max(count, 1)
    covariance = square / max(count, 1) - np.outer(mean, mean)
    return (mean + 128) / 255, covariance / 255**2


def _many(pixels: np.ndarray, wanted: int) -> Components:
    """Return mean, components and variances by the covariance of the pixels."""
    mean, covariance = _moments(pixels)
    vectors, values = _leading(covariance, wanted)
    return mean, _signed(vectors), values


def _few(pixels: np.ndarray, wanted: int) -> Components:
    """Return the same by the products of pictures, where these are fewer than their pixels."""
    mean = pixels.astype(np.float64).sum(axis=0) / max(1, len(pixels)) / 255
    rows = pixels / 255 - mean
    weights, values = _leading(rows @ rows.T / max(1, len(rows)), wanted)
    vectors = rows.T @ weights
    return mean, _signed(vectors / np.linalg.norm(vectors, axis=0)), values


def _leading(matrix: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the leading eigenvectors and eigenvalues, those above rounding errors."""
    from scipy.linalg import eigh

    width = len(matrix)
    if width == 0:
        return np.empty((0, 0)), np.empty(0)
    values, vectors = eigh(matrix, subset_by_index=(max(0, width - wanted), width - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    # Roundings are those of sums of squares up to 1, whatever the variances.
    kept = values > width * np.finfo(np.float64).eps
    return vectors[:, kept], np.ascontiguousarray(values[kept])


def _signed(vectors: np.ndarray) -> np.ndarray:
    """Return eigenvectors of the sign that makes the largest entry positive."""
    peaks = np.abs(vectors).argmax(axis=0)
    return np.ascontiguousarray(vectors * np.sign(vectors[peaks, np.arange(len(peaks))]))
