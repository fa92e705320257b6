"""States of a training in a file: tensors and plain values nested at will, and nothing that runs.

A state is what ``state_dict`` methods return: dicts, lists and tuples of tensors and plain values.
JSON has neither tuples nor dicts by number, and a name may be anything; so every container is
written as an object that says what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._container import path_text, read_container, write_container
from ogive._errors import InvalidModelError, InvalidTypeError
from ogive._writing import PathLike

_FORMAT, _VERSION = "ogive checkpoint", 1
_CURE = "delete it and begin again, or name another file"
_PLAIN = (bool, int, float, str, type(None))
# numpy has no bfloat16: its bits are kept as integers.
_AS_BITS = {torch.bfloat16: torch.int16}


def write_checkpoint(path: PathLike, state: Any) -> Path:
    """Write a state to a file, whole or not at all.

    Parameters
    ----------
    path : path
    state : nested dict (by str or int), list or tuple of Tensors and plain values
        No NaN among the plain values.

    Returns
    -------
    Path

    Raises
    ------
    InvalidTypeError
        If it holds something else, named by its place.
    OutputError
        If the file cannot be written; the one that was there is untouched.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.checkpoint"
    >>> _ = write_checkpoint(path, {"step": 3, 0: [torch.ones(2), (1, None)]})
    >>> read_checkpoint(path)
    {'step': 3, 0: [tensor([1., 1.]), (1, None)]}
    """
    arrays: dict[str, np.ndarray] = {}
    values = {"format": _FORMAT, "version": _VERSION, "state": _written(state, "state", arrays)}
    return write_container(path, values, arrays)


def read_checkpoint(path: PathLike) -> Any:
    """Return the state that `write_checkpoint` wrote, tensors on the CPU.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidModelError
        If it is no checkpoint, is damaged, or comes from a newer Ogive.
    """
    values, arrays = read_container(path, kind="checkpoint", cure=_CURE)
    if values.get("format") != _FORMAT:
        raise InvalidModelError(
            f"{path_text(path)} is no checkpoint of a training: name another file"
        )
    if values.get("version") != _VERSION:
        raise InvalidModelError(
            f"{path_text(path)} has version {values.get('version')!r} of the format, and this "
            f"Ogive reads version {_VERSION}: pip install --upgrade ogive"
        )
    try:
        return _read(values["state"], arrays)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InvalidModelError(
            f"{path_text(path)} is no whole checkpoint: {error!r:.80}; {_CURE}"
        ) from error


def _written(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Tensor):
        name = str(len(arrays))
        arrays[name] = _array(value)
        # Sums are formed in the order of the memory, so the order belongs to the state.
        last = value.ndim == 4 and not value.is_contiguous()
        last = last and value.is_contiguous(memory_format=torch.channels_last)
        dtype = str(value.dtype).removeprefix("torch.")
        return {"tensor": name, "dtype": dtype, "channels_last": last}
    if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
        pairs = [[key, _written(v, f"{place}[{key!r}]", arrays)] for key, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_written(v, f"{place}[{i}]", arrays) for i, v in enumerate(value)]}
    raise InvalidTypeError(
        f"{place} is a {type(value).__name__}; a checkpoint holds tensors, numbers, strings, None, "
        "and dicts (by str or int), lists and tuples of them"
    )


def _read(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        dtype = getattr(torch, value["dtype"])
        tensor = torch.from_numpy(arrays[value["tensor"]])
        tensor = tensor.view(dtype) if dtype in _AS_BITS else tensor
        if tensor.dtype != dtype:
            raise ValueError(f"{tensor.dtype} where {dtype} is announced")
        if value["channels_last"]:
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor
    ((kind, inner),) = value.items()
    if kind == "dict":
        return {key: _read(v, arrays) for key, v in inner}
    return {"list": list, "tuple": tuple}[kind](_read(v, arrays) for v in inner)


def _array(tensor: Tensor) -> np.ndarray:
    found = tensor.detach().cpu()
    return found.view(_AS_BITS.get(found.dtype, found.dtype)).numpy()
