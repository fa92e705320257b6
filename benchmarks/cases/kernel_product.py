"""tanh(gamma X Zᵀ + coef0) @ v, with X against another Z and against itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from sklearn.metrics.pairwise import sigmoid_kernel
from torch import Tensor

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from ogive.kernels import Sigmoid
from ogive.operators import KernelOperator

GAMMA, COEF0 = 0.005, 0.5
TILE = 2048
BARE, HALF = "bare tiles", "bare tiles, half of them"
_PEER, _PIXELS = "scikit-learn", "Ogive, pixels"
_SAMPLE = 50
_ALLOWED = 1e-5  # float32 sums of 20,000 terms


@dataclass(frozen=True)
class Rows:
    """Both sides and the vector; ``z`` is ``x`` itself where X meets itself."""

    x: np.ndarray
    z: np.ndarray

    @property
    def symmetric(self) -> bool:
        """Whether both sides are the same."""
        return self.z is self.x


@dataclass(frozen=True)
class ProductData:
    """The same work on real numbers and on pixels."""

    real: Rows
    pixels: Rows
    v: np.ndarray


def prepare(quick: bool, *, symmetric: bool) -> ProductData:
    """Draw real numbers of [0, 1), and pixels: multiples of 1/255."""
    rows, features = (512, 64) if quick else (20_000, 784)
    generator = np.random.default_rng(0)

    def real() -> np.ndarray:
        return generator.random((rows, features), dtype=np.float32)

    def pixels() -> np.ndarray:
        drawn = generator.integers(0, 256, (rows, features), dtype=np.uint8).astype(np.float32)
        drawn /= 255
        return drawn

    x, p = real(), pixels()
    return ProductData(
        real=Rows(x, x if symmetric else real()),
        pixels=Rows(p, p if symmetric else pixels()),
        v=generator.standard_normal(rows, dtype=np.float32),
    )


def title(data: ProductData) -> str:
    n, d = data.real.x.shape
    other = "itself" if data.real.symmetric else "another Z"
    return f"tanh(gamma X Zᵀ + coef0) @ v, {n:,} × {n:,}, d = {d}, float32, X against {other}"


def by_scikit_learn(data: ProductData) -> np.ndarray:
    """Form the whole matrix, then multiply; of X Xᵀ numpy computes one half only."""
    rows = data.real
    z = None if rows.symmetric else rows.z
    return sigmoid_kernel(rows.x, z, gamma=GAMMA, coef0=COEF0) @ data.v


def by_bare_tiles(data: ProductData, *, half: bool) -> Tensor:
    """Do the least that tiles take, matrix product and tanh; add nothing up.

    All tiles, or those on and above the diagonal only. The last one is returned, as a proof of
    work.
    """
    rows, buffer = data.real, torch.empty(TILE * TILE)
    right_tiles = torch.from_numpy(rows.z).split(TILE)
    for index, left in enumerate(torch.from_numpy(rows.x).split(TILE)):
        scaled = left * GAMMA
        for right in right_tiles[index if half else 0 :]:
            tile = buffer[: len(left) * len(right)].view(len(left), len(right))
            torch.mm(scaled, right.T, out=tile).tanh_()
    return tile


def by_ogive(rows: Rows, v: np.ndarray) -> np.ndarray:
    """Construct the operator, and multiply."""
    z = None if rows.symmetric else rows.z
    return KernelOperator(Sigmoid(GAMMA, COEF0), rows.x, z) @ v


def check(data: ProductData, answers: Answers) -> Sequence[Agreement]:
    """Compare with float64 on sampled rows; bare tiles give no product, only their last tile."""
    found = []
    for name, answer in answers.items():
        if name in (BARE, HALF):
            what, error = "last tile against float64", _tile_error(data.real, answer)
        else:
            rows = data.pixels if name == _PIXELS else data.real
            what, error = _sampled_error(rows, data.v, answer)
        found.append(Agreement(f"{name}: {what}", error, _ALLOWED))
    return found


def _sampled_error(rows: Rows, v: np.ndarray, answer: np.ndarray) -> tuple[str, float]:
    some = np.linspace(0, len(rows.x) - 1, _SAMPLE).astype(int)
    arguments = GAMMA * (rows.x[some].astype(np.float64) @ rows.z.T.astype(np.float64)) + COEF0
    expected = np.tanh(arguments) @ v.astype(np.float64)
    return f"{_SAMPLE} rows against float64", relative_error(answer[some], expected)


def _tile_error(rows: Rows, tile: Tensor) -> float:
    height, width = tile.shape
    x, z = rows.x[-height:].astype(np.float64), rows.z[-width:].astype(np.float64)
    return relative_error(tile, np.tanh(GAMMA * (x @ z.T)))


_NOTES = (
    "Ogive's operator is constructed anew in every run.",
    "Bare tiles: matrix product and in-place tanh by torch; nothing shifted, nothing added up.",
    "Pixels: multiples of 1/255, for which Ogive has exact bfloat16 products where the processor "
    "has them; to the others all float32 numbers cost the same.",
)


def kernel_product(name: str, summary: str, *, symmetric: bool) -> Case[ProductData]:
    """Return the case of X against another Z, or against itself."""
    bare = [Way(BARE, partial(by_bare_tiles, half=False))]
    if symmetric:
        bare.append(Way(HALF, partial(by_bare_tiles, half=True)))
    return Case(
        name=name,
        summary=summary,
        prepare=partial(prepare, symmetric=symmetric),
        title=title,
        ways=(
            Way(_PEER, by_scikit_learn),
            *bare,
            Way("Ogive", lambda data: by_ogive(data.real, data.v)),
            Way(_PIXELS, lambda data: by_ogive(data.pixels, data.v)),
        ),
        baselines=(_PEER, BARE),
        check=check,
        notes=_NOTES,
    )


KERNEL_PRODUCT = kernel_product(
    "kernel-product", "a product with the tanh kernel matrix, X against another Z", symmetric=False
)
SYMMETRIC_PRODUCT = kernel_product(
    "kernel-product-symmetric", "the same, X against itself", symmetric=True
)
