"""A classifier of pictures: patch features, ridge regression on them, and a few logistic steps."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
from torch import Tensor
from torch.nn import functional

from ogive._checks import check_count
from ogive._errors import InvalidDataError
from ogive._typing import Progress
from ogive.estimators.base import seed_of
from ogive.estimators.logit_classifier import LogitClassifier
from ogive.estimators.patch_kernel_features import PatchKernelFeatures
from ogive.estimators.pictures import as_pictures
from ogive.features.patches import fit_patch_map
from ogive.solvers.wide_logistic import classify
from ogive.solvers.wide_ridge import rounded_, wide_ridge_sums

_ROWS = 4096  # pictures whose features are in memory at once
_BLOCK = 32  # rows that stay in the caches from one operation to the next
# Of the rows that logistic steps go back to: bytes, one a feature; and rows in any case.
_MOST_KEPT, _LEAST_KEPT = 2 << 30, 2000


class PatchKernelClassifier(LogitClassifier, PatchKernelFeatures):
    """Classify pictures by linear functions of patch features: seconds, and nothing to tune.

    `PatchKernelFeatures`, standardised, and one linear function for each class. Ridge regression
    is solved exactly from one pass over the pictures; multinomial logistic regression starts from
    there, and its quasi-Newton steps reuse the factor that ridge was solved by. Features are
    kept in 8 bits, or of many pictures not at all.

    Parameters
    ----------
    n_filters, patch_size, grid, both_signs, mirror, whitening, gain, quantile, \
smooth, n_first_filters, image_shape, random_state
        As in `PatchKernelFeatures`.
    alpha : float, default 0.01
        Penalty of ridge, in units of the features' variance: Σᵢ ‖yᵢ - f(xᵢ)‖² + alpha n ‖W‖².
    logistic_steps : int, default 8
        At most so many: pictures left out tell how many help. 0 is ridge regression alone.
    progress : callable, optional
        Called with (what is done, pictures done, pictures in all) now and then.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    patch_map_ : PatchMap
    mean_, scale_ : ndarrays of shape (features,)
        By which features are standardised.
    coef_ : ndarray of shape (features, classes)
    intercept_ : ndarray of shape (classes,)
        Of logits: probabilities are their softmax, calibrated on pictures left out.
    n_iter_ : int
        Logistic steps taken; 0 if they did not help pictures left out.
    n_features_in_ : int

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X * 15.9375).astype("uint8").reshape(-1, 8, 8)
    >>> model = PatchKernelClassifier(64, patch_size=4, grid=3).fit(X[:1400], y[:1400])
    >>> bool(model.score(X[1400:], y[1400:]) > 0.95)
    True
    """

    def __init__(
        self,
        n_filters: int = 256,
        *,
        patch_size: int = 6,
        grid: int = 4,
        both_signs: bool = False,
        mirror: bool = False,
        whitening: float = 3e-3,
        gain: float = 3.0,
        quantile: float = 0.8,
        smooth: float = 0.0,
        n_first_filters: int = 0,
        alpha: float = 0.01,
        logistic_steps: int = 8,
        image_shape: Any = None,
        random_state: Any = 0,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(
            n_filters,
            patch_size=patch_size,
            grid=grid,
            both_signs=both_signs,
            mirror=mirror,
            whitening=whitening,
            gain=gain,
            quantile=quantile,
            smooth=smooth,
            n_first_filters=n_first_filters,
            image_shape=image_shape,
            random_state=random_state,
        )
        self.alpha = alpha
        self.logistic_steps = logistic_steps
        self.progress = progress

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit features and classes.

        Parameters
        ----------
        X : array
            As for `PatchKernelFeatures.fit`.
        y : array of shape (n,)
            At least two classes, of any type.

        Returns
        -------
        PatchKernelClassifier
        """
        check_count(self.logistic_steps, "logistic_steps", least=0)
        pictures, y = as_pictures(X, self.image_shape), column_or_1d(y)
        check_consistent_length(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InvalidDataError(f"y holds one class ({self.classes_[0]}): two are needed")
        seed = seed_of(self.random_state)
        self._report("fitting landmarks", 0, len(pictures))
        self.patch_map_ = fit_patch_map(pictures, self._options(), seed=seed)
        self.n_features_in_ = int(pictures[0].numel())
        # In random order, so that the first pictures stand for all.
        order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
        targets = 2 * functional.one_hot(torch.from_numpy(codes), len(self.classes_)).float() - 1
        self._fit_scores(pictures[order], targets[order])
        return self

    def _fit_scores(self, pictures: Tensor, targets: Tensor) -> None:
        width, count = self.patch_map_.width, targets.shape[1]
        kept = min(len(pictures), max(_MOST_KEPT // width, _LEAST_KEPT))
        sums = wide_ridge_sums(width, count, len(pictures), kept=kept)
        rows = torch.empty(min(_ROWS, len(pictures)), width)
        for start in range(0, len(pictures), _ROWS):
            some = pictures[start : start + _ROWS]
            found = self.patch_map_.features(some, rows[: len(some)])
            if start == 0:
                spread, mean = torch.std_mean(found, 0, correction=0)
                # A feature that never changes among these would be blown up by what is rounding.
                spread = torch.where(spread > 1e-6, spread, torch.finfo(spread.dtype).max)
                self.mean_, self.scale_ = mean.numpy(), spread.numpy()
            sums.add(self._standardised(found), targets[start : start + len(some)])
            self._report("reading pictures", start + len(some), len(pictures))
        self._report("solving", len(pictures), len(pictures))
        solution = classify(sums, self.alpha, steps=self.logistic_steps)
        self.coef_ = np.ascontiguousarray(solution.weight.numpy())  # as files keep it
        self.intercept_ = solution.intercept.numpy()
        self.n_iter_ = solution.steps

    def _standardised(self, rows: Tensor) -> Tensor:
        mean, scale = torch.from_numpy(self.mean_), torch.from_numpy(self.scale_)
        for block in rows.split(_BLOCK):
            block.sub_(mean).div_(scale)
        return rows

    def _report(self, text: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(text, done, total)

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        pictures = as_pictures(X, self.image_shape)
        coefficients, found = torch.from_numpy(self.coef_), []
        rows = torch.empty(min(_ROWS, len(pictures)), self.patch_map_.width)
        for some in pictures.split(_ROWS):
            part = self._standardised(self.patch_map_.features(some, rows[: len(some)]))
            found.append(rounded_(part) @ coefficients)
        scores: np.ndarray = torch.cat(found).add_(torch.from_numpy(self.intercept_)).numpy()
        return scores
