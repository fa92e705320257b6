"""The forward and the backward pass of attention by tiles, as tasks for several threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ogive._threads import Task
from ogive._typing import Float
from ogive.nn.attention_tiles import Block, Cut, Problem, Tile


def forward_tasks(
    problem: Problem, out: Float[Tensor, "heads members n e"], threads: int
) -> list[Task]:
    """Return the tasks that write the answers to ``out``, each to rows of its own."""
    heads, members, n, _ = problem.query.shape
    cut = Cut.of(problem, threads, buffers=1)
    return [
        partial(_forward, problem, cut, part, member=member, rows=rows, out=out)
        for rows in cut.row_slices(n)
        for part in cut.head_slices(heads)
        for member in range(members)
    ]


def _forward(
    problem: Problem, cut: Cut, heads: slice, *, member: int, rows: slice, out: Tensor
) -> None:
    block = Block(problem, cut, heads, member=member, rows=rows)
    total = block.memory(2, rows.stop - rows.start, out.shape[-1]).zero_()
    for tile in block.tiles():
        weights = block.weights(tile)
        if weights is not None:
            values = block.of_columns(tile, block.value)
            block.accumulate(block.of_rows(tile, total), weights, values)
    if problem.divisor is not None:
        total.div_(problem.divisor[block.where][..., None])
    out[block.where] = total


@dataclass(frozen=True)
class Gradients:
    """Where the backward pass leaves its results.

    Attributes
    ----------
    query : Tensor of shape (heads, members, n, d)
    scale, shift : Tensors of shape (heads, members, n)
        What each query contributes to the gradients of its head's scale and offset.
    key : Tensor of shape (heads, m, d)
    value : Tensor of shape (heads, m, e)
    mask : Tensor of shape (1 or heads * members, 1 or n, 1 or m), optional
    """

    query: Tensor
    scale: Tensor
    shift: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None


class BackwardPass:
    """The tasks that compute the gradients of one problem.

    Every block of rows adds to the gradients of all keys. With fewer heads than threads the blocks
    are dealt out to several tasks, each with such gradients of its own.

    Parameters
    ----------
    problem : Problem
    gradient : Tensor of shape (heads, members, n, e)
        With respect to the answers.
    found : Gradients
        Keys', values' and mask's must be zero.
    threads : int
    """

    def __init__(self, problem: Problem, gradient: Tensor, found: Gradients, threads: int) -> None:
        heads, _, n, _ = problem.query.shape
        cut = Cut.of(problem, threads, buffers=2)
        slices, blocks = cut.head_slices(heads), cut.row_slices(n)
        count = 1 if threads == 1 else min(len(blocks), -(-2 * threads // len(slices)))
        self.shares = [found] + [
            replace(found, key=torch.zeros_like(found.key), value=torch.zeros_like(found.value))
            for _ in range(count - 1)
        ]
        # Dealt out in turn, because blocks further down see more keys.
        self.tasks: list[Task] = [
            partial(_backward, problem, cut, part, blocks[index::count], (gradient, share))
            for index, share in enumerate(self.shares)
            for part in slices
        ]

    def gather(self) -> Gradients:
        """Add up what the tasks kept apart, and return the gradients."""
        found = self.shares[0]
        for share in self.shares[1:]:
            found.key.add_(share.key)
            found.value.add_(share.value)
        return found


def _backward(
    problem: Problem,
    cut: Cut,
    heads: slice,
    blocks: list[slice],
    ends: tuple[Tensor, Gradients],
) -> None:
    for member in range(problem.query.shape[1]):
        for rows in blocks:
            _backward_block(Block(problem, cut, heads, member=member, rows=rows), *ends)


def _backward_block(block: Block, gradient: Tensor, found: Gradients) -> None:
    problem, count = block.problem, block.rows.stop - block.rows.start
    answers = block.memory(2, count, gradient.shape[-1])
    answers.copy_(gradient[block.where])
    if problem.divisor is not None:
        answers.div_(problem.divisor[block.where][..., None])
    # With respect to the scaled queries and, last, to what is added to their scores.
    total = block.memory(3, count, block.key.shape[-1]).zero_()
    for tile in block.tiles():
        _backward_tile(block, tile, answers, total, found)
    found.shift[block.where] = total[..., -1]
    total = total[..., :-1]
    query = problem.query[block.where]
    found.scale[block.where] = torch.linalg.vecdot(total, query.to(total.dtype))
    scale = problem.scale[block.heads, block.member][..., None, None]
    found.query[block.where] = total.mul_(scale)


def _backward_tile(
    block: Block, tile: Tile, answers: Tensor, total: Tensor, found: Gradients
) -> None:
    """Add what one tile contributes: five products, as for any attention."""
    weights = block.weights(tile)
    if weights is None:
        return
    answers = block.of_rows(tile, answers)
    values, keys = block.of_columns(tile, block.value), block.of_columns(tile, block.key)
    value_found = block.of_columns(tile, found.value[block.heads])
    key_found = block.of_columns(tile, found.key[block.heads])
    block.accumulate(value_found, weights.mT, answers)
    z = block.multiply(answers, values.mT, block.memory(4, *weights.shape[-2:]))
    block.score_gradients(tile, z, weights)
    block.accumulate(block.of_rows(tile, total), z, keys)
    block.accumulate(key_found, z.mT, block.of_rows(tile, block.queries)[..., :-1])
    if found.mask is not None:
        _add_mask_gradient(found.mask, z, block, tile)


def _add_mask_gradient(total: Tensor, z: Tensor, block: Block, tile: Tile) -> None:
    z = z if block.batch else z[None]
    whole = [length == 1 for length in total.shape]
    for dimension, broadcast in enumerate(whole):
        z = z.sum(dimension, keepdim=True) if broadcast else z
    members = block.problem.query.shape[1]
    first = block.heads if isinstance(block.heads, int) else block.heads.start
    head = first * members + block.member
    heads = slice(head, head + (len(z) - 1) * members + 1, members)
    rows = slice(block.rows.start + tile.first, block.rows.stop)
    every = slice(None)
    total[
        every if whole[0] else heads,
        every if whole[1] else rows,
        every if whole[2] else slice(tile.left, tile.right),
    ].add_(z)
