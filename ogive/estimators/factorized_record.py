"""Fitted machines that are linear in the components of their kernel, in model files."""

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
from ogive.estimators.kernel_discriminant import KernelDiscriminant
from ogive.estimators.kernel_logistic import KernelLogistic
from ogive.estimators.kernel_pca import KernelPCA


def write_logistic(model: KernelLogistic, writer: RecordWriter) -> None:
    """Write a logistic regression."""
    _write_scores(model, writer)
    writer.value("n_iter_", model.n_iter_)
    writer.value("solution_", model.solution_)


def read_logistic(model: KernelLogistic, reader: RecordReader) -> None:
    """Read a logistic regression."""
    _read_scores(model, reader)
    model.n_iter_ = reader.value("n_iter_", int)
    model.solution_ = reader.value("solution_", str)


def write_discriminant(model: KernelDiscriminant, writer: RecordWriter) -> None:
    """Write a discriminant analysis."""
    _write_scores(model, writer)
    for name in ("priors_", "scalings_", "offset_", "scatter_ratio_"):
        writer.array(name, getattr(model, name))


def read_discriminant(model: KernelDiscriminant, reader: RecordReader) -> None:
    """Read a discriminant analysis."""
    _read_scores(model, reader)
    model.priors_ = reader.array("priors_", ("classes",), "float64")
    if model.priors_.min() < 0:
        reader.fail("priors_", "holds a number below 0")
    model.scatter_ratio_ = reader.array("scatter_ratio_", ("coordinates",), "float64")
    model.scalings_ = reader.array("scalings_", ("m", "coordinates"), "float64")
    model.offset_ = reader.array("offset_", ("coordinates",), "float64")
    coordinates, classes = reader.dimension("coordinates"), reader.dimension("classes")
    if not 0 < coordinates < classes:
        reader.fail("scatter_ratio_", f"is of {coordinates} coordinates for {classes} classes")


def write_components(model: KernelPCA, writer: RecordWriter) -> None:
    """Write a principal component analysis."""
    _write_rows(model, writer)
    writer.value("negative_mass_", model.negative_mass_)
    for name in ("eigenvalues_", "projection_", "offset_"):
        writer.array(name, getattr(model, name))
    if model.fit_inverse_transform and hasattr(model, "inverse_coef_"):
        writer.array("inverse_coef_", model.inverse_coef_)
        writer.array("inverse_intercept_", model.inverse_intercept_)


def read_components(model: KernelPCA, reader: RecordReader) -> None:
    """Read a principal component analysis."""
    _read_rows(model, reader)
    model.negative_mass_ = reader.value("negative_mass_", float)
    model.eigenvalues_ = reader.array("eigenvalues_", ("components",), "float64")
    model.signature_ = np.sign(model.eigenvalues_)
    if not len(model.eigenvalues_) or not model.signature_.all():
        reader.fail("eigenvalues_", "must hold numbers other than 0")
    model.projection_ = reader.array("projection_", ("m", "components"), "float64")
    model.offset_ = reader.array("offset_", ("components",), "float64")
    if not len(model.projection_):
        reader.fail("projection_", "is empty")
    if model.fit_inverse_transform:
        model.inverse_coef_ = reader.array("inverse_coef_", ("components", "d"), "float64")
        model.inverse_intercept_ = reader.array("inverse_intercept_", ("d",), "float64")


def _write_scores(model: Any, writer: RecordWriter) -> None:
    writer.labels("classes_", model.classes_)
    _write_rows(model, writer)
    writer.array("dual_coef_", model.dual_coef_)
    writer.array("intercept_", model.intercept_)


def _read_scores(model: Any, reader: RecordReader) -> None:
    read_classes(model, reader)
    _read_rows(model, reader)
    model.dual_coef_ = reader.array("dual_coef_", ("m", "functions"), "float64")
    model.intercept_ = reader.array("intercept_", ("functions",), "float64")
    if not len(model.dual_coef_):
        reader.fail("dual_coef_", "is empty")


def _write_rows(model: Any, writer: RecordWriter) -> None:
    write_kernel(model, writer)
    write_plan(model.plan_, writer)
    write_kept_rows(model, writer)


def _read_rows(model: Any, reader: RecordReader) -> None:
    read_kernel(model, reader)
    model.plan_ = read_plan(reader)
    read_kept_rows(model, reader)
