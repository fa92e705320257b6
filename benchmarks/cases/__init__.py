"""The cases; a new one is a file here and a line below."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from benchmarks.case import Case

# By name and not imported here, so that a process which measures the memory of one case loads
# what that case needs and nothing else.
CASES: Sequence[str] = (
    "benchmarks.cases.kernel_product:KERNEL_PRODUCT",
    "benchmarks.cases.kernel_product:SYMMETRIC_PRODUCT",
    "benchmarks.cases.additive_product:ADDITIVE_PRODUCT",
    "benchmarks.cases.additive_attention:ADDITIVE_ATTENTION",
    "benchmarks.cases.attention:ATTENTION_1024",
    "benchmarks.cases.attention:ATTENTION_4096",
    "benchmarks.cases.attention:ATTENTION_16384",
    "benchmarks.cases.attention:ATTENTION_TRAINING",
    "benchmarks.cases.nystroem_ridge:NYSTROEM_RIDGE",
    "benchmarks.cases.ridge_path:RIDGE_PATH",
    "benchmarks.cases.ridge_path:RIDGE_PATH_EXACT",
    "benchmarks.cases.support_vectors:SVC_GAUSSIAN",
    "benchmarks.cases.support_vectors:SVC_GAUSSIAN_LARGE",
    "benchmarks.cases.support_vectors:SVC_GAUSSIAN_PREDICT",
    "benchmarks.cases.support_vectors:SVC_SIGMOID",
    "benchmarks.cases.support_vectors:SVC_SIGMOID_LARGE",
    "benchmarks.cases.support_vectors:SVC_SIGMOID_PREDICT",
    "benchmarks.cases.kernel_convolution:KERNEL_CONVOLUTION",
    "benchmarks.cases.kernel_convolution:FIRST_CONVOLUTION",
)


def load_case(reference: str) -> Case:
    """Return the case that a "module:NAME" stands for."""
    module, _, name = reference.partition(":")
    case = getattr(importlib.import_module(module), name)
    assert isinstance(case, Case), reference
    return case
