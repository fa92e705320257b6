"""Whatever estimator a model holds, in its file."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ogive._record import RecordReader, RecordWriter
from ogive.estimators import PatchKernelClassifier
from ogive.estimators.record import read_estimator, write_estimator
from ogive.images.blend import BlendedClassifier
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.record import read_network_classifier, write_network_classifier

PICTURE_ESTIMATORS = (NetworkClassifier, BlendedClassifier)
_NETWORK, _BLEND = (kind.__name__ for kind in PICTURE_ESTIMATORS)


def write_any_estimator(estimator: Any, writer: RecordWriter) -> None:
    """Write an estimator of `ogive.estimators`, a trained network, or the blend of both."""
    if type(estimator) is NetworkClassifier:
        writer.value("class", _NETWORK)
        write_network_classifier(estimator, writer)
    elif type(estimator) is BlendedClassifier:
        check_is_fitted(estimator)
        writer.value("class", _BLEND)
        write_any_estimator(estimator.network_, writer.part("network"))
        write_any_estimator(estimator.closed_form_, writer.part("closed_form"))
    else:
        write_estimator(estimator, writer)


def read_any_estimator(reader: RecordReader) -> Any:
    """Read what `write_any_estimator` wrote; raise InvalidModelError as its readers do."""
    name = reader.value("class", str)
    if name == _NETWORK:
        return read_network_classifier(reader)
    return _read_blend(reader) if name == _BLEND else read_estimator(reader)


def _read_blend(reader: RecordReader) -> BlendedClassifier:
    parts = {"network": NetworkClassifier, "closed_form": PatchKernelClassifier}
    found: dict[str, Any] = {}
    for name, kind in parts.items():
        part = reader.part(name)
        if part.value("class", str) != kind.__name__:  # or parts could go on within parts
            part.fail("class", f"must be {kind.__name__}")
        found[name] = read_any_estimator(part)
    network, closed_form = found["network"], found["closed_form"]
    if network.image_shape_ != closed_form.patch_map_.image_shape:
        reader.fail("network", "is for pictures of another shape than closed_form")
    if not np.array_equal(network.classes_, closed_form.classes_):
        reader.fail("network", "knows other classes than closed_form")
    model = BlendedClassifier(network, closed_form)
    model.network_, model.closed_form_ = network, closed_form
    model.classes_, model.n_features_in_ = network.classes_, network.n_features_in_
    return model
