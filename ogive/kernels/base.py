"""The kernel contract: an immutable value that compares the rows of two matrices."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from ogive._checks import Rows, as_rows, check_same_width, like_input
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._typing import Matrix, Number
from ogive.kernels.epilogue import Epilogue
from ogive.kernels.pairing import DenseProducts, Pairing, Products, RowwiseProducts
from ogive.kernels.scale import DataScale

if TYPE_CHECKING:
    from ogive.kernels.spectrum import Definiteness


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Kernel(ABC):
    """A kernel k(x, z): comparable, printable, picklable, safe to share.

    Parameters of a kernel are Python floats or 0-dimensional tensors (gradients flow through
    tensors), or the name of a rule that `resolve` turns into a number.

    A new kernel states `evaluate`; most are a `PairedKernel` and state only pairing and epilogue.
    """

    @abstractmethod
    def evaluate(self, products: Products) -> Tensor:
        """Return the kernel values of the pairs that ``products`` stands for."""

    # What a kernel tells about itself ---------------------------------------------------------

    @property
    def symmetric(self) -> bool:
        """Whether k(x, z) = k(z, x) for all x, z."""
        return True

    @property
    def positive_definite(self) -> bool:
        """Whether the formula alone guarantees a positive (semi-)definite kernel."""
        return False

    @property
    def leaves(self) -> int:
        """How many simple kernels it is made of: the tiles it needs at once."""
        return 1

    def up_to_constant(self) -> Kernel:
        """Return a kernel that differs by a constant and keeps more digits, or this one.

        With an unpenalised intercept, or after centring, both give the same model.
        """
        return self

    def transposed(self) -> Kernel:
        """Return the kernel k'(x, z) = k(z, x)."""
        return self

    # What a user does with it -----------------------------------------------------------------

    def __call__(self, X: Matrix, Z: Matrix | None = None) -> Any:
        """Return the dense kernel matrix K_ij = k(X_i, Z_j).

        Parameters
        ----------
        X : array, Tensor or sparse matrix of shape (n, d)
        Z : the same of shape (m, d), optional
            X itself if left out.

        Returns
        -------
        ndarray or Tensor of shape (n, m)
            A tensor if X is one, otherwise numpy; float32 or float64 like the data.

        Raises
        ------
        InvalidDataError
            If an argument is empty, not finite, or the numbers of features differ.
        InvalidParameterError
            If a parameter still names a rule ("scale"): call `resolve` first.
        """
        x = as_rows(X, "X")
        z = x if Z is None else as_rows(Z, "Z")
        check_same_width(x, z, "X", "Z")
        return like_input(self.matrix(*same_dtype(x, z)), X)

    def matrix(self, x: Rows, z: Rows) -> Tensor:
        """Return the kernel matrix of checked rows, (n, m): `__call__` without its conversions."""
        self.require_numbers()
        tracked = [t for t in (x, z, *self.tensors()) if isinstance(t, Tensor)]
        differentiable = torch.is_grad_enabled() and any(t.requires_grad for t in tracked)
        return self.evaluate(DenseProducts(x, z, in_place=not differentiable))

    def diagonal(self, X: Matrix, Z: Matrix | None = None) -> Any:
        """Return k(X_i, Z_i) for each row i, without the matrix.

        Parameters
        ----------
        X : array, Tensor or sparse matrix of shape (n, d)
        Z : the same, of the same shape, optional
            X itself if left out.

        Returns
        -------
        ndarray or Tensor of shape (n,)
        """
        self.require_numbers()
        x = as_rows(X, "X")
        z = x if Z is None else as_rows(Z, "Z")
        check_same_width(x, z, "X", "Z")
        if x.shape[0] != z.shape[0]:
            raise InvalidDataError(
                f"X has {x.shape[0]} rows and Z {z.shape[0]}; a diagonal pairs row i with row i, "
                "so both must have the same number"
            )
        return like_input(self.evaluate(RowwiseProducts(*same_dtype(x, z))), X)

    def definiteness(self, X: Matrix, **options: Any) -> Definiteness:
        """Measure on a sample of rows whether the kernel is positive definite there.

        See `ogive.kernels.spectrum.definiteness` for options and the meaning of the answer.
        """
        from ogive.kernels.spectrum import definiteness

        return definiteness(self, X, **options)

    def resolve(self, X: Matrix, sample_weight: Any = None) -> Self:
        """Return a kernel whose parameters are numbers taken from the data.

        Parameters
        ----------
        X : array, Tensor or sparse matrix of shape (n, d)
            The training rows.
        sample_weight : array_like of shape (n,), optional
            A row of weight w counts as w rows.

        Returns
        -------
        Kernel
            This kernel itself if nothing was left to resolve.
        """
        if not self.unresolved:
            return self
        return self._resolved(DataScale.measure(as_rows(X, "X"), sample_weight))

    @property
    def unresolved(self) -> dict[str, str]:
        """The parameters that still name a rule, with the rule's name."""
        found: dict[str, str] = {}
        for name, value in self.parameters().items():
            if isinstance(value, Kernel):
                found |= {f"{name}.{inner}": rule for inner, rule in value.unresolved.items()}
            elif isinstance(value, str):
                found[name] = value
        return found

    # Parameters -------------------------------------------------------------------------------

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name: what rebuilds the kernel."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some parameters changed; the kernel itself never changes.

        Examples
        --------
        >>> from ogive.kernels import Sigmoid
        >>> Sigmoid(0.02, -1.0).replace(coef0=0.5)
        Sigmoid(gamma=0.02, coef0=0.5)
        """
        unknown = set(changes) - set(self.parameters())
        if unknown:
            raise InvalidParameterError(
                f"{type(self).__name__} has no parameter {sorted(unknown)[0]!r}; "
                f"it has {', '.join(self.parameters()) or 'none'}"
            )
        return dataclasses.replace(self, **changes)

    def tensors(self) -> list[Tensor]:
        """Return the tensors among the parameters, in a fixed order, parts included."""
        found: list[Tensor] = []
        for value in self.parameters().values():
            if isinstance(value, Kernel):
                found += value.tensors()
            elif isinstance(value, Tensor):
                found.append(value)
        return found

    def with_tensors(self, values: list[Tensor]) -> Self:
        """Return the kernel with its `tensors` replaced, in the same order."""
        rest = list(values)
        changes: dict[str, Any] = {}
        for name, value in self.parameters().items():
            if isinstance(value, Kernel):
                count = len(value.tensors())
                changes[name], rest = value.with_tensors(rest[:count]), rest[count:]
            elif isinstance(value, Tensor):
                changes[name], rest = rest[0], rest[1:]
        return dataclasses.replace(self, **changes)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, as scikit-learn asks for them (``kernel__gamma``)."""
        found = self.parameters()
        if deep:
            for name, value in list(found.items()):
                if isinstance(value, Kernel):
                    found |= {f"{name}__{k}": v for k, v in value.get_params().items()}
        return found

    def __sklearn_clone__(self) -> Self:
        return self  # immutable: safe to share between estimators

    def _resolved(self, scale: DataScale) -> Self:
        changes = {
            name: value._resolved(scale)
            for name, value in self.parameters().items()
            if isinstance(value, Kernel)
        }
        return dataclasses.replace(self, **changes)

    def require_numbers(self) -> None:
        """Raise if a parameter still names a rule."""
        for name, rule in self.unresolved.items():
            raise InvalidParameterError(
                f"{name}={rule!r} is not a number yet; call kernel.resolve(X) with the training "
                "rows, or give a number"
            )

    # Algebra ----------------------------------------------------------------------------------

    def __add__(self, other: object) -> Kernel:
        from ogive.kernels.algebra import Sum

        return Sum(self, other) if isinstance(other, Kernel) else NotImplemented

    def __mul__(self, other: object) -> Kernel:
        from ogive.kernels.algebra import Product, Scaled

        if isinstance(other, Kernel):
            return Product(self, other)
        if isinstance(other, int | float | np.number | Tensor):
            return Scaled(other if isinstance(other, Tensor) else float(other), self)
        return NotImplemented

    def __rmul__(self, other: object) -> Kernel:
        return self * other if not isinstance(other, Kernel) else NotImplemented

    # Values -----------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = self.parameters(), other.parameters()
        return all(_same(mine[name], theirs[name]) for name in mine)

    def __hash__(self) -> int:
        plain = [v for v in self.parameters().values() if not isinstance(v, Tensor | np.ndarray)]
        return hash((type(self).__name__, *plain))

    def __repr__(self) -> str:
        return self.text(repr)

    def __str__(self) -> str:
        return self.text(lambda number: repr(float(f"{number:.4g}")))

    def text(self, number: Callable[[float], str]) -> str:
        """Write the kernel as the call that makes it, its numbers as ``number`` writes them."""
        shown = (f"{k}={shown_value(v, number)}" for k, v in self.parameters().items())
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PairedKernel(Kernel):
    """k = φ(scale · pairing + shift): one pairing, one affine map, one epilogue."""

    @property
    @abstractmethod
    def pairing(self) -> Pairing:
        """How two rows meet."""

    @property
    @abstractmethod
    def epilogue(self) -> Epilogue:
        """The scalar function φ."""

    @abstractmethod
    def scale_and_shift(self) -> tuple[Number, Number]:
        """Return the affine map applied to the pairing before φ."""

    def evaluate(self, products: Products) -> Tensor:
        """Return φ(scale · pairing + shift), in the pairing's memory where that is allowed."""
        z = self.pairing.of(products, *self.scale_and_shift())
        return self.epilogue.overwrite(z) if products.in_place else self.epilogue(z)


def same_dtype(x: Rows, z: Rows) -> tuple[Rows, Rows]:
    """Return both sides in the wider of their two types; one object stays one object."""
    if x is z or torch_dtype(x) == torch_dtype(z):
        return x, z
    return _as_double(x), _as_double(z)


def torch_dtype(rows: Rows) -> torch.dtype:
    """Return the type of dense or sparse rows as torch names it."""
    if isinstance(rows, Tensor):
        return rows.dtype
    return torch.float32 if rows.dtype == np.float32 else torch.float64


def _as_double(rows: Rows) -> Rows:
    return rows.double() if isinstance(rows, Tensor) else rows.astype(np.float64)


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, Tensor | np.ndarray) or isinstance(theirs, Tensor | np.ndarray):
        return type(mine) is type(theirs) and bool(np.array_equal(_values(mine), _values(theirs)))
    return bool(mine == theirs)


def _values(array: Tensor | np.ndarray) -> np.ndarray:
    return array.detach().cpu().numpy() if isinstance(array, Tensor) else array


def shown_value(value: Any, number: Callable[[float], str]) -> str:
    """Return a parameter as text: numbers by ``number``, arrays by their shape."""
    if isinstance(value, Tensor | np.ndarray):
        kind = "tensor" if isinstance(value, Tensor) else "array"
        shape = list(value.shape)
        return f"{kind}({number(value.item())})" if value.ndim == 0 else f"{kind}{shape}"
    return number(value) if isinstance(value, float) else repr(value)
