"""Fitted estimators in model files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ogive._errors import InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.estimators.factorized_record import (
    read_components,
    read_discriminant,
    read_logistic,
    write_components,
    write_discriminant,
    write_logistic,
)
from ogive.estimators.kept_record import (
    read_indices,
    read_kernel,
    read_rows,
    write_indices,
    write_kernel,
)
from ogive.estimators.kernel_discriminant import KernelDiscriminant
from ogive.estimators.kernel_logistic import KernelLogistic
from ogive.estimators.kernel_pca import KernelPCA
from ogive.estimators.kernel_ridge import KernelRidge
from ogive.estimators.kernel_ridge_classifier import KernelRidgeClassifier
from ogive.estimators.kernel_svc import KernelSVC
from ogive.estimators.kernel_svr import KernelSVR
from ogive.estimators.nystroem import Nystroem
from ogive.estimators.parameter_record import PARAMETERS
from ogive.estimators.patch_kernel_classifier import PatchKernelClassifier
from ogive.estimators.patch_kernel_features import PatchKernelFeatures
from ogive.estimators.patch_record import (
    read_patch_classifier,
    read_patch_features,
    write_patch_classifier,
    write_patch_features,
)
from ogive.estimators.ridge_record import (
    read_ridge_classifier,
    read_ridge_regression,
    write_ridge_classifier,
    write_ridge_regression,
)
from ogive.estimators.svm_record import (
    read_support_classifier,
    read_support_regressor,
    write_support_classifier,
    write_support_regressor,
)


def write_estimator(estimator: Any, writer: RecordWriter) -> None:
    """Write a fitted estimator: its parameters, and what predictions need.

    A ``random_state`` that is a generator is written as None, tensors as numbers. Settings of
    scikit-learn's own (``set_output``, metadata requests) are not written.

    Parameters
    ----------
    estimator : object
        Of a class in `ESTIMATORS`.
    writer : RecordWriter

    Raises
    ------
    NotFittedError
        If it is not fitted.
    InvalidTypeError
        If it is another estimator, its kernel is a user's own function or class, or its classes
        are neither numbers nor strings.

    Examples
    --------
    >>> writer = RecordWriter()
    >>> write_estimator(KernelRidge().fit([[0.0], [1.0]], [0.0, 1.0]), writer)
    >>> read_estimator(RecordReader(writer.values, writer.arrays))
    KernelRidge()
    """
    form = _FORMS.get(type(estimator).__name__)
    if form is None or type(estimator) is not form.estimator:
        raise InvalidTypeError(
            f"estimator is a {type(estimator).__name__}, which a model file does not hold; it "
            f"holds {', '.join(_FORMS)}"
        )
    check_is_fitted(
        estimator, msg="this %(name)s is not fitted, so there is nothing to write: call fit first"
    )
    writer.value("class", type(estimator).__name__)
    parameters = writer.part("parameters")
    for name, value in estimator.get_params(deep=False).items():
        PARAMETERS[name].write(parameters, name, value)
    fitted = writer.part("fitted")
    fitted.value("n_features_in_", estimator.n_features_in_)
    if hasattr(estimator, "feature_names_in_"):
        fitted.value("feature_names_in_", list(estimator.feature_names_in_))
    form.write(estimator, fitted)


def read_estimator(reader: RecordReader) -> Any:
    """Read what `write_estimator` wrote: an estimator that predicts the same.

    Raises
    ------
    InvalidModelError
        If the record is not that of an estimator, or its parts do not fit together.
    InvalidParameterError, InvalidDataError
        If its kernel does not fit its rows.
    """
    form = _FORMS[reader.value("class", str, choices=_FORMS)]
    parameters = reader.part("parameters")
    names = form.estimator._get_param_names()
    estimator = form.estimator(**{name: PARAMETERS[name].read(parameters, name) for name in names})
    fitted = reader.part("fitted")
    estimator.n_features_in_ = fitted.value("n_features_in_", int)
    fitted.bind("d", estimator.n_features_in_)
    if fitted.has("feature_names_in_"):
        names = fitted.strings("feature_names_in_")
        fitted.bind("d", len(names))
        estimator.feature_names_in_ = np.array(names, dtype=object)
    form.read(estimator, fitted)
    return estimator


def _write_nystroem(model: Nystroem, writer: RecordWriter) -> None:
    write_kernel(model, writer)
    writer.rows("components_", model.components_)
    writer.array("normalization_", model.normalization_)
    writer.array("signature_", model.signature_)
    write_indices(model, writer)


def _read_nystroem(model: Nystroem, reader: RecordReader) -> None:
    read_kernel(model, reader)
    model.components_ = read_rows(model, reader, "components_")
    model.component_indices_ = read_indices(reader)
    model.normalization_ = reader.array("normalization_", ("m", "features"))
    model.signature_ = reader.array("signature_", ("features",), "float64")
    if not len(model.signature_) or not (np.abs(model.signature_) == 1).all():
        reader.fail("signature_", "must hold 1 and -1")


@dataclass(frozen=True)
class _Form:
    estimator: type[Any]
    write: Callable[[Any, RecordWriter], None]
    read: Callable[[Any, RecordReader], None]


# A new estimator is one more line.
_FORMS = {
    form.estimator.__name__: form
    for form in (
        _Form(KernelRidge, write_ridge_regression, read_ridge_regression),
        _Form(KernelRidgeClassifier, write_ridge_classifier, read_ridge_classifier),
        _Form(KernelLogistic, write_logistic, read_logistic),
        _Form(KernelDiscriminant, write_discriminant, read_discriminant),
        _Form(KernelSVC, write_support_classifier, read_support_classifier),
        _Form(KernelSVR, write_support_regressor, read_support_regressor),
        _Form(KernelPCA, write_components, read_components),
        _Form(Nystroem, _write_nystroem, _read_nystroem),
        _Form(PatchKernelFeatures, write_patch_features, read_patch_features),
        _Form(PatchKernelClassifier, write_patch_classifier, read_patch_classifier),
    )
}
ESTIMATORS = tuple(form.estimator for form in _FORMS.values())
