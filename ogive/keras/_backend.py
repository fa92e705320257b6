"""Keras itself, or an error that names the extra; the other files import it from here."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from ogive._errors import MissingDependencyError

__all__ = ["keras"]


def configured_backend() -> str:
    """Return the backend that Keras would take: KERAS_BACKEND, keras.json, or its own default."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        settings = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
        return str(settings.get("backend", "tensorflow"))
    except (OSError, ValueError, AttributeError):
        return "tensorflow"


# Keras takes TensorFlow unless told otherwise, and writes that into keras.json too; where there is
# none, importing Keras fails. PyTorch is always there, because Ogive needs it.
if (
    "keras" not in sys.modules
    and configured_backend() == "tensorflow"
    and not os.environ.get("KERAS_BACKEND")
    and find_spec("tensorflow") is None
):
    os.environ["KERAS_BACKEND"] = "torch"

try:
    import keras  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    if error.name != "keras":
        raise  # the backend that was asked for is missing, and Keras says which
    raise MissingDependencyError.for_extra("keras", "keras", "ogive.keras") from error
