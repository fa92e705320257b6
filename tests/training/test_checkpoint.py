"""States in files: nested, of every type, whole or refused; and trainings told apart."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ogive._container import write_container
from ogive._errors import (
    DataNotFoundError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
)
from ogive._training import check_identity, digest, read_checkpoint, write_checkpoint

PLAIN = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5)
PLAIN |= st.floats(allow_nan=False)
TENSORS = arrays(np.float32, array_shapes(max_dims=3, max_side=3)).map(torch.from_numpy)
STATES = st.recursive(
    PLAIN | TENSORS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=10,
)


def same(left, right):
    if isinstance(left, torch.Tensor):
        bits = [t.contiguous().view(torch.uint8) if t.ndim else t for t in (left, right)]
        return left.dtype == right.dtype and torch.equal(*bits)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@given(STATES)
def test_any_state_survives(tmp_path_factory, state):
    path = tmp_path_factory.getbasetemp() / "any.checkpoint"
    assert same(read_checkpoint(write_checkpoint(path, state)), state)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64", "int64", "uint8", "bool"])
def test_tensors_of_every_type(tmp_path, dtype):
    tensor = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    assert same(read_checkpoint(write_checkpoint(tmp_path / "a", [tensor, tensor[:0]]))[0], tensor)
    assert read_checkpoint(tmp_path / "a")[1].shape == (0, 3)


def test_the_order_of_the_memory_survives(tmp_path):
    tensor = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    (found,) = read_checkpoint(write_checkpoint(tmp_path / "a", [tensor]))
    assert found.stride() == tensor.stride() and torch.equal(found, tensor)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.AdamW])
def test_the_state_of_an_optimiser(tmp_path, make):
    def trained(steps, state=None):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        options = {"momentum": 0.9} if make is torch.optim.SGD else {}
        optimiser = make(model.parameters(), 0.1, **options)
        if state is not None:
            optimiser.load_state_dict(state["optimiser"])
            model.load_state_dict(state["model"])
        for _ in range(steps):
            optimiser.zero_grad()
            model(torch.ones(4, 3)).square().sum().backward()
            optimiser.step()
        return {"model": model.state_dict(), "optimiser": optimiser.state_dict()}

    kept = read_checkpoint(write_checkpoint(tmp_path / "a", trained(2)))
    assert same(trained(1, kept)["optimiser"], trained(3)["optimiser"])


def test_what_no_checkpoint_holds_is_named(tmp_path):
    with pytest.raises(InvalidTypeError, match=r"state\['a'\]\[1\] is a set"):
        write_checkpoint(tmp_path / "a", {"a": [1, {2}]})
    assert not (tmp_path / "a").exists()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(DataNotFoundError):
        read_checkpoint(path)
    write_container(path, {"format": "ogive model"}, {})
    with pytest.raises(InvalidModelError, match="no checkpoint of a training"):
        read_checkpoint(path)
    write_container(path, {"format": "ogive checkpoint", "version": 2, "state": 0}, {})
    with pytest.raises(InvalidModelError, match="version 2"):
        read_checkpoint(path)
    for state in ({"odd": []}, {"tensor": "0", "dtype": "float32", "channels_last": False}, {}):
        write_container(path, {"format": "ogive checkpoint", "version": 1, "state": state}, {})
        with pytest.raises(InvalidModelError, match="no whole checkpoint"):
            read_checkpoint(path)
    write_checkpoint(path, torch.ones(3))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InvalidModelError, match=r"not a whole checkpoint.*delete it"):
        read_checkpoint(path)


def test_trainings_are_told_apart_by_everything_that_differs():
    kept = {"data": digest(np.zeros(2)), "recipe": {"rate": 0.1, "shape": [1, 2]}}
    check_identity(kept, {**kept, "recipe": {"rate": 0.1, "shape": (1, 2)}}, "a")
    other = {"data": digest(np.ones(2)), "recipe": {"rate": 0.2, "shape": [1, 2], "width": 3}}
    with pytest.raises(InvalidParameterError) as refused:
        check_identity(kept, other, "a")
    text = str(refused.value)
    assert "recipe.rate is 0.1 there and 0.2 here" in text
    assert "recipe.width is absent there and 3 here" in text
    assert "data is" in text and "shape" not in text
