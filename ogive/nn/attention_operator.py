"""Kernel attention as an operator of torch, with its gradients; opaque to compilers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._threads import Task, run_tasks
from ogive.nn.attention_keys import Keys
from ogive.nn.attention_passes import BackwardPass, Gradients, forward_tasks
from ogive.nn.attention_scores import attention_kernel
from ogive.nn.attention_tiles import Problem, count_visible

# Below so many multiplications threads of our own, which must be woken and share the cores with
# those of the operation before (they spin for a while), take longer than torch's.
_WORTH_THREADS = 2**31


def computed_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which tensors of that type are computed."""
    return torch.float64 if dtype == torch.float64 else torch.float32


@dataclass(frozen=True)
class _Part:
    """Items of the batch whose heads all see the same keys.

    ``keys`` are those left after padding (None: all); with a mask, padding is left to the tiles.
    """

    items: slice
    keys: Tensor | None
    visible: np.ndarray
    mask: Tensor | None
    padding: Tensor | None


class _Work:
    """The inputs of one call, cut into parts."""

    def __init__(
        self,
        tensors: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        options: tuple[str, bool, bool],
    ) -> None:
        self.query, self.key, self.value, self.scale, self.offset = tensors
        self.padding, self.mask = masks
        kernel, self.causal, normalise = options
        self.scores = attention_kernel(kernel)
        self.batch, self.heads, self.n, d = self.query.shape
        self.key_heads, self.m, e = self.value.shape[1:]
        work = self.batch * self.heads * self.n * self.m * (d + e)
        own = self.scale.device.type == "cpu" and work >= _WORTH_THREADS
        self.threads = torch.get_num_threads() if own else 1
        self.parts = self._parts()
        count = self._count() if normalise else None
        shift = None if count is None else self.scores.shift(count)
        shape = (self.batch, self.heads, self.n)
        offsets = self.offset[:, None]
        self.shift = (offsets if shift is None else offsets + shift).expand(shape)
        divisor = None if count is None else self.scores.divisor(count)
        self.divisor = None if divisor is None else divisor.expand(shape)

    def grouped(self, tensor: Tensor, part: _Part) -> Tensor:
        """View a part of (batch, heads, ...) as (key heads, members, ...)."""
        members = self.heads // max(1, self.key_heads)
        return tensor[part.items].unflatten(1, (self.key_heads, members)).flatten(0, 1)

    def problem(self, part: _Part) -> Problem:
        """Return a part as tiles take it."""
        scale = self.scale[:, None].expand(self.batch, self.heads, 1)
        mask = part.mask
        if mask is not None:
            mask = mask.unflatten(0, (self.key_heads, self.heads // self.key_heads))
        return Problem(
            scores=self.scores,
            query=self.grouped(self.query, part),
            scale=self.grouped(scale, part)[..., 0],
            shift=self.grouped(self.shift, part),
            divisor=None if self.divisor is None else self.grouped(self.divisor, part),
            keys=Keys(
                self.key,
                self.value,
                items=part.items,
                kept=part.keys,
                like=self.scale,
                at_once=self.threads == 1,
            ),
            visible=part.visible,
            mask=mask,
            padding=part.padding,
        )

    def _parts(self) -> list[_Part]:
        if self.batch * self.heads * self.n * self.m == 0:
            return []
        if self.padding is None and self.mask is None:
            return [_Part(slice(0, self.batch), None, self._visible(None), None, None)]
        return [self._item(item) for item in range(self.batch)]

    def _item(self, item: int) -> _Part:
        padding = None if self.padding is None else self.padding[item]
        items = slice(item, item + 1)
        if self.mask is not None:
            mask = self.mask[item if self.mask.shape[0] > 1 else 0]
            mask = mask.expand(self.heads, self.n, self.m)
            return _Part(items, None, self._visible(None), mask, padding)
        assert padding is not None
        keys = (~padding).nonzero().squeeze(1)
        return _Part(items, keys, self._visible(keys), None, None)

    def _visible(self, keys: Tensor | None) -> np.ndarray:
        """Return how many of the keys, from the first, each query may see."""
        if not self.causal:
            return np.full(self.n, self.m if keys is None else len(keys))
        visible = np.arange(self.m - self.n, self.m) + 1
        if keys is None:
            return visible.clip(0)
        return keys.cpu().numpy().searchsorted(visible, "left")

    def _count(self) -> Tensor:
        """Return how many keys each query may see, of a shape that broadcasts to queries'."""
        counts = [
            torch.from_numpy(part.visible).to(self.scale)[None]
            if part.mask is None
            else count_visible(part.mask, part.visible, part.padding).to(self.scale.dtype)
            for part in self.parts
        ]
        return torch.stack(counts) if counts else self.scale.new_zeros(1, 1, 1)


def _forward(  # noqa: PLR0917 - an operator of torch
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: Tensor,
    offset: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    kernel: str,
    causal: bool,
    normalise: bool,
) -> Tensor:
    """Attend; see `ogive.nn.kernel_attention.kernel_attention`.

    Parameters
    ----------
    query, key, value : Tensors of one type, shapes (b, heads, n, d), (b, g, m, d), (b, g, m, e)
        The g key heads divide the heads.
    scale, offset : Tensors of shape (heads,), of the type `computed_dtype`
    padding : bool Tensor of shape (b, m), optional
    mask : Tensor of shape (1 or b, 1 or heads, 1 or n, 1 or m), optional
    kernel : str
    causal, normalise : bool

    Returns
    -------
    Tensor of shape (b, heads, n, e)
    """
    work = _Work((query, key, value, scale, offset), (padding, mask), (kernel, causal, normalise))
    shape = (*query.shape[:3], value.shape[3])
    answer = query.new_empty(shape) if work.parts else query.new_zeros(shape)
    tasks: list[Task] = []
    for part in work.parts:
        tasks += forward_tasks(work.problem(part), work.grouped(answer, part), work.threads)
    run_tasks(tasks, threads=work.threads)
    return answer


def _forward_shape(query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> Tensor:
    return query.new_empty(*query.shape[:3], value.shape[3])


def _backward(  # noqa: PLR0917 - an operator of torch
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: Tensor,
    offset: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    kernel: str,
    causal: bool,
    normalise: bool,
    mask_too: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of query, key, value, scale, offset and mask (empty if not wanted)."""
    work = _Work((query, key, value, scale, offset), (padding, mask), (kernel, causal, normalise))
    query_found = torch.zeros_like(query, memory_format=torch.contiguous_format)
    per_query = scale.new_zeros(2, *query.shape[:3])
    key_found, value_found = key.new_zeros(key.shape), value.new_zeros(value.shape)
    mask_found = scale.new_zeros(mask.shape) if mask_too and mask is not None else None
    # Tiles of different tasks may add to the same entry of a mask that was broadcast.
    threads = work.threads if mask_found is None else 1
    passes: list[BackwardPass] = []
    for part in work.parts:
        problem, mask_share = work.problem(part), None
        if mask_found is not None:
            mask_share = mask_found[part.items.start if len(mask_found) > 1 else 0]
        found = Gradients(
            query=work.grouped(query_found, part),
            scale=work.grouped(per_query[0], part),
            shift=work.grouped(per_query[1], part),
            key=scale.new_zeros(*problem.keys.key.shape[:2], key.shape[3]),
            value=scale.new_zeros(problem.keys.value.shape),
            mask=mask_share,
        )
        passes.append(BackwardPass(problem, work.grouped(gradient, part), found, threads))
    run_tasks([task for backward in passes for task in backward.tasks], threads=threads)
    for part, backward in zip(work.parts, passes, strict=True):
        found = backward.gather()
        keys = slice(None) if part.keys is None else part.keys
        key_found[part.items, :, keys] = found.key.unflatten(0, (-1, work.key_heads)).to(key.dtype)
        value_found[part.items, :, keys] = found.value.unflatten(0, (-1, work.key_heads)).to(
            value.dtype
        )
    scale_found, offset_found = per_query.sum((1, 3))
    return (
        query_found,
        key_found,
        value_found,
        scale_found.clone(),  # an operator must not return two views of one memory
        offset_found.clone(),
        scale.new_empty(0) if mask is None or mask_found is None else mask_found.to(mask.dtype),
    )


def _backward_shapes(  # noqa: PLR0917 - as above
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: Tensor,
    offset: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    kernel: str,
    causal: bool,
    normalise: bool,
    mask_too: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    like = (query, key, value, scale, offset)
    found = [tensor.new_empty(tensor.shape) for tensor in like]
    wanted = mask is not None and mask_too
    found.append(mask.new_empty(mask.shape) if wanted and mask is not None else scale.new_empty(0))
    return tuple(found)  # type: ignore[return-value]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:7])
    ctx.options = inputs[7:]


def _gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    mask = ctx.saved_tensors[6]
    mask_too = mask is not None and mask.is_floating_point() and ctx.needs_input_grad[6]
    *found, mask_found = torch.ops.ogive.kernel_attention_backward(
        gradient, *ctx.saved_tensors, *ctx.options, mask_too
    )
    return *found, None, mask_found if mask_too else None, None, None, None


def _register(name: str, function: Callable[..., Any], shapes: Callable[..., Any]) -> Any:
    """Make a function an operator; `torch.library.custom_op` would load the compiler to call it."""
    torch.library.define(f"ogive::{name}", torch.library.infer_schema(function, mutates_args=()))
    torch.library.impl(f"ogive::{name}", "CompositeExplicitAutograd", function)
    torch.library.register_fake(f"ogive::{name}", shapes)
    return getattr(torch.ops.ogive, name).default


kernel_attention_operator = _register("kernel_attention", _forward, _forward_shape)
_backward_operator = _register("kernel_attention_backward", _backward, _backward_shapes)
torch.library.register_autograd("ogive::kernel_attention", _gradients, setup_context=_keep)


def _refuse(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
    raise NotImplementedError(
        "gradients of kernel_attention cannot be differentiated again (create_graph=True); for "
        "small inputs, attention_weights(...) @ value can"
    )


# Without it, torch would take the second gradients as zero and say nothing.
torch.library.register_autograd("ogive::kernel_attention_backward", _refuse)
