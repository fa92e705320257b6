"""A classifier of pictures: a small network trained by gradient, behind scikit-learn's face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
from torch import Tensor

from ogive._checks import check_count, check_positive
from ogive._devices import check_device
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._training import TrainingFiles
from ogive._typing import ImageShape, Progress
from ogive.estimators.base import seed_of
from ogive.estimators.logit_classifier import LogitClassifier
from ogive.estimators.pictures import as_pictures
from ogive.images.gradient.descent import Descent
from ogive.images.gradient.network import PictureNetwork
from ogive.images.gradient.pictures import Pictures
from ogive.images.gradient.training import answers, prepared, train_classifier

_MEASURED = 5000  # pictures that tell mean and deviation
# The best of those tried on 15,000 rows of Fashion-MNIST (logistic: but 1.0, which small batches do
# not bear); without normalisation twice as much is too much for a network of kernels. ReLU: 0.3 is
# as good there, better on CIFAR-10 (.564 for .551, 10,000 rows), much worse in a few steps.
_RATES = {
    "batch": {"sigmoid": 0.3, "logistic": 0.4, "relu": 0.1},
    "none": {"sigmoid": 0.1, "logistic": 0.05, "relu": 0.05},
}
_MOMENTUM = 0.9


class NetworkClassifier(LogitClassifier, BaseEstimator):
    """Classify pictures by a network of kernel convolutions, trained by gradient.

    `PictureNetwork`, trained by cross-entropy and stochastic gradient descent with Nesterov
    momentum; the learning rate rises and falls once. What predicts is the average of the weights.

    Parameters
    ----------
    kernel : {"sigmoid", "logistic", "relu"}, default "sigmoid"
        "relu" is the control, an ordinary network.
    normalisation : {"batch", "none"}, default "batch"
        Whether the arguments of the units are normalised batch by batch while they learn. It is
        folded into gamma and coef0 afterwards: what predicts is a network of plain kernel
        convolutions either way. Without it they learn more slowly and become worse.
    start : {"critical", "closed-form"}, default "critical"
        The first layer's weights: those at which gradients neither grow nor vanish, as of all
        layers, or landmarks of whitened patches (see `PictureNetwork.start`).
    width : int, default 32
        Units of the first layer; the last has four times as many.
    epochs : int, default 5
    batch : int, default 128
    rate : float, optional
        The highest learning rate; by default what suits kernel and normalisation: 0.3 for the
        sigmoid kernel with it, 0.1 without.
    weight_decay : float, default 1e-4
    label_smoothing : float, default 0
    flip : bool, default False
        Whether pictures are mirrored at random: not where left and right matter.
    shift : int, default 0
        The most pixels by which pictures are moved at random.
    average : float, default 0.98
        Decay of the average of the weights, from step to step.
    patience : int, optional
        Epochs without a lower loss on pictures left out, after which training ends; the weights
        with the lowest are kept. The learning rate falls to 0 at the end of all ``epochs``, and
        what ends before has not had the small rates: this guards against far too many epochs, and
        is no way to find the best number of them.
    validation_fraction : float, default 0.1
        Share of the pictures that are left out, each class in proportion, if there is patience.
    image_shape : (height, width, channels), optional
        Of the pictures, if they come as rows.
    random_state : int, RandomState or None, default 0
    device : str, default "cpu"
    files : TrainingFiles, optional
        Checkpoint and log (see `ogive.images.training`); a training that was stopped goes on from
        its checkpoint.
    progress : callable, optional
        Called with ("training", steps done, steps in all).
    report : callable, optional
        Called with each record of the log.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    network_ : PictureNetwork
    image_shape_ : (height, width, channels)
    n_features_in_ : int
    seconds_ : float
        Of training.
    epochs_ : int
        How many there were.
    best_epoch_ : int
        The one whose weights are kept; without patience the last.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X * 15.9375).astype("uint8").reshape(-1, 8, 8)
    >>> model = NetworkClassifier(width=8, epochs=10, batch=32).fit(X[:400], y[:400])
    >>> bool(model.score(X[1400:], y[1400:]) > 0.75)
    True
    >>> model.embed(X[:2]).shape
    (2, 32)
    """

    def __init__(
        self,
        *,
        kernel: str = "sigmoid",
        normalisation: str = "batch",
        start: str = "critical",
        width: int = 32,
        epochs: int = 5,
        batch: int = 128,
        rate: float | None = None,
        weight_decay: float = 1e-4,
        label_smoothing: float = 0.0,
        flip: bool = False,
        shift: int = 0,
        average: float = 0.98,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        image_shape: Any = None,
        random_state: Any = 0,
        device: str = "cpu",
        files: TrainingFiles | None = None,
        progress: Progress | None = None,
        report: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.kernel = kernel
        self.normalisation = normalisation
        self.start = start
        self.width = width
        self.epochs = epochs
        self.batch = batch
        self.rate = rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.flip = flip
        self.shift = shift
        self.average = average
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.device = device
        self.files = files
        self.progress = progress
        self.report = report

    def fit(self, X: Any, y: Any, *, held_out: tuple[Any, Any] | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array
            Of shape (n, height, width) or (n, height, width, channels), or rows of pixels with
            ``image_shape``. Whole numbers are pixels of 0 to 255; fractions run from 0 to 1.
        y : array of shape (n,)
            At least two classes, of any type.
        held_out : (X, y), optional
            Pictures to be tested on after every epoch, for the log: they change nothing.

        Returns
        -------
        NetworkClassifier

        Raises
        ------
        InvalidDataError
            If X holds no pictures, or y one class.
        InvalidParameterError
            If a setting is not possible, or the checkpoint is that of another training.
        InvalidModelError
            If the checkpoint is damaged.
        TrainingInterrupted, DivergedError
            See `ogive.images.training`.
        """
        pictures, y = as_pictures(X, self.image_shape), column_or_1d(y)
        check_consistent_length(X, y)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InvalidDataError(f"y holds one class ({classes[0]}): two are needed")
        seed, device = seed_of(self.random_state), check_device(self.device)
        everything, descent = Pictures.of(pictures, codes), self._descent(seed, device)
        height, width, channels = (int(side) for side in pictures.shape[1:])
        shape = (height, width, channels)
        rows, left_out = descent.split(codes)
        data = everything if left_out is None else everything.take(rows)
        network = self._network(self.normalisation, shape, len(classes))
        some = prepared(data.x[_sample(len(data.x), seed)], torch.device("cpu"))
        network.start(some, seed, first=self.start)
        network.to(device)
        trained = train_classifier(
            network,
            self._optimiser(network),
            data,
            descent,
            validation=None if left_out is None else everything.take(left_out),
            held_out=held_out and Pictures.held_out(*held_out, classes, shape),
            identity=descent.identity(self._settings(), everything),
            files=self.files,
            progress=self.progress,
            report=self.report,
        )
        # All at once: a training that was interrupted leaves what was there before.
        self.classes_, self.image_shape_ = classes, shape
        self.n_features_in_ = height * width * channels
        self.seconds_ = trained.seconds
        self.epochs_, self.best_epoch_ = trained.epochs, trained.best_epoch
        self.network_ = network.eval().folded().requires_grad_(False)
        return self

    def embed(self, X: Any) -> np.ndarray:
        """Return the features that the last, linear layer sees, (n, 4 · width) float32.

        Pictures of one class, and pictures alike, are near each other: for an image index, or a
        distance between sets of pictures.
        """
        check_is_fitted(self)
        return self._answers(self.network_.features, X)

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._answers(self.network_, X)

    def _answers(self, function: Callable[[Tensor], Tensor], X: Any) -> np.ndarray:
        device = check_device(self.device)
        self.network_.to(device)
        return answers(function, self._pictures(X).permute(0, 3, 1, 2), device)

    def _pictures(self, X: Any) -> Tensor:
        pictures = as_pictures(X, self.image_shape_)
        if tuple(pictures.shape[1:]) != self.image_shape_:
            raise InvalidDataError(
                f"X holds pictures of shape {tuple(pictures.shape[1:])}; the network was trained "
                f"on {self.image_shape_} (height, width, channels): resize them"
            )
        return pictures

    def _network(self, normalisation: str, image_shape: ImageShape, classes: int) -> PictureNetwork:
        return PictureNetwork(
            image_shape,
            classes,
            kernel=self.kernel,
            normalisation=normalisation,
            width=check_count(self.width, "width"),
        )

    def _rate(self) -> float:
        rate = _RATES[self.normalisation][self.kernel] if self.rate is None else self.rate
        check_positive(rate, "rate")
        return rate

    def _optimiser(self, network: PictureNetwork) -> torch.optim.Optimizer:
        check_positive(self.weight_decay, "weight_decay", allow_zero=True)
        return torch.optim.SGD(
            network.parameters(),
            self._rate(),
            momentum=_MOMENTUM,
            nesterov=True,
            weight_decay=self.weight_decay,
        )

    def _descent(self, seed: int, device: torch.device) -> Descent:
        if not 0 <= self.label_smoothing < 1:
            raise InvalidParameterError(
                f"label_smoothing={self.label_smoothing!r}: must be at least 0 and below 1"
            )
        return Descent(
            epochs=check_count(self.epochs, "epochs"),
            batch=check_count(self.batch, "batch", least=2),
            label_smoothing=self.label_smoothing,
            flip=self.flip,
            shift=check_count(self.shift, "shift", least=0),
            average=self.average,
            seed=seed,
            device=device,
            patience=self.patience,
            validation_fraction=self.validation_fraction,
        )

    def _settings(self) -> dict[str, Any]:
        """Return the parameters that decide the weights."""
        told = {"image_shape", "random_state", "device", "files", "progress", "report"}
        if self.patience is None:  # then nothing is left out
            told.add("validation_fraction")
        settings = {n: value for n, value in self.get_params().items() if n not in told}
        return settings | {"rate": self._rate()}


def _sample(pictures: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(pictures, generator=generator)[:_MEASURED]
