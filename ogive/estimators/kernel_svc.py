"""Support vector classification, for definite and indefinite kernels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _ovr_decision_function
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ogive._checks import as_rows, from_numpy
from ogive._errors import InvalidParameterError, nearest_name
from ogive.estimators.base import checked_weight
from ogive.estimators.calibration import coupled_probabilities, fitted_temperature
from ogive.estimators.classes import class_codes
from ogive.estimators.support_vectors import SupportVectorModel, box_of
from ogive.estimators.svm_problem import ClassProblem
from ogive.kernels import Linear
from ogive.solvers.pairs import class_pairs

_SHAPES = ("ovr", "ovo")


def _has_probabilities(model: Any) -> bool:
    if not model.probability:
        raise AttributeError(
            "predict_proba is there with probability=True only: it takes five more fits"
        )
    return True


class KernelSVC(ClassifierMixin, SupportVectorModel):
    """Support vector classifier with any symmetric kernel, definite or not.

    For each pair of classes minimises ½ ‖f‖² + C Σ wᵢ max(0, 1 - yᵢ (f(xᵢ) + b)). For a positive
    definite kernel this is scikit-learn's SVC, with the same answers. For an indefinite one, such
    as the sigmoid kernel, the norm is that of the absolute kernel |K| in Kreĭn space: one flip of
    the negative eigenvalues over all rows, the ordinary dual problem, and the solution mapped back
    to the kernel itself. (The ordinary problem on an indefinite matrix, which other libraries
    solve, has no minimum that means anything.)

    Parameters
    ----------
    C : float, default 1.0
        Weight of the errors against the norm, above 0.
    kernel : Kernel, str or callable, default "rbf"
        As in `KernelRidge`.
    degree, gamma, coef0 : float, optional
        For kernels given by name: 3, "scale" and 0 if left out, as in scikit-learn's SVC.
    shrinking, cache_size : optional
        Taken for the sake of programs written for scikit-learn, and of no effect: see ``memory``.
    probability : bool, default False
        Whether `predict_proba` is wanted; it costs five more fits.
    tol : float, default 1e-3
        Largest violation of the optimality conditions, as in scikit-learn.
    class_weight : dict, "balanced" or None, default None
        Multiplies C for the rows of each class.
    verbose : int, default False
        1 prints progress to the standard error.
    max_iter : int, default -1
        Steps for each pair of classes; -1 sets a limit by itself, far above what scaled data need.
    decision_function_shape : {"ovr", "ovo"}, default "ovr"
        As in scikit-learn.
    break_ties : bool, default False
        Whether equal votes are decided by the decision values instead of the order of classes.
    random_state : int, RandomState or None, default 0
        For the choice of landmarks.
    treatment : {"auto", "krein", "none", "clip", "shift"}, default "auto"
        Of an indefinite kernel. "auto": the ordinary problem if less than a thousandth of the
        centred eigenvalues' mass on a sample is negative, otherwise "krein". "none" (the ordinary
        problem all the same), "clip" (negative eigenvalues left out) and "shift" (the smallest
        taken off the diagonal) are those of the literature, for comparison.
    approximation : {"auto", "exact", "nystroem"}, default "auto"
        "nystroem" solves with signed features of landmarks. "auto" does so for indefinite kernels
        above 5,000 rows, where an eigendecomposition takes minutes.
    n_components : int, optional
        Number of landmarks, 2,000 if left out.
    landmarks : {"uniform", "k-means++", "leverage"} or array of shape (m, d), default "uniform"
    memory : int or str, default "auto"
        Budget of the kernel matrix: if it does not fit, rows are computed as they are needed, with
        the same answer. "auto" is 70 % of the memory that is free.
    device : str, default "cpu"
        Where the kernel is computed.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    treatment_ : str
        "definite" (the ordinary problem), "krein", "none", "clip" or "shift".
    plan_ : SvmPlan
        What was decided and why.
    kernel_ : Kernel
        With parameters that are numbers.
    support_ : ndarray of shape (m,)
        The rows that carry the decision functions, sorted by class; all of them, or the landmarks,
        with "krein" and "clip".
    support_vectors_ : ndarray or sparse matrix of shape (m, d)
    n_support_ : ndarray of shape (classes,)
        How many of them belong to each class.
    dual_coef_ : ndarray
        Of shape (classes - 1, m), as in scikit-learn's SVC; with "krein", "clip" and landmarks of
        shape (pairs of classes, m).
    intercept_ : ndarray of shape (pairs of classes,)
    n_iter_ : ndarray of shape (pairs of classes,)
        Steps of two coefficients.
    temperature_ : float
        With ``probability``: what decision values are multiplied by.
    n_features_in_, feature_names_in_

    References
    ----------
    Loosli, Canu and Ong, Learning SVM in Kreĭn spaces, TPAMI 2016; Fan, Chen and Lin, JMLR 2005.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ogive.estimators import KernelSVC as SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SVC(kernel="sigmoid", gamma="suggest", coef0="suggest", C=10).fit(X, y)
    >>> bool(model.score(X, y) > 0.9), model.treatment_
    (True, 'krein')
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        degree: Any = None,
        gamma: Any = None,
        coef0: Any = None,
        shrinking: bool = True,
        probability: bool = False,
        tol: float = 1e-3,
        cache_size: float = 200,
        class_weight: Any = None,
        verbose: int = False,
        max_iter: int = -1,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        random_state: Any = 0,
        treatment: str = "auto",
        approximation: str = "auto",
        n_components: int | None = None,
        landmarks: Any = "uniform",
        memory: int | float | str = "auto",
        device: str = "cpu",
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.shrinking = shrinking
        self.probability = probability
        self.tol = tol
        self.cache_size = cache_size
        self.class_weight = class_weight
        self.verbose = verbose
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.random_state = random_state
        self.treatment = treatment
        self.approximation = approximation
        self.n_components = n_components
        self.landmarks = landmarks
        self.memory = memory
        self.device = device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)
            With ``kernel="precomputed"`` the kernel matrix (n, n).
        y : array of shape (n,)
            At least two classes, of any type.
        sample_weight : array of shape (n,), optional
            A row of weight 2 counts as two rows.

        Returns
        -------
        KernelSVC

        Warns
        -----
        ConvergenceWarning
            If the limit of steps was reached: the best so far is kept.
        SaturationWarning
            If nearly all kernel values are at the kernel's limits.
        """
        self._check_parameters()
        self._check_answers()
        X, y = self._validated(X, y)
        given = checked_weight(sample_weight, X)
        self.classes_, codes, weight = class_codes(y, given, self.class_weight)
        order = np.argsort(codes, kind="stable")
        kept = order if weight is None else order[weight[order] > 0]
        box = box_of(self.C, None if weight is None else weight[kept], len(kept))
        bounds = np.searchsorted(codes[kept], np.arange(len(self.classes_) + 1))
        problem = ClassProblem(tuple(bounds.tolist()), box)
        self.support_ = self._fit_problem(as_rows(X), kept, weight, problem)
        self.n_support_ = np.bincount(codes[self.support_], minlength=len(self.classes_))
        if self.probability:
            self.temperature_ = fitted_temperature(self, X, y, given)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the decision values.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of shape (n,), (n, classes) or (n, pairs), float64
            Of two classes, above 0 for the second. Otherwise one value a class, by votes of the
            pairs and then their values; or with "ovo" one value a pair, above 0 for the first.
        """
        check_is_fitted(self)
        values = self._values(X)
        if len(self.classes_) == 2:
            return -values[:, 0]
        if self.decision_function_shape == "ovo":
            return values
        found: np.ndarray = _ovr_decision_function(values < 0, -values, len(self.classes_))
        return found

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row of X, by the votes of the pairs.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
        """
        check_is_fitted(self)
        found: np.ndarray = self.classes_[self._winners(self._values(X))]
        return found

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class; the largest is that of `predict`.

        Each pair of classes has the logistic function of its decision value times one temperature,
        which was fitted on rows that the machine had not seen; pairs are coupled as LIBSVM does.
        (Platt's scaling, with its offsets, contradicts `predict`.)

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of shape (n, classes), float64
        """
        check_is_fitted(self)
        values = self._values(X)
        return coupled_probabilities(values, self.temperature_, self._winners(values))

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    @property
    def dual_coef_(self) -> np.ndarray:
        """Coefficients of the support vectors."""
        coefficient = self._functions.coefficient
        if self._functions.counts is None:
            coefficient = coefficient.T
        return -coefficient if len(self.classes_) == 2 else coefficient

    @property
    def intercept_(self) -> np.ndarray:
        """Intercepts of the decision functions."""
        intercept = self._functions.intercept
        return -intercept if len(self.classes_) == 2 else intercept

    @property
    def n_iter_(self) -> np.ndarray:
        """Steps that each pair of classes took."""
        return self._steps

    @property
    def coef_(self) -> np.ndarray:
        """Weights of the columns of X, for the linear kernel."""
        if not isinstance(self.kernel_, Linear):
            raise AttributeError("coef_ is there with kernel='linear' only")
        rows = as_rows(self.support_vectors_)
        columns = rows.T if isinstance(rows, Tensor) else from_numpy(rows.toarray().T)
        functions = self._functions
        values = functions.values(iter([(slice(None), columns)]), self.n_features_in_)
        values -= functions.intercept
        return -values.T if len(self.classes_) == 2 else values.T

    def _check_answers(self) -> None:
        if self.decision_function_shape not in _SHAPES:
            raise InvalidParameterError(
                f"decision_function_shape={self.decision_function_shape!r} is unknown; "
                f"{nearest_name(str(self.decision_function_shape), _SHAPES)}"
            )
        if self.break_ties and self.decision_function_shape == "ovo":
            raise InvalidParameterError(
                "break_ties=True needs decision_function_shape='ovr': values of pairs decide "
                "nothing between classes"
            )

    def _winners(self, values: np.ndarray) -> np.ndarray:
        classes = len(self.classes_)
        if classes == 2:
            return (values[:, 0] < 0).astype(np.int64)
        if self.break_ties:
            found: np.ndarray = _ovr_decision_function(values < 0, -values, classes).argmax(1)
            return found
        votes = np.zeros((len(values), classes), dtype=np.int64)
        for number, (i, j) in enumerate(class_pairs(classes)):
            first = values[:, number] > 0
            votes[:, i] += first
            votes[:, j] += ~first
        return votes.argmax(1)
