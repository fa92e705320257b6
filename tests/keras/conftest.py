"""Keras on the backend that KERAS_BACKEND names, or PyTorch; test_backends.py runs the other."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")


def pytest_collection_modifyitems(items):
    # How Keras itself turns torch's tensors into arrays.
    quiet = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(quiet)


@pytest.fixture(autouse=True)
def fixed_keras_seeds(fixed_seeds):
    import keras

    keras.utils.set_random_seed(0)
