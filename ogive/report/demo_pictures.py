"""The demonstration's other halves: pictures searched for by a picture, and digits drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ogive._errors import InvalidDataError
from ogive._resources import Meter
from ogive.data import Dataset, load, stratified_subset
from ogive.estimators import KernelRidgeClassifier
from ogive.images.embedding import EmbeddingRecipe
from ogive.images.generation import GeneratorRecipe, train_generator
from ogive.images.generation.pixels import whole_pixels
from ogive.images.picture_hits import Hit
from ogive.images.picture_index import PictureIndex
from ogive.kernels import Sigmoid
from ogive.report.contact_sheet import SheetHit, SheetQuery
from ogive.report.demo_result import DrawnDigits, Search

_KERNEL = Sigmoid(2.0, 0.0)  # of unit vectors: tanh bends, and does not saturate
_EMBEDDING = "pca"
_HITS, _SHOWN = 5, 6
_QUERIES = 2000
_COLUMNS, _COUNTED = 10, 200  # digits of a class that are shown, and all that are counted
_STEPS = 16  # one for each of the generator's regressions


def whole_pictures(data: Dataset) -> np.ndarray | None:
    """Return a data set as uint8 pictures (n, height, width, c); None if it holds none."""
    if data.image_shape is None:
        return None
    try:
        return whole_pixels(data.images()).movedim(1, -1).contiguous().numpy()
    except InvalidDataError:  # numbers in the form of pictures, of any size
        return None


def search_pictures(train: Dataset, test: Dataset) -> Search | None:
    """Index training pictures, and search for test pictures among them; None if there are none.

    The first picture of each of some classes is shown with its hits; the share of hits that are
    of the query's class is counted over many.

    Parameters
    ----------
    train, test : Dataset
        Of the same classes.

    Returns
    -------
    Search or None
    """
    pictures, queries = whole_pictures(train), whole_pictures(test)
    if pictures is None or queries is None or len(pictures) < 2:
        return None
    classes = train.classes
    with Meter() as meter:
        rows = replace(train, X=pictures.reshape(len(pictures), -1))
        try:
            index = PictureIndex.build(rows, EmbeddingRecipe(_EMBEDDING))
        except InvalidDataError:  # all are the same, say: there is nothing to tell them apart by
            return None
        asked = stratified_subset(test.y, min(_QUERIES, len(test)))
        found = index.search(queries[asked], _HITS, kernel=_KERNEL)
    wanted = [classes[code] for code in test.y[asked]]
    right = [hit.entry.label == name
             for name, hits in zip(wanted, found, strict=True) for hit in hits]  # fmt: skip
    _, places = np.unique(test.y[asked], return_index=True)
    return Search(
        pictures=len(index),
        embedding=_EMBEDDING,
        kernel=str(_KERNEL),
        seconds=meter.seconds,
        queries=len(asked),
        precision=float(np.mean(right)),
        shown=tuple(
            SheetQuery(
                queries[asked[place]],
                wanted[place],
                [_shown(hit, pictures) for hit in found[place]],
            )
            for place in places[:_SHOWN].tolist()
        ),
    )


def _shown(hit: Hit, pictures: np.ndarray) -> SheetHit:
    return SheetHit(pictures[hit.entry.id], hit.value, hit.entry.label or "")


def draw_digits() -> DrawnDigits:
    """Fit a generator to scikit-learn's digits in closed form, and draw some of each.

    How many are what was asked for is told by a classifier that has learned the same digits.

    Returns
    -------
    DrawnDigits
    """
    train, test = load("digits"), load("digits", "test")
    with Meter() as fitting:
        generator = train_generator(train, GeneratorRecipe(method="closed-form"))
    with Meter() as drawing:
        pictures = generator.sample(_COUNTED, seed=0, steps=_STEPS)
    reader = KernelRidgeClassifier(
        1e-3, kernel=Sigmoid("suggest", "suggest").resolve(train.features())
    ).fit(train.features(), train.y)
    classes = len(train.classes)
    asked = np.arange(_COUNTED) % classes
    read = reader.predict(pictures.reshape(_COUNTED, -1) / np.float32(255))
    return DrawnDigits(
        rows=len(train),
        kernel=generator.summary["kernel"],
        fit_seconds=fitting.seconds,
        draw_seconds=drawing.seconds,
        drawn=_COUNTED,
        agreement=float((read == asked).mean()),
        reader_accuracy=float((reader.predict(test.features()) == test.y).mean()),
        pictures=np.stack([pictures[code::classes][:_COLUMNS] for code in range(classes)]),
        classes=train.classes,
    )
