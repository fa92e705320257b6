"""Gradients through a kernel operator, with the memory of a few tiles.

The backward pass forms each tile again with a graph of its own, so nothing of the size of the
matrix is ever kept. It works for every kernel that `Kernel.matrix` can differentiate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ogive._errors import InvalidTypeError
from ogive._typing import Float
from ogive.operators.tiling import plan_tiles

if TYPE_CHECKING:
    from ogive.operators.kernel_operator import KernelOperator

# A tile, its argument, the epilogue's value, and their gradients live at once in a backward pass.
_TILES_AT_ONCE = 10


def differentiable_product(
    operator: KernelOperator, v: Float[Tensor, "m p"]
) -> Float[Tensor, "n p"]:
    """Return K v with a graph to v, both sides' rows and the kernel's tensors."""
    x, z = operator.sides()
    if not (isinstance(x, Tensor) and isinstance(z, Tensor)):
        raise InvalidTypeError(
            "gradients need dense data, and X or Z is sparse; convert it with .toarray(), or "
            "detach the right-hand side and the kernel's parameters"
        )
    return _Product.apply(operator, v, x, None if z is x else z, *operator.kernel.tensors())


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, operator: KernelOperator, v: Tensor, x: Tensor, z: Tensor | None, *parameters: Any
    ) -> Tensor:
        ctx.operator = operator
        ctx.save_for_backward(v, x, z, *parameters)
        return operator.forward_product(v)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        operator: KernelOperator = ctx.operator
        v, x, z, *parameters = ctx.saved_tensors
        _, need_v, need_x, need_z, *need_parameters = ctx.needs_input_grad
        grad_v = None
        if need_v:
            grad_v = operator.transpose().forward_product(grad).to(v.dtype)
        if not (need_x or need_z or any(need_parameters)):
            return None, grad_v, None, None, *([None] * len(parameters))
        sums = [torch.zeros_like(t) for t in (x, x if z is None else z, *parameters)]
        _accumulate(operator, v, grad, sums)
        grad_x, grad_z, *grad_parameters = sums
        if z is None:
            grad_x += grad_z
        wanted = [
            g if need else None for g, need in zip(grad_parameters, need_parameters, strict=True)
        ]
        return None, grad_v, grad_x if need_x else None, grad_z if need_z else None, *wanted


def _accumulate(operator: KernelOperator, v: Tensor, grad: Tensor, sums: list[Tensor]) -> None:
    """Add to ``sums`` the gradients of ⟨grad, K v⟩ in the rows of both sides and the parameters."""
    x, z = operator.sides()
    assert isinstance(x, Tensor) and isinstance(z, Tensor)
    plan = plan_tiles(
        *operator.shape,
        entry_bytes=_TILES_AT_ONCE * operator.kernel.leaves * operator.dtype.itemsize,
        side_bytes=2 * x.shape[1] * operator.dtype.itemsize,
        memory=operator.memory,
        square=False,
    )
    grad_x, grad_z, *grad_parameters = sums
    v, grad = v.to(operator.dtype), grad.to(operator.dtype)
    for rows in plan.row_slices(operator.shape[0]):
        for columns in plan.column_slices(operator.shape[1]):
            leaves = [x[rows], z[columns], *operator.kernel.tensors()]
            leaves = [t.detach().requires_grad_() for t in leaves]
            with torch.enable_grad():
                tile = operator.kernel.with_tensors(leaves[2:]).matrix(leaves[0], leaves[1])
            upstream = grad[rows] @ v[columns].T
            found = torch.autograd.grad(tile, leaves, upstream, allow_unused=True)
            targets = (grad_x[rows], grad_z[columns], *grad_parameters)
            for total, part in zip(targets, found, strict=True):
                if part is not None:
                    total.add_(part)
