"""A classifier in closed form, trained on by gradient: landmarks and head together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted, column_or_1d
from torch import Tensor, nn

from ogive._record import RecordReader, RecordWriter
from ogive._training import Kept, TrainingFiles
from ogive._typing import Float, ImageShape, Progress
from ogive.estimators import PatchKernelClassifier
from ogive.estimators.patch_record import read_patch_classifier, write_patch_classifier
from ogive.estimators.pictures import as_pictures, known_codes
from ogive.images.gradient.descent import Descent
from ogive.images.gradient.pictures import Pictures
from ogive.images.gradient.training import Trained, train_classifier
from ogive.images.recipe import Gradient
from ogive.nn import PatchFeatures
from ogive.solvers.wide_ridge import LARGEST

# Highest learning rates of landmarks on the unit sphere, of gains (about 20), and of the head.
_RATES = {"weight": 0.01, "offset": 0.01, "gain": 0.1, "head": 0.0002}


class PatchNetwork(nn.Module):
    """What a fitted `PatchKernelClassifier` computes, as a network: its answers are the logits.

    Parameters
    ----------
    classifier : PatchKernelClassifier
        Fitted; its logits are the first ones.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X * 15.9375).astype("uint8").reshape(-1, 8, 8, 1)
    >>> classifier = PatchKernelClassifier(16, patch_size=4, grid=3).fit(X, y)
    >>> network = PatchNetwork(classifier)
    >>> found = network(torch.from_numpy(X[:5]).permute(0, 3, 1, 2) / 255).softmax(1)
    >>> bool((found - torch.from_numpy(classifier.predict_proba(X[:5]))).abs().max() < 0.1)
    True
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, classifier: PatchKernelClassifier) -> None:
        super().__init__()
        check_is_fitted(classifier)
        self.features = PatchFeatures.of(classifier.patch_map_)
        self.register_buffer("centre", torch.from_numpy(classifier.mean_.copy()))
        self.register_buffer("scale", torch.from_numpy(classifier.scale_.copy()))
        self.head = nn.Linear(*classifier.coef_.shape)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(classifier.coef_.T))
            self.head.bias.copy_(torch.from_numpy(classifier.intercept_))

    def forward(
        self, input: Float[Tensor, "n channels height width"]
    ) -> Float[Tensor, "n classes"]:
        """Return the logits of pictures with pixels from 0 to 1."""
        features = self.features(input)
        # The head sees many small differences: they are taken in full precision.
        with torch.autocast(input.device.type, enabled=False):
            features = (features.float() - self.centre) / self.scale
            found: Tensor = self.head(features.clamp(-LARGEST, LARGEST))
        return found

    def give(self, classifier: PatchKernelClassifier) -> None:
        """Put landmarks and head back into the classifier."""
        classifier.patch_map_ = self.features.patch_map()
        classifier.mean_ = self.centre.cpu().numpy().copy()
        classifier.scale_ = self.scale.cpu().numpy().copy()
        classifier.coef_ = self.head.weight.detach().cpu().numpy().T.copy()
        classifier.intercept_ = self.head.bias.detach().cpu().numpy().copy()


def patch_descent(
    recipe: Gradient, image_shape: ImageShape, seed: int, device: torch.device
) -> Descent:
    """Return how a recipe's table ``[gradient]`` trains patch features on.

    Three epochs if it does not say how many: the start is a good one.
    """
    settings = recipe.settled(image_shape)
    of_network = ("kernel", "width", "normalisation", "epochs", "rate", "weight_decay")
    chosen = {name: value for name, value in settings.items() if name not in of_network}
    return Descent(epochs=recipe.epochs or 3, seed=seed, device=device, **chosen)


def fit_patches(
    classifier: PatchKernelClassifier,
    X: Any,
    y: Any,
    descent: Descent,
    *,
    files: TrainingFiles | None = None,
    **settings: Any,
) -> Trained:
    """Fit a classifier in closed form, then train it on by gradient, as `train_patches` does.

    The closed form does not see the pictures that are left out to tell when to stop. It is in the
    checkpoint from the first step on: a training that goes on from there is not fitted again, and
    a checkpoint of another training is refused before anything is fitted.

    Parameters
    ----------
    classifier : PatchKernelClassifier
    X, y
        As for its ``fit``.
    descent : Descent
    files : TrainingFiles, optional
    **settings
        As for `train_patches`.

    Returns
    -------
    Trained

    Raises
    ------
    InvalidParameterError, InvalidModelError
        If the checkpoint is that of another training, or damaged.
    """
    X, y = np.asarray(X), column_or_1d(y)
    codes = np.unique(y, return_inverse=True)[1]
    data = Pictures.of(as_pictures(X, classifier.image_shape), codes)
    recipe = _recipe(classifier, descent, settings)
    checkpoint = None if files is None else files.checkpoint
    kept = Kept.read(checkpoint, descent.identity(recipe, data))
    if kept is None:
        rows, left_out = descent.split(codes)
        classifier.fit(*((X, y) if left_out is None else (X[rows], y[rows])))
    else:
        kept.give({"start": _Start(classifier)})
    return train_patches(classifier, X, y, descent, files=files, **settings)


def train_patches(
    classifier: PatchKernelClassifier,
    X: Any,
    y: Any,
    descent: Descent,
    *,
    rate: float = 1.0,
    weight_decay: float = 0.0,
    held_out: tuple[Any, Any] | None = None,
    files: TrainingFiles | None = None,
    progress: Progress | None = None,
    report: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a fitted classifier on, in place, by cross-entropy and AdamW.

    Landmarks, gains, offsets and the head are trained, whitening stays; in the end the head is
    fitted again in closed form, to all pictures. What it becomes is a `PatchKernelClassifier` like
    any other, and as fast.

    Parameters
    ----------
    classifier : PatchKernelClassifier
        Fitted; pictures that tell when to stop tell more if it was not fitted on them (see
        `fit_patches`).
    X, y
        As for its ``fit``.
    descent : Descent
    rate : float, default 1
        A factor on all learning rates.
    weight_decay : float, default 0
        Of the head.
    held_out : (X, y), optional
        Pictures to be tested on after every epoch, for the log.
    files : TrainingFiles, optional
        Checkpoint and log.
    progress : callable, optional
        Called with ("training", steps done, steps in all).
    report : callable, optional
        Called with each record of the log.

    Returns
    -------
    Trained

    Raises
    ------
    InvalidDataError
        If y holds a class that the classifier does not know.
    TrainingInterrupted, InvalidParameterError, InvalidModelError
        See `ogive.images.training`.
    """
    check_is_fitted(classifier)
    pictures = as_pictures(X, classifier.image_shape)
    data = Pictures.of(pictures, known_codes(y, classifier.classes_, "y"))
    recipe = _recipe(classifier, descent, {"rate": rate, "weight_decay": weight_decay})
    rows, left_out = descent.split(data.codes.numpy())
    network = PatchNetwork(classifier).to(descent.device)
    trained = train_classifier(
        network,
        _optimiser(network, rate, weight_decay),
        data if left_out is None else data.take(rows),
        descent,
        validation=None if left_out is None else data.take(left_out),
        held_out=held_out
        and Pictures.held_out(*held_out, classifier.classes_, classifier.patch_map_.image_shape),
        start=_Start(classifier),
        identity=descent.identity(recipe, data),
        files=files,
        progress=progress,
        report=report,
    )
    network.give(classifier)
    classifier.fit_head(X, y)
    return trained


class _Start:
    """A classifier in closed form, as a part of the training that goes on from it."""

    def __init__(self, classifier: PatchKernelClassifier) -> None:
        self._classifier = classifier

    def state_dict(self) -> dict[str, Any]:
        writer = RecordWriter()
        write_patch_classifier(self._classifier, writer)
        arrays = {name: torch.from_numpy(array) for name, array in writer.arrays.items()}
        inputs = self._classifier.n_features_in_
        return {"inputs": inputs, "values": writer.values, "arrays": arrays}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        arrays = {name: array.numpy() for name, array in state["arrays"].items()}
        self._classifier.n_features_in_ = state["inputs"]
        read_patch_classifier(self._classifier, RecordReader(state["values"], arrays))


def _optimiser(network: PatchNetwork, rate: float, weight_decay: float) -> torch.optim.Optimizer:
    layers = [part for part in network.modules() if isinstance(part, PatchFeatures)]
    own = [
        {
            "params": [getattr(part, name) for part in layers],
            "lr": rate * share,
            "weight_decay": 0.0,
        }
        for name, share in _RATES.items()
        if name != "head"
    ]
    head = {"params": list(network.head.parameters()), "lr": rate * _RATES["head"]}
    return torch.optim.AdamW([*own, head], weight_decay=weight_decay)


def _recipe(
    classifier: PatchKernelClassifier, descent: Descent, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return everything that decides the weights, but for the pictures."""
    parameters = classifier.get_params()
    seed = parameters.pop("random_state")
    for name in ("progress", "image_shape"):
        parameters.pop(name)
    parameters["seed"] = int(seed) if isinstance(seed, int | np.integer) else None
    rates = {"rate": settings.get("rate", 1.0), "weight_decay": settings.get("weight_decay", 0.0)}
    return {"closed_form": parameters, "gradient": descent.settings() | rates}
