"""Whole models: preprocessing and estimator, fitted on data as they come, and kept in files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ogive.models.file import describe_file as describe_file
    from ogive.models.file import load as load
    from ogive.models.file import read_header as read_header
    from ogive.models.file import save as save
    from ogive.models.fit import Training as Training
    from ogive.models.fit import fit_model as fit_model
    from ogive.models.machines import Settings as Settings
    from ogive.models.machines import learns_from_targets as learns_from_targets
    from ogive.models.model import Model as Model
    from ogive.models.reading import ReadOptions as ReadOptions
    from ogive.models.reading import read_batch as read_batch
    from ogive.models.reading import read_examples as read_examples
    from ogive.models.reading import read_training as read_training
    from ogive.models.train import Course as Course
    from ogive.models.train import train_pictures as train_pictures
    from ogive.models.use import load_for_use as load_for_use

# Imported when first used: what a file says about itself is told without torch.
_HOMES = {
    "describe_file": "file",
    "load": "file",
    "read_header": "file",
    "save": "file",
    "Training": "fit",
    "fit_model": "fit",
    "Settings": "machines",
    "learns_from_targets": "machines",
    "Model": "model",
    "ReadOptions": "reading",
    "read_batch": "reading",
    "read_examples": "reading",
    "read_training": "reading",
    "Course": "train",
    "train_pictures": "train",
    "load_for_use": "use",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ogive.models' has no attribute {name!r}")
    value = getattr(import_module(f"ogive.models.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
