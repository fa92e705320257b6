"""One computation at a time, in a thread, while the server answers everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

from ogive.web.refusal import RefusedError

T = TypeVar("T")


class Lane:
    """A thread that computes in the order of arrival.

    One at a time, for two would share the cores, add up their memory, and see each other's
    precision of matrix products, which torch keeps for the whole process.

    Parameters
    ----------
    waiting : int
        How many computations may run or wait.
    """

    def __init__(self, waiting: int) -> None:
        self._thread = ThreadPoolExecutor(1, "ogive-lane")
        self._waiting = waiting
        self._pending: set[asyncio.Future[Any]] = set()
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether something is being computed, or waits."""
        return bool(self._pending)

    async def run(self, compute: Callable[[], T]) -> T:
        """Return what a function returns, once it is its turn.

        Raises
        ------
        RefusedError
            If too many wait already, or the server stops.
        """
        if self._closed:
            raise _stopping()
        if len(self._pending) >= self._waiting:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"The server has {self._waiting} other pictures to see to: try again in a moment.",
            )
        running = self._thread.submit(compute)
        future = asyncio.wrap_future(running)
        self._pending.add(future)
        running.add_done_callback(lambda _: self._pending.discard(future))
        try:
            return await future
        except asyncio.CancelledError:
            if self._closed:
                raise _stopping() from None
            raise

    def close(self) -> None:
        """Let go of all who wait; what is being computed cannot be stopped, and is forgotten."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        for future in list(self._pending):
            future.cancel()


def _stopping() -> RefusedError:
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "The server is being stopped.")
