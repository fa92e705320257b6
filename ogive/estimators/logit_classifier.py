"""What a classifier says whose answers are logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin


class LogitClassifier(ClassifierMixin, ABC):
    """Classes, probabilities and decision values of a classifier that computes logits.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    """

    classes_: np.ndarray

    @abstractmethod
    def _logits(self, X: Any) -> np.ndarray:
        """Return the logarithms of the classes' probabilities up to a constant, (n, classes)."""

    def decision_function(self, X: Any) -> np.ndarray:
        """Return each class's logit; of two classes, the second's less the first's.

        Parameters
        ----------
        X : array
            As for `fit`.

        Returns
        -------
        ndarray of shape (n, classes), or (n,) for two classes
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row of X."""
        codes = self._logits(X).argmax(1)  # which tells an unfitted model before its classes could
        found: np.ndarray = self.classes_[codes]
        return found

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, (n, classes); the largest is that of `predict`."""
        found: np.ndarray = softmax(self._logits(X), axis=1)
        return found

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities of classes, (n, classes)."""
        found: np.ndarray = log_softmax(self._logits(X), axis=1)
        return found
