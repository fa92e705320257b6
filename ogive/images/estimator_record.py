"""Whatever estimator a model holds, in its file."""

from __future__ import annotations

from typing import Any

from ogive._record import RecordReader, RecordWriter
from ogive.estimators.record import read_estimator, write_estimator
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.record import read_network_classifier, write_network_classifier

_NETWORK = NetworkClassifier.__name__


def write_any_estimator(estimator: Any, writer: RecordWriter) -> None:
    """Write an estimator of `ogive.estimators`, or a trained network."""
    if type(estimator) is NetworkClassifier:
        writer.value("class", _NETWORK)
        write_network_classifier(estimator, writer)
    else:
        write_estimator(estimator, writer)


def read_any_estimator(reader: RecordReader) -> Any:
    """Read what `write_any_estimator` wrote; raise InvalidModelError as its readers do."""
    if reader.value("class", str) == _NETWORK:
        return read_network_classifier(reader)
    return read_estimator(reader)
