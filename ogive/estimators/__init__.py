"""Kernel machines with scikit-learn's face."""

from ogive.estimators.factorization import Factorization as Factorization
from ogive.estimators.kernel_discriminant import KernelDiscriminant as KernelDiscriminant
from ogive.estimators.kernel_logistic import KernelLogistic as KernelLogistic
from ogive.estimators.kernel_pca import KernelPCA as KernelPCA
from ogive.estimators.kernel_ridge import KernelRidge as KernelRidge
from ogive.estimators.kernel_ridge_classifier import KernelRidgeClassifier as KernelRidgeClassifier
from ogive.estimators.kernel_svc import KernelSVC as KernelSVC
from ogive.estimators.kernel_svr import KernelSVR as KernelSVR
from ogive.estimators.logistic_path import LogisticPath as LogisticPath
from ogive.estimators.logistic_path import logistic_path as logistic_path
from ogive.estimators.nystroem import Nystroem as Nystroem
from ogive.estimators.patch_kernel_classifier import PatchKernelClassifier as PatchKernelClassifier
from ogive.estimators.patch_kernel_features import PatchKernelFeatures as PatchKernelFeatures
from ogive.estimators.ridge_path import RidgePath as RidgePath
from ogive.estimators.ridge_path import ridge_path as ridge_path
from ogive.estimators.solver_choice import SolverChoice as SolverChoice
from ogive.estimators.solver_choice import select_solver as select_solver
