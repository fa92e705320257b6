"""Where tests that write thousands of files write them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def memory():
    """Return a folder in memory where there is such a place, and on disk elsewhere."""
    place = Path("/dev/shm")
    with TemporaryDirectory(dir=place if place.is_dir() else None) as folder:
        yield Path(folder)
