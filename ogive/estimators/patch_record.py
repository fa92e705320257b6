"""Fitted patch features, and the classifier on them, in model files."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ogive._errors import InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.features.patches import PatchMap


def write_patch_features(model: Any, writer: RecordWriter) -> None:
    """Write the patch map of a fitted `PatchKernelFeatures`."""
    patch_map: PatchMap = model.patch_map_
    part = writer.part("patch_map_")
    part.value("image_shape", list(patch_map.image_shape))
    for name in ("mean", "whitening", "filters", "offset"):
        part.array(name, getattr(patch_map, name).numpy())


def read_patch_features(model: Any, reader: RecordReader) -> None:
    """Read what `write_patch_features` wrote; the options are the estimator's parameters."""
    part = reader.part("patch_map_")
    shape = part.value("image_shape", list)
    if len(shape) != 3 or not all(type(side) is int and side > 0 for side in shape):
        part.fail("image_shape", f"is {shape!r:.60}; it must be three numbers above 0")
    height, width, channels = shape
    if height * width * channels != model.n_features_in_:
        part.fail("image_shape", f"is {shape}, and the model takes {model.n_features_in_} numbers")
    try:
        options = model._options().checked((height, width, channels))
    except InvalidParameterError as error:
        part.fail("image_shape", f"does not go with the parameters: {error}")
    part.bind("entries", channels * options.size**2)
    part.bind("filters", options.filters)
    arrays = {
        name: torch.from_numpy(_finite(part, name, shape))
        for name, shape in (
            ("mean", ("entries",)),
            ("whitening", ("entries", "entries")),
            ("filters", ("entries", "filters")),
            ("offset", ("filters",)),
        )
    }
    model.patch_map_ = PatchMap(options, (height, width, channels), **arrays)


def write_patch_classifier(model: Any, writer: RecordWriter) -> None:
    """Write a fitted `PatchKernelClassifier`."""
    write_patch_features(model, writer)
    writer.labels("classes_", model.classes_)
    for name in ("mean_", "scale_", "coef_", "intercept_"):
        writer.array(name, getattr(model, name))
    writer.value("temperature_", model.temperature_)


def read_patch_classifier(model: Any, reader: RecordReader) -> None:
    """Read what `write_patch_classifier` wrote."""
    read_patch_features(model, reader)
    model.classes_ = reader.labels("classes_", "classes")
    if reader.dimension("classes") < 2:
        reader.fail("classes_", "holds one label; it must hold two or more")
    reader.bind("features", model.patch_map_.width)
    model.mean_ = _finite(reader, "mean_", ("features",))
    model.scale_ = reader.array("scale_", ("features",), "float32")
    if not (model.scale_ > 0).all():
        reader.fail("scale_", "must be above 0")
    model.coef_ = _finite(reader, "coef_", ("features", "classes"))
    model.intercept_ = _finite(reader, "intercept_", ("classes",))
    model.temperature_ = reader.value("temperature_", (int, float))


def _finite(reader: RecordReader, name: str, shape: tuple[str, ...]) -> np.ndarray:
    array = reader.array(name, shape, "float32")
    if not np.isfinite(array).all():
        reader.fail(name, "holds numbers that are not finite")
    return array
