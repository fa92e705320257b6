"""The kernel contract: what every kernel must do, as checks that raise AssertionError.

Each check takes (case, dtype, n, m, d): a `KernelCase`, torch.float32 or torch.float64, numbers of
rows and of features. `KERNEL_CHECKS` holds all of them, for parametrised tests.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from ogive import kernels
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels import Gaussian, Kernel, Linear
from ogive.kernels.pairing import DenseProducts
from ogive.testing.kernel_cases import KernelCase, numpy_dtype
from ogive.testing.raising import assert_raises
from ogive.testing.tolerances import as_numpy, as_torch_dtype, assert_close

KernelCheck = Callable[[KernelCase, torch.dtype, int, int, int], None]


def check_equals_oracle(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that k(X, Z) and k(X) are the oracle's values, in the data's type; float32 too."""
    x, z = _both(case, dtype, n, m, d)
    for answer, other in ((case.kernel(x, z), z), (case.kernel(x), x)):
        assert answer.dtype == x.dtype, f"{case}: {answer.dtype} for {x.dtype} data"
        _entries(answer, case.oracle(x, other), case, dtype)


def check_symmetry(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check K(X, Z) = K'(Z, X)ᵀ with the transposed kernel, which is k itself if symmetric."""
    x, z = _both(case, dtype, n, m, d)
    transposed = case.kernel.transposed()
    _entries(transposed(z, x).T, case.oracle(x, z), case, dtype)
    assert transposed.symmetric == case.kernel.symmetric
    if case.kernel.symmetric:
        _entries(case.kernel(z, x).T, case.oracle(x, z), case, dtype)
        matrix = case.kernel(x)
        _entries(matrix, matrix.T, case, dtype)
    elif n > 1:
        matrix = case.oracle(x, x)
        assert np.abs(matrix - matrix.T).max() > 1e-3, f"{case} says that it is not symmetric"


def check_diagonal(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that diagonal(X) and diagonal(X, Z) are the diagonals of the matrices."""
    x = case.rows(n, d, dtype)
    z = case.rows(n, d, dtype, seed=1)
    for answer, other in ((case.kernel.diagonal(x), x), (case.kernel.diagonal(x, z), z)):
        assert answer.shape == (n,) and answer.dtype == x.dtype
        _entries(answer, np.diag(case.oracle(x, other)), case, dtype)


def check_mismatch(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that different widths raise; so do different numbers of rows for a diagonal."""
    x = case.rows(n, d, dtype)
    wide = x[:, [*range(x.shape[1]), 0]]
    for method in (case.kernel, case.kernel.diagonal):
        assert_raises(InvalidDataError, method, x, wide)
        assert_raises(InvalidDataError, method, wide, x)
        assert_raises(InvalidDataError, method, x[0])
    assert_raises(InvalidDataError, case.kernel.diagonal, x, case.rows(n + 1, d, dtype))
    assert_raises(InvalidDataError, case.kernel.diagonal, case.rows(n + 1, d, dtype), x[:1])


def check_algebra(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that sums, products and multiples of kernels are those of their matrices."""
    x, z = _both(case, dtype, n, m, d)
    other = Gaussian(0.7)
    k, g = case.oracle(x, z), as_numpy(other(x, z))
    size = 2 + np.abs(k)
    for compound, expected in (
        (case.kernel + other, k + g),
        (other + case.kernel, k + g),
        (case.kernel * other, k * g),
        (other * case.kernel, k * g),
        (2 * case.kernel, 2 * k),
        (case.kernel * -0.5, -0.5 * k),
        (case.kernel + case.kernel, 2 * k),
    ):
        _entries(compound(x, z), expected, case, dtype, size=size)
        assert compound.symmetric == case.kernel.symmetric
        _entries(compound.transposed()(z, x).T, expected, case, dtype, size=size)
    assert not (-1.0 * case.kernel).positive_definite
    assert (case.kernel + other).positive_definite == case.kernel.positive_definite
    assert_raises(TypeError, lambda: case.kernel + 1)
    assert_raises(TypeError, lambda: case.kernel * "2")


def check_definiteness(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that a kernel which says it is positive definite has no negative eigenvalues."""
    if case.kernel.positive_definite:
        x = case.rows(n, d, dtype)
        values = np.linalg.eigvalsh(case.oracle(x, x))
        assert values.min() >= -1e-12 * max(1.0, values.max()), f"{case}: {values.min()}"


def check_values(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that copies of all sorts are equal and compute the same; other kernels differ."""
    x = case.rows(n, d, dtype)
    k = case.kernel
    copies = [copy.copy(k), copy.deepcopy(k), pickle.loads(pickle.dumps(k)), k.replace()]
    copies.append(k.with_tensors([t.clone() for t in k.tensors()]))
    for other in copies:
        assert other == k and hash(other) == hash(k) and repr(other) == repr(k)
        assert np.array_equal(other(x), k(x)), f"a copy of {k!r} computes something else"
    assert k != Gaussian(0.123) and Gaussian(0.123) != k and k != "kernel"
    assert k + Linear() != k and 2 * k != 3 * k
    assert len({k, *copies}) == 1


def check_repr(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that the printed form is one line; if it shows all parameters, it rebuilds k."""
    text = repr(case.kernel)
    assert text and "\n" not in text and len(text) < 200, text
    if any(word in text for word in ("tensor(", "array[", "tensor[", "<function")):
        return
    x = case.rows(n, d, dtype)
    rebuilt = eval(text, vars(kernels) | {type(case.kernel).__name__: type(case.kernel)})
    assert repr(rebuilt) == text
    if not case.kernel.tensors():
        _entries(rebuilt(x), case.kernel(x), case, dtype)


def check_immutable(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that parameters cannot be set, deleted or added, nor arrays among them written."""
    for name in [*case.kernel.parameters(), "anything"]:
        assert_raises(dataclasses.FrozenInstanceError, setattr, case.kernel, name, 1.0)
    for name, value in case.kernel.parameters().items():
        assert_raises(dataclasses.FrozenInstanceError, delattr, case.kernel, name)
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable, f"{case}: {name}[...] = 0 would change the kernel"


def check_parameters(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that parameters rebuild the kernel and can be replaced; unknown ones are refused."""
    from sklearn.base import clone

    k = case.kernel
    assert type(k)(**k.parameters()) == k
    assert clone(k) is k
    deep, plain = k.get_params(), k.get_params(deep=False)
    assert set(plain) == set(k.parameters()) <= set(deep)
    for name, value in plain.items():
        assert k.replace(**{name: value}) == k
        if isinstance(value, Kernel):
            assert {f"{name}__{inner}" for inner in value.get_params()} <= set(deep)
        elif isinstance(value, float):
            changed = k.replace(**{name: value + 0.25})
            assert changed != k and getattr(changed, name) == value + 0.25
            assert getattr(k, name) == value
    assert_raises(InvalidParameterError, lambda: k.replace(nonsense=1), message="nonsense")


def check_types(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check types: numpy in, numpy out; torch in, torch out; lists, integers and views."""
    x, z = _both(case, dtype, n, m, d)
    expected = case.oracle(x, z)
    tensors = torch.tensor(x), torch.tensor(z)
    answer = case.kernel(*tensors)
    assert isinstance(answer, Tensor) and answer.dtype == dtype and not answer.requires_grad
    _entries(answer, expected, case, dtype)
    assert isinstance(case.kernel.diagonal(tensors[0]), Tensor)
    assert isinstance(case.kernel(tensors[0], z), Tensor)
    assert isinstance(case.kernel(x, tensors[1]), np.ndarray)
    answer = case.kernel(x.tolist(), z.tolist())
    assert isinstance(answer, np.ndarray) and answer.dtype == np.float64
    _entries(answer, expected, case, dtype)
    for view in (x[::-1], np.asfortranarray(x), x.astype(x.dtype.newbyteorder())):
        _entries(case.kernel(view, z), case.oracle(view, z), case, dtype)
    mixed = case.kernel(x.astype(np.float32), z.astype(np.float64))
    assert mixed.dtype == np.float64
    _entries(mixed, case.oracle(x.astype(np.float32), z), case, dtype)
    whole = np.rint(x * 2).astype(np.int8)
    assert case.kernel(whole).dtype == np.float32
    _entries(case.kernel(whole), case.oracle(whole, whole), case, torch.float32, size=20)


def check_sparse(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that sparse rows give what dense ones give, empty rows included."""
    x, z = (r * (np.abs(r) > 0.4) for r in _both(case, dtype, n, m, d))
    expected = case.oracle(x, z)
    left, right = sparse.csr_matrix(x), sparse.csr_array(z)
    for given in ((left, right), (left.tocoo(), right.tocsc())):
        answer = case.kernel(*given)
        assert isinstance(answer, np.ndarray) and answer.dtype == x.dtype
        _entries(answer, expected, case, dtype)
    _entries(case.kernel(left), case.oracle(x, x), case, dtype)
    empty = sparse.csr_matrix(x.shape, dtype=x.dtype)
    _entries(case.kernel(empty), case.oracle(0 * x, 0 * x), case, dtype)


def check_half_sparse(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that one side may be CSR and the other dense; the data's type is kept."""
    x, z = (r * (np.abs(r) > 0.4) for r in _both(case, dtype, n, m, d))
    expected = case.oracle(x, z)
    left, right = sparse.csr_matrix(x), sparse.csr_matrix(z)
    for given in ((left, z), (x, right), (torch.tensor(x), right)):
        answer = case.kernel(*given)
        _entries(answer, expected, case, dtype)
        assert as_torch_dtype(answer.dtype) == dtype, f"{answer.dtype} for {x.dtype} data"


def check_sparse_diagonal(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that the diagonal of CSR rows, on either side or both, is that of dense rows."""
    x, z = (case.rows(n, d, dtype, seed) for seed in (0, 1))
    x, z = x * (np.abs(x) > 0.4), z * (np.abs(z) > 0.4)
    left, right = sparse.csr_matrix(x), sparse.csr_matrix(z)
    expected = np.diag(case.oracle(x, z))
    for given in ((left, right), (left, z), (x, right)):
        _entries(case.kernel.diagonal(*given), expected, case, dtype)
    _entries(case.kernel.diagonal(left), np.diag(case.oracle(x, x)), case, dtype)


def check_gradients(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check derivatives in X, Z and tensor parameters against finite differences."""
    if not case.differentiable or dtype != torch.float64:
        return  # finite differences of float32 numbers say nothing
    parameters = [t.detach().double().requires_grad_() for t in case.kernel.tensors()]
    x, z = (torch.tensor(r, dtype=torch.float64) for r in _both(case, dtype, n, m, d))
    x, z = x[:3], z[:2]  # finite differences take two matrices for each number
    inputs = (x.requires_grad_(), z.requires_grad_(), *parameters)

    def matrix(x: Tensor, z: Tensor, *values: Tensor) -> Tensor:
        return case.kernel.with_tensors(list(values))(x, z)

    def square(x: Tensor, *values: Tensor) -> Tensor:
        return case.kernel.with_tensors(list(values))(x)

    def diagonal(x: Tensor, *values: Tensor) -> Tensor:
        return case.kernel.with_tensors(list(values)).diagonal(x)

    # gradcheck's own tolerances suit float64 and its step of 1e-6.
    assert torch.autograd.gradcheck(matrix, inputs)
    assert torch.autograd.gradcheck(diagonal, (x, *parameters))
    # At zero distance the clamp has a kink, which only finite differences notice.
    assert torch.autograd.gradcheck(square, (x, *parameters), atol=2e-5)
    for tensor in parameters:
        answer = case.kernel.with_tensors(list(parameters))(x.detach().numpy())
        assert isinstance(answer, np.ndarray) and tensor.grad is None


def check_up_to_constant(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that the precise form differs by a constant and keeps its digits in float32."""
    x, z = _both(case, torch.float64, n, m, d)
    precise = case.kernel.up_to_constant()
    assert precise.symmetric == case.kernel.symmetric
    difference = precise(x, z) - case.oracle(x, z)
    _entries(difference, np.full_like(difference, difference.flat[0]), case, torch.float64, size=4)
    if precise is case.kernel or precise == case.kernel:
        return
    single = precise(x.astype(np.float32), z.astype(np.float32))
    double = precise(*(r.astype(np.float32).astype(np.float64) for r in (x, z)))
    if isinstance(case.kernel, kernels.Sigmoid | kernels.Logistic):
        assert_close(
            single, double, "digits", torch.float32, size=np.abs(double), context=str(case)
        )


def check_distance(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that squared distances are never negative, and zero between a row and itself."""
    offset = numpy_dtype(dtype).type(1000.0)  # where ‖x‖² + ‖z‖² - 2⟨x, z⟩ cancels
    x = torch.tensor(case.rows(n, d, dtype) + offset)
    for in_place in (True, False):
        distance = DenseProducts(x, x, in_place=in_place).squared_distance()
        assert bool((distance >= 0).all()) and bool((distance.diagonal() == 0).all())
        distance = DenseProducts(x, x.clone(), in_place=in_place).squared_distance()
        assert bool((distance >= 0).all())


def check_inputs_untouched(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that no call writes into the caller's data or parameters."""
    given = _both(case, dtype, n, m, d)
    tensors = [torch.tensor(r) for r in given]
    matrices = [sparse.csr_matrix(r) for r in given]
    before = pickle.dumps((tensors, [r.data for r in matrices], case.kernel))
    for x, z in (given, tensors, matrices):
        case.kernel(x, z)
        case.kernel(x)
        if isinstance(x, np.ndarray):
            case.kernel.diagonal(x)
    assert pickle.dumps((tensors, [r.data for r in matrices], case.kernel)) == before


def check_resolve(case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int) -> None:
    """Check that a kernel of numbers resolves to itself, within compounds too."""
    x = case.rows(n, d, dtype)
    assert case.kernel.resolve(x) is case.kernel and case.kernel.unresolved == {}
    compound = case.kernel + kernels.Sigmoid("scale", "suggest")
    assert compound.unresolved == {"right.gamma": "scale", "right.coef0": "suggest"}
    assert_raises(InvalidParameterError, compound, x, message="resolve")
    assert_raises(InvalidParameterError, compound.diagonal, x, message="resolve")
    resolved = compound.resolve(x)
    assert not resolved.unresolved and compound.unresolved, "resolve changed the kernel itself"
    assert resolved == case.kernel + kernels.Sigmoid("scale", "suggest").resolve(x)


# Checks of matrices, which depend on type and shape, and of the kernel as a value.
MATRIX_CHECKS: tuple[KernelCheck, ...] = (
    check_equals_oracle,
    check_symmetry,
    check_diagonal,
    check_mismatch,
    check_algebra,
    check_definiteness,
    check_types,
    check_sparse,
    check_half_sparse,
    check_sparse_diagonal,
    check_gradients,
    check_up_to_constant,
    check_distance,
    check_inputs_untouched,
)
VALUE_CHECKS: tuple[KernelCheck, ...] = (
    check_values,
    check_repr,
    check_immutable,
    check_parameters,
    check_resolve,
)
KERNEL_CHECKS = MATRIX_CHECKS + VALUE_CHECKS


def check_kernel(
    case: KernelCase, dtype: torch.dtype = torch.float64, n: int = 7, m: int = 2, d: int = 3
) -> None:
    """Run every check of the kernel contract on one case."""
    for check in KERNEL_CHECKS:
        check(case, dtype, n, m, d)


def _both(
    case: KernelCase, dtype: torch.dtype, n: int, m: int, d: int
) -> tuple[np.ndarray, np.ndarray]:
    return case.rows(n, d, dtype), case.rows(m, d, dtype, seed=1)


def _entries(
    actual: Any, expected: Any, case: KernelCase, dtype: torch.dtype, size: Any = None
) -> None:
    assert_close(
        actual,
        expected,
        "entry",
        dtype,
        size=size,
        amplification=case.amplification,
        context=str(case),
    )
