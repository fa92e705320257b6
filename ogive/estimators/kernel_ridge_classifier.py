"""Classification by kernel ridge regression, for any symmetric kernel."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ogive._checks import from_numpy
from ogive.estimators.classes import class_codes
from ogive.estimators.ridge_model import RidgeModel


class KernelRidgeClassifier(ClassifierMixin, RidgeModel):
    """Classification by kernel ridge regression on targets -1 and 1, one for each class.

    The function with the largest value decides. See `KernelRidge` for the problem that is solved,
    the parameters it shares, and what happens to an indefinite kernel.

    Parameters
    ----------
    alpha, kernel, gamma, coef0, degree, fit_intercept, approximation, n_components, landmarks, \
penalty, memory, device, random_state, verbose
        As in `KernelRidge`.
    class_weight : dict, "balanced" or None, default None
        Multiplies the weights of the rows of each class.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    kernel_, alpha_, dual_coef_, intercept_, X_fit_, component_indices_, plan_, solution_, \
leave_one_out_error_, n_features_in_, feature_names_in_
        As in `KernelRidge`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ogive.kernels import Sigmoid
    >>> X, y = load_iris(return_X_y=True)
    >>> model = KernelRidgeClassifier(alpha=0.01, kernel=Sigmoid("suggest", "suggest")).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        alpha: float | str = 1.0,
        *,
        kernel: Any = "linear",
        gamma: Any = None,
        coef0: Any = None,
        degree: Any = None,
        fit_intercept: bool = True,
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        penalty: str = "function",
        memory: int | float | str = "256 MB",
        class_weight: Any = None,
        device: str = "cpu",
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            alpha,
            kernel=kernel,
            gamma=gamma,
            coef0=coef0,
            degree=degree,
            fit_intercept=fit_intercept,
            approximation=approximation,
            n_components=n_components,
            landmarks=landmarks,
            penalty=penalty,
            memory=memory,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

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
        KernelRidgeClassifier
        """
        X, y = self._validated(X, y)
        weight = self._row_weight(X, sample_weight)
        self.classes_, codes, weight = class_codes(y, weight, self.class_weight)
        # Two classes need one function: the other is its negative.
        columns = [1] if len(self.classes_) == 2 else range(len(self.classes_))
        targets = np.stack([np.where(codes == c, 1.0, -1.0) for c in columns], axis=1)
        self._fit_targets(X, from_numpy(targets), weight, classes=True)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the value of each class's function; above 0 it is more likely than not.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization

        Returns
        -------
        ndarray of shape (n, classes), or (n,) for two classes
            float64.
        """
        check_is_fitted(self)
        values = self._decision(X)
        return values[:, 0] if len(self.classes_) == 2 else values

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d), or Factorization

        Returns
        -------
        ndarray of shape (n,)
        """
        values = self.decision_function(X)
        codes = (values > 0).astype(int) if values.ndim == 1 else values.argmax(axis=1)
        return self.classes_[codes]
