"""Fitted patch features, and the classifier on them, in model files."""

from __future__ import annotations

import math
from typing import Any

import torch

from ogive._errors import InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import PatchMap

_SIZES = {
    "mean": ("entries",),
    "whitening": ("entries", "entries"),
    "filters": ("entries", "filters"),
    "offset": ("filters",),
}


def write_patch_map(patch_map: PatchMap, writer: RecordWriter) -> None:
    """Write a patch map, without its options."""
    writer.value("image_shape", list(patch_map.image_shape))
    for name in _SIZES:
        writer.array(name, getattr(patch_map, name).numpy())
    if patch_map.first is not None:
        write_patch_map(patch_map.first, writer.part("first"))


def read_patch_map(reader: RecordReader, options: PatchOptions) -> PatchMap:
    """Read what `write_patch_map` wrote of a map with these options."""
    shape = reader.value("image_shape", list)
    if len(shape) != 3 or not all(type(side) is int and side > 0 for side in shape):
        reader.fail("image_shape", f"is {shape!r:.60}; it must be three numbers above 0")
    image_shape = (shape[0], shape[1], shape[2])
    try:
        options.checked(image_shape)
    except InvalidParameterError as error:
        reader.fail("image_shape", f"does not go with the parameters: {error}")
    first = None
    if options.first:
        part = reader.part("first")
        first = read_patch_map(part, options.before(image_shape))
        if first.image_shape != image_shape:
            part.fail("image_shape", f"is {first.image_shape}; its second layer's, {image_shape}")
    reader.bind("entries", options.read_shape(image_shape)[2] * options.size**2)
    reader.bind("filters", options.filters)
    arrays = {
        name: torch.from_numpy(reader.array(name, size, "float32")) for name, size in _SIZES.items()
    }
    try:
        return PatchMap(options, image_shape, **arrays, first=first)
    except InvalidParameterError as error:
        reader.fail("whitening", f"does not go with the parameters: {error}")


def write_patch_features(model: Any, writer: RecordWriter) -> None:
    """Write the patch map of a fitted `PatchKernelFeatures`."""
    write_patch_map(model.patch_map_, writer.part("patch_map_"))


def read_patch_features(model: Any, reader: RecordReader) -> None:
    """Read what `write_patch_features` wrote; the options are the estimator's parameters."""
    part = reader.part("patch_map_")
    model.patch_map_ = read_patch_map(part, model._options())
    entries = math.prod(model.patch_map_.image_shape)
    if entries != model.n_features_in_:
        part.fail("image_shape", f"has {entries} numbers; the model takes {model.n_features_in_}")


def write_patch_classifier(model: Any, writer: RecordWriter) -> None:
    """Write a fitted `PatchKernelClassifier`."""
    write_patch_features(model, writer)
    writer.labels("classes_", model.classes_)
    for name in ("mean_", "scale_", "coef_", "intercept_"):
        writer.array(name, getattr(model, name))
    writer.value("n_iter_", model.n_iter_)


def read_patch_classifier(model: Any, reader: RecordReader) -> None:
    """Read what `write_patch_classifier` wrote."""
    read_patch_features(model, reader)
    model.classes_ = reader.labels("classes_", "classes")
    if reader.dimension("classes") < 2:
        reader.fail("classes_", "holds one label; it must hold two or more")
    reader.bind("features", model.patch_map_.width)
    model.mean_ = reader.array("mean_", ("features",), "float32")
    model.scale_ = reader.array("scale_", ("features",), "float32")
    if not (model.scale_ > 0).all():
        reader.fail("scale_", "must be above 0")
    model.coef_ = reader.array("coef_", ("features", "classes"), "float32")
    model.intercept_ = reader.array("intercept_", ("classes",), "float32")
    model.n_iter_ = reader.value("n_iter_", int)
