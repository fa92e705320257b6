"""A fixed number of threads for everything that computes: torch, BLAS and OpenMP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def fixed_threads(count: int) -> Iterator[None]:
    """Give every pool of threads ``count`` of them within the block.

    It reaches the libraries that are loaded when the block begins.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(limits=count):
            yield
    finally:
        torch.set_num_threads(before)


def default_threads() -> int:
    """Return as many as torch takes by itself: one for each core, or what the environment says."""
    return torch.get_num_threads()


def thread_pools() -> list[dict[str, Any]]:
    """Return what each loaded library says of its threads."""
    pools = [
        {
            "library": f"{pool['internal_api']} ({Path(pool['filepath']).parent.name})",
            "version": pool["version"],
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
    ]
    return [
        {"library": "torch", "version": torch.__version__, "threads": torch.get_num_threads()},
        *pools,
    ]
