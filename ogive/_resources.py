"""What a piece of work costs: seconds, and the largest memory meanwhile."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_MACHINE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")  # limits of a container


class Meter:
    """Measures a ``with`` block.

    Attributes
    ----------
    seconds : float
        Wall-clock time.
    peak_bytes : int
        Largest resident memory of the process during the block where the system can be asked to
        count afresh (Linux); elsewhere the largest since the process began; 0 where unknown.

    Examples
    --------
    >>> with Meter() as meter:
    ...     squares = [n * n for n in range(1000)]
    >>> meter.seconds > 0
    True
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_bytes = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        _count_afresh()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self.peak_bytes = _peak_bytes()


def available_memory() -> int:
    """Return how many bytes this process can still take, by what the system says.

    Returns
    -------
    int
        4 GiB where nothing is known.

    Examples
    --------
    >>> available_memory() > 0
    True
    """
    free = [4 * 2**30]
    try:
        for line in _MACHINE.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = [int(line.split()[1]) * 1024]
        limit = (_GROUP / "memory.max").read_text().strip()
        if limit != "max":
            free.append(int(limit) - int((_GROUP / "memory.current").read_text()))
    except (OSError, ValueError):
        pass  # another system, or no container
    return max(min(free), 2**20)


def _count_afresh() -> None:
    try:
        _CLEAR.write_text("5")  # resets the high-water mark of the resident memory
    except OSError:
        return  # another system, or a container that forbids it: the mark stays cumulative


def _peak_bytes() -> int:
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
