"""Threads are fixed for everything that computes, and given back."""

import torch

from benchmarks.threads import fixed_threads, thread_pools


def test_every_pool_is_limited_within_the_block():
    before = thread_pools()
    with fixed_threads(2):
        assert torch.get_num_threads() == 2
        with fixed_threads(1):
            assert {pool["threads"] for pool in thread_pools()} == {1}
    assert thread_pools() == before
    assert len(before) > 1, "torch alone is not all that computes"
