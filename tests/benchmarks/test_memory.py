"""The system's account of a fresh process sees what a way allocates, and nothing of this one."""

import os
import sys

import pytest

from benchmarks.cases import CASES
from benchmarks.memory import ChildError, child_peak, peak_bytes

MEGABYTE = 10**6
MODULE = """
from benchmarks.case import Case, Way

def prepare(quick):
    # For a moment, and more than the way will need; in pieces that the allocator likes to keep.
    pieces = [(b"x" * 100_000, bytes(100)) for _ in range(3_000)]
    return [small for _, small in pieces]

def allocate(data):
    block = b"x" * 210_000_000  # written to, so that its pages are really there
    return len(block)

ALLOCATION = Case(
    name="allocation",
    summary="",
    prepare=prepare,
    title=str,
    ways=[Way("allocate", allocate)],
    baselines=["allocate"],
    check=lambda data, answers: [],
)
"""


def test_a_ways_allocation_is_seen_above_the_base(tmp_path, monkeypatch):
    (tmp_path / "made_up_cases.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    case, options = "made_up_cases:ALLOCATION", {"quick": True, "threads": 1}
    base = child_peak(case, None, **options)
    peak = child_peak(case, "allocate", **options)
    # Two processes that do the same differ by a megabyte or so.
    assert 200 * MEGABYTE <= peak - base < 250 * MEGABYTE
    assert 50 * MEGABYTE < base < 300 * MEGABYTE, "torch alone takes about 200"


def test_a_child_finds_the_real_cases_and_runs_them():
    case = "benchmarks.cases.additive_product:ADDITIVE_PRODUCT"
    assert case in CASES
    assert child_peak(case, "Ogive", quick=True, threads=1) > 100 * MEGABYTE


def test_a_large_parent_is_not_counted():
    block = b"x" * (300 * MEGABYTE)
    assert peak_bytes([sys.executable, "-c", "print('not in the way')"]) < len(block) / 3


def test_a_child_that_fails_is_no_measurement():
    code = "import sys; sys.exit('out of luck')"
    with pytest.raises(ChildError, match=r"status 1(?s:.)*out of luck"):
        peak_bytes([sys.executable, "-c", code], os.environ)
