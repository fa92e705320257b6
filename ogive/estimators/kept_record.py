"""The kernel of a fitted estimator, and the rows it is taken with, in model files."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ogive._checks import as_rows
from ogive._errors import InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.estimators.kernel_names import PRECOMPUTED
from ogive.estimators.parameter_record import read_kernel_parameter, write_kernel_parameter
from ogive.kernels import AdditiveSigmoid, Kernel
from ogive.solvers import RidgePlan


def write_kernel(model: Any, writer: RecordWriter) -> None:
    """Write the kernel that a model was fitted with."""
    if model.kernel_ == PRECOMPUTED and model.kernel != PRECOMPUTED:
        raise InvalidTypeError(
            f"the {type(model).__name__} was fitted on a factorization of a precomputed matrix and "
            f"has kernel={model.kernel!r}, so nobody could tell from its file what it takes; set "
            "kernel='precomputed' and fit again, or pickle it"
        )
    write_kernel_parameter(writer, "kernel_", model.kernel_)


def read_kernel(model: Any, reader: RecordReader) -> None:
    """Read what `write_kernel` wrote."""
    model.kernel_ = read_kernel_parameter(reader, "kernel_")
    if (model.kernel == PRECOMPUTED) != (model.kernel_ == PRECOMPUTED):
        reader.fail("kernel_", f"is {model.kernel_}, and kernel is {model.kernel}")


def write_kept_rows(model: Any, writer: RecordWriter) -> None:
    """Write ``X_fit_``, if there is one, and ``component_indices_``."""
    if model.X_fit_ is not None:
        writer.rows("X_fit_", model.X_fit_)
    write_indices(model, writer)


def read_kept_rows(model: Any, reader: RecordReader) -> None:
    """Read what `write_kept_rows` wrote; "m" stands for the number of rows."""
    model.component_indices_ = read_indices(reader)
    if model.kernel_ != PRECOMPUTED:
        model.X_fit_ = read_rows(model, reader, "X_fit_")
        return
    model.X_fit_ = None
    rows, columns = model.component_indices_, model.n_features_in_
    if rows is None or (len(rows) and rows.max() >= columns):
        reader.fail("component_indices_", "names no rows of the kernel matrix")


def write_indices(model: Any, writer: RecordWriter) -> None:
    """Write which training rows were kept, if they are training rows."""
    if model.component_indices_ is not None:
        writer.array("component_indices_", model.component_indices_)


def read_indices(reader: RecordReader) -> np.ndarray | None:
    """Read what `write_indices` wrote."""
    if not reader.has("component_indices_"):
        return None
    indices = reader.array("component_indices_", ("m",), "int64")
    if len(indices) and indices.min() < 0:
        reader.fail("component_indices_", "holds a number below 0")
    return indices


def read_rows(model: Any, reader: RecordReader, name: str) -> Any:
    """Read rows that the kernel of new rows is taken with."""
    rows: Any = reader.rows(name, ("m", "d"))
    kernel = model.kernel_
    if isinstance(kernel, str) or kernel.unresolved or not kernel.symmetric:
        reader.fail("kernel_", f"is {kernel}, which no estimator computes with")
    _check_width(kernel, reader)
    as_rows(rows, name)  # which must not be empty
    return rows


def write_plan(plan: RidgePlan, writer: RecordWriter) -> None:
    """Write how a model was solved."""
    part = writer.part("plan_")
    for name, value in dataclasses.asdict(plan).items():
        part.value(name, value)


def read_plan(reader: RecordReader) -> RidgePlan:
    """Read what `write_plan` wrote."""
    plan = reader.part("plan_")
    return RidgePlan(
        approximation=plan.value("approximation", str, choices=("exact", "nystroem")),
        landmarks=plan.value("landmarks", int),
        treatment=plan.value("treatment", str, choices=("definite", "krein")),
        negative_mass=plan.value("negative_mass", (float, None)),
        reason=plan.value("reason", str),
    )


def read_classes(model: Any, reader: RecordReader) -> None:
    """Read ``classes_``; "functions" stands for how many functions tell them apart."""
    model.classes_ = reader.labels("classes_", "classes")
    classes = reader.dimension("classes")
    if classes < 2:
        reader.fail("classes_", f"holds {classes} labels; it must hold two or more")
    reader.bind("functions", 1 if classes == 2 else classes)


def _check_width(kernel: Kernel, reader: RecordReader) -> None:
    # Not by computing a value: sparse rows may claim a width that fills the memory.
    if isinstance(kernel, AdditiveSigmoid):
        reader.bind("d", np.atleast_2d(kernel.alpha).shape[1])
    for part in kernel.parameters().values():
        if isinstance(part, Kernel):
            _check_width(part, reader)
