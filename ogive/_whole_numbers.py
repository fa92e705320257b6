"""Products of matrices of 8-bit integers, and matrices as two 8-bit digits each."""

from __future__ import annotations

import torch
from torch import Tensor, cpu
from torch.nn import functional

from ogive._typing import Float, Int

# Whole numbers from -MOST to MOST are BASE · high + low, both from -127 to 127.
MOST_DIGIT, BASE = 127, 254
MOST = BASE * MOST_DIGIT + MOST_DIGIT
_WITHIN_FLOAT32 = 2**24 // 2**14  # products, of which every sum is a whole number of float32
_LEAST_FAST = 16  # of each side; torch's product of 8-bit integers is wrong for a single one


def fast_whole_products() -> bool:
    """Whether this processor multiplies 8-bit integers faster than floating-point numbers."""
    return cpu._is_amx_tile_supported() or cpu._is_vnni_supported()


def whole_product(
    left: Int[Tensor, "n m"], right: Int[Tensor, "m k"], out: Tensor | None = None
) -> Int[Tensor, "n k"]:
    """Return the product of matrices of 8-bit integers, exactly.

    Parameters
    ----------
    left, right : Tensors of shapes (n, m) and (m, k)
        int8. Sums of m products of theirs must be below 2³¹.
    out : Tensor of shape (n, k), optional
        int32; where to put it.

    Returns
    -------
    Tensor of shape (n, k)
        int32.

    Examples
    --------
    >>> one = torch.tensor([[1, -2]], dtype=torch.int8)
    >>> whole_product(one, one.T)
    tensor([[5]], dtype=torch.int32)
    """
    if out is None:
        out = torch.empty(len(left), right.shape[1], dtype=torch.int32)
    if not fast_whole_products() or left.shape[1] < _LEAST_FAST:
        exact = torch.float32 if left.shape[1] <= _WITHIN_FLOAT32 else torch.float64
        return out.copy_(left.to(exact) @ right.to(exact))
    missing = [max(0, _LEAST_FAST - side) for side in out.shape]
    if not any(missing):
        return torch._int_mm(left, right, out=out)
    left, right = (
        functional.pad(left, (0, 0, 0, missing[0])),
        functional.pad(right, (0, missing[1])),
    )
    return out.copy_(torch._int_mm(left, right)[: len(out), : out.shape[1]])


def product_of_digits(
    whole: Int[Tensor, "n m"], matrix: Float[Tensor, "m k"]
) -> Float[Tensor, "n k"]:
    """Return the product of a matrix of 8-bit integers and one of floats, rounded to 16 bits.

    Each column of ``matrix`` is rounded to 1/32,385 of its largest entry; the product of that is
    exact.

    Parameters
    ----------
    whole : Tensor of shape (n, m)
        int8.
    matrix : Tensor of shape (m, k)
        float32.

    Returns
    -------
    Tensor of shape (n, k)
        float32.

    Examples
    --------
    >>> whole = torch.tensor([[3, -4]], dtype=torch.int8)
    >>> round(float(product_of_digits(whole, torch.tensor([[2.0], [1.0]]))), 3)
    2.0
    """
    unit = (matrix.abs().amax(0) / MOST).clamp_(min=torch.finfo(matrix.dtype).tiny)
    steps = (matrix / unit).round_()
    high = (steps / BASE).round_().clamp_(-MOST_DIGIT, MOST_DIGIT)
    digits = torch.cat([high, steps.sub_(high, alpha=BASE)], 1).to(torch.int8)
    # Column by column in memory: with row after row on the left that takes half of the time.
    upper, lower = whole_product(whole, digits.T.contiguous().T).double().chunk(2, 1)
    return upper.mul_(BASE).add_(lower).mul_(unit).float()
