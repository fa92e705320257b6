"""scikit-learn's own contract suite, every check, no expected failure."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from ogive.estimators import KernelRidge, KernelRidgeClassifier, Nystroem
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
        Nystroem(),
        Nystroem(kernel=SUGGESTED),
        Nystroem(landmarks="leverage"),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
