"""Fitting an embedder to the pictures that are to be indexed, and telling embedders apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ogive._errors import InvalidDataError, InvalidTypeError
from ogive._record import RecordWriter
from ogive._typing import ImageShape, Progress
from ogive._writing import PathLike
from ogive.data import Dataset
from ogive.images.embedding import (
    Embedder,
    EmbeddingRecipe,
    check_classes,
    embedder_named,
    write_embedder,
)
from ogive.images.picture_files import PictureFile, find_files, listed, read_each
from ogive.images.picture_shapes import check_images, resize_pictures

Sources = PathLike | Sequence[PathLike] | Dataset

_FILES = 64  # decoded at a time
_SHAPE: ImageShape = (32, 32, 3)
_LARGEST_SIDE = 64  # of a data set's pictures that are embedded in their own size


def fitted_embedder(
    embedder: Embedder | EmbeddingRecipe, sources: Sources, seed: int, progress: Progress | None
) -> Embedder:
    """Return the embedder itself, or one fitted on a random sample of the pictures.

    Raises
    ------
    InvalidDataError
        If there is no readable picture, or classes are needed and there are none.
    """
    if isinstance(embedder, Embedder):
        return embedder
    generator = np.random.default_rng(seed)
    if isinstance(sources, Dataset):
        images, labels = _of_rows(sources, embedder, generator)
    else:
        images, labels = _of_files(sources, embedder, generator, progress)
    return embedder.fit(images, labels, seed=seed, progress=progress)


def pictures_of(rows: Dataset) -> np.ndarray:
    """Return the pixels of a data set, uint8 of shape (n, height, width, c).

    Raises
    ------
    InvalidDataError
        If it holds no pictures.
    InvalidTypeError
        If they are numbers of another type: nobody knows which of them is white.
    """
    if rows.image_shape is None:
        raise InvalidDataError(
            f"{rows.name} holds rows of {rows.X.shape[1]} numbers and no pictures: name a folder "
            "of pictures, or data that hold some"
        )
    images = rows.images()
    if images.dtype != np.uint8:
        raise InvalidTypeError(
            f"{rows.name} holds numbers of type {images.dtype}, and an index takes pixels from 0 "
            "to 255 (uint8): scale and cast them to such in Python, or choose other data"
        )
    check_images(images)
    return images


def same_embedder(mine: Embedder, other: Embedder | EmbeddingRecipe) -> bool:
    """Return whether an embedder is another one, to the last number, or what a recipe makes."""
    if isinstance(other, EmbeddingRecipe):
        return other.fits(mine)
    left, right = RecordWriter(), RecordWriter()
    write_embedder(mine, left)
    write_embedder(other, right)
    return left.values == right.values and all(
        np.array_equal(array, right.arrays[name]) for name, array in left.arrays.items()
    )


def describe(embedder: Embedder) -> str:
    """Return an embedder in words, for people.

    Examples
    --------
    >>> describe(embedder_named("pixels")((28, 28, 1)))
    'pixels, image_shape 28×28×1'
    """
    options = "".join(f", {name} {value}" for name, value in embedder.settings.items())
    return f"{embedder.name}, image_shape {'×'.join(map(str, embedder.image_shape))}{options}"


def _of_rows(
    rows: Dataset, recipe: EmbeddingRecipe, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    images = pictures_of(rows)
    height, width, channels = images.shape[1:]
    small = max(height, width) <= _LARGEST_SIDE and channels in (1, 3)
    shape = recipe.image_shape or (images.shape[1:] if small else _SHAPE)
    labels = np.asarray(rows.y) if rows.classes else np.full(len(rows), -1)
    kind = embedder_named(recipe.name)
    if kind.learns:
        check_classes(labels, recipe.name)
    chosen = np.sort(generator.permutation(len(images))[: kind.sample])
    return resize_pictures(images[chosen], shape), labels[chosen]


def _of_files(
    sources: PathLike | Sequence[PathLike],
    recipe: EmbeddingRecipe,
    generator: np.random.Generator,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:
    files = [file for source in listed(sources) for file in find_files(source)]
    kind, codes = embedder_named(recipe.name), _codes(files)
    if kind.learns and files:
        check_classes(codes, recipe.name)  # before minutes of reading
    shape = recipe.image_shape or _SHAPE
    # A few more than wanted, and read in turn: some may be unreadable.
    order = generator.permutation(len(files))
    if kind.learns:
        order = order[codes[order] >= 0]
    pictures: list[np.ndarray] = []
    labels: list[int] = []
    reason = ""
    while len(order) and len(pictures) < kind.sample:
        part, order = order[:_FILES], order[_FILES:]
        paths = [files[place].path for place in part]
        for place, one in zip(part, read_each(paths, shape), strict=True):
            if isinstance(one, str):
                reason = reason or f": {files[place].path} is {one}"
            else:
                pictures.append(one)
                labels.append(codes[place])
        if progress is not None:
            total = min(kind.sample, len(pictures) + len(order))
            progress("reading a sample", min(len(pictures), total), total)
    if not pictures:
        raise InvalidDataError(
            f"there is no readable picture among {len(files)} files{reason}; name a folder of "
            "pictures, or picture files"
        )
    return np.stack(pictures[: kind.sample]), np.array(labels[: kind.sample])


def _codes(files: Sequence[PictureFile]) -> np.ndarray:
    """Return the files' classes as numbers, -1 where there is none."""
    known = {label: code for code, label in enumerate(sorted({f.label for f in files if f.label}))}
    return np.array([known.get(file.label or "", -1) for file in files], dtype=np.int64)
