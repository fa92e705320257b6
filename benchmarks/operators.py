"""Times the operators against the bare arithmetic they cannot avoid, in one run.

    python benchmarks/operators.py [--rows 20000] [--repeats 5]

Every figure is the median of several runs, taken in turn after a warm-up; answers are checked
first. Ratios are what to look at: seconds depend on the machine and its neighbours.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ogive.kernels import AdditiveSigmoid, Sigmoid
from ogive.operators import AdditiveOperator, KernelOperator

FEATURES = 784
TILE = 2048
KERNEL = Sigmoid(0.005, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    kernel_products(arguments.rows, arguments.repeats)
    additive_product(65_536, 64, arguments.repeats)


def kernel_products(rows: int, repeats: int) -> None:
    noise = torch.rand(rows, FEATURES)
    pixels = torch.randint(0, 256, (rows, FEATURES)).float() / 255
    v = torch.randn(rows)
    cases: dict[str, Callable[[], object]] = {
        "bare GEMM tiles and in-place tanh": bare_tiles(noise),
        "float32, X against another Z": product(noise, noise.clone(), v),
        "float32, X against itself": product(noise, None, v),
        "pixels, X against another Z": product(pixels, pixels.clone(), v),
        "pixels, X against itself": product(pixels, None, v),
    }
    seconds = in_turn(cases, repeats)
    base, full = seconds["bare GEMM tiles and in-place tanh"], "float32, X against another Z"
    print(f"KernelOperator @ v, {rows:,} × {rows:,}, d = {FEATURES}, tanh kernel")
    print(f"{'':36}{'seconds':>9}{'of bare':>9}{'speed-up':>10}")
    for name, found in seconds.items():
        print(f"{name:36}{found:9.2f}{found / base:9.2f}{seconds[full] / found:9.2f}×")
    print("(speed-up against the float32 product with another Z)\n")


def bare_tiles(x: Tensor) -> Callable[[], None]:
    """Return the least that a tiled product must do: GEMM and tanh, nothing added up."""
    buffer = torch.empty(TILE * TILE)

    def run() -> None:
        for left in x.split(TILE):
            for right in x.split(TILE):
                out = buffer[: len(left) * len(right)].view(len(left), len(right))
                torch.mm(left, right.T, out=out).tanh_()

    return run


def product(x: Tensor, z: Tensor | None, v: Tensor) -> Callable[[], Tensor]:
    operator = KernelOperator(KERNEL, x, z)
    some = torch.arange(0, len(x), max(1, len(x) // 50))
    expected = operator.kernel(x[some].double(), (x if z is None else z).double()) @ v.double()
    error = ((operator @ v)[some] - expected).abs().max() / expected.abs().max()
    assert error < 1e-4, f"the product is wrong by {error:.1e}"
    return lambda: operator @ v


def additive_product(rows: int, width: int, repeats: int) -> None:
    x = torch.randn(rows, 8, dtype=torch.float64)
    z = torch.randn(rows, 8, dtype=torch.float64)
    alpha, beta = torch.randn(2, 1, 8, dtype=torch.float64)
    kernel = AdditiveSigmoid(3 * alpha / alpha.norm(), 3 * beta / beta.norm())
    v = torch.randn(rows, width, dtype=torch.float64)
    operator = AdditiveOperator(kernel, x, z)
    answer = operator @ v
    some = torch.arange(0, rows, rows // 200)
    dense = kernel(x[some], z) @ v
    error = (answer[some] - dense).abs().amax(0)
    bound = operator.error_bound(v)
    relative = float((answer[some] - dense).norm() / dense.norm())
    assert bool((error <= bound).all()), "the error is above its bound"
    seconds = in_turn({"product": lambda: AdditiveOperator(kernel, x, z) @ v}, repeats)["product"]
    print(f"AdditiveOperator @ V, {rows:,} × {rows:,}, V {width} wide, float64, arguments of std 3")
    print(f"{seconds:.3f} s with construction; rank {operator.rank}")
    print(f"largest error {float(error.max()):.1e}, bound {float(bound.min()):.1e} or more; ")
    print(f"relative to the dense product on {len(some)} rows {relative:.1e}")


def in_turn(cases: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each case; the cases are run in turn, after a warm-up."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats + 1):
        for name, run in cases.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


if __name__ == "__main__":
    main()
