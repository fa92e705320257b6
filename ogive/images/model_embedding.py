"""What a trained classifier sees in a picture, as an embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive._training import digest
from ogive.estimators import PatchKernelClassifier
from ogive.images.embedding import Embedder, refuse_options, register_embedder
from ogive.images.embedding_parts import (
    PatchProjection,
    leading_directions,
    patch_rows,
    projected,
    read_affine,
)
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.record import read_network_classifier, write_network_classifier
from ogive.images.picture_shapes import Shape, check_images

PictureClassifier = PatchKernelClassifier | NetworkClassifier

# Of a vector's squared length, what the classes have beside the principal components: measured.
_CLASSES_TO_OTHERS = 1.0


@dataclass(frozen=True, eq=False)
class NetworkProjection:
    """(φ - centre) V, with the features φ that a network's last layer sees.

    Attributes
    ----------
    classifier : NetworkClassifier
    centre : ndarray of shape (features,)
        float32.
    components : ndarray of shape (features, d)
        float32: V.
    """

    classifier: NetworkClassifier
    centre: np.ndarray
    components: np.ndarray

    @property
    def image_shape(self) -> Shape:
        """Height, width and channels of the pictures that it takes."""
        return self.classifier.image_shape_

    @property
    def width(self) -> int:
        """The number d of components."""
        return self.components.shape[1]

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return float32 numbers of shape (n, d) for uint8 pictures of `image_shape`."""
        return projected(self.classifier.embed(images), self.centre, self.components)

    def write(self, writer: RecordWriter) -> None:
        """Write network, centre and components into a record."""
        write_network_classifier(self.classifier, writer.part("network"))
        writer.array("centre", self.centre)
        writer.array("components", self.components)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        classifier = read_network_classifier(reader.part("network"))
        reader.bind("features", classifier.network_.head.in_features)
        return cls(classifier, *read_affine(reader))


@register_embedder
class ModelEmbedder(Embedder):
    """Features of a trained classifier: [(φ - centre) V, s (φ - centre) W].

    φ are what the classifier's last, linear layer sees, standardised if it standardises them; V
    their leading principal components over some pictures; W the layer's weights less their mean
    over the classes, so that the second part are the differences of logits; s gives both parts
    the same mean square. The first part tells pictures of a class apart, the second the classes.

    Parameters
    ----------
    projection : PatchProjection or NetworkProjection
    model : str
        A digest that tells the classifier from others.
    asked : int
        The number of principal components that was asked for.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
    >>> model = PatchKernelClassifier(4, patch_size=4, grid=2).fit(images, np.arange(50) % 3)
    >>> ModelEmbedder.fit(images, model=model, components=5).embed(images).shape
    (50, 8)
    """

    name = "model"
    sample: ClassVar[int] = 4_000  # features may be tens of thousands

    def __init__(
        self, projection: PatchProjection | NetworkProjection, model: str, *, asked: int
    ) -> None:
        super().__init__(projection.image_shape)
        self.projection, self.model, self.asked = projection, model, asked

    @classmethod
    def fit(
        cls, images: np.ndarray, model: Any = None, components: int = 128, **options: Any
    ) -> Self:
        """Return an embedder by a model, its principal components those of some pictures.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8, of the model's shape, at least two different ones.
        model : PatchKernelClassifier or NetworkClassifier
            Fitted on pictures.
        components : int, default 128
            At most so many; fewer if the features vary in fewer directions.

        Raises
        ------
        InvalidTypeError
            If the model is another one.
        InvalidDataError
            If all pictures are the same.
        """
        refuse_options(options, cls.name, "model, components")
        check_images(images)
        last = _LastLayer.of(check_picture_model(model))
        wanted = check_count(components, "components")
        rows = torch.from_numpy(last.rows(images))
        centre = rows.mean(0)
        rows.sub_(centre).div_(last.scale)
        directions = leading_directions(rows, wanted)
        if not directions.shape[1]:
            raise InvalidDataError(
                f"the pictures to fit on ({len(images)}) are all the same to the model: add others"
            )
        logits = last.head - last.head.mean(1, keepdim=True)
        spread = [(rows @ part).square().sum() for part in (directions, logits)]
        weight = (_CLASSES_TO_OTHERS * spread[0] / spread[1].clamp(min=1e-12)).sqrt()
        both = torch.cat([directions, weight * logits], 1) / last.scale[:, None]
        projection = last.project(centre.numpy(), both.numpy())
        return cls(projection, last.digest, asked=wanted)

    @property
    def width(self) -> int:
        """Length d of the vectors: principal components and classes."""
        return self.projection.width

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `fit`; the model by its digest."""
        return {"components": self.asked, "model": self.model}

    def has_settings(self, options: Mapping[str, Any]) -> bool:
        """Return whether it was fitted with such options, the model given as it is."""
        return super().has_settings({**options, "model": _LastLayer.of(options["model"]).digest})

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the numbers of each picture."""
        return self.projection.features(images)

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record."""
        writer.value("kind", _kind(self.projection))
        writer.value("model", self.model)
        writer.value("asked", self.asked)
        self.projection.write(writer)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        kind = reader.value("kind", str, choices=_PROJECTIONS)
        projection = _PROJECTIONS[kind].read(reader)
        asked = reader.value("asked", int)
        return cls(projection, reader.value("model", str), asked=asked)


def check_picture_model(model: Any, name: str = "model") -> PictureClassifier:
    """Return a fitted classifier whose features can be an embedding, or raise.

    Raises
    ------
    InvalidTypeError
        If it is another kind of model; ``name`` is what the message calls it.

    Examples
    --------
    >>> check_picture_model(3)
    Traceback (most recent call last):
    ...
    ogive._errors.InvalidTypeError: model is of type int, which has no features of pictures; ...
    """
    if not isinstance(model, PictureClassifier):
        raise InvalidTypeError(
            f"{name} is of type {type(model).__name__}, which has no features of pictures; give a "
            "model that ogive train made of pictures (a PatchKernelClassifier or a "
            "NetworkClassifier)"
        )
    check_is_fitted(model)
    return model


@dataclass(frozen=True, eq=False)
class _LastLayer:
    """What a classifier's last layer sees, and what it makes of it.

    Attributes
    ----------
    rows : callable
        From uint8 pictures to features, float32 of shape (n, f).
    scale : Tensor of shape (f,)
        What features are divided by.
    head : Tensor of shape (f, classes)
    project : callable
        From centre and components to a projection.
    digest : str
        Of all that decides the answers.
    """

    rows: Callable[[np.ndarray], np.ndarray]
    scale: torch.Tensor
    head: torch.Tensor
    project: Callable[[np.ndarray, np.ndarray], PatchProjection | NetworkProjection]
    digest: str

    @classmethod
    def of(cls, model: PictureClassifier) -> Self:
        """Take a fitted classifier to pieces."""
        if isinstance(model, PatchKernelClassifier):
            return cls._of_patches(model)
        head = model.network_.head.weight.detach().float().cpu().T
        weights = [value.cpu().numpy() for value in model.network_.state_dict().values()]
        return cls(
            model.embed,
            torch.ones(len(head)),
            head,
            lambda centre, components: NetworkProjection(model, centre, components),
            _short(digest(*weights)),
        )

    @classmethod
    def _of_patches(cls, model: PatchKernelClassifier) -> Self:
        patch_map = model.patch_map_
        arrays = [patch_map.mean, patch_map.whitening, patch_map.filters, patch_map.offset]
        return cls(
            lambda images: patch_rows(patch_map, images),
            torch.from_numpy(model.scale_),
            torch.from_numpy(model.coef_),
            lambda centre, components: PatchProjection(patch_map, centre, components),
            _short(digest(*(a.numpy() for a in arrays), model.mean_, model.scale_, model.coef_)),
        )


_PROJECTIONS: dict[str, type[PatchProjection] | type[NetworkProjection]] = {
    "patches": PatchProjection,
    "network": NetworkProjection,
}


def _kind(projection: PatchProjection | NetworkProjection) -> str:
    return next(kind for kind, made in _PROJECTIONS.items() if made is type(projection))


def _short(digest: str) -> str:
    return digest[:16]  # for people too, in messages
