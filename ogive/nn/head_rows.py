"""What reaches the head of a network: features and targets, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive.nn.init.layers import evaluating


def find_head(model: nn.Module, head: str | nn.Linear | None) -> tuple[str, nn.Linear]:
    """Return the layer that is meant and its name: by default the last nn.Linear."""
    linear = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    if not linear:
        raise InvalidParameterError(
            f"{type(model).__name__} has no nn.Linear layer that could be its head; add one"
        )
    if head is None:
        name = list(linear)[-1]
    elif isinstance(head, str):
        if head not in linear:
            raise InvalidParameterError(
                f"head={head!r} names no nn.Linear layer; {nearest_name(head, linear)}"
            )
        name = head
    else:
        found = [name for name, module in linear.items() if module is head]
        if not found:
            raise InvalidParameterError("head is no nn.Linear layer of this model; give its name")
        name = found[0]
    if parametrize.is_parametrized(linear[name]):
        raise InvalidParameterError(
            f"the weight of head {name!r} is computed by a parametrisation; remove that first"
        )
    return name, linear[name]


def features_of(
    model: nn.Module, layer: nn.Linear, name: str, loader: Iterable[Any]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what reaches the head and the targets, row by row, a batch at a time."""
    reached: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _module, given: reached.append(given[0]))
    device = layer.weight.device
    try:
        with evaluating(model):
            for batch in loader:
                if not isinstance(batch, tuple | list) or len(batch) != 2:
                    raise InvalidDataError(
                        f"the loader gives a {type(batch).__name__}; it must give pairs "
                        "(inputs, targets)"
                    )
                inputs, targets = batch
                given = inputs if isinstance(inputs, tuple | list) else (inputs,)
                reached.clear()
                model(*(part.to(device) for part in given))
                if len(reached) != 1:
                    raise InvalidDataError(
                        f"head {name!r} was used {len(reached)} times for one batch; it must be "
                        "used once: name another layer by head=..."
                    )
                rows = reached[0].reshape(-1, layer.in_features)
                yield _matched(rows, targets.to(device), layer.out_features)
    finally:
        hook.remove()


def _matched(rows: Tensor, targets: Tensor, outputs: int) -> tuple[Tensor, Tensor]:
    """Return rows and their targets: classes of shape (n,) or numbers of shape (n, outputs)."""
    if not bool(torch.isfinite(rows).all()):
        raise InvalidDataError("features that reach the head are NaN or inf; look at the data")
    if targets.is_floating_point():
        if targets.numel() != len(rows) * outputs or not bool(torch.isfinite(targets).all()):
            raise InvalidDataError(
                f"targets have shape {tuple(targets.shape)} for {len(rows)} rows and a head of "
                f"{outputs} outputs; they must be finite, one number for each"
            )
        return rows, targets.reshape(-1, outputs)
    if targets.numel() != len(rows):
        raise InvalidDataError(
            f"targets have shape {tuple(targets.shape)} for {len(rows)} rows; give one class a row"
        )
    targets = targets.reshape(-1).long()
    kept = targets >= 0
    rows, targets = rows[kept], targets[kept]
    classes = max(outputs, 2)
    if len(targets) and int(targets.max()) >= classes:
        raise InvalidDataError(
            f"targets reach class {int(targets.max())}, but a head of {outputs} outputs has "
            f"{classes} classes: 0 to {classes - 1}"
        )
    return rows, targets


def sample(
    blocks: Iterator[tuple[Tensor, Tensor]], capacity: int, seed: int
) -> tuple[Tensor, Tensor, int]:
    """Return at most so many rows, each as likely as any other, their classes, and how many came.

    A reservoir (Vitter 1985, algorithm R): row t, from 0, takes the place of a random one of t + 1.
    """
    generator = torch.Generator().manual_seed(seed)
    kept: list[tuple[Tensor, Tensor]] = []
    features, classes = torch.empty(0), torch.empty(0)
    rows = 0
    for block, targets in blocks:
        if targets.is_floating_point():
            raise InvalidDataError(
                "targets are numbers; loss='logistic' takes classes: use 'ridge'"
            )
        room = max(0, capacity - rows)
        if room:
            kept.append((block[:room].clone(), targets[:room]))
        if len(block) > room:
            if kept:
                features, classes = (torch.cat(parts) for parts in zip(*kept, strict=True))
                kept = []
            for index in range(room, len(block)):
                place = int(torch.randint(rows + index + 1, (), generator=generator))
                if place < capacity:
                    features[place], classes[place] = block[index], targets[index]
        rows += len(block)
    if kept:
        features, classes = (torch.cat(parts) for parts in zip(*kept, strict=True))
    return features, classes, rows
