"""Attention with a sigmoid kernel beside PyTorch's softmax attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from ogive.nn.kernel_attention import kernel_attention

HEADS, WIDTH = 4, 64
_PEER, _PEER_CAUSAL = "PyTorch softmax", "PyTorch softmax, causal"
_SAMPLE = 20
_ALLOWED = 2e-5  # float32 sums of 16,384 terms


@dataclass(frozen=True)
class AttentionData:
    """Queries, keys, values and, for training, a gradient of the answer: (1, heads, n, width)."""

    query: Tensor
    key: Tensor
    value: Tensor
    gradient: Tensor | None


Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


def prepare(quick: bool, tokens: int, training: bool) -> AttentionData:
    """Draw normal numbers."""
    tokens = 64 if quick else tokens
    generator = torch.Generator().manual_seed(0)
    q, k, v, g = torch.randn(4, 1, HEADS, tokens, WIDTH, generator=generator)
    return AttentionData(q, k, v, g if training else None)


def title(data: AttentionData) -> str:
    n = data.query.shape[2]
    passes = "forward" if data.gradient is None else "forward and backward"
    return f"attention, {n:,} tokens, {HEADS} heads of {WIDTH}, float32, {passes}"


def run(data: AttentionData, attend: Attend) -> tuple[np.ndarray, ...]:
    """Return the answer, and for training the gradients of queries, keys and values."""
    inputs = [data.query, data.key, data.value]
    if data.gradient is None:
        with torch.no_grad():
            return (attend(*inputs).numpy(),)
    inputs = [tensor.detach().requires_grad_() for tensor in inputs]
    answer = attend(*inputs)
    found = torch.autograd.grad(answer, inputs, data.gradient)
    return (answer.detach().numpy(), *(gradient.numpy() for gradient in found))


def check(data: AttentionData, answers: Answers) -> Sequence[Agreement]:
    """Compare each way with its own formula in float64, on sampled queries."""
    n = data.query.shape[2]
    some = np.linspace(0, n - 1, _SAMPLE).astype(int)
    found = []
    for name, answer in answers.items():
        expected = _reference(data, some, name)
        names = ("answers", "gradients of queries")[: len(answer)]
        for what, mine, oracle in zip(names, answer, expected, strict=False):
            error = relative_error(mine[:, :, some], oracle)
            found.append(Agreement(f"{name}: {what} of {_SAMPLE} queries", error, _ALLOWED))
    return found


def _reference(data: AttentionData, rows: np.ndarray, name: str) -> list[np.ndarray]:
    """Return answers and gradients of some queries: a query's depend on no other query."""
    key, value = data.key.double(), data.value.double()
    query = data.query[:, :, rows].double().requires_grad_()
    z = query @ key.mT / WIDTH**0.5
    n = z.shape[-1]
    places = torch.from_numpy(rows)[:, None]
    seen = torch.arange(n) <= places if "causal" in name else torch.ones(len(rows), n) > 0
    count = seen.sum(-1, keepdim=True).double()
    if "softmax" in name:
        weights = z.masked_fill(~seen, -torch.inf).softmax(-1)
    elif "tanh" in name:
        weights = z.tanh() * seen / count
    else:
        weights = (z - count.log()).sigmoid() * seen
    answer = weights @ value
    if data.gradient is None:
        return [answer.detach().numpy()]
    (gradient,) = torch.autograd.grad(answer, query, data.gradient[:, :, rows].double())
    return [answer.detach().numpy(), gradient.numpy()]


def _way(name: str, attend: Attend) -> Way[AttentionData]:
    return Way(name, partial(run, attend=attend))


def attention(name: str, tokens: int, *, training: bool = False) -> Case[AttentionData]:
    """Return the case of so many tokens, forward or forward and backward."""
    softmax = functional.scaled_dot_product_attention
    passes = "forward and backward" if training else "forward"
    return Case(
        name=name,
        summary=f"attention by a kernel and by softmax, {tokens:,} tokens, {passes}",
        prepare=partial(prepare, tokens=tokens, training=training),
        title=title,
        ways=(
            _way(_PEER, softmax),
            _way("Ogive logistic", kernel_attention),
            _way("Ogive tanh", partial(kernel_attention, kernel="tanh")),
            _way(_PEER_CAUSAL, partial(softmax, is_causal=True)),
            _way("Ogive logistic, causal", partial(kernel_attention, is_causal=True)),
        ),
        baselines=(_PEER, _PEER_CAUSAL),
        check=check,
        notes=(
            "Softmax and sigmoid attention are different functions: each is compared with its own "
            "formula in float64.",
        ),
    )


ATTENTION_1024 = attention("attention-1024", 1024)
ATTENTION_4096 = attention("attention-4096", 4096)
ATTENTION_16384 = attention("attention-16384", 16_384)
ATTENTION_TRAINING = attention("attention-training", 4096, training=True)
