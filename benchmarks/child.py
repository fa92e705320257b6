"""The process in which one way is run for its memory; started by `benchmarks.memory`.

python -m benchmarks.child MODULE:NAME THREADS full|quick [WAY]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.cases import load_case
from benchmarks.threads import fixed_threads


def main(arguments: Sequence[str]) -> None:
    """Prepare the data of a case, and run the way if one is named."""
    reference, threads, size, *way = arguments
    case = load_case(reference)
    with fixed_threads(int(threads)):
        data = case.prepare(size == "quick")
        for name in way:
            case.way(name).run(data)


if __name__ == "__main__":
    main(sys.argv[1:])
