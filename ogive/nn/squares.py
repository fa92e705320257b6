"""Sums of squares whose gradient is one product."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ogive._typing import Float


class _SumOfSquares(torch.autograd.Function):
    # torch's own gradient of x² copies x, doubles the copy and multiplies it: three tensors as
    # large as x, where 2 g x needs one. It is made of differentiable parts, so it can be
    # differentiated again.
    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, dim: int) -> Tensor:
        return input.square().sum(dim)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        input, ctx.dim = inputs
        ctx.save_for_backward(input)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (input,) = ctx.saved_tensors
        return input * (2 * gradient).unsqueeze(ctx.dim), None


def sum_of_squares(input: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """Return Σ x² over one dimension, which is dropped.

    Parameters
    ----------
    input : Tensor
    dim : int, not negative

    Returns
    -------
    Tensor
        Differentiable any number of times.

    Examples
    --------
    >>> x = torch.tensor([[3.0, 4.0], [0.0, 2.0]], requires_grad=True)
    >>> sum_of_squares(x, 1)
    tensor([25.,  4.], grad_fn=<_SumOfSquaresBackward>)
    """
    answer: Tensor = _SumOfSquares.apply(input, dim)
    return answer
