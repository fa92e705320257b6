"""CIFAR-10 and CIFAR-100 as published for C programs: rows of label bytes and planes of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data._files import PathLike, existing_file
from ogive.data.dataset import Dataset

_IMAGE_SHAPE = (32, 32, 3)
_PLANES = (3, 32, 32)  # in the files: all red values, then all green, then all blue
_PIXELS = 3 * 32 * 32
_BLOCK_ROWS = 512  # 1.5 MB, so that reading needs hardly more memory than its result
_MOST_NAME_BYTES = 1 << 16
_CURE = "download it again"


@dataclass(frozen=True)
class CifarLayout:
    """How one of the two sets lies in its files.

    Parameters
    ----------
    title : str
        For messages.
    folder : str
        The sub-folder that the official archive makes.
    files : dict of str to tuple of str
        The files of each split, in their order.
    label_bytes : int
        Before the pixels of each picture; the last one is the class.
    names_file : str
        Holds the class names, one a line.
    names : tuple of str or None
        The class names where that file may be missing.
    """

    title: str
    folder: str
    files: dict[str, tuple[str, ...]]
    label_bytes: int
    names_file: str
    names: tuple[str, ...] | None

    def within(self, folder: Path) -> Path | None:
        """Return the folder with the files, `folder` or the archive's sub-folder, or None."""
        return next((f for f in (folder, folder / self.folder) if self._recognised(f)), None)

    def splits(self, folder: Path) -> tuple[str, ...]:
        """Return the splits of which there is one file at least; what else is missing is damage."""
        return tuple(
            split
            for split, files in self.files.items()
            if any((folder / file).is_file() for file in files)
        )

    def is_whole(self, folder: Path) -> bool:
        """Return whether every file that is needed is there."""
        names_suffice = self.names is not None or (folder / self.names_file).is_file()
        return names_suffice and all(
            (folder / file).is_file() for files in self.files.values() for file in files
        )

    def _recognised(self, folder: Path) -> bool:
        # train.bin may be anything; with the names of the fine labels beside it, it is CIFAR-100.
        if self.names is None:
            return (folder / self.names_file).is_file()
        return bool(self.splits(folder))


CIFAR10 = CifarLayout(
    title="CIFAR-10",
    folder="cifar-10-batches-bin",
    files={
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    },
    label_bytes=1,
    names_file="batches.meta.txt",
    names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
)
CIFAR100 = CifarLayout(
    title="CIFAR-100",
    folder="cifar-100-binary",
    files={"train": ("train.bin",), "test": ("test.bin",)},
    label_bytes=2,  # coarse, fine
    names_file="fine_label_names.txt",
    names=None,
)


def read_cifar(folder: PathLike, split: str = "train", *, name: str | None = None) -> Dataset:
    """Read one split of CIFAR-10 or CIFAR-100 in the official binary version.

    Parameters
    ----------
    folder : str or path
        Holds `data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin` and `batches.meta.txt`
        (which may be missing), or `train.bin`, `test.bin` and `fine_label_names.txt`; or the
        folder above, where the official archive was unpacked.
    split : {"train", "test"}
        Which files to read.
    name : str, optional
        The name of the set; the folder's by default.

    Returns
    -------
    Dataset
        X uint8 of shape (n, 3072), flattened from height × width × channels; for CIFAR-100 the
        classes are the hundred fine ones.

    Raises
    ------
    DataNotFoundError
        If the folder holds neither set.
    InvalidDataError
        If a file is missing or damaged, or both sets are there.
    InvalidParameterError
        If `split` is neither.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "test_batch.bin"
    ...     _ = file.write_bytes(bytes([6]) + bytes(1024) + bytes([9]) * 2048)
    ...     frog = read_cifar(folder, "test", name="frog")
    >>> frog
    Dataset('frog': 1 rows × 3072 features (uint8), 10 classes, images 32×32×3)
    >>> frog.classes[frog.y[0]], frog.images()[0, 0, 0]
    ('frog', array([0, 9, 9], dtype=uint8))
    """
    if split not in ("train", "test"):
        raise InvalidParameterError(f"split={split!r} must be 'train' or 'test'")
    root = Path(folder).expanduser()
    found = find_cifar(root)
    if found is None:
        raise DataNotFoundError(
            f"{root} holds neither CIFAR-10 (data_batch_1.bin to data_batch_5.bin, test_batch.bin) "
            "nor CIFAR-100 (train.bin, test.bin, fine_label_names.txt): put all files of one there"
        )
    layout, place = found
    files = [_present(place / file, layout) for file in layout.files[split]]
    classes = _class_names(place / layout.names_file, layout)
    counts = [_pictures_in(file, layout) for file in files]
    X = np.empty((sum(counts), _PIXELS), dtype=np.uint8)
    y = np.empty(sum(counts), dtype=np.int64)
    first = 0
    for file, count in zip(files, counts, strict=True):
        rows = slice(first, first + count)
        _fill(file, layout, X[rows], y[rows])
        _check_labels(file, layout, y[rows], len(classes))
        first += count
    return Dataset(name or root.resolve().name, X, y, classes, _IMAGE_SHAPE, None)


def find_cifar(folder: Path) -> tuple[CifarLayout, Path] | None:
    """Return which set lies in or just below a folder, and where; None for neither.

    Raises
    ------
    InvalidDataError
        If both do.

    Examples
    --------
    >>> find_cifar(Path("/nowhere")) is None
    True
    """
    found = [(known, place) for known in (CIFAR10, CIFAR100) if (place := known.within(folder))]
    if len(found) > 1:
        raise InvalidDataError(
            f"{folder} holds both CIFAR-10 and CIFAR-100: name the folder of one ("
            + " or ".join(str(folder / known.folder) for known, _ in found)
            + "), or move one elsewhere"
        )
    return found[0] if found else None


def cifar_splits(folder: Path) -> tuple[str, ...]:
    """Return which of "train" and "test" a folder of CIFAR files has.

    Examples
    --------
    >>> cifar_splits(Path("/nowhere"))
    ()
    """
    found = find_cifar(folder)
    return found[0].splits(found[1]) if found else ()


def _present(file: Path, layout: CifarLayout) -> Path:
    if not file.is_file():
        raise InvalidDataError(
            f"{file} is missing, so this {layout.title} is not whole: put the file there, or "
            "download the set again"
        )
    return file


def _class_names(file: Path, layout: CifarLayout) -> tuple[str, ...]:
    if layout.names is not None and not file.exists():
        return layout.names
    with existing_file(file).open("rb") as stream:
        text = stream.read(_MOST_NAME_BYTES + 1)
    try:
        names = tuple(line.strip() for line in text.decode("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError:
        names = ()
    if not names or len(text) > _MOST_NAME_BYTES:
        raise InvalidDataError(
            f"{file} ({len(text)} bytes read) is no list of class names, one a line: {_CURE}"
        )
    return names


def _pictures_in(file: Path, layout: CifarLayout) -> int:
    width = layout.label_bytes + _PIXELS
    size = file.stat().st_size
    if size == 0 or size % width:
        raise InvalidDataError(
            f"{file} has {size} bytes, which is no whole number of pictures ({layout.label_bytes} "
            f"of label and {_PIXELS} of pixels each): it is truncated or not {layout.title}, "
            f"{_CURE}"
        )
    return size // width


def _fill(file: Path, layout: CifarLayout, X: np.ndarray, y: np.ndarray) -> None:
    """Read one file into its rows, a block at a time."""
    width = layout.label_bytes + _PIXELS
    images = X.reshape(-1, *_IMAGE_SHAPE)
    with file.open("rb") as stream:
        for start in range(0, len(y), _BLOCK_ROWS):
            rows = slice(start, min(start + _BLOCK_ROWS, len(y)))
            count = rows.stop - rows.start
            block = np.fromfile(stream, dtype=np.uint8, count=count * width)
            if block.size < count * width:
                raise InvalidDataError(f"{file} became shorter while it was read: {_CURE}")
            block = block.reshape(count, width)
            y[rows] = block[:, layout.label_bytes - 1]
            planes = block[:, layout.label_bytes :].reshape(count, *_PLANES)
            images[rows] = planes.transpose(0, 2, 3, 1)


def _check_labels(file: Path, layout: CifarLayout, y: np.ndarray, classes: int) -> None:
    if y.max() >= classes:
        row = int(np.argmax(y >= classes))
        raise InvalidDataError(
            f"{file}: picture {row} has the label {y[row]}, but there are {classes} classes, "
            f"0 to {classes - 1}: it is damaged or not {layout.title}, {_CURE}"
        )
