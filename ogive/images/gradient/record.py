"""A trained network classifier in a model file."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted

from ogive._errors import InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.images._network_state import read_network_state, write_network_state
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.network import KERNELS, NORMALISATIONS, STARTS

# Parameters of the estimator that a file keeps, and what they may be; others are those of a run.
_PARAMETERS: dict[str, Any] = {
    "kernel": str,
    "normalisation": str,
    "start": str,
    "width": int,
    "epochs": int,
    "batch": int,
    "rate": (int, float, None),
    "weight_decay": (int, float),
    "label_smoothing": (int, float),
    "flip": bool,
    "shift": int,
    "average": (int, float),
    "patience": (int, None),
    "validation_fraction": (int, float),
    "device": str,
}
_POSITIVE = ("deviation", "running_var")  # what a network divides by


def write_network_classifier(model: NetworkClassifier, writer: RecordWriter) -> None:
    """Write a fitted classifier: its parameters, classes and weights."""
    check_is_fitted(model)
    parameters = writer.part("parameters")
    for name in _PARAMETERS:
        parameters.value(name, getattr(model, name))
    writer.value("image_shape", list(model.image_shape_))
    for name in ("seconds", "epochs", "best_epoch"):
        writer.value(name, getattr(model, f"{name}_"))
    writer.labels("classes_", model.classes_)
    write_network_state(model.network_, writer.part("weights"))


def read_network_classifier(reader: RecordReader) -> NetworkClassifier:
    """Read what `write_network_classifier` wrote.

    Raises
    ------
    InvalidModelError
        If something is missing, or its parts do not fit together.
    """
    part = reader.part("parameters")
    given = {name: part.value(name, kinds) for name, kinds in _PARAMETERS.items()}
    for name, known in (
        ("kernel", KERNELS),
        ("normalisation", NORMALISATIONS),
        ("start", STARTS),
    ):
        if given[name] not in known:
            part.fail(name, f"is {given[name]!r:.40}, which is unknown")
    shape = reader.value("image_shape", list)
    if len(shape) != 3 or not all(type(side) is int and 0 < side < 2**16 for side in shape):
        reader.fail("image_shape", f"is {shape!r:.60}; it must be three numbers above 0")
    model = NetworkClassifier(**given)
    model.image_shape_ = (shape[0], shape[1], shape[2])
    model.n_features_in_ = shape[0] * shape[1] * shape[2]
    model.seconds_ = reader.value("seconds", float)
    for name in ("epochs", "best_epoch"):
        setattr(model, f"{name}_", reader.value(name, int))
    model.classes_ = reader.labels("classes_", "classes")
    if len(model.classes_) < 2:
        reader.fail("classes_", f"holds {len(model.classes_)} labels; it must hold two or more")
    try:
        # Kernels are kept folded (see `PictureNetwork.folded`).
        kept = model.normalisation if model.kernel == "relu" else "none"
        model.network_ = read_network_state(
            lambda: model._network(kept, model.image_shape_, len(model.classes_)),
            reader.part("weights"),
            positive=_POSITIVE,
        )
    except InvalidParameterError as error:
        reader.fail("parameters", f"make no network: {error}")
    model.network_.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
