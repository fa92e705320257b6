"""Principal components of any symmetric kernel, with their signature."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted

from ogive._checks import check_count, check_positive, from_numpy
from ogive._errors import DataWarning, InvalidDataError, InvalidParameterError
from ogive.estimators.factorization import Factorization
from ogive.estimators.factorized import FactorizedEstimator
from ogive.solvers.components import feature_components


class KernelPCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, FactorizedEstimator):
    """Kernel principal component analysis, for definite and indefinite kernels.

    The coordinates of a row are vᵀ k(x) / |λ|^½, less their mean, for the eigenvalues λ of the
    centred kernel matrix that are largest in absolute value. For a positive definite kernel they
    are those of scikit-learn's KernelPCA; an indefinite one, for which scikit-learn raises or not
    depending on its solver, has coordinates of negative sign too: the centred kernel is
    Z diag(signature_) Zᵀ.

    Parameters
    ----------
    n_components : int, optional
        Number of coordinates; all that are more than rounding noise if left out.
    kernel : Kernel, str or callable, default "linear"
        As in `KernelRidge`.
    gamma, coef0, degree : float, optional
        For kernels given by name.
    fit_inverse_transform : bool, default False
        Whether `inverse_transform` is wanted: ridge regression of the rows on their coordinates.
    alpha : float, default 1.0
        Its penalty, at least 0.
    approximation : {"auto", "exact", "nystroem"}, default "auto"
        All rows, or landmarks; "auto" is exact up to 3,000 rows.
    n_landmarks : int, optional
        Number of landmarks, 2,000 if left out.
    landmarks : {"uniform", "k-means++", "leverage"} or array of shape (m, d), default "uniform"
        How they are chosen among the distinct rows, or the landmarks themselves.
    memory : int or str, default "256 MB"
        Budget of the kernel's working buffers.
    device : str, default "cpu"
    random_state : int, RandomState or None, default 0
        For the choice of landmarks.
    verbose : int, default 0
        1 prints progress to the standard error.

    Attributes
    ----------
    eigenvalues_ : ndarray of shape (components,)
        Signed, of the centred kernel matrix; largest in absolute value first.
    signature_ : ndarray of shape (components,)
        1 or -1.
    negative_mass_ : float
        Share of the negative eigenvalues in the sum of all absolute ones.
    projection_ : ndarray of shape (m, components)
        Coordinates are kernel(x, X_fit_) projection_ + offset_; the largest absolute one of each
        column among the training rows is positive.
    offset_ : ndarray of shape (components,)
    kernel_ : Kernel
        With parameters that are numbers.
    X_fit_ : ndarray or sparse matrix of shape (m, d)
        The training rows, or the landmarks.
    component_indices_ : ndarray of shape (m,) or None
        Which training rows those are.
    plan_ : RidgePlan
        Whether it is exact, and why.
    inverse_coef_, inverse_intercept_ : ndarrays of shapes (components, d) and (d,)
        With ``fit_inverse_transform=True``.
    n_features_in_, feature_names_in_

    References
    ----------
    Schölkopf, Smola and Müller, Nonlinear component analysis as a kernel eigenvalue problem, Neural
    Computation 10(5), 1998; Pękalska and Haasdonk, Kernel discriminant analysis for positive
    definite and indefinite kernels, IEEE TPAMI 31(6), 2009.

    Examples
    --------
    >>> from ogive.kernels import Sigmoid
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> model = KernelPCA(kernel=Sigmoid(0.5, 0.0)).fit(X)
    >>> Z, K = model.transform(X), Sigmoid(0.5, 0.0)(X)
    >>> centred = K - K.mean(0) - K.mean(1)[:, None] + K.mean()
    >>> bool(np.allclose(Z * model.signature_ @ Z.T, centred)), bool(model.negative_mass_ > 0.01)
    (True, True)
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        kernel: Any = "linear",
        gamma: Any = None,
        coef0: Any = None,
        degree: Any = None,
        fit_inverse_transform: bool = False,
        alpha: float = 1.0,
        approximation: str = "auto",
        n_landmarks: int | None = None,
        landmarks: Any = "uniform",
        memory: int | float | str = "256 MB",
        device: str = "cpu",
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.kernel = kernel
        self.gamma = gamma
        self.coef0 = coef0
        self.degree = degree
        self.fit_inverse_transform = fit_inverse_transform
        self.alpha = alpha
        self.approximation = approximation
        self.n_landmarks = n_landmarks
        self.landmarks = landmarks
        self.memory = memory
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the transformer takes and keeps."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the principal components.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization
            With ``kernel="precomputed"`` the kernel matrix (n, n).
        y : ignored
        sample_weight : array of shape (n,), optional
            A row of weight 2 counts as two rows.

        Returns
        -------
        KernelPCA
        """
        if self.n_components is not None:
            check_count(self.n_components, "n_components")
        check_positive(self.alpha, "alpha", allow_zero=True)
        X = self._validated_rows(X)
        if self.fit_inverse_transform and (self._precomputed or isinstance(X, Factorization)):
            raise InvalidParameterError(
                "fit_inverse_transform=True needs the rows themselves, and X is a "
                f"{'precomputed kernel' if self._precomputed else 'factorization'}; give the rows"
            )
        weight = self._row_weight(X, sample_weight)
        found = self._factorized(
            X,
            weight,
            fit_intercept=True,
            count=self.n_landmarks,
            count_name="n_landmarks",
            leading=self.n_components,
        )
        self._keep_components(found, weight)
        if self.fit_inverse_transform:
            self._fit_inverse(X, found, weight)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the coordinates of the rows of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization
            With ``kernel="precomputed"`` the kernel of these rows against the training rows.

        Returns
        -------
        ndarray of shape (n, components)
            float32 for float32 data, otherwise float64.
        """
        check_is_fitted(self)
        return self._features("coordinates", X, self.projection_, self.offset_)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return rows whose coordinates are about those given.

        Parameters
        ----------
        X : array of shape (n, components)

        Returns
        -------
        ndarray of shape (n, d)

        References
        ----------
        Bakır, Weston and Schölkopf, Learning to find pre-images, NIPS 2003; here linear in the
        coordinates, with the mean of the rows.
        """
        if not self.fit_inverse_transform:
            raise NotFittedError(
                "The fit_inverse_transform parameter was not set to True when instantiating and "
                "hence the inverse transform is not available."
            )
        check_is_fitted(self, "inverse_coef_")
        coordinates = check_array(X, dtype=[np.float64, np.float32])
        if coordinates.shape[1] != len(self.inverse_coef_):
            raise InvalidDataError(
                f"X has {coordinates.shape[1]} columns and there are {len(self.inverse_coef_)} "
                "components; give what transform returned"
            )
        rows: np.ndarray = coordinates @ self.inverse_coef_ + self.inverse_intercept_
        return rows.astype(coordinates.dtype, copy=False)

    @property
    def _n_features_out(self) -> int:
        return len(self.eigenvalues_)

    def _keep_components(self, found: Factorization, weight: np.ndarray | None) -> None:
        """Keep the leading components of a factorization, or those of a view of one."""
        eigenvalues, mass = found.eigenvalues, found.negative_mass
        axes, offset = np.eye(0), np.zeros(len(eigenvalues))
        own = found.weighs(weight)
        if not own:
            again = feature_components(
                from_numpy(found.components),
                from_numpy(found.signature),
                None if weight is None else from_numpy(weight),
            )
            eigenvalues, mass = again.eigenvalues.numpy(), again.negative_mass
            axes, offset = again.projection.numpy(), again.offset.numpy()
        rank = len(eigenvalues)
        count = rank if self.n_components is None else min(rank, self.n_components)
        if self.n_components is not None and count < self.n_components:
            warnings.warn(
                f"n_components={self.n_components} and the centred kernel matrix has rank {rank}; "
                f"{count} components are kept",
                DataWarning,
                stacklevel=3,
            )
        self.eigenvalues_ = eigenvalues[:count]
        self.signature_ = np.sign(self.eigenvalues_)
        self.negative_mass_ = mass
        if self._adopted is None:  # those of a factorization made for this
            mapping = found.feature_map
            self.projection_, self.offset_ = mapping.projection, mapping.offset
            return
        beta = np.eye(rank, count) if own else axes[:, :count]
        self.projection_, self.offset_ = self._kept("coordinates", found, beta, offset[:count])

    def _fit_inverse(self, X: Any, found: Factorization, weight: np.ndarray | None) -> None:
        """Fit the rows by their coordinates, whose mean is 0 and which are orthogonal."""
        share = np.ones(len(found)) if weight is None else weight
        columns = found.components * share[:, None]
        rows: Any = X if sparse.issparse(X) else X.astype(np.float64)
        moments = (rows.T @ columns).T
        size = np.abs(self.eigenvalues_)[:, None]
        # Row by row, as a file keeps it: products with it then round the same.
        self.inverse_coef_ = np.ascontiguousarray(moments) / (size + self.alpha)
        self.inverse_intercept_ = np.asarray(share @ X).ravel() / share.sum()
