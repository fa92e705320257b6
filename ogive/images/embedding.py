"""From pictures to unit vectors whose inner products tell how alike the pictures are."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Self

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError, nearest_name
from ogive._record import RecordReader, RecordWriter
from ogive._typing import ImageShape, Progress
from ogive.images.picture_shapes import check_image_shape, check_images, resize_pictures

_BATCH_BYTES = 16 << 20
# What other files of Ogive offer; they are imported when their name is met.
_PROVIDERS = {
    "model": "ogive.images.model_embedding",
    "patches": "ogive.images.patch_embedding",
    "pca": "ogive.images.principal_embedding",
    "trained": "ogive.images.trained_embedding",
}
_registered: dict[str, type[Embedder]] = {}


class Embedder(ABC):
    """A map from pictures to unit vectors.

    A concrete one has a `name`, is decorated by `register_embedder`, and says what a batch of
    pictures of its own shape becomes (`features`); sizes, modes and lengths are seen to here.

    Parameters
    ----------
    image_shape : (int, int, int)
        Height, width and channels (1 or 3) that every picture is brought to first.
    """

    name: ClassVar[str]
    #: How many pictures `fit` wants to see at most.
    sample: ClassVar[int] = 10_000
    #: Whether `fit` learns from classes: it then takes `labels`, `seed` and `progress` too.
    learns: ClassVar[bool] = False

    def __init__(self, image_shape: ImageShape) -> None:
        self.image_shape = check_image_shape(image_shape)

    @classmethod
    @abstractmethod
    def fit(cls, images: np.ndarray, **options: Any) -> Self:
        """Return an embedder for pictures like these, uint8 of shape (n, height, width, c)."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Length d of the vectors."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The options that it was fitted with: strings, numbers and booleans."""

    def has_settings(self, options: Mapping[str, Any]) -> bool:
        """Return whether `fit` with these options makes such an embedder, on whatever pictures."""
        settings = self.settings
        return all(settings.get(name) == value for name, value in options.items())

    @abstractmethod
    def features(self, images: np.ndarray) -> np.ndarray:
        """Return numbers of shape (n, d), of any length, for uint8 pictures of `image_shape`."""

    @abstractmethod
    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""

    @classmethod
    @abstractmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Return unit vectors of pictures.

        A picture whose features are all zero (a blank one, whose pixels are their own mean) has
        no direction: it gets the vector of equal entries, so that blank ones are alike.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8, of any size; c is 1 (grey), 3 (RGB), or 2 and 4 with opacity as the last.

        Returns
        -------
        ndarray of shape (n, d)
            float32 rows of length one.

        Raises
        ------
        InvalidTypeError
            If they are no uint8 array.
        InvalidDataError
            If the shape is another one.
        """
        check_images(images)
        vectors = np.empty((len(images), self.width), dtype=np.float32)
        step = max(1, _BATCH_BYTES // (8 * math.prod(self.image_shape)))
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            found = self.features(resize_pictures(images[part], self.image_shape))
            vectors[part] = _unit(found.astype(np.float64))
        return vectors


def register_embedder(embedder: type[Embedder]) -> type[Embedder]:
    """Make an embedder known by its name, so that index files can hold it; for use as decorator.

    Raises
    ------
    InvalidParameterError
        If another one has the name.
    """
    known = _registered.setdefault(embedder.name, embedder)
    if known is not embedder:
        raise InvalidParameterError(
            f"name={embedder.name!r} is the name of {known.__name__} already; choose another"
        )
    return embedder


def embedder_names() -> tuple[str, ...]:
    """Return the names of all embedders.

    Examples
    --------
    >>> embedder_names()[:5]
    ('model', 'patches', 'pca', 'pixels', 'trained')
    """
    return tuple(sorted({*_registered, *_PROVIDERS}))


def embedder_named(name: str) -> type[Embedder]:
    """Return the class of a name.

    Raises
    ------
    InvalidParameterError
        If there is none.

    Examples
    --------
    >>> embedder_named("pixels").__name__
    'PixelEmbedder'
    """
    if name not in _registered and name in _PROVIDERS:
        import_module(_PROVIDERS[name])
    if name not in _registered:
        raise InvalidParameterError(
            f"embedding={name!r:.40} is unknown; {nearest_name(name, embedder_names())}"
        )
    return _registered[name]


@dataclass(frozen=True)
class EmbeddingRecipe:
    """How to fit an embedder, once there are pictures.

    Attributes
    ----------
    name : str
        One of `embedder_names()`.
    image_shape : (int, int, int) or None
        What pictures are brought to; by default 32 × 32 × 3, or the shape of a data set.
    options : dict
        Passed to `Embedder.fit`.

    Examples
    --------
    >>> recipe = EmbeddingRecipe("pca", options={"components": 2})
    >>> embedder = recipe.fit(np.random.default_rng(0).integers(0, 256, (9, 4, 4, 1), np.uint8))
    >>> embedder.width, recipe.fits(embedder)
    (2, True)
    """

    name: str = "patches"
    image_shape: ImageShape | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def fit(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Embedder:
        """Return an embedder fitted on pictures.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8.
        labels : ndarray of shape (n,), optional
            Classes as whole numbers from 0 on, -1 where there is none; seen by embedders that
            learn only, as are seed and progress.
        seed : int
        progress : callable(str, int, int), optional
        """
        if self.image_shape is not None:
            images = resize_pictures(images, self.image_shape)
        kind, given = embedder_named(self.name), dict(self.options)
        if kind.learns:
            given |= {"labels": labels, "seed": seed, "progress": progress}
        return kind.fit(images, **given)

    def fits(self, embedder: Embedder) -> bool:
        """Return whether an embedder is what this recipe makes, whatever it was fitted on."""
        return (
            embedder.name == self.name
            and self.image_shape in (None, embedder.image_shape)
            and embedder.has_settings(self.options)
        )


@register_embedder
class PixelEmbedder(Embedder):
    """The pixels themselves, less their mean: the inner product of two pictures is the correlation.

    Parameters
    ----------
    image_shape : (int, int, int)

    Examples
    --------
    >>> ramp = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    >>> vectors = PixelEmbedder((4, 4, 1)).embed(np.concatenate([ramp, 10 * ramp, 15 - ramp]))
    >>> (vectors @ vectors[0]).round(3)
    array([ 1.,  1., -1.], dtype=float32)
    """

    name = "pixels"
    sample = 1

    @classmethod
    def fit(cls, images: np.ndarray, **options: Any) -> Self:
        """Return an embedder for pictures of the shape of these; there are no options."""
        refuse_options(options, cls.name, "none")
        check_images(images)
        return cls(images.shape[1:])

    @property
    def width(self) -> int:
        """Length d of the vectors: one entry a pixel and channel."""
        return math.prod(self.image_shape)

    @property
    def settings(self) -> dict[str, Any]:
        """Nothing: there are no options."""
        return {}

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the pixels of each picture less their mean."""
        rows = images.reshape(len(images), -1).astype(np.float64)
        rows -= rows.mean(axis=1, keepdims=True)
        return rows

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""
        writer.value("image_shape", list(self.image_shape))

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        return cls(read_image_shape(reader))


def write_embedder(embedder: Embedder, writer: RecordWriter) -> None:
    """Write an embedder and its name into a record.

    Raises
    ------
    InvalidTypeError
        If its class is not registered: it could not be read again.
    """
    if _registered.get(getattr(embedder, "name", "")) is not type(embedder):
        raise InvalidTypeError(
            f"{type(embedder).__name__} is not registered and cannot be saved; decorate the class "
            "with register_embedder"
        )
    writer.value("name", embedder.name)
    embedder.write(writer.part("embedder"))


def read_embedder(reader: RecordReader) -> Embedder:
    """Return what `write_embedder` wrote; raise InvalidModelError if it cannot be so."""
    name = reader.value("name", str, choices=embedder_names())
    return embedder_named(name).read(reader.part("embedder"))


def check_classes(labels: np.ndarray, embedding: str) -> None:
    """Raise InvalidDataError unless labels (-1: none) are of two classes, one of them twice."""
    counts = np.unique(labels[labels >= 0], return_counts=True)[1]
    if len(counts) < 2 or counts.max() < 2:
        raise InvalidDataError(
            f"the embedding {embedding!r} learns from classes, and of these {len(labels):,} "
            f"pictures {counts.sum():,} have a class, of {len(counts):,} in all; there must be "
            "two, and two pictures of one: name a folder that holds a folder of pictures for each "
            "class, or take the embedding 'patches'"
        )


def refuse_options(options: Mapping[str, Any], embedding: str, known: str) -> None:
    """Raise InvalidParameterError if there is an option that an embedding does not have."""
    for option in options:
        raise InvalidParameterError(
            f"{option}= is no option of the embedding {embedding!r}; its options: {known}"
        )


def read_image_shape(reader: RecordReader) -> ImageShape:
    """Return the image shape in a record; raise InvalidModelError if it is none."""
    shape = reader.value("image_shape", list)
    try:
        return check_image_shape(shape)
    except InvalidParameterError as error:
        reader.fail("image_shape", str(error))


def read_asked(reader: RecordReader, found: int) -> int:
    """Return how many components were asked for, of which so many were found."""
    asked: int = reader.value("asked", int)
    if asked < found:
        reader.fail("asked", f"is {asked} for {found} components")
    return asked


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # Shorter than rounding errors of the features: the direction would be noise.
    blank = lengths[:, 0] < 1e-9
    rows[blank], lengths[blank] = 1.0, math.sqrt(rows.shape[1])
    return rows / lengths
