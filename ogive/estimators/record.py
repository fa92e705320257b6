"""Fitted estimators in model files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ogive._checks import as_rows
from ogive._errors import InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.estimators.kernel_names import PRECOMPUTED
from ogive.estimators.kernel_ridge import KernelRidge
from ogive.estimators.kernel_ridge_classifier import KernelRidgeClassifier
from ogive.estimators.kernel_svc import KernelSVC
from ogive.estimators.kernel_svr import KernelSVR
from ogive.estimators.nystroem import Nystroem
from ogive.estimators.parameter_record import (
    PARAMETERS,
    read_kernel_parameter,
    write_kernel_parameter,
)
from ogive.estimators.patch_kernel_classifier import PatchKernelClassifier
from ogive.estimators.patch_kernel_features import PatchKernelFeatures
from ogive.estimators.patch_record import (
    read_patch_classifier,
    read_patch_features,
    write_patch_classifier,
    write_patch_features,
)
from ogive.estimators.svm_record import (
    read_classifier,
    read_regressor,
    write_classifier,
    write_machine,
)
from ogive.kernels import AdditiveSigmoid, Kernel
from ogive.solvers import RidgePlan


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


def _write_kernel(model: Any, writer: RecordWriter) -> None:
    if model.kernel_ == PRECOMPUTED and model.kernel != PRECOMPUTED:
        raise InvalidTypeError(
            f"the {type(model).__name__} was fitted on a factorization of a precomputed matrix and "
            f"has kernel={model.kernel!r}, so nobody could tell from its file what it takes; set "
            "kernel='precomputed' and fit again, or pickle it"
        )
    write_kernel_parameter(writer, "kernel_", model.kernel_)


def _read_kernel(model: Any, reader: RecordReader) -> None:
    model.kernel_ = read_kernel_parameter(reader, "kernel_")
    if (model.kernel == PRECOMPUTED) != (model.kernel_ == PRECOMPUTED):
        reader.fail("kernel_", f"is {model.kernel_}, and kernel is {model.kernel}")


def _write_ridge(model: Any, writer: RecordWriter) -> None:
    _write_kernel(model, writer)
    plan = writer.part("plan_")
    for name, value in dataclasses.asdict(model.plan_).items():
        plan.value(name, value)
    writer.value("alpha_", model.alpha_)
    writer.value("solution_", model.solution_)
    if model.leave_one_out_error_ is not None:
        writer.value("leave_one_out_error_", model.leave_one_out_error_)
    writer.array("dual_coef_", model.dual_coef_)
    writer.array("intercept_", np.asarray(model.intercept_))
    if model.X_fit_ is not None:
        writer.rows("X_fit_", model.X_fit_)
    _write_indices(model, writer)


def _read_ridge(model: Any, reader: RecordReader, targets: tuple[str, ...]) -> None:
    _read_kernel(model, reader)
    model.dual_coef_ = reader.array("dual_coef_", ("m", *targets), "float64")
    model.intercept_ = reader.array("intercept_", targets, "float64")
    model.component_indices_ = _read_indices(reader)
    if model.kernel_ == PRECOMPUTED:
        model.X_fit_ = None
        rows, columns = model.component_indices_, model.n_features_in_
        if rows is None or (len(rows) and rows.max() >= columns):
            reader.fail("component_indices_", "names no rows of the kernel matrix")
    else:
        model.X_fit_ = _read_rows(model, reader, "X_fit_")
    if model.dual_coef_.size == 0:
        reader.fail("dual_coef_", "is empty")
    model.alpha_ = reader.value("alpha_", (int, float))
    model.solution_ = reader.value("solution_", str)
    model.leave_one_out_error_ = None
    if reader.has("leave_one_out_error_"):
        model.leave_one_out_error_ = reader.value("leave_one_out_error_", float)
    plan = reader.part("plan_")
    model.plan_ = RidgePlan(
        approximation=plan.value("approximation", str, choices=("exact", "nystroem")),
        landmarks=plan.value("landmarks", int),
        treatment=plan.value("treatment", str, choices=("definite", "krein")),
        negative_mass=plan.value("negative_mass", (float, None)),
        reason=plan.value("reason", str),
    )


def _write_regression(model: KernelRidge, writer: RecordWriter) -> None:
    writer.value("single_target", model.dual_coef_.ndim == 1)
    _write_ridge(model, writer)


def _read_regression(model: KernelRidge, reader: RecordReader) -> None:
    single = reader.value("single_target", bool)
    _read_ridge(model, reader, () if single else ("targets",))
    model.intercept_ = float(model.intercept_) if single else model.intercept_


def _write_classification(model: KernelRidgeClassifier, writer: RecordWriter) -> None:
    writer.labels("classes_", model.classes_)
    _write_ridge(model, writer)


def _read_classification(model: KernelRidgeClassifier, reader: RecordReader) -> None:
    model.classes_ = reader.labels("classes_", "classes")
    classes = reader.dimension("classes")
    if classes < 2:
        reader.fail("classes_", f"holds {classes} labels; it must hold two or more")
    reader.bind("functions", 1 if classes == 2 else classes)
    _read_ridge(model, reader, ("functions",))


def _write_nystroem(model: Nystroem, writer: RecordWriter) -> None:
    _write_kernel(model, writer)
    writer.rows("components_", model.components_)
    writer.array("normalization_", model.normalization_)
    writer.array("signature_", model.signature_)
    _write_indices(model, writer)


def _read_nystroem(model: Nystroem, reader: RecordReader) -> None:
    _read_kernel(model, reader)
    model.components_ = _read_rows(model, reader, "components_")
    model.component_indices_ = _read_indices(reader)
    model.normalization_ = reader.array("normalization_", ("m", "features"))
    model.signature_ = reader.array("signature_", ("features",), "float64")
    if not len(model.signature_) or not (np.abs(model.signature_) == 1).all():
        reader.fail("signature_", "must hold 1 and -1")


def _write_support_classifier(model: KernelSVC, writer: RecordWriter) -> None:
    _write_kernel(model, writer)
    write_classifier(model, writer)


def _read_support_classifier(model: KernelSVC, reader: RecordReader) -> None:
    _read_kernel(model, reader)
    read_classifier(model, reader)


def _write_support_regressor(model: KernelSVR, writer: RecordWriter) -> None:
    _write_kernel(model, writer)
    write_machine(model, writer)


def _read_support_regressor(model: KernelSVR, reader: RecordReader) -> None:
    _read_kernel(model, reader)
    read_regressor(model, reader)


def _write_indices(model: Any, writer: RecordWriter) -> None:
    if model.component_indices_ is not None:
        writer.array("component_indices_", model.component_indices_)


def _read_indices(reader: RecordReader) -> np.ndarray | None:
    if not reader.has("component_indices_"):
        return None
    indices = reader.array("component_indices_", ("m",), "int64")
    if len(indices) and indices.min() < 0:
        reader.fail("component_indices_", "holds a number below 0")
    return indices


def _read_rows(model: Any, reader: RecordReader, name: str) -> Any:
    rows: Any = reader.rows(name, ("m", "d"))
    kernel = model.kernel_
    if isinstance(kernel, str) or kernel.unresolved or not kernel.symmetric:
        reader.fail("kernel_", f"is {kernel}, which no estimator computes with")
    _check_width(kernel, reader)
    as_rows(rows, name)  # which must not be empty
    return rows


def _check_width(kernel: Kernel, reader: RecordReader) -> None:
    # Not by computing a value: sparse rows may claim a width that fills the memory.
    if isinstance(kernel, AdditiveSigmoid):
        reader.bind("d", np.atleast_2d(kernel.alpha).shape[1])
    for part in kernel.parameters().values():
        if isinstance(part, Kernel):
            _check_width(part, reader)


@dataclasses.dataclass(frozen=True)
class _Form:
    estimator: type[Any]
    write: Callable[[Any, RecordWriter], None]
    read: Callable[[Any, RecordReader], None]


# A new estimator is one more line.
_FORMS = {
    form.estimator.__name__: form
    for form in (
        _Form(KernelRidge, _write_regression, _read_regression),
        _Form(KernelRidgeClassifier, _write_classification, _read_classification),
        _Form(KernelSVC, _write_support_classifier, _read_support_classifier),
        _Form(KernelSVR, _write_support_regressor, _read_support_regressor),
        _Form(Nystroem, _write_nystroem, _read_nystroem),
        _Form(PatchKernelFeatures, write_patch_features, read_patch_features),
        _Form(PatchKernelClassifier, write_patch_classifier, read_patch_classifier),
    )
}
ESTIMATORS = tuple(form.estimator for form in _FORMS.values())
