"""Where tensors are computed with."""

from __future__ import annotations

import re

import torch

from ogive._checks import Rows
from ogive._errors import InvalidParameterError


def check_device(device: str) -> torch.device:
    """Return the device of that name, if it is there.

    Parameters
    ----------
    device : {"cpu", "cuda", "cuda:N", "auto"}
        "auto" is the first GPU if there is one, otherwise the CPU.

    Raises
    ------
    InvalidParameterError
        If the name is unknown, or there is no such device.

    Examples
    --------
    >>> check_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", device) if isinstance(device, str) else None
    if match is None:
        raise InvalidParameterError(
            f"device={device!r} is unknown; it must be 'cpu', 'cuda', 'cuda:1' and so on, or 'auto'"
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device != "cpu" and int(match[1] or 0) >= count:
        raise InvalidParameterError(
            f"device={device!r}: torch {torch.__version__} sees "
            f"{f'{count} GPUs' if count else 'no GPU'} here; use 'cpu', or install a driver and a "
            "CUDA build of torch"
        )
    return torch.device(device)


def on_device(rows: Rows, device: torch.device) -> Rows:
    """Return rows on a device; sparse ones, which scipy holds, stay on the CPU."""
    return rows.to(device) if isinstance(rows, torch.Tensor) else rows
