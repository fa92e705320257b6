"""Kernel ridge regression for any symmetric kernel, definite or not."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ogive._checks import from_numpy
from ogive.estimators.ridge_model import RidgeModel


class KernelRidge(MultiOutputMixin, RegressorMixin, RidgeModel):
    """Kernel ridge regression with an unpenalised intercept, for definite and indefinite kernels.

    Minimises Σ wᵢ (yᵢ - f(xᵢ) - b)² + alpha ‖f‖²_{|K|}, where |K| has the absolute eigenvalues of
    the (centred) kernel matrix. For a positive definite kernel this is ordinary kernel ridge
    regression; for an indefinite one, such as the sigmoid kernel, it is the regularised problem in
    Kreĭn space, which stays well posed where (K + alpha I)⁻¹ y has poles.

    Parameters
    ----------
    alpha : float or "auto", default 1.0
        Strength of the penalty, at least 0, not scaled by the number of rows. "auto" chooses it:
        by the leave-one-out error of an exact fit, in closed form; by the error on a fifth of the
        rows with landmarks. Equal rows are left out together. Either is a part of the one fit and
        not a search by repeated ones.
    kernel : Kernel, str or callable, default "linear"
        A kernel object such as ``ogive.Sigmoid(0.02, -1.0)``; a name ("linear", "poly", "rbf",
        "sigmoid", "logistic", "additive", "precomputed"); or a function of two matrices that
        returns the kernel matrix.
    gamma, coef0, degree : float, optional
        For kernels given by name: 1/d, 1 and 3 if left out, as in scikit-learn; gamma may also be
        "scale" or "suggest". With a kernel object they must be left out.
    fit_intercept : bool, default True
        scikit-learn's KernelRidge has no intercept: False gives its model.
    approximation : {"auto", "exact", "nystroem"}, default "auto"
        A coefficient for every row (exact), or for landmarks only. "auto" is exact up to 3,000
        rows.
    n_components : int, optional
        Number of landmarks, 2,000 if left out.
    landmarks : {"uniform", "k-means++", "leverage"} or array of shape (m, d), default "uniform"
        How landmarks are chosen among the distinct rows, or the landmarks themselves.
    penalty : {"function", "coefficients"}, default "function"
        "coefficients" is another model, alpha² ‖c‖² by LSMR: it needs products with K only, and
        does not treat weights as repetitions.
    memory : int or str, default "256 MB"
        Budget of the kernel's working buffers.
    device : str, default "cpu"
        Where kernels and solutions are computed: "cpu", "cuda" (or "cuda:1", ...), or "auto" for a
        GPU if there is one. Sparse rows stay on the CPU. What is kept is numpy in any case.
    random_state : int, RandomState or None, default 0
        For the choice of landmarks.
    verbose : int, default 0
        1 prints progress to the standard error.

    Attributes
    ----------
    kernel_ : Kernel
        With parameters that are numbers.
    alpha_ : float
        Strength of the penalty: ``alpha``, or the one chosen.
    dual_coef_ : ndarray of shape (m,) or (m, targets)
        Coefficients of the rows of ``X_fit_``.
    intercept_ : float or ndarray of shape (targets,)
    X_fit_ : ndarray or sparse matrix of shape (m, d)
        The training rows, or the landmarks.
    component_indices_ : ndarray of shape (m,) or None
        Which training rows those are.
    plan_ : RidgePlan
        Approximation and treatment that were chosen, with the measured negative eigenvalue mass.
    solution_ : str
        How it was solved.
    leave_one_out_error_ : float or None
        Mean squared error of training rows by fits without them, over rows (by their weights; equal
        ones are left out together) and targets. It comes with an eigendecomposition: an indefinite
        kernel, alpha="auto", a precomputed matrix or a factorization; the features that span the
        fit are held fixed, which for a positive definite kernel is no restriction. None where it
        would cost more than the fit (Cholesky's way, for a definite kernel and a given alpha) or is
        not known (landmarks, another penalty, a row that alone decides its value).
    n_features_in_, feature_names_in_

    See Also
    --------
    KernelRidgeClassifier : The same for classes.

    References
    ----------
    Oglic and Gärtner, Learning in reproducing kernel Kreĭn spaces, ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from ogive.kernels import Sigmoid
    >>> X = np.linspace(-2, 2, 50).reshape(-1, 1)
    >>> model = KernelRidge(alpha=0.01, kernel=Sigmoid(1.0, 0.5)).fit(X, X[:, 0] ** 2)
    >>> bool(model.score(X, X[:, 0] ** 2) > 0.99)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization
            With ``kernel="precomputed"`` the kernel matrix (n, n).
        y : array of shape (n,) or (n, targets)
        sample_weight : array of shape (n,), optional
            A row of weight 2 counts as two rows.

        Returns
        -------
        KernelRidge
        """
        X, y = self._validated(X, y, multi_output=True, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)
        self._fit_targets(X, from_numpy(targets.reshape(len(targets), -1)), sample_weight)
        if targets.ndim == 1:
            self.dual_coef_ = self.dual_coef_[:, 0]
            self.intercept_ = float(self.intercept_[0])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the fitted function at the rows of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization
            With ``kernel="precomputed"`` the kernel of these rows against the training rows. A view
            of the factorization that the model was fitted on needs no kernel.

        Returns
        -------
        ndarray of shape (n,) or (n, targets), float64
        """
        check_is_fitted(self)
        return self._decision(X)
