"""A flow in closed form: its velocity by kernel ridge regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ogive._record import RecordReader, RecordWriter
from ogive._training import generator_at
from ogive._typing import Float, ImageShape, Int, Progress
from ogive.estimators import KernelRidge
from ogive.estimators.record import read_estimator, write_estimator
from ogive.images.generation.coupling import couple
from ogive.images.generation.network_record import read_image_shape
from ogive.images.generation.pixels import from_pixels
from ogive.kernels import Sigmoid

STRETCHES = 16
_MOST_STRETCHES = 1000
_ROWS, _POOL = 6000, 1000  # that a regression sees, and of which noise and pictures are coupled
_MOST_TURNS = 8  # of a picture, each time with other noise
_ALPHA = 0.01
_LABEL_SIZE = 3.0  # of a class among pixels of -1 to 1: classes lie about as far apart as pictures


@dataclass(frozen=True, eq=False)
class KernelFlow:
    """v(x, t, class) by kernel ridge regressions with landmarks, one for each stretch of time.

    Each is a `KernelRidge` with the sigmoid kernel tanh(⟨a, b⟩ / d - 1) from rows a of d numbers,
    the pixels at a time within the stretch and a code of the class, to the velocity there.

    Attributes
    ----------
    image_shape : (height, width, channels)
    classes : int
    regressions : tuple of KernelRidge
        Of stretches of equal length, from noise to pictures.
    """

    image_shape: ImageShape
    classes: int
    regressions: tuple[KernelRidge, ...]

    @classmethod
    def fit(
        cls,
        pictures: Tensor,
        labels: Tensor,
        classes: int,
        *,
        landmarks: int,
        unlabelled: float,
        seed: int,
        progress: Progress | None = None,
    ) -> KernelFlow:
        """Fit the regressions, each to up to 6,000 places on paths that it draws for itself.

        Parameters
        ----------
        pictures : Tensor of shape (n, channels, height, width)
            uint8. Fewer than 6,000 are taken several times (at most eight), each time with other
            noise.
        labels : Tensor of shape (n,)
            int64 codes.
        classes : int
        landmarks : int
            Of each regression.
        unlabelled : float
            The share of places whose class is kept back.
        seed : int
        progress : callable, optional
            Called with ("regressions", done, in all).

        Examples
        --------
        >>> pictures = torch.randint(256, (20, 1, 4, 4), dtype=torch.uint8)
        >>> labels = torch.arange(20) % 2
        >>> flow = KernelFlow.fit(pictures, labels, 2, landmarks=10, unlabelled=0.1, seed=0)
        >>> x = torch.randn(3, 1, 4, 4)
        >>> flow(x, torch.full((3,), 0.5), torch.tensor([0, 1, 2])).shape
        torch.Size([3, 1, 4, 4])
        """
        found = []
        for stretch in range(STRETCHES):
            if progress is not None:
                progress("regressions", stretch, STRETCHES)
            generator = generator_at(seed, stretch)
            rows = _drawn_rows(len(pictures), generator)
            ends = from_pixels(pictures[rows]).flatten(1)
            noise = torch.randn(ends.shape, generator=generator)
            pools = torch.arange(len(rows)).split(_POOL)
            noise = torch.cat([noise[p][couple(noise[p], ends[p], labels[rows[p]])] for p in pools])
            time = (stretch + torch.rand(len(rows), 1, generator=generator)) / STRETCHES
            hidden = torch.rand(len(rows), generator=generator) < unlabelled
            given = _with_label(
                torch.lerp(noise, ends, time), labels[rows].masked_fill(hidden, classes), classes
            )
            ridge = KernelRidge(
                alpha=_ALPHA,
                kernel=Sigmoid(1 / given.shape[1], -1.0),
                approximation="nystroem",
                n_components=min(landmarks, len(rows)),
                random_state=seed,
            )
            found.append(ridge.fit(given.numpy(), (ends - noise).numpy()))
        if progress is not None:
            progress("regressions", STRETCHES, STRETCHES)
        channels, height, width = pictures.shape[1:]
        return cls((height, width, channels), classes, tuple(found))

    def __call__(
        self, x: Float[Tensor, "b c h w"], time: Float[Tensor, " b"], label: Int[Tensor, " b"]
    ) -> Float[Tensor, "b c h w"]:
        """Return the velocity of each picture, as `FlowNetwork` does."""
        given = _with_label(x.flatten(1), label, self.classes).numpy()
        count = len(self.regressions)
        stretch = (time * count).long().clamp(0, count - 1)
        found = np.empty((len(x), given.shape[1] - self.classes), np.float32)
        # A network's bfloat16 would cost a regression, whose coefficients are large, its digits.
        with torch.autocast("cpu", enabled=False):
            for place in stretch.unique().tolist():
                rows = (stretch == place).numpy()
                found[rows] = self.regressions[place].predict(given[rows])
        return torch.from_numpy(found).reshape(x.shape)

    @property
    def parameter_count(self) -> int:
        """How many numbers were fitted."""
        return sum(ridge.dual_coef_.size for ridge in self.regressions)

    def write(self, writer: RecordWriter) -> None:
        """Write the flow for a file."""
        writer.value("image_shape", list(self.image_shape))
        writer.value("classes", self.classes)
        writer.value("stretches", len(self.regressions))
        for place, ridge in enumerate(self.regressions):
            write_estimator(ridge, writer.part(f"stretch {place}"))

    @classmethod
    def read(cls, reader: RecordReader) -> KernelFlow:
        """Read what `write` wrote.

        Raises
        ------
        InvalidModelError
            If something is missing, or its parts do not fit together.
        """
        shape = read_image_shape(reader)
        classes, count = reader.value("classes", int), reader.value("stretches", int)
        if not 1 <= count <= _MOST_STRETCHES:
            reader.fail("stretches", f"is {count}; it must be from 1 to {_MOST_STRETCHES}")
        pixels, found = shape[0] * shape[1] * shape[2], []
        for place in range(count):
            name = f"stretch {place}"
            ridge = read_estimator(reader.part(name))
            if type(ridge) is not KernelRidge or ridge.kernel == "precomputed":
                reader.fail(name, "is no kernel ridge regression from rows")
            if ridge.n_features_in_ != pixels + classes or ridge.dual_coef_.shape[1:] != (pixels,):
                reader.fail(name, f"does not take pictures of {shape} and one of {classes} classes")
            found.append(ridge)
        return cls(shape, classes, tuple(found))


def _drawn_rows(count: int, generator: torch.Generator) -> Int[Tensor, " n"]:
    """Return rows of pictures, each as often as any other give or take one, in any order."""
    turns = min(-(-_ROWS // count), _MOST_TURNS)
    return torch.cat([torch.randperm(count, generator=generator) for _ in range(turns)])[:_ROWS]


def _with_label(
    pixels: Float[Tensor, "n d"], label: Int[Tensor, " n"], classes: int
) -> Float[Tensor, "n e"]:
    """Append a code of the class: one number a class, all of them zero for none."""
    codes = torch.nn.functional.one_hot(label, classes + 1)[:, :classes]
    return torch.cat([pixels, _LABEL_SIZE * codes], 1)
