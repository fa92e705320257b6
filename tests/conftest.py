"""Shared set-up: one thread, fixed seeds, and shape annotations checked at run time."""

import sys
import types
import typing

import beartype
import jaxtyping
import numpy as np
import pytest
from hypothesis import settings

# Of the layers only what no compiler has to see through: it cannot trace the checks.
OPAQUE = ("attention_keys", "attention_tiles", "attention_passes", "head", "head_rows", "init")
CHECKED = (
    "ogive.kernels",
    "ogive.operators",
    "ogive.features",
    "ogive.solvers",
    *(f"ogive.nn.{name}" for name in OPAQUE),
)


def has_shape(hint):
    """Return whether an annotation speaks of arrays: Float[Tensor, "n d"], also within others."""
    if isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(has_shape(part) for part in typing.get_args(hint))


def check_shapes(decorated, *args, **kwargs):
    """Return a function that checks its arrays' types and shapes against its annotations.

    Other annotations are left alone: the library has messages of its own for a wrong number or
    name, and tests provoke them.
    """
    if isinstance(decorated, type):
        return decorated
    decorated.__annotations__ = {
        name: hint for name, hint in decorated.__annotations__.items() if has_shape(hint)
    }
    return beartype.beartype(decorated)


def only_where_shapes_are(jaxtyped):
    """Return jaxtyping's decorator, left out where no annotation has a shape: it costs time."""

    def selective(**options):
        def decorate(decorated):
            hints = getattr(decorated, "__annotations__", {})
            shaped = any("Float[" in str(hint) or "Int[" in str(hint) for hint in hints.values())
            return jaxtyped(**options)(decorated) if shaped else decorated

        return decorate

    return selective


# The hook takes the name of a type checker that can be imported, and must come before the packages.
_module = types.ModuleType("ogive_shape_checker")
_module.check_shapes = check_shapes
sys.modules[_module.__name__] = _module
assert not any(name.startswith(CHECKED) for name in sys.modules), "too late: already imported"
jaxtyping.jaxtyped = only_where_shapes_are(jaxtyping.jaxtyped)
jaxtyping.install_import_hook(list(CHECKED), f"{_module.__name__}.check_shapes")

settings.register_profile("ogive", deadline=None, derandomize=True, max_examples=30, database=None)
settings.load_profile("ogive")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small products gain nothing from threads, and one thread adds up in one order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Whatever draws from a global generator draws the same in every run."""
    import torch

    np.random.seed(0)  # noqa: NPY002 - the global generator is the one that others may use
    torch.manual_seed(0)
