"""Kernel machines with scikit-learn's face."""

from ogive.estimators.kernel_ridge import KernelRidge as KernelRidge
from ogive.estimators.kernel_ridge_classifier import KernelRidgeClassifier as KernelRidgeClassifier
from ogive.estimators.nystroem import Nystroem as Nystroem
from ogive.estimators.patch_kernel_classifier import PatchKernelClassifier as PatchKernelClassifier
from ogive.estimators.patch_kernel_features import PatchKernelFeatures as PatchKernelFeatures
