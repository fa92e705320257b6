"""Showing on the standard error how many of many are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Count = Callable[[str, int, int], None]

_FIRST, _NEXT = 2.0, 10.0  # seconds until a line where nobody watches, and between two


@contextmanager
def counting(*, quiet: bool) -> Iterator[Count]:
    """Yield a function of (what is done, how many are, of how many).

    On a terminal it moves a bar; elsewhere it prints a line after two seconds and then every ten.
    """
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet, highlight=False)
    if quiet:
        yield lambda what, done, total: None
    elif console.is_terminal:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
            tasks = {}

            def move(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what)
                bars.update(tasks[what], completed=done, total=total)

            yield move
    else:
        due = time.monotonic() + _FIRST

        def tell(what: str, done: int, total: int) -> None:
            nonlocal due
            if time.monotonic() >= due:
                console.print(f"{what}: {done:,} of {total:,}", markup=False)
                due = time.monotonic() + _NEXT

        yield tell
