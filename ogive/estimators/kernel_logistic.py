"""Logistic regression with any symmetric kernel."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ogive._checks import check_count, check_positive
from ogive.estimators.classes import class_codes
from ogive.estimators.factorized import FactorizedEstimator
from ogive.estimators.logistic_fit import LogisticProblem, check_totals
from ogive.estimators.logit_classifier import LogitClassifier


class KernelLogistic(LogitClassifier, FactorizedEstimator):
    """Kernel logistic regression, for definite and indefinite kernels.

    Minimises Σ wᵢ (-log softmax(f(xᵢ) + b)[yᵢ]) + alpha / 2 Σ_c ‖f_c‖²_{|K|}, where |K| has the
    absolute eigenvalues of the (centred) kernel matrix and b is not penalised; for two classes
    there is one function, the score of the first class being 0. With a linear kernel this is
    scikit-learn's LogisticRegression(C=1 / alpha). Solved by Newton's method in the features of
    which |K| is the inner product; see `logistic_path` for many strengths at once.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, above 0, not scaled by the number of rows.
    kernel : Kernel, str or callable, default "rbf"
        As in `KernelRidge`.
    gamma, coef0, degree : float, optional
        For kernels given by name.
    fit_intercept : bool, default True
    class_weight : dict, "balanced" or None, default None
        Multiplies the weights of the rows of each class.
    tol : float, default 1e-6
        The last step promised to lower the mean loss by no more than tol² / 2, and was taken.
    max_iter : int, default 100
        Newton steps.
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
    dual_coef_ : ndarray of shape (m, classes) or (m, 1)
        Scores are kernel(x, X_fit_) dual_coef_ + intercept_; for two classes that of the second.
    intercept_ : ndarray of shape (classes,) or (1,)
    n_iter_ : int
        Newton steps taken.
    solution_ : str
        How it was solved, or why it did not converge.
    kernel_, X_fit_, component_indices_, plan_, n_features_in_, feature_names_in_
        As in `KernelPCA`.

    References
    ----------
    Zhu and Hastie, Kernel logistic regression and the import vector machine, JCGS 14(1), 2005.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ogive.kernels import Sigmoid
    >>> X, y = load_iris(return_X_y=True)
    >>> model = KernelLogistic(alpha=0.01, kernel=Sigmoid("suggest", "suggest")).fit(X, y)
    >>> bool(model.score(X, y) > 0.95), model.predict_proba(X).shape
    (True, (150, 3))
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        kernel: Any = "rbf",
        gamma: Any = None,
        coef0: Any = None,
        degree: Any = None,
        fit_intercept: bool = True,
        class_weight: Any = None,
        tol: float = 1e-6,
        max_iter: int = 100,
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        memory: int | float | str = "256 MB",
        device: str = "cpu",
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.alpha = alpha
        self.kernel = kernel
        self.gamma = gamma
        self.coef0 = coef0
        self.degree = degree
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.approximation = approximation
        self.n_components = n_components
        self.landmarks = landmarks
        self.memory = memory
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

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
        KernelLogistic
        """
        check_positive(self.alpha, "alpha")
        check_positive(self.tol, "tol")
        check_count(self.max_iter, "max_iter")
        X, y = self._validated(X, y)
        weight = self._row_weight(X, sample_weight)
        self.classes_, codes, weight = class_codes(y, weight, self.class_weight)
        check_totals(self.classes_, codes, weight)
        found = self._factorized(
            X, weight, fit_intercept=self.fit_intercept, count=self.n_components
        )
        problem = LogisticProblem(found, codes, len(self.classes_), weight, self.device)
        solution = problem.solve(float(self.alpha), self.tol, self.max_iter)
        self.dual_coef_, self.intercept_ = self._kept(
            "scores", found, solution.weight.cpu().numpy(), solution.intercept.cpu().numpy()
        )
        self.n_iter_, self.solution_ = solution.iterations, solution.reason
        if not solution.converged:
            warnings.warn(solution.reason, ConvergenceWarning, stacklevel=2)
        return self

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        found = self._values(
            "scores", X, self.dual_coef_, self.intercept_, centred=self.fit_intercept
        )
        # Of two classes the first has the score 0.
        return found if found.shape[1] > 1 else np.pad(found, ((0, 0), (1, 0)))
