"""Ogive: learning with sigmoid kernels, trained correctly.

The public names are imported when they are first used, so ``import ogive`` costs nothing.

Examples
--------
>>> import ogive
>>> ogive.Sigmoid(0.02, -1.0)
Sigmoid(gamma=0.02, coef0=-1.0)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ogive._errors import OgiveError as OgiveError
    from ogive.data import Dataset as Dataset
    from ogive.estimators import Factorization as Factorization
    from ogive.estimators import KernelDiscriminant as KernelDiscriminant
    from ogive.estimators import KernelLogistic as KernelLogistic
    from ogive.estimators import KernelPCA as KernelPCA
    from ogive.estimators import KernelRidge as KernelRidge
    from ogive.estimators import KernelRidgeClassifier as KernelRidgeClassifier
    from ogive.estimators import KernelSVC as KernelSVC
    from ogive.estimators import KernelSVR as KernelSVR
    from ogive.estimators import Nystroem as Nystroem
    from ogive.estimators import PatchKernelClassifier as PatchKernelClassifier
    from ogive.estimators import PatchKernelFeatures as PatchKernelFeatures
    from ogive.estimators import select_solver as select_solver
    from ogive.kernels import AdditiveSigmoid as AdditiveSigmoid
    from ogive.kernels import Gaussian as Gaussian
    from ogive.kernels import Kernel as Kernel
    from ogive.kernels import Linear as Linear
    from ogive.kernels import Logistic as Logistic
    from ogive.kernels import Polynomial as Polynomial
    from ogive.kernels import Sigmoid as Sigmoid
    from ogive.models import load as load
    from ogive.models import save as save
    from ogive.operators import AdditiveOperator as AdditiveOperator
    from ogive.operators import KernelOperator as KernelOperator
    from ogive.operators import LowRank as LowRank

_HOMES = {
    "OgiveError": "ogive._errors",
    "Dataset": "ogive.data",
    "Factorization": "ogive.estimators",
    "KernelDiscriminant": "ogive.estimators",
    "KernelLogistic": "ogive.estimators",
    "KernelPCA": "ogive.estimators",
    "KernelRidge": "ogive.estimators",
    "KernelRidgeClassifier": "ogive.estimators",
    "KernelSVC": "ogive.estimators",
    "KernelSVR": "ogive.estimators",
    "Nystroem": "ogive.estimators",
    "PatchKernelClassifier": "ogive.estimators",
    "PatchKernelFeatures": "ogive.estimators",
    "select_solver": "ogive.estimators",
    "AdditiveSigmoid": "ogive.kernels",
    "Gaussian": "ogive.kernels",
    "Kernel": "ogive.kernels",
    "Linear": "ogive.kernels",
    "Logistic": "ogive.kernels",
    "Polynomial": "ogive.kernels",
    "Sigmoid": "ogive.kernels",
    "load": "ogive.models",
    "save": "ogive.models",
    "AdditiveOperator": "ogive.operators",
    "KernelOperator": "ogive.operators",
    "LowRank": "ogive.operators",
}
_PACKAGES = (
    "data",
    "estimators",
    "features",
    "images",
    "kernels",
    "models",
    "nn",
    "operators",
    "preprocessing",
    "solvers",
    "testing",
)
_OPTIONAL = ("keras",)  # need more than Ogive itself does, so they are not listed


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in (*_PACKAGES, *_OPTIONAL):
        value = import_module(f"ogive.{name}")
    else:
        raise AttributeError(f"module 'ogive' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(["__version__", *_HOMES, *_PACKAGES])
