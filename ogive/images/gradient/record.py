"""A trained network classifier in a model file."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted

from ogive._errors import InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.network import KERNELS, PictureNetwork

# Parameters of the estimator that a file keeps, and what they may be; others are those of a run.
_PARAMETERS: dict[str, Any] = {
    "kernel": str,
    "width": int,
    "epochs": int,
    "batch": int,
    "rate": (int, float, None),
    "weight_decay": (int, float),
    "label_smoothing": (int, float),
    "flip": bool,
    "shift": int,
    "average": (int, float),
    "device": str,
}


def write_network_classifier(model: NetworkClassifier, writer: RecordWriter) -> None:
    """Write a fitted classifier: its parameters, classes and weights."""
    check_is_fitted(model)
    parameters = writer.part("parameters")
    for name in _PARAMETERS:
        parameters.value(name, getattr(model, name))
    writer.value("image_shape", list(model.image_shape_))
    writer.value("seconds", model.seconds_)
    writer.labels("classes_", model.classes_)
    weights = writer.part("weights")
    for name, value in model.network_.state_dict().items():
        weights.array(_file_name(name), value.cpu().numpy())


def read_network_classifier(reader: RecordReader) -> NetworkClassifier:
    """Read what `write_network_classifier` wrote.

    Raises
    ------
    InvalidModelError
        If something is missing, or its parts do not fit together.
    """
    part = reader.part("parameters")
    given = {name: part.value(name, kinds) for name, kinds in _PARAMETERS.items()}
    if given["kernel"] not in KERNELS:
        part.fail("kernel", f"is {given['kernel']!r:.40}, which is unknown")
    shape = reader.value("image_shape", list)
    if len(shape) != 3 or not all(type(side) is int and 0 < side < 2**16 for side in shape):
        reader.fail("image_shape", f"is {shape!r:.60}; it must be three numbers above 0")
    model = NetworkClassifier(**given)
    model.image_shape_ = (shape[0], shape[1], shape[2])
    model.n_features_in_ = shape[0] * shape[1] * shape[2]
    model.seconds_ = reader.value("seconds", float)
    model.classes_ = reader.labels("classes_", "classes")
    if len(model.classes_) < 2:
        reader.fail("classes_", f"holds {len(model.classes_)} labels; it must hold two or more")
    model.network_ = _read_network(model, reader)
    return model


def _read_network(model: NetworkClassifier, reader: RecordReader) -> PictureNetwork:
    try:
        with torch.device("meta"):  # no memory before the file has shown that it fills it
            network = model._network()
    except InvalidParameterError as error:
        reader.fail("parameters", f"make no network: {error}")
    weights, state = reader.part("weights"), {}
    for name, value in network.state_dict().items():
        stored = _file_name(name)
        kind = "float32" if value.is_floating_point() else "int64"
        array = weights.array(stored, tuple(value.shape), kind)
        if name.endswith(("deviation", "running_var")) and (array <= 0).any():
            weights.fail(stored, "must be above 0")
        state[name] = torch.from_numpy(array)
    network.load_state_dict(state, assign=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


def _file_name(name: str) -> str:
    return name.replace(".", "/")  # a dot parts names of a record
