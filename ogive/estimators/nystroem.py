"""Landmark features as a scikit-learn transformer, with their signature."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from ogive._checks import as_rows, check_positive, from_numpy
from ogive._errors import InvalidParameterError
from ogive.estimators.base import KernelEstimator, seed_of, small_integers_as_float
from ogive.features import SignedRoot, select_landmarks, signed_root
from ogive.features.nystrom import APPROXIMATION_CUT, PREDICTION_CUT
from ogive.kernels.spectrum import symmetric_matrix
from ogive.operators import KernelOperator


class Nystroem(ClassNamePrefixFeaturesOutMixin, TransformerMixin, KernelEstimator):
    """Features L on a few landmarks such that L diag(signature_) Lᵀ approximates the kernel.

    For a positive definite kernel all signs are 1 and the inner products of the features equal
    those of scikit-learn's Nystroem on the same landmarks. For an indefinite kernel scikit-learn's
    features approximate |K| without a word; these come with the signature that gives K.

    Parameters
    ----------
    kernel : Kernel, str or callable, default "rbf"
        As in `KernelRidge`, but not "precomputed".
    gamma, coef0, degree : float, optional
        For kernels given by name.
    n_components : int, default 100
        Number of landmarks; the number of features is at most that.
    landmarks : {"uniform", "k-means++", "leverage"} or array of shape (m, d), default "uniform"
        How landmarks are chosen among the distinct rows, or the landmarks themselves.
    tolerance : float or "auto", default "auto"
        Eigenvalues of the landmarks' matrix below this fraction of the largest are dropped.
        "auto" drops rounding noise, and for an indefinite kernel all below 1e-4, which approximates
        it better.
    memory : int or str, default "256 MB"
        Budget of the kernel's working buffers.
    random_state : int, RandomState or None, default 0

    Attributes
    ----------
    kernel_ : Kernel
        With parameters that are numbers.
    components_ : ndarray or sparse matrix of shape (m, d)
        The landmarks.
    component_indices_ : ndarray of shape (m,) or None
        Which training rows they are.
    normalization_ : ndarray of shape (m, features)
        L = kernel_(X, components_) @ normalization_.
    signature_ : ndarray of shape (features,)
        1 or -1.
    n_features_in_, feature_names_in_

    References
    ----------
    Williams and Seeger, Using the Nyström method to speed up kernel machines, NIPS 2000; Oglic and
    Gärtner, Scalable learning in reproducing kernel Kreĭn spaces, ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from ogive.kernels import Sigmoid
    >>> X = np.random.default_rng(0).normal(size=(40, 5))
    >>> features = Nystroem(Sigmoid(0.3, 0.0), n_components=40, tolerance=1e-12).fit(X)
    >>> L = features.transform(X)
    >>> bool(np.allclose(L * features.signature_ @ L.T, Sigmoid(0.3, 0.0)(X)))
    True
    """

    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        gamma: Any = None,
        coef0: Any = None,
        degree: Any = None,
        n_components: int = 100,
        landmarks: Any = "uniform",
        tolerance: float | str = "auto",
        memory: int | float | str = "256 MB",
        random_state: Any = 0,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.coef0 = coef0
        self.degree = degree
        self.n_components = n_components
        self.landmarks = landmarks
        self.tolerance = tolerance
        self.memory = memory
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the transformer takes and keeps."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Choose landmarks and factorise their kernel matrix.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)
        y : ignored

        Returns
        -------
        Nystroem
        """
        if self._precomputed:
            raise InvalidParameterError(
                "kernel='precomputed' has no landmarks to compute features from; "
                "give a kernel object, a name or a callable"
            )
        X = validate_data(
            self, small_integers_as_float(X), accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        x = as_rows(X)
        self.kernel_ = self._resolved_kernel(x, None)
        self.component_indices_ = None
        if isinstance(self.landmarks, str):
            self.component_indices_ = select_landmarks(
                x,
                self.n_components,
                self.landmarks,
                kernel=self.kernel_,
                random_state=seed_of(self.random_state),
            )
            chosen = x[self.component_indices_]
        else:
            chosen = as_rows(self.landmarks, "landmarks")
        self.components_ = chosen.numpy() if isinstance(chosen, Tensor) else chosen
        root = self._root(chosen)
        self.normalization_ = root.root.numpy().astype(X.dtype, copy=False)
        self.signature_ = root.signature.numpy()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the features of the rows of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of shape (n, features)
            float32 for float32 data, otherwise float64.
        """
        check_is_fitted(self)
        x = self._rows(small_integers_as_float(X))
        operator = KernelOperator(self.kernel_, x, as_rows(self.components_), memory=self.memory)
        normalization = from_numpy(self.normalization_).to(operator.dtype)
        features = (operator @ normalization).numpy()
        return features if isinstance(x, Tensor) else features.astype(x.dtype, copy=False)

    @property
    def _n_features_out(self) -> int:
        return self.normalization_.shape[1]

    def _root(self, landmarks: Any) -> SignedRoot:
        matrix = symmetric_matrix(self.kernel_, landmarks)
        noise = PREDICTION_CUT[matrix.dtype]
        if self.tolerance != "auto":
            check_positive(self.tolerance, "tolerance", allow_zero=True)  # type: ignore[arg-type]
            return signed_root(matrix.double(), cut=float(self.tolerance))
        root = signed_root(matrix.double(), cut=noise)
        if bool((root.signature > 0).all()):
            return root
        return signed_root(matrix.double(), cut=APPROXIMATION_CUT)
