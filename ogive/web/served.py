"""What is served: a model, an index and a generator, or some of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ogive._devices import check_device
from ogive._errors import DataWarning, InvalidModelError, InvalidParameterError
from ogive._writing import PathLike
from ogive.images.picture_index import PictureIndex
from ogive.models import Model, load, load_for_use, read_header
from ogive.preprocessing import RowPreprocessing
from ogive.web.sampler import PictureSampler


@dataclass(frozen=True, eq=False)
class Served:
    """What the page can do, and what it is called.

    Attributes
    ----------
    model : Model or None
        Fitted on pictures of pixels from 0 to 255; tells the class of a picture.
    index : PictureIndex or None
        Tells the pictures that are most alike.
    generator : PictureSampler or None
        Makes pictures.
    title : str

    Raises
    ------
    InvalidParameterError
        If there is nothing to serve, or the model takes no pictures or predicts nothing.
    """

    model: Model | None = None
    index: PictureIndex | None = None
    generator: PictureSampler | None = None
    title: str = "Ogive"

    def __post_init__(self) -> None:
        if self.model is None and self.index is None and self.generator is None:
            raise InvalidParameterError(
                "nothing to serve: give a model, an index or a generator, or several of them"
            )
        if self.model is not None:
            self.model.require_target()
            _check_takes_pictures(self.model)

    @property
    def looks_at_pictures(self) -> bool:
        """Whether a picture can be sent to it."""
        return self.model is not None or self.index is not None


def open_served(
    *,
    model: PathLike | None = None,
    index: PathLike | None = None,
    generator: PathLike | None = None,
    device: str = "cpu",
) -> Served:
    """Load what is to be served.

    Parameters
    ----------
    model, index, generator : path, optional
        Files of ``ogive train`` or ``ogive fit``, of ``ogive index``, and of ``ogive generate``; at
        least one.
    device : str, default "cpu"
        Where the model computes: "cpu", "cuda" (or "cuda:1", ...), or "auto". Searching and
        generating are done on the CPU.

    Raises
    ------
    DataNotFoundError
        If a file is not there.
    InvalidParameterError
        If a file holds something else, or none is given; if the device is not there, or the model
        does not compute on it.
    """
    check_device(device)
    if model is None and device not in ("cpu", "auto"):
        raise InvalidParameterError(
            f"device={device!r}: only a model computes on a GPU; give a model, or leave the device "
            "out"
        )
    files = [path for path in (model, index, generator) if path is not None]
    return Served(
        None if model is None else _model(model, device),
        None if index is None else _index(index),
        None if generator is None else _generator(generator),
        " · ".join(Path(path).name for path in files),
    )


def _model(path: PathLike, device: str) -> Model:
    try:
        if read_header(path)["kind"] == "generator":
            raise InvalidParameterError(
                f"model={str(path)!r} makes pictures, and tells no classes: give it as generator"
            )
        return load_for_use(Path(path), device)
    except InvalidModelError as error:
        raise InvalidParameterError(f"model={str(path)!r} is none: {error}") from error


def _generator(path: PathLike) -> PictureSampler:
    try:
        found: Any = load(path)
    except InvalidModelError as error:
        raise InvalidParameterError(f"generator={str(path)!r} is none: {error}") from error
    if isinstance(found, PictureSampler):
        return found
    raise InvalidParameterError(
        f"generator={str(path)!r} holds a {type(found).__name__}, which makes no pictures: give "
        "a file of ogive generate"
    )


def _index(path: PathLike) -> PictureIndex:
    try:
        found = PictureIndex.load(path)
    except InvalidModelError as error:
        raise InvalidParameterError(f"index={str(path)!r} is no index: {error}") from error
    if not found.complete:
        warnings.warn(
            f"{path} was not finished: it holds {len(found):,} pictures so far; give the same "
            "ogive index command again, and it goes on where it stopped",
            DataWarning,
            stacklevel=3,
        )
    return found


def _check_takes_pictures(model: Model) -> None:
    rows = model.preprocessing
    if not isinstance(rows, RowPreprocessing) or rows.image_shape is None or not rows.pixels:
        raise InvalidParameterError(
            f"the model was fitted on {rows.describe()[0]}, and the page takes pictures of pixels "
            "from 0 to 255: fit one on pictures"
        )
