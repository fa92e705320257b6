"""What the page says of a picture: its class, and the pictures most alike to it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np

from ogive.images.picture_entries import Entry
from ogive.images.picture_hits import Hit
from ogive.images.picture_index import PictureIndex
from ogive.images.picture_shapes import resize_pictures
from ogive.kernels import Sigmoid
from ogive.models import Model
from ogive.preprocessing import RowPreprocessing
from ogive.web.served import Served
from ogive.web.text import printable

KERNEL = Sigmoid(2.0, 0.0)
KERNEL_FORMULA = "tanh(2 ⟨x, y⟩)"


def look(served: Served, picture: np.ndarray, hits: int) -> dict[str, Any]:
    """Return what a model and an index say of a picture, in plain values.

    Parameters
    ----------
    served : Served
    picture : ndarray of shape (height, width, 1 or 3)
        uint8.
    hits : int
        How many pictures of the index to name.

    Returns
    -------
    dict
        height and width; "model" with "answer" (the class, or a number) and "shares" (each class
        and its probability, the likeliest first; None if the model knows none), or None;
        "hits" (rank, number, name, class, product, kernel), or None.
    """
    return {
        "height": picture.shape[0],
        "width": picture.shape[1],
        "model": None if served.model is None else _judged(served.model, picture),
        "hits": None if served.index is None else _alike(served.index, picture, hits),
    }


def _judged(model: Model, picture: np.ndarray) -> dict[str, Any]:
    rows = model.preprocessing
    assert isinstance(rows, RowPreprocessing) and rows.image_shape is not None
    height, width, _ = rows.image_shape
    # The channels are the preprocessing's to see to, as for files.
    images = resize_pictures(picture[None], (height, width, picture.shape[2]))
    answer = model.predict(images)[0]
    if not model.classes:
        return {"answer": float(answer), "shares": None}
    shares = None
    if model.gives_probabilities:
        (found,) = model.predict_proba(images)
        order = np.argsort(-found, kind="stable")
        shares = [{"class": printable(model.classes[i]), "share": float(found[i])} for i in order]
    return {"answer": printable(answer), "shares": shares}


def _alike(index: PictureIndex, picture: np.ndarray, hits: int) -> list[dict[str, Any]]:
    if not len(index):
        return []
    return [_hit(hit) for hit in index.search(picture, hits, kernel=KERNEL)[0]]


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "number": hit.entry.id,
        "name": _name(hit.entry),
        "class": None if hit.entry.label is None else printable(hit.entry.label),
        "product": hit.product,
        "kernel": hit.value,
    }


def _name(entry: Entry) -> str:
    """Return what a picture is called, without the folders it lies in: they are nobody's concern.

    Rows of a data set are called by a path too, if that is what the data set is called by.
    """
    return printable(PurePath(entry.name).name)
