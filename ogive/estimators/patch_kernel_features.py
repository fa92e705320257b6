"""Patch features of pictures as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ogive.estimators.base import seed_of
from ogive.estimators.pictures import as_pictures
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import fit_patch_map


class PatchKernelFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Answers of a logistic kernel between patches of pictures and landmarks, averaged over cells.

    A convolutional kernel network of one layer, or two, fitted without labels or gradients:
    patches are normalised and whitened, landmarks z_j are their spherical k-means, and a feature
    is the mean over a cell of σ(gain_j ⟨p, z_j⟩ - offset_j).

    Parameters
    ----------
    n_filters : int, default 256
        Number of landmarks.
    patch_size : int, default 6
        Side of a patch, in pixels.
    grid : int, default 4
        Answers are averaged over grid × grid cells.
    both_signs : bool, default False
        Whether each landmark answers to its opposite too, in features of its own. Colour pictures
        gain from it.
    mirror : bool, default False
        Whether the answers to a picture and to its mirror image are averaged.
    whitening : float, default 3e-3
        Added to the eigenvalues of the patches' covariance, whose sum is near 1.
    gain : float, default 3.0
        Standard deviation of gain_j ⟨p, z_j⟩ over patches.
    quantile : float, default 0.8
        Share of patches to which a landmark answers less than one half.
    smooth : float, default 0
        Standard deviation, in cells, of the Gaussian by which answers around a cell's middle are
        averaged, beyond its borders too; 0 is the plain average of a cell.
    n_first_filters : int, default 0
        Landmarks of a layer before, which sees patches of 3 × 3 pixels; its answers in cells of
        2 × 2 places are what patches are then taken from. 0 is one layer.
    image_shape : (height, width, channels), optional
        Of the pictures, where X has them as rows.
    random_state : int, RandomState or None, default 0

    Attributes
    ----------
    patch_map_ : PatchMap
    n_features_in_ : int
        Numbers in a picture.

    Notes
    -----
    A logistic answer is that of tanh up to a factor and a constant: 2 σ(2z) = 1 + tanh(z).
    Sources: see `ogive.features.patches.PatchMap`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X * 15.9375).astype("uint8").reshape(-1, 8, 8)
    >>> features = PatchKernelFeatures(64, patch_size=4, grid=3)
    >>> model = make_pipeline(features, RidgeClassifier()).fit(X[:1400], y[:1400])
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
        image_shape: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.n_filters = n_filters
        self.patch_size = patch_size
        self.grid = grid
        self.both_signs = both_signs
        self.mirror = mirror
        self.whitening = whitening
        self.gain = gain
        self.quantile = quantile
        self.smooth = smooth
        self.n_first_filters = n_first_filters
        self.image_shape = image_shape
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find whitening, landmarks, gains and offsets.

        Parameters
        ----------
        X : array of shape (n, height, width), (n, height, width, channels), or rows of pixels
        y : ignored

        Returns
        -------
        PatchKernelFeatures
        """
        pictures = as_pictures(X, self.image_shape)
        self.patch_map_ = fit_patch_map(pictures, self._options(), seed=seed_of(self.random_state))
        self.n_features_in_ = int(pictures[0].numel())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the features of pictures.

        Parameters
        ----------
        X : array
            As for `fit`.

        Returns
        -------
        ndarray of shape (n, features)
            float32.
        """
        check_is_fitted(self)
        pictures = as_pictures(X, self.image_shape)
        found: np.ndarray = self.patch_map_.features(pictures).numpy()
        return found

    def _options(self) -> PatchOptions:
        return PatchOptions(
            filters=self.n_filters,
            size=self.patch_size,
            grid=self.grid,
            both_signs=self.both_signs,
            mirror=self.mirror,
            whitening=self.whitening,
            gain=self.gain,
            quantile=self.quantile,
            smooth=self.smooth,
            first=self.n_first_filters,
        )

    @property
    def _n_features_out(self) -> int:
        return self.patch_map_.width

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that X holds pictures, not rows of any numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags
