"""What a command shows: steps and warnings on the standard error, answers on the output."""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


class Terminal:
    """The two streams of a command.

    Parameters
    ----------
    quiet : bool
        Whether to keep steps and notes to oneself.
    """

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console

        self.output: Console = Console(highlight=False, soft_wrap=False)
        self._progress = Console(stderr=True, quiet=quiet, highlight=False)
        warnings.showwarning = self._warn

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show what is being done while it is: a spinner, or a line where nobody watches."""
        if self._progress.is_terminal and not self._progress.quiet:
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
            with Progress(
                *columns, TimeElapsedColumn(), console=self._progress, transient=True
            ) as progress:
                progress.add_task(text)
                yield
        else:
            self._progress.print(text, markup=False)
            yield

    @contextmanager
    def bytes_bar(self, text: str) -> Iterator[Any]:
        """Show a bar of bytes; yields a function of (bytes done, bytes in all)."""
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        if not self._progress.is_terminal:
            self._progress.print(text, markup=False)
        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._progress,
            disable=not self._progress.is_terminal,
        ) as progress:
            task = progress.add_task(text, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    def note(self, text: str) -> None:
        """Print a line beside the answer."""
        self._progress.print(text, markup=False, soft_wrap=True)

    def answer(self, values: Any) -> None:
        """Print plain values as JSON."""
        print(json.dumps(values, indent=2, allow_nan=False))

    def _warn(self, message: Any, *details: Any, **more: Any) -> None:
        # Even when quiet: a warning tells that an answer may not mean what it seems to.
        print(f"ogive: warning: {' '.join(str(message).split())}", file=sys.stderr)


def command_line() -> str:
    """Return the command as it was typed, quoted for a shell."""
    return shlex.join(["ogive", *sys.argv[1:]])
