"""Timing in turns: every way in every round, in an order that favours none."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Times:
    """The seconds that one way took, round by round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def fastest(self) -> float:
        """The smallest."""
        return min(self.seconds)

    @property
    def slowest(self) -> float:
        """The largest."""
        return max(self.seconds)

    def ratio(self, baseline: Times) -> float:
        """Return the median as a share of the baseline's median."""
        return self.median / baseline.median


def order_of(count: int, turn: int) -> list[int]:
    """Return the order in which ``count`` ways are run in round ``turn``.

    Over ``count`` rounds (twice as many if it is odd) every way comes first equally often and
    directly follows every other way equally often (Williams, Experimental designs balanced for the
    estimation of residual effects of treatments, 1949): what one way leaves behind in caches,
    clocks and allocators is not always met by the same other one.
    """
    zigzag = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(count)]
    order = [(place + turn) % count for place in zigzag]
    # An odd number of ways is balanced only together with the mirrored orders.
    return order[::-1] if count % 2 and turn % 2 else order


def time_in_turn(
    runs: Mapping[str, Callable[[], object]],
    repeats: int,
    *,
    progress: Progress = lambda text: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Run all ways ``repeats`` times, one after another in changing order, and time each run."""
    names: Sequence[str] = list(runs)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        progress(f"round {turn + 1} of {repeats}")
        for index in order_of(len(names), turn):
            name = names[index]
            gc.collect()  # nobody pays for another's garbage
            start = clock()
            answer = runs[name]()
            taken[name].append(clock() - start)
            del answer
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}
