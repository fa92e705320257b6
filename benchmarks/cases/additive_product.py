"""Σ_j σ(αᵀx_i + βᵀz_j) V_j: interpolation in one variable beside the dense product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from ogive.kernels import AdditiveSigmoid
from ogive.operators import AdditiveOperator

_FEATURES = 8
_SPREAD = 3.0  # standard deviation of each of the two parts of the argument
_BLOCK = 512  # rows of the dense product at a time; 128 to 2,048 were equally fast
_SAMPLE = 200
_ALLOWED = 1e-8  # the operator's default tolerance in float64


@dataclass(frozen=True)
class AdditiveData:
    """Rows of both sides, the two directions, and the block of vectors; float64."""

    x: np.ndarray
    z: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    block: np.ndarray


def prepare(quick: bool) -> AdditiveData:
    """Draw normal rows, and directions of length 3."""
    rows, width = (2_048, 4) if quick else (32_768, 64)
    generator = np.random.default_rng(0)
    x, z = generator.standard_normal((2, rows, _FEATURES))
    alpha, beta = generator.standard_normal((2, _FEATURES))
    return AdditiveData(
        x=x,
        z=z,
        alpha=_SPREAD * alpha / np.linalg.norm(alpha),
        beta=_SPREAD * beta / np.linalg.norm(beta),
        block=generator.standard_normal((rows, width)),
    )


def title(data: AdditiveData) -> str:
    n, width = data.block.shape
    return (
        f"σ(αᵀX + βᵀZ) @ V, {n:,} × {n:,}, V {width} wide, float64, αᵀx and βᵀz of standard "
        f"deviation {_SPREAD:g}"
    )


def by_dense_blocks(data: AdditiveData) -> np.ndarray:
    """Form all entries by torch, a block of rows at a time, in one buffer."""
    u = torch.from_numpy(data.x @ data.alpha)
    v = torch.from_numpy(data.z @ data.beta)
    block = torch.from_numpy(data.block)
    out = torch.empty(len(u), block.shape[1], dtype=torch.float64)
    buffer = torch.empty(_BLOCK, len(v), dtype=torch.float64)
    for rows, part in zip(u.split(_BLOCK), out.split(_BLOCK), strict=True):
        entries = torch.add(rows[:, None], v, out=buffer[: len(rows)]).sigmoid_()
        torch.mm(entries, block, out=part)
    return out.numpy()


def by_ogive(data: AdditiveData) -> np.ndarray:
    """Construct the operator, and multiply."""
    return _operator(data) @ data.block


def _operator(data: AdditiveData) -> AdditiveOperator:
    return AdditiveOperator(AdditiveSigmoid(data.alpha, data.beta), data.x, data.z)


def check(data: AdditiveData, answers: Answers) -> Sequence[Agreement]:
    """Compare the dense product with the formula on sampled rows, and Ogive with all of it."""
    some = np.linspace(0, len(data.x) - 1, _SAMPLE).astype(int)
    arguments = (data.x[some] @ data.alpha)[:, None] + data.z @ data.beta
    expected = (1 / (1 + np.exp(-arguments))) @ data.block
    dense, found = answers["dense"], answers["Ogive"]
    bound = _operator(data).error_bound(data.block)
    return (
        Agreement(
            f"dense: {_SAMPLE} rows against numpy", relative_error(dense[some], expected), 1e-12
        ),
        Agreement("Ogive: all rows against dense", relative_error(found, dense), _ALLOWED),
        Agreement(
            "Ogive: error as a share of its own bound", (abs(found - dense) / bound).max(), 1.0
        ),
    )


ADDITIVE_PRODUCT = Case(
    name="additive-product",
    summary="a product with the additive kernel matrix",
    prepare=prepare,
    title=title,
    ways=(Way("dense", by_dense_blocks), Way("Ogive", by_ogive)),
    baselines=("dense",),
    check=check,
    notes=(
        "Dense: every entry, in blocks of rows by torch; both at full size.",
        "Ogive's operator is constructed anew in every run.",
    ),
)
