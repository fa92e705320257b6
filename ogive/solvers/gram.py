"""Adding up Gram matrices: in float64, or of two 8-bit digits where that is exact and faster."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, cpu

from ogive._threads import run_tasks
from ogive._typing import Float
from ogive._whole_numbers import BASE, MOST, whole_product

_ROW_PANELS = 6  # a Gram matrix in row panels up to the diagonal costs 58 % of the whole
_HEADROOM = 1.125  # of the steps above the first block's largest number, for the next ones
# Below these sizes the preparations cost more than they gain.
_LEAST_ROWS, _LEAST_COLUMNS = 4096, 256
# Where the largest entry is farther above the ordinary ones, these would have too few steps.
_CREST = 32.0
_PANEL = 512  # columns of the Gram matrix made at once
_HEIGHT = 8192  # rows multiplied at once; sums of so many products of digits stay below 2³¹
_PARTS = 8  # of rows, shared by the threads


def add_gram(gram: Float[Tensor, "r r"], block: Float[Tensor, "n r"]) -> None:
    """Add blockᵀ block to the lower triangle of ``gram``.

    Parameters
    ----------
    gram : Tensor of shape (r, r)
        What is above its diagonal is changed to nothing of use.
    block : Tensor of shape (n, r)
        Of the same type.

    Examples
    --------
    >>> gram = torch.zeros(2, 2)
    >>> add_gram(gram, torch.tensor([[1.0, 2.0]]))
    >>> gram.tril()
    tensor([[1., 0.],
            [2., 4.]])
    """
    for panel in _even(len(gram), _ROW_PANELS):
        gram[panel, : panel.stop].addmm_(block[:, panel].T, block[:, : panel.stop])


class RoundedGram:
    """Adds to a Gram matrix the products of numbers rounded to 16 bits, by 8-bit arithmetic.

    Numbers are rounded to 1/32,385 of the largest one (a little more, so that those of later
    blocks fit) and cut into two digits. Processors multiply 8-bit integers many times faster than
    float64 numbers, and sums of their products are exact: what is added is the Gram matrix of a
    block close by, and never less than definite.

    Parameters
    ----------
    gram : Tensor of shape (r, r)
        float64. Its lower triangle is added to, some blocks late: call `finish`.

    Attributes
    ----------
    rounding : float
        What rounding has added to every diagonal entry, in the mean: the number of rows times
        step² / 12, the variance of rounding errors.

    Examples
    --------
    >>> gram = torch.zeros(2, 2, dtype=torch.float64)
    >>> rounded = RoundedGram(gram)
    >>> rounded.add(torch.tensor([[1.0, 2.0], [2.0, -1.0]], dtype=torch.float64))
    >>> rounded.finish()
    >>> [[round(float(entry), 3) for entry in row] for row in gram.tril()]
    [[5.0, 0.0], [0.0, 5.0]]
    """

    def __init__(self, gram: Float[Tensor, "r r"]) -> None:
        self._gram = gram
        self.rounding = 0.0
        self._step = 0.0
        self._rows = 0  # that wait in these
        self._high, self._low = (
            torch.empty(_HEIGHT, len(gram), dtype=torch.int8) for _ in range(2)
        )

    @staticmethod
    def pays(rows: int, columns: int, device: torch.device) -> bool:
        """Whether the processor is faster at it for so many rows in all."""
        large = rows >= _LEAST_ROWS and columns >= _LEAST_COLUMNS
        return large and device.type == "cpu" and cpu._is_amx_tile_supported()

    def add(self, block: Float[Tensor, "n r"]) -> None:
        """Add blockᵀ block; exactly, if a few entries are far larger than the others.

        Parameters
        ----------
        block : Tensor of shape (n, r)
            float64.
        """
        for start in range(0, len(block), _HEIGHT):
            self._add(block[start : start + _HEIGHT])

    def finish(self) -> None:
        """Add what waits to be added."""
        from ogive.solvers.gram_loops import add_products

        rows, self._rows = self._rows, 0
        if not rows:
            return
        high, low = self._high[:rows], self._low[:rows]
        for panel in _even(len(self._gram), -(-len(self._gram) // _PANEL)):
            total = self._gram[panel, : panel.stop]
            products = torch.empty(4, *total.shape, dtype=torch.int32)
            pairs = itertools.product((high, low), repeat=2)
            for (left, right), product in zip(pairs, products, strict=True):
                whole_product(left[:, panel].T, right[:, : panel.stop], out=product)

            def add(part: slice, products: Tensor = products, total: Tensor = total) -> None:
                add_products(products[:, part].numpy(), BASE, self._step**2, total[part].numpy())

            _in_parts(add, len(total))

    def _add(self, block: Tensor) -> None:
        from ogive.solvers.gram_loops import cut_digits

        largest = float(torch.linalg.vector_norm(block, torch.inf))
        usual = float(torch.linalg.vector_norm(block)) / block.numel() ** 0.5
        if not 0 < largest <= _CREST * usual:
            add_gram(self._gram, block)
            return
        if largest > MOST * self._step or self._rows + len(block) > _HEIGHT:
            self.finish()
            self._step = max(self._step, _HEADROOM * largest / MOST)
        rows = slice(self._rows, self._rows + len(block))
        numbers, high, low = (t.numpy() for t in (block, self._high[rows], self._low[rows]))

        def cut(part: slice) -> None:
            cut_digits(numbers[part], 1 / self._step, BASE, high[part], low[part])

        _in_parts(cut, len(block))
        self._rows = rows.stop
        self.rounding += len(block) * self._step**2 / 12


def _even(length: int, parts: int) -> list[slice]:
    """Cut a length into so many even parts, fewer if it is short."""
    step = -(-length // parts)
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _in_parts(work: Callable[[slice], None], rows: int) -> None:
    """Share rows among the threads."""
    tasks = [partial(work, part) for part in _even(rows, _PARTS)]
    run_tasks(tasks, threads=torch.get_num_threads())
