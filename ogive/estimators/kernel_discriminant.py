"""Discriminant analysis with any symmetric kernel, as classifier and as transformer."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ogive._checks import check_count, check_positive, from_numpy
from ogive._errors import InvalidParameterError
from ogive.estimators.classes import class_codes
from ogive.estimators.factorized import FactorizedEstimator
from ogive.estimators.logit_classifier import LogitClassifier
from ogive.solvers.discriminant import discriminant


class KernelDiscriminant(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, LogitClassifier, FactorizedEstimator
):
    """Kernel Fisher discriminant analysis, for definite and indefinite kernels.

    Linear discriminant analysis in the features z of which |K| is the inner product: classes are
    Gaussian, with the covariance S_w + mu t I that they share (S_w the scatter within classes, t
    the mean of ‖z‖²). Both scatters are positive for any symmetric kernel; the ridge is one in
    ‖f‖²_{|K|}, never in the indefinite K. With a linear kernel and mu → 0 this is scikit-learn's
    LinearDiscriminantAnalysis(solver="eigen"), in centred data.

    Parameters
    ----------
    mu : float, default 1e-3
        Ridge of the covariance within classes, in units of the mean ‖z‖² of rows less their mean:
        it means the same whatever the size of the kernel. At least 0; above 0 where features can
        separate the classes without an error.
    kernel : Kernel, str or callable, default "rbf"
        As in `KernelRidge`.
    gamma, coef0, degree : float, optional
        For kernels given by name.
    priors : array of shape (classes,), optional
        Probabilities of the classes in sorted order; their shares of the rows if left out.
    n_components_out : int, optional
        Number of coordinates that `transform` returns; classes less one if left out.
    approximation : {"auto", "exact", "nystroem"}, default "auto"
        All rows, or landmarks; "auto" is exact up to 3,000 rows.
    n_components : int, optional
        Number of landmarks, 2,000 if left out.
    landmarks, memory, device, random_state, verbose
        As in `KernelPCA`.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
        Of rows of positive weight.
    priors_ : ndarray of shape (classes,)
    dual_coef_ : ndarray of shape (m, classes) or (m, 1)
        Scores are kernel(x, X_fit_) dual_coef_ + intercept_; for two classes that of the second
        less that of the first.
    intercept_ : ndarray of shape (classes,) or (1,)
    scalings_ : ndarray of shape (m, coordinates)
        Coordinates are kernel(x, X_fit_) scalings_ + offset_: the directions in which classes
        differ most, with covariance 1 within classes (the ridge included) and mean 0.
    offset_ : ndarray of shape (coordinates,)
    scatter_ratio_ : ndarray of shape (coordinates,)
        Scatter between classes over that within them.
    kernel_, X_fit_, component_indices_, plan_, n_features_in_, feature_names_in_
        As in `KernelPCA`.

    References
    ----------
    Mika, Rätsch, Weston, Schölkopf and Müller, Fisher discriminant analysis with kernels, NNSP
    1999; Haasdonk and Pękalska, Indefinite kernel Fisher discriminant, ICPR 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ogive.kernels import Sigmoid
    >>> X, y = load_iris(return_X_y=True)
    >>> model = KernelDiscriminant(kernel=Sigmoid("suggest", "suggest")).fit(X, y)
    >>> bool(model.score(X, y) > 0.95), model.transform(X).shape
    (True, (150, 2))
    """

    def __init__(
        self,
        mu: float = 1e-3,
        *,
        kernel: Any = "rbf",
        gamma: Any = None,
        coef0: Any = None,
        degree: Any = None,
        priors: Any = None,
        n_components_out: int | None = None,
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        memory: int | float | str = "256 MB",
        device: str = "cpu",
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.mu = mu
        self.kernel = kernel
        self.gamma = gamma
        self.coef0 = coef0
        self.degree = degree
        self.priors = priors
        self.n_components_out = n_components_out
        self.approximation = approximation
        self.n_components = n_components
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization
            With ``kernel="precomputed"`` the kernel matrix (n, n).
        y : array of shape (n,)
            At least two classes, of any type.
        sample_weight : array of shape (n,), optional
            A row of weight 2 counts as two rows.

        Returns
        -------
        KernelDiscriminant
        """
        check_positive(self.mu, "mu", allow_zero=True)
        X, y = self._validated(X, y)
        weight = self._row_weight(X, sample_weight)
        self.classes_, codes, _ = class_codes(y, weight, None)
        counted = np.bincount(codes, weights=weight, minlength=len(self.classes_))
        self.priors_ = counted / counted.sum() if self.priors is None else self._given_priors()
        coordinates = self._coordinates()
        found = self._factorized(X, weight, fit_intercept=True, count=self.n_components)
        # The scatter of all rows is diagonal in the features of a factorization.
        own = found.weighs(weight) and self.priors is None
        size = np.abs(found.eigenvalues) / counted.sum()
        solution = discriminant(
            from_numpy(found.components),
            from_numpy(codes),
            float(self.mu),
            from_numpy(self.priors_),
            weight=None if weight is None else from_numpy(weight),
            size=from_numpy(size) if own else None,
        )
        beta, constant = solution.coefficients.numpy(), solution.intercept.numpy()
        if len(self.classes_) == 2:
            beta, constant = beta[:, 1:] - beta[:, :1], constant[1:] - constant[:1]
        self.dual_coef_, self.intercept_ = self._kept("scores", found, beta, constant)
        axes, origin = solution.axes.numpy(), solution.origin.numpy()
        self.scalings_, self.offset_ = self._kept(
            "coordinates", found, axes[:, :coordinates], origin[:coordinates]
        )
        self.scatter_ratio_ = solution.ratios.numpy()[:coordinates]
        return self

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        found = self._values("scores", X, self.dual_coef_, self.intercept_, centred=True)
        # Of two classes the first has the score 0.
        return found if found.shape[1] > 1 else np.pad(found, ((0, 0), (1, 0)))

    def transform(self, X: Any) -> np.ndarray:
        """Return the coordinates of rows in which classes differ most.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization

        Returns
        -------
        ndarray of shape (n, coordinates)
            At most classes less one; float32 for float32 data, otherwise float64.
        """
        check_is_fitted(self)
        return self._features("coordinates", X, self.scalings_, self.offset_)

    @property
    def _n_features_out(self) -> int:
        return len(self.scatter_ratio_)

    def _coordinates(self) -> int:
        most = len(self.classes_) - 1
        if self.n_components_out is None:
            return most
        count = check_count(self.n_components_out, "n_components_out")
        if count > most:
            raise InvalidParameterError(
                f"n_components_out={count} for {most + 1} classes; there are at most {most} "
                "directions in which so many classes differ"
            )
        return count

    def _given_priors(self) -> np.ndarray:
        priors = np.asarray(self.priors, dtype=np.float64)
        if priors.shape != self.classes_.shape:
            raise InvalidParameterError(
                f"priors has shape {priors.shape} for {len(self.classes_)} classes; it must hold "
                "one number for each, in the order of sorted classes"
            )
        if not np.isfinite(priors).all() or (priors < 0).any() or not priors.any():
            raise InvalidParameterError(
                f"priors={self.priors!r}; they must be finite numbers of at least 0, not all 0"
            )
        if abs(priors.sum() - 1) > 1e-5:
            warnings.warn("The priors do not sum to 1. Renormalizing", UserWarning, stacklevel=3)
        return priors / priors.sum()
