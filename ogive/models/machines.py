"""The machines that can be fitted by name, and the kernels with the defaults they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ogive._errors import InvalidParameterError, nearest_name
from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    KernelSVC,
    KernelSVR,
)

# Above the few thousand rows that are solved exactly. More than the estimators' own default:
# whoever fits from the command line waits once and predicts often.
LANDMARKS = 5000
# Weight of errors: more than scikit-learn's default of 1, which is too little for most data whose
# kernel parameters are read off them.
PENALTY = 10.0
# Of logistic regression, whose default of 1 is too much for them in the same way.
LOGISTIC_ALPHA = 0.01
COMPONENTS = 2


@dataclass(frozen=True)
class Settings:
    """What to fit, in the words of the command line; None stands for the default.

    Attributes
    ----------
    model : str
        One of `MACHINES`.
    kernel : str
        One of `KERNELS`.
    gamma, coef0, degree : float, str or None
        Of the kernel; by default rules that read them off the data, see `KERNELS`.
    alpha : float, "auto" or None
        Strength of the penalty of ridge regression, by default "auto", or of logistic regression,
        a number, by default 0.01.
    mu : float or None
        Ridge of discriminant analysis, in units of the rows' mean square; by default 0.001.
    components : int or None
        How many principal components; 2 by default.
    C : float or None
        Weight of the errors of a support vector machine; 10 by default.
    epsilon : float or None
        Error that regression by support vectors forgives; 0.1 by default.
    landmarks : int or None
        By default 5,000 above 3,000 rows, and for support vector machines with an indefinite
        kernel above 5,000; 0 for exact solutions.
    scale : {"auto", "none", "centre", "standard"}
        What is done to columns of numbers.
    memory : str or None
        Budget of the kernel's working buffers; by default the estimator's own.
    seed : int
    device : str
        As an estimator takes it.
    """

    model: str = "ridge"
    kernel: str = "sigmoid"
    gamma: float | str | None = None
    coef0: float | str | None = None
    degree: float | None = None
    alpha: float | str | None = None
    mu: float | None = None
    components: int | None = None
    C: float | None = None
    epsilon: float | None = None
    landmarks: int | None = None
    scale: str = "auto"
    memory: str | None = None
    seed: int = 0
    device: str = "cpu"


# Kernels by name, with the defaults of gamma and coef0.
KERNELS: dict[str, dict[str, Any]] = {
    "sigmoid": {"gamma": "suggest", "coef0": "suggest"},
    "logistic": {"gamma": "suggest", "coef0": "suggest"},
    "gaussian": {"gamma": "scale"},
    "polynomial": {"gamma": "suggest", "coef0": 1.0},
    "linear": {},
    "additive": {},
}


@dataclass(frozen=True)
class Machine:
    """A kind of model that can be fitted.

    Attributes
    ----------
    summary : str
        In a few words.
    classifier, regressor : callable(Settings, int) -> estimator, or None
        Make an estimator for so many columns; None if the machine has no such form.
    transformer : callable(Settings, int) -> estimator, or None
        The same of a machine that learns without targets.
    """

    summary: str
    classifier: Callable[[Settings, int], Any] | None = None
    regressor: Callable[[Settings, int], Any] | None = None
    transformer: Callable[[Settings, int], Any] | None = None


# A new machine is one entry here.
MACHINES: dict[str, Machine] = {
    "ridge": Machine(
        "kernel ridge regression, on classes or values",
        lambda settings, width: KernelRidgeClassifier(**_ridge(settings, width)),
        lambda settings, width: KernelRidge(**_ridge(settings, width)),
    ),
    "logistic": Machine(
        "kernel logistic regression, on classes",
        classifier=lambda settings, width: KernelLogistic(**_logistic(settings, width)),
    ),
    "discriminant": Machine(
        "kernel discriminant analysis, on classes",
        classifier=lambda settings, width: KernelDiscriminant(**_discriminant(settings, width)),
    ),
    "svc": Machine(
        "support vector machine for classes",
        classifier=lambda settings, width: KernelSVC(**_support_vectors(settings)),
    ),
    "svr": Machine(
        "support vector machine for values",
        regressor=lambda settings, width: KernelSVR(
            **_support_vectors(settings),
            epsilon=0.1 if settings.epsilon is None else settings.epsilon,
        ),
    ),
    "pca": Machine(
        "kernel principal components, without targets",
        transformer=lambda settings, width: KernelPCA(**_principal(settings, width)),
    ),
}
# Settings that belong to some machines only.
_OWN = {
    "alpha": ("ridge", "logistic"),
    "mu": ("discriminant",),
    "components": ("pca",),
    "C": ("svc", "svr"),
    "epsilon": ("svr",),
}


def learns_from_targets(settings: Settings) -> bool:
    """Return whether the machine learns from targets; raise if there is none of that name.

    Examples
    --------
    >>> learns_from_targets(Settings()), learns_from_targets(Settings(model="pca"))
    (True, False)
    """
    return _machine(settings).transformer is None


def make_estimator(settings: Settings, width: int, *, classes: bool) -> Any:
    """Return the estimator that the settings describe, not fitted.

    Parameters
    ----------
    settings : Settings
    width : int
        Columns of the rows that it will see.
    classes : bool
        Whether it is to predict classes; of no account to a machine without targets.

    Raises
    ------
    InvalidParameterError
        If model or kernel is unknown, or a parameter does not belong to the kernel.

    Examples
    --------
    >>> make_estimator(Settings(kernel="linear", alpha=1.0), 4, classes=False).kernel
    'linear'
    """
    machine = _machine(settings)
    for name, machines in _OWN.items():
        value = getattr(settings, name)
        if value is not None and settings.model not in machines:
            raise InvalidParameterError(
                f"{name}={value!r} is for {' and '.join(machines)}, and model={settings.model!r} "
                "has none: leave it out"
            )
    make = machine.transformer or (machine.classifier if classes else machine.regressor)
    if make is None:
        raise InvalidParameterError(
            f"model={settings.model!r} is not made for "
            f"{'classes' if classes else 'real-valued targets'}: choose another"
        )
    return make(settings, width)


def _machine(settings: Settings) -> Machine:
    if settings.model not in MACHINES:
        raise InvalidParameterError(
            f"model={settings.model!r} is unknown; {nearest_name(settings.model, MACHINES)}"
        )
    return MACHINES[settings.model]


def _ridge(settings: Settings, width: int) -> dict[str, Any]:
    alpha = "auto" if settings.alpha is None else settings.alpha
    return {"alpha": alpha, **_factorized(settings, width, "n_components")}


def _logistic(settings: Settings, width: int) -> dict[str, Any]:
    alpha = LOGISTIC_ALPHA if settings.alpha is None else settings.alpha
    if isinstance(alpha, str):
        raise InvalidParameterError(
            f"alpha={alpha!r}: logistic regression takes a number above 0, and only ridge chooses "
            f"its own; leave it out for {LOGISTIC_ALPHA}, or compare several by logistic_path"
        )
    return {"alpha": alpha, **_factorized(settings, width, "n_components")}


def _discriminant(settings: Settings, width: int) -> dict[str, Any]:
    mu = {} if settings.mu is None else {"mu": settings.mu}
    return {**mu, **_factorized(settings, width, "n_components")}


def _principal(settings: Settings, width: int) -> dict[str, Any]:
    count = COMPONENTS if settings.components is None else settings.components
    return {"n_components": count, **_factorized(settings, width, "n_landmarks")}


def _factorized(settings: Settings, width: int, count_name: str) -> dict[str, Any]:
    approximation, landmarks = _approximation(settings)
    if landmarks is None:
        # A linear kernel has no more than d directions: further landmarks would repeat them.
        landmarks = min(LANDMARKS, width + 1) if settings.kernel == "linear" else LANDMARKS
    return {
        **_common(settings),
        "approximation": approximation,
        count_name: landmarks or None,
    }


def _support_vectors(settings: Settings) -> dict[str, Any]:
    approximation, landmarks = _approximation(settings)
    return {
        "C": PENALTY if settings.C is None else settings.C,
        **_common(settings),
        "approximation": approximation,
        "n_components": LANDMARKS if landmarks is None else landmarks or None,
    }


def _approximation(settings: Settings) -> tuple[str, int | None]:
    landmarks = settings.landmarks
    if landmarks is None:
        return "auto", None
    if landmarks < 0:
        raise InvalidParameterError(
            f"landmarks={landmarks} must be a positive number, or 0 for all rows"
        )
    return ("nystroem" if landmarks else "exact"), landmarks


def _common(settings: Settings) -> dict[str, Any]:
    memory = {} if settings.memory is None else {"memory": settings.memory}
    return {
        **_kernel(settings),
        **memory,
        "random_state": settings.seed,
        "device": settings.device,
    }


def _kernel(settings: Settings) -> dict[str, Any]:
    if settings.kernel not in KERNELS:
        raise InvalidParameterError(
            f"kernel={settings.kernel!r} is unknown; {nearest_name(settings.kernel, KERNELS)}"
        )
    given = {"gamma": settings.gamma, "coef0": settings.coef0, "degree": settings.degree}
    given = {name: value for name, value in given.items() if value is not None}
    takes = {*KERNELS[settings.kernel], *(["degree"] if settings.kernel == "polynomial" else [])}
    for name in given:
        if name not in takes:
            raise InvalidParameterError(
                f"{name}={given[name]}: the {settings.kernel} kernel has no {name}: leave it out"
            )
    return {"kernel": settings.kernel, **KERNELS[settings.kernel], **given}
