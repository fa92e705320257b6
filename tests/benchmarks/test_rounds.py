"""Orders that favour no way, and the arithmetic of times."""

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.rounds import Times, order_of, time_in_turn


@pytest.mark.parametrize("count", range(1, 9))
def test_over_a_cycle_every_way_follows_every_other_equally_often(count):
    cycle = [order_of(count, turn) for turn in range(2 * count if count % 2 else count)]
    assert all(sorted(order) == list(range(count)) for order in cycle)
    follows = Counter(pair for order in cycle for pair in pairwise(order))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) <= 1
    assert len(set(Counter(order[0] for order in cycle).values())) == 1


@pytest.mark.parametrize("count", range(2, 9))
def test_no_way_keeps_its_predecessor_for_two_rounds_in_a_row(count):
    for turn in range(20):
        now, then = (set(pairwise(order_of(count, t))) for t in (turn, turn + 1))
        assert not now & then


def test_ways_alternate_and_only_their_own_time_is_counted():
    now, calls = [0.0], []

    def way(name, seconds):
        def run():
            calls.append(name)
            now[0] += seconds * len(calls)

        return run

    runs = {"a": way("a", 1.0), "b": way("b", 10.0)}
    times = time_in_turn(runs, 3, clock=lambda: now[0])
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert times == {"a": Times((1.0, 4.0, 5.0)), "b": Times((20.0, 30.0, 60.0))}


def test_median_range_and_ratio():
    times, baseline = Times((3.0, 1.0, 10.0)), Times((4.0, 100.0, 8.0, 2.0))
    assert (times.median, times.fastest, times.slowest) == (3.0, 1.0, 10.0)
    assert baseline.median == 6.0
    assert times.ratio(baseline) == 0.5
    assert baseline.ratio(baseline) == 1.0
