"""What a trained classifier sees in a picture, as an embedding."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ogive._checks import check_count
from ogive._errors import InvalidDataError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive._training import digest
from ogive._typing import Float, ImageShape
from ogive.estimators import PatchKernelClassifier
from ogive.images.blend import BlendedClassifier
from ogive.images.embedding import (
    Embedder,
    EmbeddingRecipe,
    read_asked,
    refuse_options,
    register_embedder,
)
from ogive.images.embedding_parts import (
    leading_directions,
    patch_rows,
    projected,
    read_affine,
)
from ogive.images.estimator_record import read_any_estimator, write_any_estimator
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.picture_shapes import check_images
from ogive.solvers.wide_ridge import rounded_

PictureClassifier = PatchKernelClassifier | NetworkClassifier | BlendedClassifier

# Mean square of the classes' part, in units of the other's. More finds hardly more pictures of the
# class (MAP@R of held-out Fashion-MNIST .70 at 1, .78 at 4, .79 at 16), and less of what is alike.
_CLASSES_TO_OTHERS = 4.0


@register_embedder
class ModelEmbedder(Embedder):
    """Features of a trained classifier: [(φ - centre) V, s (φ - centre) W].

    φ are what the classifier's last, linear layer sees; V their leading principal components over
    some pictures; W the layer's weights less their mean over the classes, so that the second part
    are the differences of logits; s gives it four times the mean square of the first. The second
    part tells the classes apart, the first what is alike within a class.

    Parameters
    ----------
    model : PatchKernelClassifier, NetworkClassifier or BlendedClassifier
        Fitted.
    centre : ndarray of shape (features,)
        float32.
    components : ndarray of shape (features, d)
        float32: [V, s W].
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
        self,
        model: PictureClassifier,
        centre: np.ndarray,
        components: np.ndarray,
        *,
        asked: int,
    ) -> None:
        super().__init__(_image_shape(model))
        self.model, self.centre, self.components = model, centre, components
        self.asked = asked

    @classmethod
    def fit(
        cls, images: np.ndarray, model: Any = None, components: int = 128, **options: Any
    ) -> Self:
        """Return an embedder by a model, its principal components those of some pictures.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, c)
            uint8, of the model's shape, at least two different ones.
        model : PatchKernelClassifier, NetworkClassifier or BlendedClassifier
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
        model = copy.deepcopy(check_picture_model(model))  # fitting it again changes no index
        _to_cpu(model)
        wanted = check_count(components, "components")
        rows = torch.from_numpy(_seen(model, images))
        centre = rows.mean(0)
        directions = leading_directions(rows.sub_(centre), wanted)
        if not directions.shape[1]:
            raise InvalidDataError(
                f"the pictures to fit on ({len(images)}) are all the same to the model: add others"
            )
        head = _head(model)
        logits = head - head.mean(1, keepdim=True)
        spread = [(rows @ part).square().sum() for part in (directions, logits)]
        weight = (_CLASSES_TO_OTHERS * spread[0] / spread[1].clamp(min=1e-12)).sqrt()
        both = torch.cat([directions, weight * logits], 1)
        return cls(model, centre.numpy(), both.numpy(), asked=wanted)

    @property
    def width(self) -> int:
        """Length d of the vectors: principal components and classes."""
        return self.components.shape[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `fit`; the model by its digest."""
        return {"components": self.asked, "model": _identity(self.model)}

    def has_settings(self, options: Mapping[str, Any]) -> bool:
        """Return whether it was fitted with such options, the model given as it is."""
        told = dict(options)
        if "model" in told:
            told["model"] = _identity(told["model"])
        return super().has_settings(told)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the numbers of each picture."""
        return projected(_seen(self.model, images), self.centre, self.components)

    def write(self, writer: RecordWriter) -> None:
        """Write what the embedder is made of into a record, the model with it."""
        writer.value("asked", self.asked)
        write_any_estimator(self.model, writer.part("model"))
        writer.array("centre", self.centre)
        writer.array("components", self.components)

    @classmethod
    def read(cls, reader: RecordReader) -> Self:
        """Return what `write` wrote; raise InvalidModelError if it cannot be so."""
        model = read_any_estimator(reader.part("model"))
        if not isinstance(model, PictureClassifier):
            reader.fail("model", f"is a {type(model).__name__}, which has no features of pictures")
        _to_cpu(model)
        features, classes = _head(model).shape
        reader.bind("features", features)
        centre, components = read_affine(reader)
        asked = read_asked(reader, components.shape[1] - classes)
        return cls(model, centre, components, asked=asked)


def model_recipe(model: Any, name: str = "model", components: int | None = None) -> EmbeddingRecipe:
    """Return the recipe of the embedding by a model, for pictures of the model's shape.

    Raises
    ------
    InvalidTypeError
        If it is no classifier of pictures; ``name`` is what the message calls it.
    """
    model = check_picture_model(model, name)
    options = {"model": model} | ({} if components is None else {"components": components})
    return EmbeddingRecipe(ModelEmbedder.name, _image_shape(model), options)


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
            "model that ogive train made of pictures (a PatchKernelClassifier, a "
            "NetworkClassifier or a BlendedClassifier)"
        )
    check_is_fitted(model)
    return model


def _image_shape(model: PictureClassifier) -> ImageShape:
    if isinstance(model, PatchKernelClassifier):
        return model.patch_map_.image_shape
    return _network(model).image_shape_


def _to_cpu(model: PictureClassifier) -> None:
    """Let a model compute here, wherever it was trained."""
    if not isinstance(model, PatchKernelClassifier):
        _network(model).set_params(device="cpu")


def _network(model: NetworkClassifier | BlendedClassifier) -> NetworkClassifier:
    return model.network_ if isinstance(model, BlendedClassifier) else model


def _seen(model: PictureClassifier, images: np.ndarray) -> np.ndarray:
    """Return what the last layer sees of uint8 pictures, float32 of shape (n, features)."""
    if isinstance(model, NetworkClassifier):
        return model.embed(images)
    if isinstance(model, BlendedClassifier):
        return np.hstack([_seen(part, images) for part in (model.network_, model.closed_form_)])
    rows = torch.from_numpy(patch_rows(model.patch_map_, images))
    standardised = rows.sub_(torch.from_numpy(model.mean_)).div_(torch.from_numpy(model.scale_))
    # As in its predictions: a feature that hardly varies may be far off in a new picture.
    found: np.ndarray = rounded_(standardised).numpy()
    return found


def _head(model: PictureClassifier) -> Float[Tensor, "features classes"]:
    """Return the last layer's weights."""
    if isinstance(model, NetworkClassifier):
        return model.network_.head.weight.detach().float().cpu().T
    if isinstance(model, BlendedClassifier):
        return torch.cat([_head(part) / 2 for part in (model.network_, model.closed_form_)])
    return torch.from_numpy(model.coef_)


def _identity(model: PictureClassifier) -> str:
    """Return a digest of all that decides a model's answers."""
    writer = RecordWriter()
    write_any_estimator(model, writer)
    values = json.dumps(_without_device(writer.values), sort_keys=True).encode()
    arrays = (writer.arrays[name] for name in sorted(writer.arrays))
    return digest(np.frombuffer(values, np.uint8), *arrays)[:16]


def _without_device(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_device(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if name != "device"
    }
