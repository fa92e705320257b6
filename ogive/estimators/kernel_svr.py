"""Support vector regression, for definite and indefinite kernels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ogive._checks import as_rows, check_positive
from ogive.estimators.base import checked_weight
from ogive.estimators.support_vectors import SupportVectorModel, box_of
from ogive.estimators.svm_problem import ValueProblem


class KernelSVR(RegressorMixin, SupportVectorModel):
    """Support vector regression with any symmetric kernel, definite or not.

    Minimises ½ ‖f‖² + C Σ wᵢ max(0, |yᵢ - f(xᵢ) - b| - epsilon), with the norm of the absolute
    kernel |K| where the kernel is indefinite; see `KernelSVC`. For positive definite kernels this
    is scikit-learn's SVR.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the errors against the norm, above 0.
    epsilon : float, default 0.1
        Errors up to this are forgiven; in the units of y, at least 0.
    kernel, degree, gamma, coef0, tol, shrinking, cache_size, verbose, max_iter, treatment, \
approximation, n_components, landmarks, memory, device, random_state
        As in `KernelSVC`; ``tol`` is in the units of y.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (1, m)
    intercept_ : ndarray of shape (1,)
    support_, support_vectors_, treatment_, plan_, kernel_, n_iter_, n_features_in_, \
feature_names_in_
        As in `KernelSVC`.

    References
    ----------
    Drucker, Burges, Kaufman, Smola and Vapnik, Support vector regression machines, NIPS 1996.

    Examples
    --------
    >>> X = np.linspace(-2, 2, 60).reshape(-1, 1)
    >>> model = KernelSVR(C=10, epsilon=0.01).fit(X, np.sin(X[:, 0]))
    >>> bool(model.score(X, np.sin(X[:, 0])) > 0.99)
    True
    """

    def __init__(
        self,
        *,
        kernel: Any = "rbf",
        degree: Any = None,
        gamma: Any = None,
        coef0: Any = None,
        tol: float = 1e-3,
        C: float = 1.0,
        epsilon: float = 0.1,
        shrinking: bool = True,
        cache_size: float = 200,
        verbose: int = False,
        max_iter: int = -1,
        treatment: str = "auto",
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        memory: int | float | str = "auto",
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.C = C
        self.epsilon = epsilon
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.verbose = verbose
        self.max_iter = max_iter
        self.treatment = treatment
        self.approximation = approximation
        self.n_components = n_components
        self.landmarks = landmarks
        self.memory = memory
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)
            With ``kernel="precomputed"`` the kernel matrix (n, n).
        y : array of shape (n,)
        sample_weight : array of shape (n,), optional
            A row of weight 2 counts as two rows.

        Returns
        -------
        KernelSVR

        Warns
        -----
        ConvergenceWarning
            If the limit of steps was reached: the best so far is kept.
        """
        self._check_parameters()
        check_positive(self.epsilon, "epsilon", allow_zero=True)
        X, y = self._validated(X, y, y_numeric=True)
        weight = checked_weight(sample_weight, X)
        kept = np.arange(len(y)) if weight is None else np.flatnonzero(weight > 0)
        box = box_of(self.C, None if weight is None else weight[kept], len(kept))
        problem = ValueProblem(np.asarray(y, np.float64)[kept], float(self.epsilon), box)
        self.support_ = self._fit_problem(as_rows(X), kept, weight, problem)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the fitted function at the rows of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of shape (n,), float64
        """
        check_is_fitted(self)
        return self._values(X)[:, 0]

    @property
    def dual_coef_(self) -> np.ndarray:
        """Coefficients of the support vectors."""
        return self._functions.coefficient.T

    @property
    def intercept_(self) -> np.ndarray:
        """Intercept of the function."""
        return self._functions.intercept

    @property
    def n_iter_(self) -> np.ndarray:
        """Steps that the solution took."""
        return self._steps
