"""Loading a file as a model that takes data as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ogive._devices import check_device
from ogive._errors import InvalidModelError, InvalidParameterError
from ogive.models.file import load
from ogive.models.model import Model


def load_for_use(path: str | Path, device: str = "cpu") -> Model:
    """Return the model in a file, ready to compute on a device.

    Parameters
    ----------
    path : str or path
    device : str
        "cpu", "cuda" (or "cuda:1", ...), or "auto".

    Raises
    ------
    DataNotFoundError, InvalidModelError
        As `load`; also if the file holds an estimator without preprocessing.
    InvalidParameterError
        If the device is not there, or the model does not compute on it.
    """
    check_device(device)
    found: Any = load(path)
    if not isinstance(found, Model):
        raise InvalidModelError(
            f"{path} holds a bare {type(found).__name__}, which knows nothing of names and "
            "preprocessing: use it in Python with ogive.load, or fit with ogive fit"
        )
    if "device" in found.estimator.get_params():
        found.estimator.set_params(device=device)
    elif device not in ("cpu", "auto"):
        raise InvalidParameterError(
            f"device={device!r}: {path} holds a {type(found.estimator).__name__}, which computes "
            "on the CPU"
        )
    return found
