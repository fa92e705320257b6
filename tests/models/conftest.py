"""Where model files are written: in memory, for some tests write thousands."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def memory():
    """Return a folder in memory where there is such a place, and on disk elsewhere."""
    place = Path("/dev/shm")
    with TemporaryDirectory(dir=place if place.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def file(memory):
    """Return the path of a model file that is not there yet."""
    return memory / "model.ogive"
