"""The loop of every training: steps, checkpoints, log, and an end that can be gone on from."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ogive._container import path_text
from ogive._errors import OgiveError
from ogive._training.kept import Kept, Stateful
from ogive._training.log import TrainingLog
from ogive._typing import Progress
from ogive._writing import check_writable_folder

Figures = Mapping[str, float]


@dataclass(frozen=True)
class TrainingFiles:
    """What a training keeps while it runs.

    Attributes
    ----------
    checkpoint : Path, optional
        Written now and then, and at the end. If it is there, training goes on from it.
    log : Path, optional
        JSON lines.
    every : float, default 60
        Seconds between two checkpoints.
    """

    checkpoint: Path | None = None
    log: Path | None = None
    every: float = 60.0


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted (Ctrl-C) between two steps; the message says how to go on."""


class DivergedError(OgiveError, ArithmeticError):
    """A figure of a training is no longer a number."""


def run_training(
    step: Callable[[int], Figures | None],
    steps: int,
    parts: Mapping[str, Stateful],
    *,
    seed: int = 0,
    identity: Mapping[str, Any] | None = None,
    files: TrainingFiles = TrainingFiles(),
    finished: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
    report: Callable[[Mapping[str, Any]], None] | None = None,
) -> float:
    """Take the steps of a training that are not done yet.

    A training that was stopped anywhere, even killed, and is run again with the same arguments ends
    with the same weights, bit for bit, as one that was not stopped, if what a step does depends on
    its number, the parts and torch's global generators alone. `Batches` and `generator_at` make
    random choices of that kind.

    Parameters
    ----------
    step : callable(int) -> mapping or None
        Takes the step of that number, counted from 0. Returns figures for the log, where there are
        some worth a line.
    steps : int
        How many there are in all.
    parts : mapping of objects with ``state_dict`` and ``load_state_dict``
        Everything that a step changes.
    seed : int, default 0
        Of torch's global generators during the training; afterwards they are as before it.
    identity : mapping, optional
        Recipe and data (see `digest`), in plain values: a checkpoint of another one is refused.
    files : TrainingFiles
    finished : callable() -> bool, optional
        Asked between two steps whether the others are not worth taking; what it depends on belongs
        to the parts.
    progress : callable, optional
        Called with ("training", steps done, steps in all) after each step, and once at the start.
    report : callable, optional
        Called with each record of the log: the figures, "step" (how many were done) and "seconds".

    Returns
    -------
    float
        Seconds of training, those before a resumption included.

    Raises
    ------
    TrainingInterrupted
        After Ctrl-C, when the step is done and the checkpoint written; a second Ctrl-C ends at
        once.
    DivergedError
        If a figure is NaN or infinite.
    InvalidParameterError
        If the checkpoint is that of another training.
    InvalidModelError
        If it is damaged, or its parts are not those of this one.
    OutputError
        If a file cannot be written.

    Examples
    --------
    >>> model = torch.nn.Linear(1, 1)
    >>> optimiser = torch.optim.SGD(model.parameters(), 0.1)
    >>> def step(number):
    ...     loss = (model(torch.ones(1)) - 3).square().sum()
    ...     optimiser.zero_grad()
    ...     loss.backward()
    ...     optimiser.step()
    ...     return {"loss": loss.item()} if number % 10 == 9 else None
    >>> _ = run_training(step, 30, {"model": model, "optimiser": optimiser})
    >>> round(model(torch.ones(1)).item(), 3)
    3.0
    """
    identity = {"steps": steps, "seed": seed, **(identity or {})}
    state = _Progress(parts, identity, files.checkpoint)
    for path in (files.checkpoint, files.log):
        if path is not None:
            check_writable_folder(path.expanduser().parent)
    with torch.random.fork_rng(), _interruption() as interrupted:
        torch.manual_seed(seed)
        state.restore()
        with TrainingLog(files.log, state.done) if files.log is not None else nullcontext() as log:
            tellers = (log.write if log is not None else None, report)
            listeners = [tell for tell in tellers if tell is not None]
            kept = time.monotonic()
            begun = kept - state.seconds
            if progress is not None:
                progress("training", state.done, steps)
            ended = state.done >= steps or finished()
            while not ended:
                figures = step(state.done)
                state.done += 1
                now = time.monotonic()
                state.seconds = now - begun
                if figures is not None:
                    record = _record(state, figures)
                    for tell in listeners:
                        tell(record)
                if progress is not None:
                    progress("training", state.done, steps)
                ended = state.done >= steps or finished()
                stopped = interrupted() and not ended
                if stopped or ended or now - kept >= files.every:
                    state.keep()
                    kept = now
                if stopped:
                    raise TrainingInterrupted(_how_to_go_on(state, steps))
    return state.seconds


class _Progress:
    """How far a training is, and its checkpoint."""

    def __init__(
        self, parts: Mapping[str, Stateful], identity: Mapping[str, Any], path: Path | None
    ) -> None:
        self.parts = {**parts, "generators": _Generators()}
        self.identity = identity
        self.path = None if path is None else path.expanduser()
        self.done, self.seconds = 0, 0.0

    def keep(self) -> None:
        """Write the checkpoint, if there is to be one."""
        if self.path is not None:
            parts = {name: part.state_dict() for name, part in self.parts.items()}
            Kept(self.path, self.identity, self.done, self.seconds, parts).write()

    def restore(self) -> None:
        """Take everything from the checkpoint, if there is one."""
        kept = Kept.read(self.path, self.identity)
        if kept is not None:
            kept.give(self.parts)
            self.done, self.seconds = kept.done, kept.seconds


class _Generators:
    """Torch's global generators, as a part of a training."""

    def state_dict(self) -> list[torch.Tensor]:
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return [torch.get_rng_state(), *gpus]

    def load_state_dict(self, states: list[torch.Tensor], /) -> None:
        torch.set_rng_state(states[0])
        if torch.cuda.is_available() and len(states) == 1 + torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states[1:])


def _record(state: _Progress, figures: Figures) -> dict[str, Any]:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} is {value} at step {state.done:,}: training diverged; lower the learning "
                "rate, and look for numbers in the data that are not finite"
            )
    return {"step": state.done, **figures, "seconds": round(state.seconds, 3)}


def _how_to_go_on(state: _Progress, steps: int) -> str:
    told = f"interrupted after {state.done:,} of {steps:,} steps"
    if state.path is None:
        return f"{told}; nothing is kept, for no checkpoint was named"
    return f"{told}; run the same again to go on from {path_text(state.path)}"


@contextmanager
def _interruption() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed: a step is not torn in two."""
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # interrupts go to the main thread
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
