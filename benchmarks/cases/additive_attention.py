"""Attention with scores σ(u_i + v_j): interpolation in one variable beside the dense sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from ogive.nn.additive_attention import additive_attention, additive_attention_bound

_SPREAD = 1.5  # standard deviation of each of the two parts of the argument
_BLOCK = 256  # rows of the dense sums at a time
_DENSE_ROWS = 4096  # of the full size: the whole takes a minute, and each row costs the same
_SAMPLE = 100
_ALLOWED = 1e-5  # float32 sums of 65,536 terms


@dataclass(frozen=True)
class AttentionData:
    """One head: both parts of the argument, and the values; float32."""

    u: Tensor
    v: Tensor
    value: Tensor

    @property
    def dense_rows(self) -> np.ndarray:
        """The rows that the dense way answers, evenly spread: a causal row costs by its place."""
        n = len(self.u)
        return np.linspace(0, n - 1, min(n, _DENSE_ROWS)).astype(int)


def prepare(quick: bool) -> AttentionData:
    """Draw normal numbers."""
    tokens, width = (1_000, 8) if quick else (65_536, 64)
    generator = torch.Generator().manual_seed(0)
    u, v = _SPREAD * torch.randn(2, tokens, generator=generator)
    return AttentionData(u, v, torch.randn(tokens, width, generator=generator))


def title(data: AttentionData) -> str:
    n, width = data.value.shape
    return (
        f"additive attention, one head, {n:,} tokens, values {width} wide, float32, u and v of "
        f"standard deviation {_SPREAD:g}"
    )


@torch.no_grad()
def by_dense_blocks(data: AttentionData, *, is_causal: bool) -> np.ndarray:
    """Answer evenly spread queries by all their scores, a block at a time, in one buffer."""
    rows = torch.from_numpy(data.dense_rows)
    out = torch.empty(len(rows), data.value.shape[1])
    buffer = torch.empty(_BLOCK * len(data.v))
    for places, part in zip(rows.split(_BLOCK), out.split(_BLOCK), strict=True):
        seen = int(places[-1]) + 1 if is_causal else len(data.v)
        scores = buffer[: len(places) * seen].view(len(places), seen)
        torch.add(data.u[places, None], data.v[:seen], out=scores).sigmoid_()
        if is_causal:
            first = int(places[0])
            scores[:, first:].masked_fill_(torch.arange(first, seen) > places[:, None], 0.0)
        torch.mm(scores, data.value[:seen], out=part)
        part.div_((places[:, None] + 1) if is_causal else seen)
    return out.numpy()


@torch.no_grad()
def by_ogive(data: AttentionData, *, is_causal: bool) -> np.ndarray:
    """Answer all queries."""
    return additive_attention(data.u, data.v, data.value, is_causal=is_causal).numpy()


def check(data: AttentionData, answers: Answers) -> Sequence[Agreement]:
    """Compare with the formula in float64 on sampled rows, and with Ogive's own bound."""
    found = []
    for name, answer in answers.items():
        is_causal = "causal" in name
        places = data.dense_rows if "dense" in name else np.arange(len(data.u))
        some = np.linspace(0, len(places) - 1, _SAMPLE).astype(int)
        expected = _reference(data, places[some], is_causal)
        found.append(
            Agreement(
                f"{name}: {_SAMPLE} rows against float64",
                relative_error(answer[some], expected),
                _ALLOWED,
            )
        )
        if "dense" not in name:
            bound = additive_attention_bound(data.value, len(data.u), is_causal=is_causal)
            allowed = bound[some] if is_causal else bound
            share = np.abs(answer[some] - expected) / allowed.numpy()
            found.append(Agreement(f"{name}: error as a share of its bound", share.max(), 1.0))
    return tuple(found)


def _reference(data: AttentionData, rows: np.ndarray, is_causal: bool) -> np.ndarray:
    u, v, value = (t.double().numpy() for t in (data.u, data.v, data.value))
    scores = 1 / (1 + np.exp(-(u[rows, None] + v)))
    seen = np.arange(len(v)) <= rows[:, None] if is_causal else np.ones_like(scores, dtype=bool)
    return (scores * seen) @ value / seen.sum(1, keepdims=True)


ADDITIVE_ATTENTION = Case(
    name="additive-attention",
    summary="attention with the additive sigmoid kernel",
    prepare=prepare,
    title=title,
    ways=(
        Way("dense, part", partial(by_dense_blocks, is_causal=False)),
        Way("dense causal, part", partial(by_dense_blocks, is_causal=True)),
        Way("Ogive", partial(by_ogive, is_causal=False)),
        Way("Ogive causal", partial(by_ogive, is_causal=True)),
    ),
    baselines=("dense, part", "dense causal, part"),
    check=check,
    notes=(
        f"Dense: {_DENSE_ROWS:,} evenly spread queries only, at their full number of keys; all "
        "queries take as many times longer as there are more of them. Ogive answers all.",
        "Both forward only, without gradients.",
    ),
)
