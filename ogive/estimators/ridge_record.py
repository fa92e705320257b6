"""Fitted ridge regressions in model files."""

from __future__ import annotations

from typing import Any

import numpy as np

from ogive._record import RecordReader, RecordWriter
from ogive.estimators.kept_record import (
    read_classes,
    read_kept_rows,
    read_kernel,
    read_plan,
    write_kept_rows,
    write_kernel,
    write_plan,
)
from ogive.estimators.kernel_ridge import KernelRidge
from ogive.estimators.kernel_ridge_classifier import KernelRidgeClassifier


def write_ridge_regression(model: KernelRidge, writer: RecordWriter) -> None:
    """Write a regression."""
    writer.value("single_target", model.dual_coef_.ndim == 1)
    _write(model, writer)


def read_ridge_regression(model: KernelRidge, reader: RecordReader) -> None:
    """Read a regression."""
    single = reader.value("single_target", bool)
    _read(model, reader, () if single else ("targets",))
    model.intercept_ = float(model.intercept_) if single else model.intercept_


def write_ridge_classifier(model: KernelRidgeClassifier, writer: RecordWriter) -> None:
    """Write a classifier."""
    writer.labels("classes_", model.classes_)
    _write(model, writer)


def read_ridge_classifier(model: KernelRidgeClassifier, reader: RecordReader) -> None:
    """Read a classifier."""
    read_classes(model, reader)
    _read(model, reader, ("functions",))


def _write(model: Any, writer: RecordWriter) -> None:
    write_kernel(model, writer)
    write_plan(model.plan_, writer)
    writer.value("alpha_", model.alpha_)
    writer.value("solution_", model.solution_)
    if model.leave_one_out_error_ is not None:
        writer.value("leave_one_out_error_", model.leave_one_out_error_)
    writer.array("dual_coef_", model.dual_coef_)
    writer.array("intercept_", np.asarray(model.intercept_))
    write_kept_rows(model, writer)


def _read(model: Any, reader: RecordReader, targets: tuple[str, ...]) -> None:
    read_kernel(model, reader)
    model.dual_coef_ = reader.array("dual_coef_", ("m", *targets), "float64")
    model.intercept_ = reader.array("intercept_", targets, "float64")
    read_kept_rows(model, reader)
    if model.dual_coef_.size == 0:
        reader.fail("dual_coef_", "is empty")
    model.alpha_ = reader.value("alpha_", (int, float))
    model.solution_ = reader.value("solution_", str)
    model.leave_one_out_error_ = None
    if reader.has("leave_one_out_error_"):
        model.leave_one_out_error_ = reader.value("leave_one_out_error_", float)
    model.plan_ = read_plan(reader)
