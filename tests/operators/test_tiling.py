"""Tile plans cover the matrix and fit the budget; buffers are reused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidParameterError
from ogive.operators.tiling import Buffers, plan_tiles


@given(
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.integers(1, 64),
    st.integers(0, 1000),
    st.integers(1, 10**8),
    st.booleans(),
)
def test_a_plan_covers_the_matrix_and_fits_the_budget(n, m, entry, side, memory, square):
    m = n if square else m
    arguments = {"entry_bytes": entry, "side_bytes": side, "square": square}
    try:
        plan = plan_tiles(n, m, memory=memory, **arguments)
    except InvalidParameterError as error:
        least = int(str(error).split("at least ")[1].split()[0])
        assert least > memory
        assert plan_tiles(n, m, memory=least, **arguments).bytes <= least
        return
    assert 1 <= plan.rows <= n and 1 <= plan.columns <= m
    used = plan.rows * plan.columns * entry + 2 * max(plan.rows, plan.columns) * side
    assert plan.bytes == used <= memory
    if square:
        assert plan.rows == plan.columns
    for cuts, size in ((plan.row_slices(n), n), (plan.column_slices(m), m)):
        last = 0
        for part in cuts:
            assert part.start == last < part.stop <= size
            last = part.stop
        assert last == size


def test_a_large_budget_is_not_used_up():
    plan = plan_tiles(10**5, 10**5, entry_bytes=4, side_bytes=0, memory=10**12, square=False)
    assert (plan.rows, plan.columns) == (2048, 2048)


def test_buffers_are_reused_after_release():
    buffers = Buffers(12, torch.float32, torch.device("cpu"))
    first, second = buffers.take(3, 4), buffers.take(2, 2)
    assert first.shape == (3, 4) and second.shape == (2, 2)
    assert first.data_ptr() != second.data_ptr()
    buffers.release()
    again = buffers.take(4, 3)
    assert again.data_ptr() == first.data_ptr() and again.is_contiguous()
    with pytest.raises(RuntimeError):
        buffers.take(4, 4)
