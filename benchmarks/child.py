"""The process in which one way is run for its memory; started by `benchmarks.memory`.

python -m benchmarks.child MODULE:NAME THREADS full|quick [WAY]
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.cases import load_case
from benchmarks.threads import fixed_threads


def main(arguments: Sequence[str]) -> None:
    """Prepare the data of a case, and run the way if one is named."""
    reference, threads, size, *way = arguments
    case = load_case(reference)
    with fixed_threads(int(threads)):
        data = case.prepare(size == "quick")
        forget_preparing()
        for name in way:
            case.way(name).run(data)


def forget_preparing() -> None:
    """Give back what preparing took for a moment, and have the system count the peak afresh.

    Otherwise the work would seem to need less: the allocator keeps what is freed for the next who
    asks. Both are Linux's; elsewhere the peak is that of the whole process.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main(sys.argv[1:])
