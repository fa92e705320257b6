"""The operator contract: what every matrix that is multiplied, not stored, must do.

An `OperatorCase` makes the operator out of numpy or torch data and states its dense matrix, worked
out naively in float64. `OPERATOR_CHECKS` holds all checks; `check_operator` runs them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._errors import InvalidDataError, InvalidTypeError
from ogive.operators import Operator
from ogive.testing.kernel_cases import numpy_dtype, read_only
from ogive.testing.raising import assert_raises
from ogive.testing.tolerances import as_numpy, as_torch_dtype, assert_close

Container = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class OperatorCase:
    """An operator and what it must equal.

    Attributes
    ----------
    make : callable(container) -> Operator
        Builds the operator; ``container`` turns numpy arrays into what is handed in (`as_array`
        or `as_tensor`).
    dense : ndarray of shape (n, m)
        The matrix, float64, from an oracle.
    dtype : torch.dtype
    amplification : float, default 1.0
        By how much entries multiply rounding errors.
    entry_error : float, default 0.0
        Error that an approximate operator may make in an entry, beside rounding.
    """

    make: Callable[[Container], Operator]
    dense: np.ndarray
    dtype: torch.dtype
    amplification: float = 1.0
    entry_error: float = 0.0

    def vectors(self, size: int, columns: int, dtype: Any = None) -> np.ndarray:
        """Return read-only right-hand sides (size, columns)."""
        generator = np.random.default_rng([size, columns])
        block = generator.normal(size=(size, columns))
        return read_only(block.astype(numpy_dtype(dtype or self.dtype)))

    def assert_product(self, answer: Any, v: np.ndarray, context: str, matrix: Any = None) -> None:
        """Raise AssertionError unless the answer is the matrix (the dense one) times v."""
        matrix = self.dense if matrix is None else matrix
        v = as_numpy(v)
        exact = matrix @ v
        # Every entry may be wrong by a rounding of 1 + |entry|, and by what the operator allows.
        size = (1 + np.abs(matrix)) @ np.abs(v)
        allowed = self.entry_error * np.abs(v).sum(0)
        closest = np.clip(as_numpy(answer), exact - allowed, exact + allowed)
        self._close(answer, closest, "product", size, context)

    def assert_entries(self, answer: Any, expected: np.ndarray, context: str) -> None:
        """Raise AssertionError unless these entries of the matrix are right."""
        allowed = self.entry_error
        closest = np.clip(as_numpy(answer), expected - allowed, expected + allowed)
        self._close(answer, closest, "entry", 1 + np.abs(expected), context)

    def _close(
        self, answer: Any, expected: np.ndarray, operation: str, size: Any, context: str
    ) -> None:
        assert_close(
            answer,
            expected,
            operation,
            self.dtype,
            size=size,
            amplification=self.amplification,
            context=context,
        )


OperatorCheck = Callable[[OperatorCase], None]


def as_array(array: np.ndarray) -> np.ndarray:
    """Return the array itself."""
    return array


def as_tensor(array: np.ndarray) -> Tensor:
    """Return a copy as a tensor."""
    return torch.tensor(array)


def check_attributes(case: OperatorCase) -> None:
    """Check shape, type and device, and that the printed form is one line with the shape."""
    for container in (as_array, as_tensor):
        op = case.make(container)
        for each, shape in ((op, case.dense.shape), (op.T, case.dense.shape[::-1])):
            assert each.shape == shape and each.dtype == case.dtype
            assert each.device == torch.device("cpu")
            assert str(tuple(each.shape)) in repr(each) and "\n" not in repr(each)
            assert type(each).__name__ in repr(each)


def check_products(case: OperatorCase) -> None:
    """Check products with a vector, with one, several, many and no columns, strided ones too."""
    op, m = case.make(as_array), case.dense.shape[1]
    for columns in (1, 3, 40, 0):
        v = case.vectors(m, columns)
        answer = op @ v
        assert isinstance(answer, np.ndarray) and answer.dtype == v.dtype
        case.assert_product(answer, v, f"{columns} columns")
    v = case.vectors(m, 4)
    case.assert_product(op @ v[:, 0], v[:, 0], "a strided vector")
    case.assert_product(op @ v[:, ::-1], v[:, ::-1], "columns in reverse")
    case.assert_product(op @ v[:, 0].tolist(), v[:, 0], "a list")
    ones = np.ones(m, dtype=np.int64)
    case.assert_product(op @ ones, ones, "whole numbers")
    assert (op @ np.zeros(m)).shape == (case.dense.shape[0],)
    assert np.array_equal(op @ v, op @ v), "the same product twice"


def check_mixed_types(case: OperatorCase) -> None:
    """Check that the answer has the wider type of operator and right-hand side."""
    op, m = case.make(as_array), case.dense.shape[1]
    for dtype in (torch.float32, torch.float64):
        v = case.vectors(m, 3, dtype)
        answer = op @ v
        assert as_torch_dtype(answer.dtype) == torch.promote_types(dtype, case.dtype)
        case.assert_product(answer, v, f"{dtype} right-hand side")


def check_types(case: OperatorCase) -> None:
    """Check that products answer in the kind of the right-hand side, the rest in the data's."""
    m = case.dense.shape[1]
    v = case.vectors(m, 2)
    for container, kind in ((as_array, np.ndarray), (as_tensor, Tensor)):
        op = case.make(container)
        for each, right in ((op, v), (op.T, case.vectors(case.dense.shape[0], 2))):
            assert isinstance(each @ right, np.ndarray)
            answer = each @ torch.tensor(right)
            assert isinstance(answer, Tensor) and answer.device == each.device
            assert isinstance(each.to_dense(), kind) and isinstance(each.rows([0]), kind)
        case.assert_product(op @ torch.tensor(v), v, "tensors")
        if op.shape[0] == op.shape[1]:
            assert isinstance(op.diagonal(), kind)


def check_transpose(case: OperatorCase) -> None:
    """Check that op.T multiplies by the transposed matrix, and op.T.T by the matrix again."""
    op = case.make(as_array)
    u, v = (case.vectors(size, 3) for size in case.dense.shape)
    case.assert_product(op.T @ u, u, "transpose", case.dense.T)
    case.assert_product(op.T.T @ v, v, "transposed twice")
    case.assert_entries(op.T.to_dense(), case.dense.T, "dense transpose")
    case.assert_entries(op.T.rows(0), case.dense[:, 0], "row of the transpose")


def check_adjoint(case: OperatorCase) -> None:
    """Check ⟨u, K v⟩ = ⟨Kᵀ u, v⟩."""
    op = case.make(as_array)
    u, v = (case.vectors(size, 3) for size in case.dense.shape)
    left = as_numpy(u).T @ as_numpy(op @ v)
    right = as_numpy(op.T @ u).T @ as_numpy(v)
    sums = np.abs(as_numpy(u)).sum(0)[:, None] * np.abs(as_numpy(v)).sum(0)[None, :]
    rounding = np.abs(as_numpy(u)).T @ (1 + np.abs(case.dense)) @ np.abs(as_numpy(v))
    # Both sides may be approximations, each by its own entry error.
    allowed = 2 * case.entry_error * sums
    case._close(left, np.clip(left, right - allowed, right + allowed), "adjoint", rounding, "⟨⟩")


def check_entries(case: OperatorCase) -> None:
    """Check the dense matrix, single rows and sets of rows, in reverse and repeated too."""
    op, n = case.make(as_array), case.dense.shape[0]
    case.assert_entries(op.to_dense(), case.dense, "to_dense")
    assert as_torch_dtype(op.to_dense().dtype) == case.dtype
    for index in (0, -1, n - 1, -n):
        case.assert_entries(op.rows(index), case.dense[index], f"rows({index!r})")
    everything = list(range(n))
    for chosen in ([0], [n - 1, 0, -1], everything, everything[::-1]):
        case.assert_entries(op.rows(chosen), case.dense[chosen], f"rows({chosen!r})")
    for part in (slice(None), slice(0, 1), slice(1, None, 2), slice(-1, None), slice(0, 0)):
        case.assert_entries(op.rows(part), case.dense[part], f"rows({part!r})")


def check_index_kinds(case: OperatorCase) -> None:
    """Check that rows are chosen by whatever numpy takes for integers, read-only and backwards."""
    op, n = case.make(as_array), case.dense.shape[0]
    whole = np.arange(n)
    for kind in (np.int64, np.int32, np.int8, np.uint8):
        case.assert_entries(op.rows(whole.astype(kind)), case.dense, f"index of {kind.__name__}")
    case.assert_entries(op.rows(np.int64(n - 1)), case.dense[-1], "a numpy integer")
    case.assert_entries(op.rows(torch.tensor(whole)), case.dense, "a tensor")
    case.assert_entries(op.rows(torch.tensor(0)), case.dense[0], "a tensor without dimensions")
    case.assert_entries(op.rows(range(n)), case.dense, "a range")
    case.assert_entries(op.rows(tuple(whole)), case.dense, "a tuple")
    case.assert_entries(op.rows(np.array([], dtype=int)), case.dense[:0], "no rows")
    case.assert_entries(op.rows([]), case.dense[:0], "an empty list")
    case.assert_entries(op.rows(slice(None, None, -1)), case.dense[::-1], "a slice backwards")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case.assert_entries(op.rows(read_only(whole)), case.dense, "a protected array")


def check_diagonal(case: OperatorCase) -> None:
    """Check the diagonal of a square operator, and a clear refusal otherwise."""
    op = case.make(as_array)
    if op.shape[0] == op.shape[1]:
        case.assert_entries(op.diagonal(), np.diag(case.dense), "diagonal")
        case.assert_entries(op.T.diagonal(), np.diag(case.dense), "diagonal of the transpose")
    else:
        assert_raises(InvalidDataError, op.diagonal, message="square")


def check_refusals(case: OperatorCase) -> None:
    """Check that wrong shapes, complex numbers and impossible rows raise and say what is right."""
    op, (n, m) = case.make(as_array), case.dense.shape
    wrongs: tuple[Any, ...] = (np.ones(m + 1), np.ones((m + 1, 2)), np.ones((1, m, 1)), 1.0)
    for wrong in wrongs:
        assert_raises(InvalidDataError, op.__matmul__, wrong, message=str(m))
    assert_raises(InvalidTypeError, op.__matmul__, np.ones(m, dtype=complex), message="complex")
    assert_raises(InvalidTypeError, op.__matmul__, torch.ones(m, dtype=torch.complex64))
    for outside in (n, -n - 1, [0, n], np.array([-n - 1])):
        assert_raises(InvalidDataError, op.rows, outside, message=str(n))
    wrongs = (0.5, [0.0], np.ones(n, dtype=bool))
    for wrong in wrongs:
        assert_raises(InvalidTypeError, op.rows, wrong, message="integers")


OPERATOR_CHECKS: tuple[OperatorCheck, ...] = (
    check_attributes,
    check_products,
    check_mixed_types,
    check_types,
    check_transpose,
    check_adjoint,
    check_entries,
    check_index_kinds,
    check_diagonal,
    check_refusals,
)


def check_operator(
    make: Callable[[Container], Operator],
    dense: np.ndarray,
    dtype: torch.dtype = torch.float64,
    *,
    amplification: float = 1.0,
    entry_error: float = 0.0,
) -> None:
    """Run every check of the operator contract; see `OperatorCase` for the arguments."""
    case = OperatorCase(make, dense, dtype, amplification, entry_error)
    for check in OPERATOR_CHECKS:
        check(case)
