"""Two opinions of a picture: that of a network trained by gradient, and that of the closed form."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ogive.estimators import PatchKernelClassifier
from ogive.estimators.logit_classifier import LogitClassifier
from ogive.images.gradient.classifier import NetworkClassifier


class BlendedClassifier(LogitClassifier, BaseEstimator):
    """Classify pictures by the mean of the logits of a network and of a closed form.

    Both are trained on the same pictures, and err on different ones: on Fashion-MNIST their mean is
    better than either, and than either would be after the time of both.

    Parameters
    ----------
    network : NetworkClassifier
    closed_form : PatchKernelClassifier
        Neither need be fitted; they stay as they are.

    Attributes
    ----------
    network_, closed_form_ : NetworkClassifier, PatchKernelClassifier
        Fitted.
    classes_ : ndarray of shape (classes,)
    n_features_in_ : int

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X * 15.9375).astype("uint8").reshape(-1, 8, 8)
    >>> network = NetworkClassifier(width=8, epochs=4, batch=32)
    >>> closed_form = PatchKernelClassifier(32, patch_size=4, grid=3)
    >>> model = BlendedClassifier(network, closed_form).fit(X[:400], y[:400])
    >>> bool(model.score(X[1400:], y[1400:]) > 0.9)
    True
    """

    def __init__(self, network: NetworkClassifier, closed_form: PatchKernelClassifier) -> None:
        self.network = network
        self.closed_form = closed_form

    def fit(self, X: Any, y: Any, *, held_out: tuple[Any, Any] | None = None) -> Self:
        """Train both.

        The network comes first: a checkpoint of another training is refused at once, and a training
        that goes on from one fits the closed form once.

        Parameters
        ----------
        X, y, held_out
            As for `NetworkClassifier.fit`.

        Returns
        -------
        BlendedClassifier

        Raises
        ------
        InvalidDataError, InvalidParameterError, InvalidModelError, TrainingInterrupted, \
DivergedError
            As from `NetworkClassifier.fit`.
        """
        # With the parameters themselves, not with copies: whom they tell of progress is meant.
        network = NetworkClassifier(**self.network.get_params(deep=False))
        network.fit(X, y, held_out=held_out)
        closed_form = PatchKernelClassifier(**self.closed_form.get_params(deep=False))
        self.closed_form_ = closed_form.fit(X, y)
        self.network_ = network
        self.classes_, self.n_features_in_ = network.classes_, network.n_features_in_
        return self

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        both: np.ndarray = self.network_._logits(X) + self.closed_form_._logits(X)
        return both / 2
