"""One factorization of a kernel matrix, shared by every machine that is fitted on its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import numpy as np
from sklearn.utils.validation import _get_feature_names

from ogive._checks import Rows, as_rows
from ogive._devices import check_device
from ogive._errors import InvalidDataError, InvalidTypeError
from ogive.estimators.base import checked_weight, seed_of, small_integers_as_float
from ogive.estimators.feature_map import FeatureMap, FeatureOptions, make_features
from ogive.estimators.kernel_names import PRECOMPUTED, build_kernel
from ogive.estimators.precomputed import equal_rows, square_matrix
from ogive.features import group_rows
from ogive.kernels import Kernel
from ogive.kernels.base import torch_dtype
from ogive.solvers import RidgePlan


@dataclass(frozen=True, eq=False, repr=False)
class Factorization:
    """The signed components of a kernel on rows: the one eigendecomposition that machines share.

    With weights and the mean taken out, K = Z diag(signature) Zᵀ and Zᵀ W Z = diag |eigenvalues|:
    in the features Z every kernel machine with the penalty ‖f‖²_{|K|} is a linear one. Give it in
    the place of X to ``fit``, ``predict``, ``transform`` and ``score`` of `KernelRidge`,
    `KernelRidgeClassifier`, `KernelLogistic`, `KernelDiscriminant` and `KernelPCA`, or to
    `ridge_path`. Made by `Factorization.of`.

    Chosen rows, ``factorization[index]``, are a view with the same features, so scikit-learn's
    cross-validation and searches work on it. A machine fitted on a view is linear in these fixed
    features: its penalty is that of all rows. For a positive definite kernel this equals a fit to
    the chosen rows alone; for an indefinite one it is close to that, and not the same.

    Attributes
    ----------
    components : ndarray of shape (n, r)
        Z. float32 for landmarks and float32 rows, otherwise float64; kept beside the budget.
    eigenvalues : ndarray of shape (r,)
        Signed, largest in absolute value first.
    negative_mass : float
        Share of the negative ones in the sum of all absolute ones.
    weights : ndarray of shape (n,) or None
        Of the rows; machines take these unless they are given others.
    plan : RidgePlan
        Whether it is exact or made with landmarks, and why.
    feature_map : FeatureMap
        What turns other rows into these features.
    group : ndarray of shape (n,)
        Numbers of the rows; equal rows have the same.
    asked : Kernel or "precomputed"
        The kernel before its rules became numbers.
    n_features : int
        Columns of X.
    feature_names : ndarray or None
        Of a data frame.
    whole : bool
        Whether this is not a view.
    identity : str
        The same for all views of one factorization, and no other.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from ogive.estimators import KernelRidgeClassifier
    >>> from ogive.kernels import Sigmoid
    >>> X, y = load_iris(return_X_y=True)
    >>> factorization = Factorization.of(Sigmoid(0.02, 0.1), X)
    >>> models = [KernelRidgeClassifier(alpha) for alpha in (1e-3, 1e-1)]
    >>> bool(max(cross_val_score(m, factorization, y).mean() for m in models) > 0.95)
    True
    """

    components: np.ndarray
    eigenvalues: np.ndarray
    negative_mass: float
    weights: np.ndarray | None
    plan: RidgePlan
    feature_map: FeatureMap
    group: np.ndarray
    asked: Kernel | str
    n_features: int
    feature_names: np.ndarray | None
    whole: bool
    identity: str

    @classmethod
    def of(
        cls,
        kernel: Any,
        X: Any,
        *,
        sample_weight: Any = None,
        fit_intercept: bool = True,
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        memory: int | float | str = "256 MB",
        device: str = "cpu",
        random_state: Any = 0,
    ) -> Factorization:
        """Factorise the kernel matrix of rows.

        Parameters
        ----------
        kernel : Kernel, str or callable
            As in `KernelRidge`; a name has its default parameters.
        X : array, data frame or sparse matrix of shape (n, d)
            With "precomputed" the symmetric kernel matrix (n, n).
        sample_weight : array of shape (n,), optional
            A row of weight 2 counts as two rows; one of weight 0 has no say.
        fit_intercept : bool, default True
            Whether the machines have an intercept: the kernel is centred then.
        approximation : {"auto", "exact", "nystroem"}, default "auto"
            All rows (exact; a matrix n × n in float64 and its eigendecomposition), or landmarks.
            "auto" is exact up to 3,000 rows.
        n_components : int, optional
            Number of landmarks, 2,000 if left out.
        landmarks : {"uniform", "k-means++", "leverage"} or array of shape (m, d)
            How they are chosen among the distinct rows, or the landmarks themselves.
        memory : int or str, default "256 MB"
            Budget of the kernel's working buffers.
        device : str, default "cpu"
        random_state : int, RandomState or None, default 0
            For the choice of landmarks.

        Returns
        -------
        Factorization

        Raises
        ------
        InvalidDataError
            If the kernel cannot tell the rows apart, or X is no kernel matrix where it should be.
        """
        x = as_rows(small_integers_as_float(X))
        weight = checked_weight(sample_weight, np.empty((x.shape[0], 0)))
        options = FeatureOptions(
            fit_intercept=fit_intercept,
            approximation=approximation,
            count=n_components,
            landmarks=landmarks,
            memory=memory,
            device=check_device(device),
            seed=seed_of(random_state),
        )
        asked: Kernel | str = PRECOMPUTED
        if not (isinstance(kernel, str) and kernel == PRECOMPUTED):
            asked = build_kernel(kernel, gamma=None, coef0=None, degree=None, n_features=x.shape[1])
        return factorize(asked, x, weight, options, names=_get_feature_names(X))

    # What it is -----------------------------------------------------------------------------------

    @property
    def kernel(self) -> Kernel | str:
        """The kernel, with parameters that are numbers, or "precomputed"."""
        return self.feature_map.kernel

    @property
    def rows(self) -> Any:
        """The rows or landmarks that the kernel of other rows is taken with."""
        return self.feature_map.rows

    @property
    def component_indices(self) -> np.ndarray | None:
        """Which rows of X those are; None for landmarks that were given."""
        return self.feature_map.indices

    @property
    def signature(self) -> np.ndarray:
        """1 or -1 for each component, of shape (r,)."""
        return np.sign(self.eigenvalues)

    @property
    def fit_intercept(self) -> bool:
        """Whether the kernel is centred."""
        return self.feature_map.options.fit_intercept

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of components."""
        return self.components.shape

    def __len__(self) -> int:
        return len(self.components)

    def __repr__(self) -> str:
        positive = int((self.eigenvalues > 0).sum())
        what = "" if self.whole else "view of "
        return (
            f"Factorization({self.kernel}, {what}{len(self)} rows, rank {self.shape[1]}: "
            f"{positive} positive, {self.shape[1] - positive} negative, "
            f"negative mass {self.negative_mass:.2g})"
        )

    # What it does ---------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Factorization:
        """Return a view of some rows.

        Parameters
        ----------
        key : int, slice, array of integers or mask
        """
        # scikit-learn asks for [rows, ...].
        rows = key[0] if isinstance(key, tuple) and key[-1] is ... else key
        if isinstance(rows, tuple):
            raise InvalidTypeError(
                "a factorization is indexed by rows only; leave kernel='precomputed' out of the "
                "estimator, which knows the kernel from the factorization"
            )
        index = np.atleast_1d(np.arange(len(self))[rows])
        return replace(
            self,
            components=self.components[index],
            weights=None if self.weights is None else self.weights[index],
            group=self.group[index],
            whole=False,
        )

    def features(self, X: Any) -> np.ndarray:
        """Return the features of rows.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization
            With a precomputed kernel its values with all training rows; or a view of this one.

        Returns
        -------
        ndarray of shape (n, r)
            float32 for float32 data, otherwise float64. Those of the training rows are
            ``components``.
        """
        if isinstance(X, Factorization):
            self.require_same(X)
            return X.components
        x = as_rows(small_integers_as_float(X))
        if x.shape[1] != self.n_features:
            raise InvalidDataError(
                f"X has {x.shape[1]} features and the factorization was made of {self.n_features}; "
                "pass the same columns in the same order"
            )
        dtype = str(torch_dtype(x)).removeprefix("torch.")
        return self.feature_map(x).astype(dtype, copy=False)

    def require_same(self, other: Factorization) -> None:
        """Raise unless the other one is this one or a view of it."""
        require_identity(other, self.identity)

    def weighs(self, weight: np.ndarray | None) -> bool:
        """Return whether these are the weights that went into it, and it is no view."""
        mine = self.weights
        if not self.whole or mine is None or weight is None:
            return self.whole and mine is weight
        return mine is weight or np.array_equal(mine, weight)


def factorize(
    kernel: Kernel | str,
    x: Rows,
    weight: np.ndarray | None,
    options: FeatureOptions,
    *,
    names: np.ndarray | None = None,
) -> Factorization:
    """Return the factorization of a kernel, its rules yet to be resolved, on checked rows."""
    resolved = kernel if isinstance(kernel, str) else kernel.resolve(x, weight)
    mapping, found, plan = make_features(resolved, x, weight, options)
    return Factorization(
        components=found.values.numpy(),
        eigenvalues=found.eigenvalues.numpy(),
        negative_mass=found.negative_mass,
        weights=weight,
        plan=plan,
        feature_map=mapping,
        group=equal_rows(square_matrix(x)) if isinstance(kernel, str) else group_rows(x)[1],
        asked=kernel,
        n_features=x.shape[1],
        feature_names=names,
        whole=True,
        identity=uuid4().hex,
    )


def require_identity(given: Factorization, identity: str | None) -> None:
    """Raise unless a factorization is the one of that identity, or a view of it."""
    if given.identity != identity:
        raise InvalidDataError(
            f"X is {given!r}, another one than that of fit; give the rows themselves, or a view of "
            "the factorization that the model was fitted on"
        )
