"""A trained generator of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._checks import check_count, check_positive
from ogive._errors import InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive._typing import Float, Progress
from ogive.images.generation.flow import MOST_GUIDANCE, guided, integrate
from ogive.images.generation.kernel_flow import KernelFlow
from ogive.images.generation.network import FlowNetwork
from ogive.images.generation.network_record import read_network, write_network
from ogive.images.generation.pixels import to_pixels
from ogive.operators.precision import fast_bfloat16

# Samples are made in chunks of this size, the last one filled up: how a processor adds up depends
# on the size, and a sample must not depend on how many are asked for.
_CHUNK = 16


@dataclass(frozen=True, eq=False)
class PictureGenerator:
    """Makes pictures of the classes it was trained on, by flow matching.

    Made by `train_generator` or ``ogive generate``; kept by `ogive.save`.

    Attributes
    ----------
    velocity : FlowNetwork or KernelFlow
        Trained by gradient, or fitted in closed form.
    classes : tuple of str
    guidance : float
        How far samples are pushed towards their class, unless `sample` is told otherwise; 1 for
        not at all.
    summary : mapping
        How it was trained: plain values for people.

    Examples
    --------
    >>> from ogive.images.generation.network import NetworkShape
    >>> network = FlowNetwork(NetworkShape((8, 8, 1), classes=2, width=8))
    >>> generator = PictureGenerator(network, ("cat", "dog"))
    >>> pictures = generator.sample(3, seed=7, steps=2)
    >>> pictures.shape, pictures.dtype
    ((3, 8, 8, 1), dtype('uint8'))
    >>> np.array_equal(generator.sample(1, seed=7, steps=2), pictures[:1])
    True
    """

    velocity: FlowNetwork | KernelFlow
    classes: tuple[str, ...]
    guidance: float = 2.0
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a picture."""
        return self.velocity.image_shape

    def sample(
        self,
        count: int,
        *,
        label: int | None = None,
        seed: int = 0,
        steps: int = 20,
        guidance: float | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Return new pictures.

        Sample i depends on the seed, i, and the options; not on how many there are.

        Parameters
        ----------
        count : int
        label : int, optional
            The code of a class; by default one class after the other: i modulo their number.
        seed : int, default 0
        steps : int, default 20
            Of the way from noise to picture; two evaluations of the velocity each. Paths are
            nearly straight: 5 to 10 do for a preview.
        guidance : float, optional
            Instead of the generator's own.
        progress : callable, optional
            Called with ("sampling", pictures done, pictures in all), first with none done.

        Returns
        -------
        ndarray of shape (count, height, width, channels)
            uint8.

        Raises
        ------
        InvalidParameterError
            If there is no such class, or a number is out of range.
        """
        check_count(count, "count")
        noise, labels = self._noise(count, seed), self._labels(count, label)
        return self._transported(noise, labels, steps, guidance, progress)

    def interpolate(
        self,
        count: int,
        other_seed: int,
        *,
        frames: int = 8,
        label: int | None = None,
        seed: int = 0,
        steps: int = 20,
        guidance: float | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Return pictures on the way from the samples of one seed to those of another.

        Noise is mixed as cos(θ) a + sin(θ) b, θ from 0 to π/2, which is as likely as its ends.

        Parameters
        ----------
        count : int
        other_seed : int
        frames : int, default 8
            At least 2: the first is the sample of `seed`, the last that of `other_seed`.
        label, seed, steps, guidance, progress
            As for `sample`.

        Returns
        -------
        ndarray of shape (count, frames, height, width, channels)
            uint8.
        """
        check_count(count, "count")
        check_count(frames, "frames", least=2)
        labels = self._labels(count, label).repeat_interleave(frames)
        first, last = (self._noise(count, s)[:, None] for s in (seed, other_seed))
        angle = torch.linspace(0, 1, frames).mul(torch.pi / 2)[:, None, None, None]
        # The cosine of a rounded right angle is not zero; the ends are to be samples exactly.
        far = angle.cos().where(angle < angle[-1], 0.0)
        noise = (far * first + angle.sin() * last).flatten(0, 1)
        found = self._transported(noise, labels, steps, guidance, progress)
        return found.reshape(count, frames, *self.image_shape)

    def class_code(self, name: str) -> int:
        """Return the code of a class that is given by its name or its number.

        Raises
        ------
        InvalidParameterError
            If there is none.
        """
        if name in self.classes:
            return self.classes.index(name)
        if name.isdecimal() and int(name) < len(self.classes):
            return int(name)
        raise InvalidParameterError(
            f"class={name!r} is unknown; give a name or its number: {_listed(self.classes)}"
        )

    def write(self, writer: RecordWriter) -> None:
        """Write the generator for a file."""
        part = writer.part("velocity")
        if isinstance(self.velocity, KernelFlow):
            part.value("kind", "regressions")
            self.velocity.write(part)
        else:
            part.value("kind", "network")
            write_network(self.velocity, part)
        writer.value("classes", list(self.classes))
        writer.value("guidance", self.guidance)
        writer.value("summary", dict(self.summary))

    @classmethod
    def read(cls, reader: RecordReader) -> PictureGenerator:
        """Read what `write` wrote.

        Raises
        ------
        InvalidModelError
            If something is missing, or its parts do not fit together.
        """
        part = reader.part("velocity")
        kind = part.value("kind", str, choices=_READERS)
        velocity = _READERS[kind](part)
        classes = reader.strings("classes")
        if len(classes) != velocity.classes or len(set(classes)) < len(classes):
            reader.fail("classes", f"are {len(classes)}, not {velocity.classes} different")
        guidance = reader.value("guidance", float)
        if not 0 <= guidance <= MOST_GUIDANCE:
            reader.fail("guidance", f"is {guidance}; it must be from 0 to {MOST_GUIDANCE:g}")
        return cls(velocity, classes, guidance, reader.value("summary", dict))

    def _labels(self, count: int, label: int | None) -> Tensor:
        classes = len(self.classes)
        if label is None:
            return torch.arange(count) % classes
        if check_count(label, "label", least=0) >= classes:
            raise InvalidParameterError(
                f"label={label!r}; it must be a class's code: {_listed(self.classes)}"
            )
        return torch.full((count,), label)

    def _noise(self, count: int, seed: int) -> Float[Tensor, "n c h w"]:
        """Return noise, that of each place by the seed and the place alone."""
        check_count(seed, "seed", least=0)
        height, width, channels = self.image_shape
        shape = (channels, height, width)
        generators = (np.random.default_rng([seed, place]) for place in range(count))
        rows = [generator.standard_normal(shape, np.float32) for generator in generators]
        return torch.from_numpy(np.stack(rows))

    @torch.inference_mode()
    def _transported(
        self,
        noise: Tensor,
        labels: Tensor,
        steps: int,
        guidance: float | None,
        progress: Progress | None,
    ) -> np.ndarray:
        """Return the pictures that noise becomes, chunk by chunk."""
        count = len(noise)
        check_count(steps, "steps")
        guidance = self.guidance if guidance is None else guidance
        check_positive(guidance, "guidance", allow_zero=True)
        if guidance > MOST_GUIDANCE:
            raise InvalidParameterError(
                f"guidance={guidance!r}; it must be from 0 to {MOST_GUIDANCE:g}"
            )
        tell = progress or (lambda what, done, total: None)
        found = []
        tell("sampling", 0, count)
        # Weights in bfloat16 change pixels by less than what they are rounded to.
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
            for place in range(0, count, _CHUNK):
                chunk = torch.arange(place, place + _CHUNK) % count
                velocity = guided(self.velocity, labels[chunk], guidance)
                found.append(to_pixels(integrate(velocity, noise[chunk], steps)))
                tell("sampling", min(place + _CHUNK, count), count)
        return np.concatenate(found)[:count]


_READERS: dict[str, Callable[[RecordReader], FlowNetwork | KernelFlow]] = {
    "network": read_network,
    "regressions": KernelFlow.read,
}


def _listed(classes: tuple[str, ...]) -> str:
    shown = [f"{code} {name!r}" for code, name in enumerate(classes[:20])]
    return ", ".join(shown) + (", …" if len(classes) > 20 else "")
