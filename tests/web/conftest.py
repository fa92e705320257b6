"""A small model and index of real pictures, and the page that serves them."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sklearn.datasets import load_digits

Waves = runpy.run_path(str(Path(__file__).with_name("server_process.py")))["Waves"]
SECRET = "Zebras at home"  # a folder whose name nobody may learn


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Return a folder of digits by class, and beside it one that is not in there."""
    folder = tmp_path_factory.mktemp("web") / SECRET
    X, y = load_digits(return_X_y=True)
    pixels = (X.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    for row in range(300):
        place = folder / "numerals" / f"digit {y[row]}" / f"{row}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[row]).save(place)
    assert y[654] == 8
    Image.fromarray(pixels[654]).resize((40, 48)).convert("RGB").save(folder / "query 8.png")
    return folder


@pytest.fixture(scope="session")
def files(pictures):
    """Return the paths of a model and an index of the digits."""
    import ogive
    from ogive.data import load
    from ogive.images.embedding import EmbeddingRecipe
    from ogive.images.picture_index import PictureIndex
    from ogive.images.recipe import Recipe
    from ogive.models import Training, train_pictures

    recipe = Recipe.of({"closed-form": {"filters": 32, "patch_size": 3, "grid": 2}})
    model = train_pictures(Training.of(load(pictures / "numerals")), recipe)
    ogive.save(model, pictures / "digits.ogive")
    embedding = EmbeddingRecipe("pca", (8, 8, 1), {"components": 12})
    path = pictures / "digits.index"
    PictureIndex.build(pictures / "numerals", embedding, path=path)
    return pictures / "digits.ogive", path


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """Return the path of a generator that has learnt nothing yet."""
    import ogive
    from ogive.images.generation import PictureGenerator
    from ogive.images.generation.network import FlowNetwork, NetworkShape

    network = FlowNetwork(NetworkShape((8, 8, 1), classes=2, width=8))
    path = tmp_path_factory.mktemp("generator") / "g.ogive"
    return ogive.save(PictureGenerator(network, ("cat", "dog")), path)


@pytest.fixture(scope="session")
def loaded(files):
    from ogive.web import open_served

    return open_served(model=files[0], index=files[1])


@pytest.fixture
def waves():
    return Waves()


@pytest.fixture
def connect(loaded, waves):
    """Return a function that makes a client of an application of its own."""
    from ogive.web import Limits, Served, create_app

    def client(limits=None, **parts):
        given = {"model": loaded.model, "index": loaded.index, "generator": waves} | parts
        app = create_app(Served(**given), limits or Limits())
        return TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False)

    return client


@pytest.fixture
def client(connect):
    return connect()
