"""Fitted support vector machines in model files."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from torch import Tensor

from ogive._checks import as_rows
from ogive._record import RecordReader, RecordWriter
from ogive.estimators.kept_record import read_kernel, write_kernel
from ogive.estimators.kernel_names import PRECOMPUTED
from ogive.estimators.kernel_svc import KernelSVC
from ogive.estimators.kernel_svr import KernelSVR
from ogive.estimators.support_functions import SupportFunctions
from ogive.solvers.svm_selection import SvmPlan

_TREATMENTS = ("definite", "krein", "none", "clip", "shift")


def write_support_classifier(model: KernelSVC, writer: RecordWriter) -> None:
    """Write a classifier."""
    write_kernel(model, writer)
    writer.labels("classes_", model.classes_)
    writer.array("n_support_", model.n_support_)
    if model.probability:
        writer.value("temperature_", float(model.temperature_))
    _write_machine(model, writer)


def read_support_classifier(model: KernelSVC, reader: RecordReader) -> None:
    """Read a classifier."""
    read_kernel(model, reader)
    model.classes_ = reader.labels("classes_", "classes")
    classes = len(model.classes_)
    if classes < 2:
        reader.fail("classes_", f"holds {classes} labels; it must hold two or more")
    model.n_support_ = reader.array("n_support_", ("classes",), "int64")
    if model.probability:
        model.temperature_ = reader.value("temperature_", float)
        if not 0 < model.temperature_ < np.inf:
            reader.fail("temperature_", "must be above 0")
    _read_machine(model, reader, classes * (classes - 1) // 2)
    counts = model._functions.counts
    if counts is not None and len(counts) != classes:
        reader.fail("counts", f"holds {len(counts)} numbers for {classes} classes")


def write_support_regressor(model: KernelSVR, writer: RecordWriter) -> None:
    """Write a regressor."""
    write_kernel(model, writer)
    _write_machine(model, writer)


def read_support_regressor(model: KernelSVR, reader: RecordReader) -> None:
    """Read a regressor."""
    read_kernel(model, reader)
    _read_machine(model, reader, 1)
    if model._functions.counts is not None:
        reader.fail("counts", "is of no use in regression")


def _write_machine(model: Any, writer: RecordWriter) -> None:
    plan = writer.part("plan_")
    for name, value in dataclasses.asdict(model.plan_).items():
        plan.value(name, value)
    functions = model._functions
    writer.array("coefficient", functions.coefficient)
    writer.array("intercept", functions.intercept)
    writer.array("support_", model.support_)
    writer.array("n_iter_", model.n_iter_)
    writer.value("solution_", model.solution_)
    if functions.counts is not None:
        writer.array("counts", np.array(functions.counts, dtype=np.int64))
    if model.support_vectors_ is not None:
        writer.rows("support_vectors_", model.support_vectors_)


def _read_machine(model: Any, reader: RecordReader, functions: int) -> None:
    plan = reader.part("plan_")
    model.plan_ = SvmPlan(
        approximation=plan.value("approximation", str, choices=("exact", "nystroem")),
        treatment=plan.value("treatment", str, choices=_TREATMENTS),
        landmarks=plan.value("landmarks", int),
        whole=plan.value("whole", bool),
        memory=plan.value("memory", int),
        negative_mass=plan.value("negative_mass", (float, None)),
        reason=plan.value("reason", str),
    )
    model.treatment_ = model.plan_.treatment
    reader.bind("functions", functions)
    model._functions = _read_functions(reader)
    model.support_ = reader.array("support_", ("support",), "int64")
    model.solution_ = reader.value("solution_", str)
    model._steps = reader.array("n_iter_", ("functions",), "int64")
    if len(model.support_) and model.support_.min() < 0:
        reader.fail("support_", "holds a number below 0")
    if model.kernel_ != PRECOMPUTED:
        _read_rows(model, reader)
        return
    model.support_vectors_ = None
    largest = model.support_.max(initial=-1)
    if largest >= model.n_features_in_ or len(model.support_) != reader.dimension("m"):
        reader.fail("support_", "names no rows of the kernel matrix")


def _read_functions(reader: RecordReader) -> SupportFunctions:
    intercept = reader.array("intercept", ("functions",), "float64")
    if not reader.has("counts"):
        coefficient = reader.array("coefficient", ("m", "functions"), "float64")
        return SupportFunctions(coefficient, intercept)
    counts = reader.array("counts", ("counts",), "int64")
    coefficient = reader.array("coefficient", (max(len(counts) - 1, 0), "m"), "float64")
    if (counts < 0).any() or counts.sum() != coefficient.shape[1]:
        reader.fail("counts", f"do not add up to {coefficient.shape[1]}")
    return SupportFunctions(coefficient, intercept, tuple(counts.tolist()))


def _read_rows(model: Any, reader: RecordReader) -> None:
    rows: Any = reader.rows("support_vectors_", ("m", "d"))
    kernel = model.kernel_
    if isinstance(kernel, str) or kernel.unresolved or not kernel.symmetric:
        reader.fail("kernel_", f"is {kernel}, which no estimator computes with")
    if rows.shape[0]:
        checked = as_rows(rows, "support_vectors_")
        rows = checked.numpy() if isinstance(checked, Tensor) else checked
    model.support_vectors_ = rows
