"""What a kernel operator must do beyond the operator contract: budgets, tiles, gradients.

Each check takes (case, dtype): a `KernelCase` and torch.float32 or torch.float64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive._whole_numbers import fast_whole_products
from ogive.kernels import Gaussian, Linear
from ogive.operators import KernelOperator
from ogive.operators.precision import fast_bfloat16
from ogive.testing.kernel_cases import KernelCase, read_only
from ogive.testing.operator_contract import Container, OperatorCase
from ogive.testing.raising import assert_raises
from ogive.testing.tolerances import assert_close

KernelOperatorCheck = Callable[[KernelCase, torch.dtype], None]

# More than one tile of 16, and not a multiple of it.
_ROWS, _COLUMNS, _FEATURES = 37, 45, 3


def operator_case(
    case: KernelCase, dtype: torch.dtype, n: int, m: int | None, d: int, *, memory: int | str
) -> OperatorCase:
    """Return the operator of a kernel on fixed rows; without m both sides are one."""
    x = case.rows(n, d, dtype)
    z = x if m is None else case.rows(m, d, dtype, seed=1)

    def make(container: Container) -> KernelOperator:
        right = None if m is None else container(z)
        return KernelOperator(case.kernel, container(x), right, memory=memory)

    return OperatorCase(make, _dense(case, dtype, n, m, d), dtype, case.amplification)


@lru_cache(maxsize=1000)
def _dense(case: KernelCase, dtype: torch.dtype, n: int, m: int | None, d: int) -> np.ndarray:
    """Return what `operator_case` must equal; naive oracles are slow and many checks ask."""
    x = case.rows(n, d, dtype)
    return read_only(case.oracle(x, x if m is None else case.rows(m, d, dtype, seed=1)))


def smallest_budget(use: Callable[[int], Any]) -> int:
    """Return the smallest memory in bytes that ``use(memory)`` accepts, as told by its errors."""
    memory = 1
    for _ in range(3):  # building an operator and using it may name different minima
        try:
            use(memory)
        except InvalidParameterError as error:
            found = re.search(r"at least (\d+) bytes", str(error))
            assert found is not None, f"the error names no minimum: {error}"
            assert f"memory={memory} bytes" in str(error), f"not what was given: {error}"
            memory = int(found[1])
    use(memory)
    assert memory > 1, "one byte cannot be enough"
    return memory


def check_budgets(case: KernelCase, dtype: torch.dtype) -> None:
    """Check that any budget gives the same answer, and that too small a one is refused."""
    for n, m in ((_ROWS, _COLUMNS), (_ROWS, None), (1, _COLUMNS), (_COLUMNS, 1)):
        x = case.rows(n, _FEATURES, dtype)
        z = x if m is None else case.rows(m, _FEATURES, dtype, seed=1)
        other = None if m is None else z
        build = _builder(case, x, other)
        least = smallest_budget(build)
        assert_raises(InvalidParameterError, build, least - 1, message=f"at least {least} bytes")
        dense = case.oracle(x, z)
        for memory in (least, int(1.7 * least), 5 * least + 3, 10**6):
            op = build(memory)
            exact = OperatorCase(lambda _, op=op: op, dense, dtype, case.amplification)  # type: ignore[misc]
            v = exact.vectors(len(z), 3)
            exact.assert_product(op @ v, v, f"memory={memory}, {n} × {m}")
            exact.assert_entries(op.to_dense(), dense, f"dense, memory={memory}, {n} × {m}")


def check_row_blocks(case: KernelCase, dtype: torch.dtype) -> None:
    """Check that row_blocks covers every row once, from top to bottom, in either type."""
    for m in (None, _COLUMNS):
        x = case.rows(_ROWS, _FEATURES, dtype)
        z = x if m is None else case.rows(m, _FEATURES, dtype, seed=1)
        build = _builder(case, x, None if m is None else z)
        dense = case.oracle(x, z)
        least = smallest_budget(lambda memory: list(build(memory).row_blocks(torch.float64)))  # noqa: B023
        for memory in (2 * least, 7 * least, 10**6):
            for asked in (None, torch.float64):
                rebuilt, last = np.full(dense.shape, np.nan), 0
                for rows, block in build(memory).row_blocks(asked):
                    assert rows.start == last and block.shape == (rows.stop - last, len(z))
                    assert block.dtype == (asked or dtype)
                    rebuilt[rows], last = block, rows.stop
                assert last == _ROWS
                assert_close(
                    rebuilt, dense, "entry", dtype, amplification=case.amplification, context="rows"
                )


def check_symmetric_half(case: KernelCase, dtype: torch.dtype) -> None:
    """Check that half of the tiles of a symmetric matrix give what all of them give."""
    x = case.rows(_ROWS, _FEATURES, dtype)
    build = _builder(case, x, None)
    least = smallest_budget(build)
    half = build(least)
    whole = KernelOperator(case.kernel, x, x.copy(), memory=least)
    assert half.symmetric == case.kernel.symmetric and not whole.symmetric
    exact = OperatorCase(lambda _: half, case.oracle(x, x), dtype, case.amplification)
    v = exact.vectors(_ROWS, 3)
    exact.assert_product(half @ v, v, "half of the tiles")
    exact.assert_product(whole @ v, v, "all tiles")
    exact.assert_product(half.T @ v, v, "half of the tiles, transposed", exact.dense.T)
    if case.kernel.symmetric:
        dense = half.to_dense()
        exact.assert_entries(dense, dense.T.astype(np.float64), "symmetry")
        assert np.array_equal(dense[:16, 16:], dense[16:, :16].T), "a tile and its mirror differ"


def check_sparse(case: KernelCase, dtype: torch.dtype) -> None:
    """Check sparse rows on either side; gradients through the product then raise."""
    x, z = (case.rows(n, _FEATURES, dtype, s) for n, s in ((_ROWS, 0), (_COLUMNS, 1)))
    x, z = x * (np.abs(x) > 0.5), z * (np.abs(z) > 0.5)
    left, right = sparse.csr_matrix(x), sparse.csr_matrix(z)
    dense = case.oracle(x, z)
    for given in ((left, right), (left, z), (x, right)):
        op = KernelOperator(case.kernel, *given, memory="20 kB")
        exact = OperatorCase(lambda _, op=op: op, dense, op.dtype, case.amplification)  # type: ignore[misc]
        v = exact.vectors(_COLUMNS, 2)
        exact.assert_product(op @ v, v, "sparse data")
        exact.assert_entries(op.rows([1, -1]), dense[[1, -1]], "rows of sparse data")
        tracked = torch.ones(_COLUMNS, 1, requires_grad=True)
        assert_raises(InvalidTypeError, op.__matmul__, tracked, message="sparse")
    square = KernelOperator(case.kernel, left, memory="20 kB")
    case_square = OperatorCase(lambda _: square, case.oracle(x, x), dtype, case.amplification)
    v = case_square.vectors(_ROWS, 2)
    case_square.assert_product(square @ v, v, "sparse data on both sides")


def check_gradients(case: KernelCase, dtype: torch.dtype) -> None:
    """Check gradients in v, X, Z and the kernel's tensors against the dense matrix's."""
    if not case.differentiable:
        return
    for m in (None, _COLUMNS):
        x = torch.tensor(case.rows(_ROWS, _FEATURES, dtype))
        z = x if m is None else torch.tensor(case.rows(m, _FEATURES, dtype, seed=1))
        v = torch.tensor(np.random.default_rng(2).normal(size=(len(z), 2))).to(dtype)
        weights = torch.tensor(np.random.default_rng(3).normal(size=(_ROWS, 2))).to(dtype)
        shared, parameters = m is None, [t.detach().clone() for t in case.kernel.tensors()]
        leaves = [t.requires_grad_() for t in (v, x, *([] if shared else [z]), *parameters)]

        def loss(product: Callable[..., Tensor]) -> Sequence[Tensor]:
            kernel = case.kernel.with_tensors(parameters)  # noqa: B023
            answer = product(kernel, x, None if shared else z, v)  # noqa: B023
            return torch.autograd.grad((answer * weights).sum(), leaves)  # noqa: B023

        expected = loss(lambda k, x, z, v: k(x, z) @ v)
        for memory in (60_000, "1 MB"):
            found = loss(lambda k, x, z, v: KernelOperator(k, x, z, memory=memory) @ v)  # noqa: B023
            for mine, other in zip(found, expected, strict=True):
                size = 10 + other.abs().max()
                assert_close(
                    mine,
                    other,
                    "gradient",
                    dtype,
                    size=size,
                    amplification=case.amplification,
                    context=f"{case}, memory={memory}, shape {tuple(other.shape)}",
                )


def check_gradcheck(case: KernelCase, dtype: torch.dtype) -> None:
    """Check gradients in v, X, Z and the kernel's tensors against finite differences."""
    if not case.differentiable or dtype != torch.float64:
        return  # finite differences of float32 numbers say nothing
    x, z = (torch.tensor(case.rows(n, 2, dtype, s)) for n, s in ((3, 0), (2, 1)))
    parameters = [t.detach().clone().requires_grad_() for t in case.kernel.tensors()]
    v = torch.tensor(np.random.default_rng(2).normal(size=(2, 2)))
    tracked = [t.requires_grad_() for t in (v, x, z)]

    def product(v: Tensor, x: Tensor, z: Tensor, *values: Tensor) -> Tensor:
        return KernelOperator(case.kernel.with_tensors(list(values)), x, z) @ v

    def square(v: Tensor, x: Tensor, *values: Tensor) -> Tensor:
        return KernelOperator(case.kernel.with_tensors(list(values)), x) @ v

    assert torch.autograd.gradcheck(product, (*tracked, *parameters))
    # One at a time: gradients that nobody asked for are left out, the others are the same.
    together = torch.autograd.grad(product(*tracked, *parameters).sum(), tracked)
    for i, each in enumerate(tracked):
        alone = [t.detach() if j != i else each for j, t in enumerate(tracked)]
        (gradient,) = torch.autograd.grad(product(*alone, *parameters).sum(), each)
        assert torch.equal(gradient, together[i])
    # At zero distance the clamp has a kink, which only finite differences notice.
    v = torch.tensor(np.random.default_rng(2).normal(size=(3, 1))).requires_grad_()
    assert torch.autograd.gradcheck(square, (v, x, *parameters), atol=2e-5)


def check_exact(case: KernelCase, dtype: torch.dtype) -> None:
    """Check that on pixels, centred or not, and codes exact products are as good as full ones."""
    if dtype != torch.float32 or not (fast_bfloat16() or fast_whole_products()):
        return
    width = case.width or 20
    for name, rows in lattice_data(70, width).items():
        if name in ("counts", "negative counts"):
            continue  # kernels are made for rows of size 1; see `check_bit_exact`
        x, z = rows[:40], rows[40:]
        for other in (x, z):
            build = _builder(case, x, None if other is x else other, precision="exact")
            dense = case.oracle(x, other)
            for memory in (smallest_budget(build), 10**6):
                op = build(memory)
                assert op.precision.name == "exact" and op.precision.lattice is not None, name
                blocks = np.vstack([block.clone().numpy() for _, block in op.row_blocks()])
                for answer in (op.to_dense(), blocks):
                    # The pairing is up to the number of features in size.
                    amplification = case.amplification * width
                    context = f"{case} on {name}, memory={memory}"
                    assert_close(
                        answer, dense, "exact", dtype, amplification=amplification, context=context
                    )


def check_bit_exact(n: int, m: int, d: int, seed: int = 0, levels: int = 256) -> None:
    """Check that small whole numbers have exact inner products, to the last bit.

    Of up to 256 levels they are multiplied as 8-bit integers where processors are fast at it, of
    up to 512 in bfloat16.
    """
    if not fast_bfloat16() and (levels > 256 or d < 16 or not fast_whole_products()):
        return
    generator = np.random.default_rng(seed)
    low = generator.integers(-200, 1, size=d)
    x, z = (low + generator.integers(0, levels, size=(k, d)) for k in (n, m))
    single = x.astype(np.float32), z.astype(np.float32)
    op = KernelOperator(Linear(), *single, memory="1 MB", precision="exact")
    assert np.array_equal(op.to_dense(), x @ z.T), "inner products of whole numbers are not exact"
    square = KernelOperator(Linear(), single[0], memory="1 MB", precision="exact")
    assert np.array_equal(square.to_dense(), x @ x.T)
    # Of distances, the pairing itself is exact; its exponential is rounded.
    distance = ((x[:, None, :] - z[None, :, :]) ** 2).sum(2)
    gaussian = KernelOperator(Gaussian(1e-6), *single, memory="1 MB", precision="exact")
    assert_close(gaussian.to_dense(), np.exp(-1e-6 * distance), "entry", torch.float32)


def lattice_data(n: int, d: int) -> dict[str, np.ndarray]:
    """Return read-only float32 rows on lattices: pixels (also centred), 4-bit codes, counts."""
    generator = np.random.default_rng(5)
    pixels = (generator.integers(0, 256, size=(n, d)) / 255).astype(np.float32)
    mean = (generator.integers(0, 256, size=d) / 255).astype(np.float32)
    whole = generator.integers(0, 40, size=(n, d)).astype(np.float32)
    found = {
        "pixels": pixels,
        "centred pixels": pixels - mean,
        "codes": (generator.integers(0, 17, size=(n, d)) / 16).astype(np.float32),
        "counts": whole,
        "negative counts": whole - 20,
    }
    return {name: read_only(rows) for name, rows in found.items()}


def check_impossible(case: KernelCase, dtype: torch.dtype) -> None:
    """Check that impossible requests are refused when the operator is made, with the cure."""
    x = case.rows(4, _FEATURES, dtype)
    noise = read_only(x + np.random.default_rng(0).normal(size=x.shape).astype(x.dtype))

    def build(x: Any = x, z: Any = None, **options: Any) -> KernelOperator:
        return KernelOperator(case.kernel, x, z, **options)

    wide = np.ones((3, x.shape[1] + 1), dtype=x.dtype)
    assert_raises(InvalidDataError, build, x, wide, message="features")
    assert_raises(InvalidDataError, build, x[:0])
    assert_raises(InvalidDataError, build, x * np.nan, message="NaN")
    assert_raises(InvalidParameterError, lambda: build(memory="lots"), message="256 MB")
    assert_raises(InvalidParameterError, lambda: build(memory=0), message="memory")
    assert_raises(InvalidParameterError, lambda: build(precision="exakt"), message="'exact'")
    assert_raises(
        InvalidParameterError, lambda: build(noise, precision="exact"), message="impossible"
    )
    assert build(noise).precision.name == "full"
    assert build(precision="full").precision.reason == "asked for"


def _builder(
    case: KernelCase, x: np.ndarray, z: np.ndarray | None, precision: str = "auto"
) -> Callable[[int], KernelOperator]:
    return lambda memory: KernelOperator(case.kernel, x, z, memory=memory, precision=precision)


KERNEL_OPERATOR_CHECKS: tuple[KernelOperatorCheck, ...] = (
    check_budgets,
    check_row_blocks,
    check_symmetric_half,
    check_sparse,
    check_gradients,
    check_gradcheck,
    check_exact,
    check_impossible,
)
