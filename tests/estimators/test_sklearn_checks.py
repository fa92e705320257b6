"""scikit-learn's own contract suite, every check, no expected failure."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    KernelSVC,
    KernelSVR,
    Nystroem,
)
from ogive.kernels import Gaussian, Sigmoid

SUGGESTED = Sigmoid("suggest", "suggest")
LANDMARKS = {"approximation": "nystroem", "n_components": 20}


@parametrize_with_checks(
    [
        KernelRidge(),
        KernelRidge(kernel=SUGGESTED),
        KernelRidge(kernel="rbf", **LANDMARKS),
        KernelRidge(kernel=SUGGESTED, fit_intercept=False),
        KernelRidge("auto"),
        KernelRidge("auto", kernel=SUGGESTED, fit_intercept=False),
        KernelRidge("auto", kernel="rbf", **LANDMARKS),
        KernelRidgeClassifier(),
        KernelRidgeClassifier(kernel=SUGGESTED),
        KernelRidgeClassifier(kernel=SUGGESTED, **LANDMARKS),
        KernelRidgeClassifier("auto", kernel=SUGGESTED),
        KernelRidgeClassifier("auto", kernel=SUGGESTED, **LANDMARKS),
        KernelRidgeClassifier(kernel=Gaussian("scale"), landmarks="k-means++", **LANDMARKS),
        KernelSVC(),
        KernelSVC(kernel=SUGGESTED),
        KernelSVC(kernel=SUGGESTED, **LANDMARKS),
        KernelSVC(probability=True),
        KernelSVR(),
        KernelSVR(kernel=SUGGESTED),
        Nystroem(),
        Nystroem(kernel=SUGGESTED),
        Nystroem(landmarks="leverage"),
        KernelPCA(),
        KernelPCA(fit_inverse_transform=True),
        KernelPCA(2, kernel=SUGGESTED),
        KernelPCA(2, kernel="rbf", approximation="nystroem", n_landmarks=20),
        KernelPCA(2, kernel=SUGGESTED, approximation="nystroem", n_landmarks=20),
        KernelDiscriminant(),
        KernelDiscriminant(kernel=SUGGESTED),
        KernelDiscriminant(kernel=SUGGESTED, **LANDMARKS),
        KernelLogistic(),
        KernelLogistic(kernel=SUGGESTED),
        KernelLogistic(kernel=SUGGESTED, fit_intercept=False),
        KernelLogistic(kernel=SUGGESTED, **LANDMARKS),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
