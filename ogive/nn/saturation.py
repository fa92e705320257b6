"""A look at the first batch: values that are no numbers, and units that cannot learn."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from ogive._errors import InvalidDataError, SaturationWarning
from ogive.kernels.epilogue import Epilogue

_TOLERATED = 0.9  # share of saturated answers above which hardly any gradient passes


def check_first_batch(layer: nn.Module, argument: Tensor, epilogue: Epilogue) -> bool:
    """Look at the arguments of a layer's epilogue, if they are there to be looked at.

    Parameters
    ----------
    layer : Module
        For its name.
    argument : Tensor
        What the epilogue is about to be applied to.
    epilogue : Epilogue
        Its ``knee`` tells from where on it is flat.

    Returns
    -------
    bool
        Whether there were values to look at: not while a graph is traced or compiled, or on an
        empty batch.

    Raises
    ------
    InvalidDataError
        If a value is NaN.

    Warns
    -----
    SaturationWarning
        If more than 90 % of the values lie beyond the knee.
    """
    if torch.compiler.is_compiling() or not _plain(argument) or not argument.numel():
        return False
    values = argument.detach()
    if bool(torch.isnan(values).any()):
        raise InvalidDataError(
            f"{type(layer).__name__} meets NaN in its first batch; look for NaN in the data "
            "(torch.isnan(x).any()) and in the weights of the layers before"
        )
    low, high = epilogue.knee
    share = float(((values < low) | (values > high)).double().mean())
    if share > _TOLERATED:
        warnings.warn(
            f"{share:.0%} of the answers of {type(layer).__name__} are saturated in the first "
            f"batch (arguments beyond {low:.3g} and {high:.3g}), so it hardly learns; standardise "
            "the inputs, lower gamma, or call ogive.nn.init.critical_(model, batch)",
            SaturationWarning,
            stacklevel=4,
        )
    return True


def _plain(tensor: Tensor) -> bool:
    """Whether the values can be read: not those of a transformation or of a fake tensor."""
    return (
        type(tensor) is Tensor
        and tensor.device.type != "meta"
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )
