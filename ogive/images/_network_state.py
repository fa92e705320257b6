"""The weights of a network in a file, read without trust in what the file says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from ogive._record import RecordReader, RecordWriter

Network = TypeVar("Network", bound=nn.Module)


def write_network_state(network: nn.Module, writer: RecordWriter) -> None:
    """Write the weights and counters of a network, wherever they are computed with."""
    for name, value in network.state_dict().items():
        writer.array(_file_name(name), value.cpu().numpy())


def read_network_state(
    make: Callable[[], Network], reader: RecordReader, *, positive: tuple[str, ...] = ()
) -> Network:
    """Return a network with the state that `write_network_state` wrote, for use and not to train.

    Parameters
    ----------
    make : callable
        Returns the network, whose weights are of no account; no memory is taken for them.
    reader : RecordReader
    positive : tuple of str
        Ends of the names of what must be above 0: what the network divides by.

    Raises
    ------
    InvalidModelError
        If something is missing, or does not fit the network.
    """
    with torch.device("meta"):  # no memory before the file has shown that it fills it
        network = make()
    state = {}
    for name, value in network.state_dict().items():
        stored = _file_name(name)
        kind = "float32" if value.is_floating_point() else "int64"
        array = reader.array(stored, tuple(value.shape), kind)
        if positive and name.endswith(positive) and (array <= 0).any():
            reader.fail(stored, "must be above 0")
        state[name] = torch.from_numpy(array)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _file_name(name: str) -> str:
    return name.replace(".", "/")  # a dot parts names of a record
