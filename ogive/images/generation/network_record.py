"""A flow network in a file."""

from __future__ import annotations

from ogive._record import RecordReader, RecordWriter
from ogive._typing import ImageShape
from ogive.images._network_state import read_network_state, write_network_state
from ogive.images.generation.layers import TWIN
from ogive.images.generation.network import FlowNetwork, NetworkShape

LARGEST_SIDE = 64
MOST_CHANNELS = 4
KERNELS = ("sigmoid", "logistic", TWIN)
# What a network can be asked for: its arrays are not there yet when it is made.
_MOST = {"classes": 2**16, "width": 2**12, "blocks": 2**6}
_LEAST = {"classes": 1, "width": 4, "blocks": 1}


def write_network(network: FlowNetwork, writer: RecordWriter) -> None:
    """Write a network: its shape and its weights."""
    shape = network.shape
    writer.value("image_shape", list(shape.image_shape))
    writer.value("kernel", shape.kernel)
    for name in _MOST:
        writer.value(name, getattr(shape, name))
    write_network_state(network, writer.part("weights"))


def read_network(reader: RecordReader) -> FlowNetwork:
    """Read what `write_network` wrote.

    Raises
    ------
    InvalidModelError
        If something is missing, or does not fit the shape.
    """
    image_shape = read_image_shape(reader)
    kernel = reader.value("kernel", str, choices=KERNELS)
    sizes = {name: _size(reader, name) for name in _MOST}
    if sizes["width"] % 4:
        reader.fail("width", f"is {sizes['width']}; it must be a multiple of 4")
    shape = NetworkShape(image_shape, kernel=kernel, **sizes)
    return read_network_state(lambda: FlowNetwork(shape), reader.part("weights"))


def read_image_shape(reader: RecordReader) -> ImageShape:
    """Read the shape of the pictures of a flow: (height, width, channels), small ones."""
    sides = reader.value("image_shape", list)
    most = (LARGEST_SIDE, LARGEST_SIDE, MOST_CHANNELS)
    if len(sides) != 3 or not all(
        type(side) is int and 1 <= side <= limit for side, limit in zip(sides, most, strict=True)
    ):
        reader.fail("image_shape", f"is {sides!r:.60}; it must be three numbers up to {most}")
    return sides[0], sides[1], sides[2]


def _size(reader: RecordReader, name: str) -> int:
    value = reader.value(name, int)
    if not _LEAST[name] <= value <= _MOST[name]:
        reader.fail(name, f"is {value}; it must be from {_LEAST[name]} to {_MOST[name]}")
    return value
