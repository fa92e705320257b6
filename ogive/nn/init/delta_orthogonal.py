"""Delta-orthogonal weights: convolutions that keep norms, however deep the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ogive._checks import check_count, check_positive
from ogive._errors import InvalidParameterError


@torch.no_grad()
def delta_orthogonal_(
    weight: Tensor,
    gain: float = 1.0,
    *,
    groups: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Fill convolution weights with 0, but for an orthogonal matrix in the middle of the window.

    weight[:, :, k // 2, …] = gain · Q with QᵀQ = I for every group: ‖conv(x)‖ = gain ‖x‖, for a
    stride of 1 and a padding of k // 2 ("same").

    Parameters
    ----------
    weight : Tensor of shape (out, in / groups, *kernel_size)
        Of a convolution in one, two, three or more dimensions; overwritten.
    gain : float, default 1.0
    groups : int, default 1
        Of the convolution; each has an orthogonal matrix of its own.
    generator : torch.Generator, optional

    Returns
    -------
    Tensor
        ``weight``.

    Raises
    ------
    InvalidParameterError
        If the weights have fewer than three dimensions, or groups do not divide the outputs.

    Notes
    -----
    Norms are kept where a group has at least as many outputs as inputs, as the paper asks for.
    With fewer, the rows are orthonormal (QQᵀ = I): the layer projects, and keeps the norm of what
    it does not project away. With a stride above 1 it takes every stride-th place, and keeps the
    norm of those. In a window of even size the place k // 2 is the one behind the middle.

    Source: Xiao and others, Dynamical isometry and a mean field theory of CNNs (2018), section 3
    (algorithm 1).

    Examples
    --------
    >>> layer = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    >>> x = torch.randn(1, 3, 5, 5)
    >>> _ = delta_orthogonal_(layer.weight)
    >>> torch.allclose(layer(x).norm(), x.norm())
    True
    """
    if weight.ndim < 3:
        raise InvalidParameterError(
            f"weight has shape {tuple(weight.shape)}; it must be that of a convolution (out, in, "
            "kernel size, …): for a matrix use torch.nn.init.orthogonal_"
        )
    check_positive(gain, "gain")
    check_count(groups, "groups")
    if weight.shape[0] % groups:
        raise InvalidParameterError(
            f"groups={groups} does not divide the {weight.shape[0]} outputs; "
            "give the groups of the convolution"
        )
    weight.zero_()
    middle = weight
    for size in weight.shape[2:]:
        middle = middle.select(2, size // 2)
    for part in middle.chunk(groups):
        part.copy_(orthogonal_(torch.empty_like(part), gain, generator))
    return weight


def orthogonal_(
    matrix: Tensor, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Fill a matrix with gain · Q, Q uniform among those with orthonormal rows or columns.

    `torch.nn.init.orthogonal_`, for every type and for matrices without rows or columns.
    """
    if matrix.numel() == 0:
        return matrix
    # Half precision has no QR decomposition.
    dtype = torch.promote_types(matrix.dtype, torch.float32)
    drawn = torch.empty(matrix.shape, dtype=dtype, device=matrix.device)
    return matrix.copy_(nn.init.orthogonal_(drawn, gain, generator))
