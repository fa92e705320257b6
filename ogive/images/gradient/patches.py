"""A classifier in closed form, trained on by gradient: landmarks and head together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from ogive._errors import InvalidDataError
from ogive._training import TrainingFiles, digest
from ogive._typing import Float
from ogive.estimators import PatchKernelClassifier
from ogive.estimators.pictures import as_pictures
from ogive.images.gradient.training import Descent, Pictures, train_classifier
from ogive.images.recipe import Gradient, Shape
from ogive.nn import PatchFeatures

# Highest learning rates of landmarks on the unit sphere, of gains (about 20), and of the head.
_RATES = {"weight": 0.01, "offset": 0.01, "gain": 0.1, "head": 0.002}


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
            found: Tensor = self.head((features.float() - self.centre) / self.scale)
        return found

    def give(self, classifier: PatchKernelClassifier) -> None:
        """Put landmarks and head back into the classifier."""
        classifier.patch_map_ = self.features.patch_map()
        classifier.mean_ = self.centre.cpu().numpy().copy()
        classifier.scale_ = self.scale.cpu().numpy().copy()
        classifier.coef_ = self.head.weight.detach().cpu().numpy().T.copy()
        classifier.intercept_ = self.head.bias.detach().cpu().numpy().copy()


def patch_descent(recipe: Gradient, image_shape: Shape, seed: int, device: torch.device) -> Descent:
    """Return how a recipe's table ``[gradient]`` trains patch features on.

    Three epochs if it does not say how many: the start is a good one.
    """
    settings = recipe.settled(image_shape)
    names = ("batch", "label_smoothing", "flip", "shift", "average")
    chosen = {name: settings[name] for name in names}
    return Descent(epochs=recipe.epochs or 3, seed=seed, device=device, **chosen)


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
    progress: Callable[[str, int, int], None] | None = None,
    report: Callable[[Mapping[str, Any]], None] | None = None,
) -> float:
    """Train a fitted classifier on, in place, by cross-entropy and AdamW.

    Whitening and the standardisation of features stay; landmarks, gains, offsets and the head are
    trained. What it becomes is a `PatchKernelClassifier` like any other, and as fast.

    Parameters
    ----------
    classifier : PatchKernelClassifier
        Fitted on X and y.
    X, y
        As for its ``fit``.
    descent : Descent
    rate : float, default 1
        A factor on all learning rates.
    weight_decay : float, default 0
        Of the head.
    held_out : (X, y), optional
    files, progress, report
        As for `ogive._training.run_training`.

    Returns
    -------
    float
        Seconds of training.

    Raises
    ------
    InvalidDataError
        If y holds a class that the classifier does not know.
    """
    data = _pictures(classifier, X, y)
    network = PatchNetwork(classifier).to(descent.device)
    own = [
        {"params": [getattr(network.features, name)], "lr": rate * share, "weight_decay": 0.0}
        for name, share in _RATES.items()
        if name != "head"
    ]
    head = {"params": list(network.head.parameters()), "lr": rate * _RATES["head"]}
    optimiser = torch.optim.AdamW([*own, head], weight_decay=weight_decay)
    settings = {**descent.settings(), "rate": rate, "weight_decay": weight_decay}
    parameters = classifier.get_params()
    for name in ("progress", "image_shape", "random_state"):
        parameters.pop(name)
    seconds = train_classifier(
        network,
        optimiser,
        data,
        descent,
        held_out=None if held_out is None else _pictures(classifier, *held_out),
        identity={
            "recipe": {"closed_form": parameters, "gradient": settings},
            "data": digest(data.x.numpy(), data.codes.numpy()),
        },
        files=files,
        progress=progress,
        report=report,
    )
    network.give(classifier)
    return seconds


def _pictures(classifier: PatchKernelClassifier, X: Any, y: Any) -> Pictures:
    y = np.asarray(y)
    unknown = np.setdiff1d(y, classifier.classes_)
    if len(unknown):
        raise InvalidDataError(
            f"y holds the class {unknown[0]}, which the classifier does not know: fit it again"
        )
    pictures = as_pictures(X, classifier.image_shape)
    return Pictures.of(pictures, np.searchsorted(classifier.classes_, y))
