"""Independent pieces of work on several threads, each with operations of one thread.

An operation that is itself spread over threads ends by waiting for the slowest of them. Tiles
are worked on by many short operations, and where other programs use the processor too, those
waits cost several times the arithmetic (measured: up to ten times). Here every thread takes
whole pieces of work and nobody waits before the end; a tile also stays in one core's cache.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

Task = Callable[[], None]

_thread = threading.local()


def run_tasks(tasks: Sequence[Task], *, threads: int) -> None:
    """Run all tasks, in this thread if ``threads`` is 1, and return when the last is done.

    Parameters
    ----------
    tasks : sequence of callables
        Any order must give the same result. They run in inference mode, so tensors must be made
        outside and written in place.
    threads : int
        How many threads share the tasks.

    Examples
    --------
    >>> found = torch.zeros(3)
    >>> run_tasks([lambda i=i: found[i].fill_(i) for i in range(3)], threads=2)
    >>> found
    tensor([0., 1., 2.])
    """
    remaining = iter(tasks)  # next() of a list's iterator is atomic: threads may share it

    def work() -> None:
        with torch.inference_mode():
            for task in remaining:
                task()

    if threads == 1:
        work()
        return
    # A forked process has the executor but not its threads: it needs one of its own.
    executor = _executor(threads, os.getpid())
    for future in [executor.submit(work) for _ in range(threads)]:
        future.result()


def scratch(place: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return this thread's memory number ``place`` in that shape, with undefined contents.

    It is kept between calls: clearing the pages of a fresh allocation costs more than the
    arithmetic on them.

    Parameters
    ----------
    place : int
        Two memories used at once have different numbers.
    shape : tuple of int
    like : Tensor
        Names type and device.
    """
    kept: dict[object, tuple[Tensor, Tensor]] = _thread.__dict__.setdefault("kept", {})
    key = (place, like.dtype, like.device)
    found = kept.get(key)
    if found is not None and found[1].shape == shape:
        return found[1]
    entries = prod(shape)
    flat = found[0] if found is not None else like.new_empty(0)
    if flat.numel() < entries:
        flat = torch.empty(entries, dtype=like.dtype, device=like.device)
    kept[key] = flat, flat[:entries].view(shape)
    return kept[key][1]


@lru_cache(maxsize=4)
def _executor(threads: int, process: int) -> ThreadPoolExecutor:
    """Return an executor all of whose threads run and compute by themselves alone."""
    started = threading.Barrier(threads + 1)

    def start() -> None:
        # Before it is asked for the first time a thread has no number of its own, and what is
        # set then does not last.
        torch.get_num_threads()
        torch.set_num_threads(1)
        started.wait()

    executor = ThreadPoolExecutor(threads, thread_name_prefix="ogive")
    before = torch.get_num_threads()
    for _ in range(threads):
        executor.submit(start)
    started.wait()
    # The number is each thread's own, but also the one that threads yet to come begin with.
    torch.set_num_threads(before)
    return executor
