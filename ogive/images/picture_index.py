"""Pictures that can be searched by a picture: embedder, vectors and entries in one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from ogive._container import path_text, read_container, write_container
from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
    OgiveError,
)
from ogive._record import RecordReader, RecordWriter
from ogive._typing import Progress
from ogive._writing import PathLike
from ogive.data import Dataset
from ogive.images.embedding import Embedder, EmbeddingRecipe, read_embedder
from ogive.images.embedding_fit import describe, fitted_embedder, same_embedder
from ogive.images.picture_entries import Entries, Entry, Skipped
from ogive.images.picture_files import existing, find_files, listed, read_each, real_path
from ogive.images.picture_growth import Changes, Growth, SavedNowAndThen
from ogive.images.picture_hits import Hit, hits_of
from ogive.images.picture_record import check_format, read_index, write_index
from ogive.images.ranking import check_ranking
from ogive.images.vectors import ExactIndex, VectorIndex
from ogive.images.watched_folders import WatchedFolders, is_within
from ogive.kernels import Logistic, Sigmoid

_KERNEL = Sigmoid(2.0, 0.0)

Pictures = PathLike | np.ndarray | Sequence[PathLike]

_CURE = "build it again"


class PictureIndex:
    """Pictures by the unit vectors that an embedder makes of them.

    Parameters
    ----------
    embedder : Embedder
    approximate : bool, optional
        Whether large sets are searched by a graph (usearch) instead of by all inner products. By
        default from 100,000 pictures on, if usearch is installed.

    Attributes
    ----------
    embedder : Embedder
    vectors : VectorIndex
    entries : Entries
    folders : WatchedFolders
        Where `refresh` looks for new files.
    skipped : dict of str to Skipped
        Files that could not be read, and why.
    sources : dict of str to list of str or None
        Data sets by name: what `ogive.data.load` takes for them, and the split.
    complete : bool
        Whether the last change came to its end; False in a file saved on the way.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for angle in (0, 30, 90):
    ...         Image.linear_gradient("L").rotate(angle).save(f"{folder}/{angle}.png")
    ...     index = PictureIndex.build(folder, EmbeddingRecipe("pixels"))
    ...     hits = index.search(f"{folder}/0.png", k=2)[0]
    >>> [(Path(hit.entry.name).name, round(hit.product, 2)) for hit in hits]
    [('0.png', 1.0), ('30.png', 0.59)]
    """

    def __init__(self, embedder: Embedder, *, approximate: bool | None = None) -> None:
        self.embedder = embedder
        self.approximate = approximate
        self.vectors: VectorIndex = ExactIndex(embedder.width)
        self.entries = Entries()
        self.folders = WatchedFolders()
        self.skipped: dict[str, Skipped] = {}
        self.sources: dict[str, list[str] | None] = {}
        self.complete = True

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def build(
        cls,
        sources: PathLike | Sequence[PathLike] | Dataset,
        embedder: Embedder | EmbeddingRecipe | None = None,
        *,
        approximate: bool | None = None,
        path: PathLike | None = None,
        source: str | None = None,
        split: str = "train",
        save_every: float = 30.0,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Index pictures, or go on indexing where it stopped.

        Parameters
        ----------
        sources : path, sequence of path, or Dataset
            Picture files, folders (with the folders in them), or rows that are uint8 images.
        embedder : Embedder or EmbeddingRecipe, optional
            A recipe is fitted on a random sample of the pictures; by default that of patch
            features, or what the index at `path` has.
        approximate : bool, optional
            As for `PictureIndex`.
        path : path, optional
            Saved to on the way and at the end. If it is there, it is loaded and added to.
        source : str, optional
            What `ogive.data.load` takes for the data set, so that its pictures can be shown later.
        split : str
            The part of the data set.
        save_every : float
            Seconds between two times of saving; longer where saving itself takes long.
        seed : int
            Of the sample.
        progress : callable(str, int, int), optional
            Told what is done, how many pictures of it are, and of how many.

        Raises
        ------
        DataNotFoundError
            If a path is not there.
        InvalidDataError
            If there is no picture to fit on.
        InvalidParameterError
            If the file at `path` holds an index by another embedder.
        """
        index = cls.start(
            sources, embedder, approximate=approximate, path=path, seed=seed, progress=progress
        )
        index.add(
            sources,
            path=path,
            source=source,
            split=split,
            save_every=save_every,
            progress=progress,
        )
        return index

    @classmethod
    def start(
        cls,
        sources: PathLike | Sequence[PathLike] | Dataset,
        embedder: Embedder | EmbeddingRecipe | None = None,
        *,
        approximate: bool | None = None,
        path: PathLike | None = None,
        afresh: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Return the index at `path` if it is there, else an empty one, its embedder fitted.

        What `build` begins with; `add` is the rest. With ``afresh=True`` what is at `path` is not
        looked at. Everything else is as for `build`.
        """
        if path is None or afresh or not Path(path).expanduser().exists():
            recipe = EmbeddingRecipe() if embedder is None else embedder
            return cls(fitted_embedder(recipe, sources, seed, progress), approximate=approximate)
        index = cls.load(path)
        if embedder is not None and not same_embedder(index.embedder, embedder):
            raise InvalidParameterError(
                f"{path} holds an index by another embedding ({describe(index.embedder)}): choose "
                "another file, ask for that embedding, or build it anew (--rebuild, afresh=True)"
            )
        index.approximate = index.approximate if approximate is None else approximate
        return index

    def add(
        self,
        sources: PathLike | Sequence[PathLike] | Dataset,
        *,
        path: PathLike | None = None,
        source: str | None = None,
        split: str = "train",
        save_every: float = 30.0,
        progress: Progress | None = None,
    ) -> Changes:
        """Add pictures; those that are there are embedded again if their file has changed.

        Files that cannot be read are skipped and listed in `skipped`. Parameters are as for
        `build`.

        Raises
        ------
        DataNotFoundError
            If a path is not there.
        """
        saving = SavedNowAndThen(self, path, save_every)
        growth = Growth(self, saving, progress)
        if isinstance(sources, Dataset):
            return growth.add_rows(sources, source, split)
        paths = listed(sources)
        found = [file for one in paths for file in find_files(one)]
        self.folders.watch([real_path(one) for one in paths], found)
        return growth.add_files(found)

    def remove(self, names: PathLike | Sequence[PathLike], *, path: PathLike | None = None) -> int:
        """Remove pictures, and folders with all that is in them; their files are left alone.

        Parameters
        ----------
        names : path or sequence of path
            Paths, of what may be gone, or names of entries.
        path : path, optional
            Where to save the index.

        Returns
        -------
        int
            How many entries were removed.

        Raises
        ------
        InvalidParameterError
            If the index knows nothing of that name; then nothing is removed.
        """
        given = [str(name) for name in listed(names)]
        places = [real_path(name) for name in given if name not in self.entries]
        gone: dict[int, Entry] = {}
        for name in given:
            place = name if name in self.entries else real_path(name)
            inner = {e.id: e for e in self.entries if is_within(e.name, place)}
            others = (*self.skipped, *self.folders.roots)
            if not inner and not any(is_within(other, place) for other in others):
                raise InvalidParameterError(f"{name} is not in the index, nor is anything in it")
            gone |= inner
        paths = [*places, *(entry.name for entry in gone.values() if entry.name in given)]
        self.folders.forget(paths)
        self.skipped = {
            name: file
            for name, file in self.skipped.items()
            if not any(is_within(name, place) for place in paths)
        }
        self._drop(gone.values())
        if path is not None:
            self.save(path)
        return len(gone)

    def refresh(
        self,
        *,
        path: PathLike | None = None,
        save_every: float = 30.0,
        progress: Progress | None = None,
    ) -> Changes:
        """Embed changed files again, drop vanished ones, and add new ones of the indexed folders.

        Raises
        ------
        DataNotFoundError
            If an indexed folder is gone as a whole: a disk that is not there should not empty the
            index.
        """
        files = self.folders.files()
        known = {entry.name: entry for entry in self.entries if entry.is_file}
        now = existing(known)
        vanished = [entry for name, entry in known.items() if name not in now]
        self._drop(vanished)
        still = existing(self.skipped)
        self.skipped = {name: file for name, file in self.skipped.items() if name in still}
        named = {name: file for name, file in (still | now).items() if name not in files}
        growth = Growth(self, SavedNowAndThen(self, path, save_every), progress)
        return growth.add_files([*files.values(), *named.values()], removed=len(vanished))

    def search(
        self, pictures: Pictures, k: int = 10, *, kernel: Sigmoid | Logistic = _KERNEL
    ) -> list[tuple[Hit, ...]]:
        """Return the pictures most alike to each of some pictures, the most alike first.

        Ranked by inner products of unit vectors, and so by the kernel; equally near ones in the
        order in which they were added.

        Parameters
        ----------
        pictures : path, ndarray or sequence of path
            Files, names of entries, or uint8 pixels of shape (height, width, c) or
            (n, height, width, c).
        k : int, default 10
        kernel : Sigmoid or Logistic, default tanh(2 ⟨x, y⟩)
            With gamma > 0. Its values are reported.

        Returns
        -------
        list of tuple of Hit
            For each picture its hits.

        Raises
        ------
        DataNotFoundError
            If a path is neither a file nor an entry.
        InvalidDataError
            If a picture cannot be read.
        InvalidParameterError
            If gamma ≤ 0, or k is no whole number of at least 1.
        """
        check_ranking(kernel)
        return hits_of(self.vectors.search(self.embed(pictures), k), self.entries, kernel)

    def embed(self, pictures: Pictures) -> np.ndarray:
        """Return the unit vectors of pictures, float32 of shape (n, d); see `search`."""
        if isinstance(pictures, np.ndarray):
            return self.embedder.embed(pictures[None] if pictures.ndim == 3 else pictures)
        vectors = [self._vector(name) for name in listed(pictures)]
        return np.concatenate([np.empty((0, self.embedder.width), np.float32), *vectors])

    def save(self, path: PathLike) -> Path:
        """Write the index to one file, whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written; the file that was there is untouched.
        """
        writer = RecordWriter()
        write_index(self, writer)
        return write_container(path, writer.values, writer.arrays)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Return the index that `save` wrote; nothing that the file says is run or believed.

        Raises
        ------
        DataNotFoundError
            If there is no such file.
        InvalidModelError
            If it is no index, is damaged, or comes from a newer Ogive.
        """
        reader = RecordReader(*read_container(path, kind="index", cure=_CURE))
        try:
            check_format(reader)
            index = cls(read_embedder(reader.part("embedding")))
            read_index(index, reader)
        except OgiveError as error:
            raise InvalidModelError(
                f"{path_text(path)} cannot be loaded as a picture index: {error}; {_CURE}"
            ) from error
        return index

    def _vector(self, name: PathLike) -> np.ndarray:
        known = self.entries.named(str(name))
        if known is not None and not known.is_file:
            return self.vectors.vectors([known.id])
        if not Path(name).expanduser().is_file():
            raise DataNotFoundError(
                f"{name} is neither a picture file nor the name of an entry: check the path (here "
                f"is {Path.cwd()})"
            )
        (pixels,) = read_each([str(Path(name).expanduser())], self.embedder.image_shape)
        if isinstance(pixels, str):
            raise InvalidDataError(f"{name} is {pixels}")
        return self.embedder.embed(pixels[None])

    def _drop(self, entries: Iterable[Entry]) -> None:
        gone = list(entries)
        self.vectors.remove([entry.id for entry in gone])
        self.entries.remove(gone)
