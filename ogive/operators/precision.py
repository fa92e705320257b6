"""Exact fast products: which data allow them, and the one place where they are switched on.

Pixels, counts and one-hot codes are whole numbers up to a step and an origin. Processors multiply
8-bit integers several times faster than float32 numbers, and exactly. Recent ones multiply bfloat16
numbers faster too and add the products up in float32: a matrix of whole numbers between -256 and
256 loses nothing when it is rounded to bfloat16, so its product is then exact (as long as sums stay
below 2²⁴), not an approximation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ogive._checks import Rows
from ogive._errors import InvalidParameterError, nearest_name
from ogive._typing import Float
from ogive._whole_numbers import fast_whole_products

_NAMES = ("auto", "full", "exact")

# Common steps of image, count and code data: whole numbers, fractions, 8-bit and 4-bit scales.
_STEPS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 15, 1 / 16, 1 / 255, 1 / 256)
_LARGEST_EXACT = 256  # bfloat16 has 8 significant bits
_EIGHT_BITS = 255  # from the smallest 8-bit integer to the largest
# Columns for which 8-bit products pay, and so many that ‖p‖² + ‖q‖² - 2⟨p, q⟩ is below 2³¹.
_LEAST_WIDTH, _LARGEST_WIDTH = 16, 2**15 - 1
_LEAST_ROWS = 32  # of each side, below which looking for a lattice costs more than it gains
_CHUNK_ENTRIES = 2**18  # 1 MB of float32: within the caches, and no burden on a small budget


@dataclass(frozen=True)
class Lattice:
    """Data written as origin + step · P with whole numbers P.

    Attributes
    ----------
    step : float
        The same for all columns.
    origin : Tensor of shape (d,)
        One for each column, float32.
    eight_bits : bool
        Whether P fits 8-bit integers, and they are multiplied as such.
    """

    step: float
    origin: Float[Tensor, " d"]
    eight_bits: bool = False

    def coordinates(self, rows: Float[Tensor, "n d"], out: Float[Tensor, "n d"]) -> Tensor:
        """Write P = round((rows - origin) / step) into ``out``."""
        return torch.add(self.origin / -self.step, rows, alpha=1 / self.step, out=out).round_()


@dataclass(frozen=True)
class Precision:
    """How an operator forms its products, and why.

    Attributes
    ----------
    name : str
        "exact" (whole numbers, in 8 bits or in bfloat16) or "full" (the data's own type).
    reason : str
        In words.
    lattice : Lattice or None
        With "exact": how the data are written as whole numbers.
    """

    name: Literal["full", "exact"]
    reason: str
    lattice: Lattice | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def choose_precision(x: Rows, z: Rows, asked: str = "auto") -> Precision:
    """Return how inner products of rows x (n, d) with rows z (m, d) are to be formed.

    Parameters
    ----------
    x, z : Tensor or csr_matrix
    asked : {"auto", "full", "exact"}
        "auto" takes the exact fast product where data and processor allow it and there are rows
        enough for it to pay; "exact" raises where they do not allow it.

    Raises
    ------
    InvalidParameterError
        For an unknown name, or "exact" where it is impossible.
    """
    if asked not in _NAMES:
        raise InvalidParameterError(
            f"precision={asked!r} is unknown; {nearest_name(asked, _NAMES)}"
        )
    if asked == "full":
        return Precision("full", "asked for")
    if asked == "auto" and min(x.shape[0], z.shape[0]) < _LEAST_ROWS:
        return Precision("full", "few rows")
    found = _exact_or_reason(x, z)
    if isinstance(found, Lattice):
        reason = f"the data are whole multiples of {_step_name(found.step)}"
        return Precision("exact", reason, found)
    if asked == "exact":
        raise InvalidParameterError(
            f"precision='exact' is impossible: {found}; use precision='auto' or 'full'"
        )
    return Precision("full", found)


@contextmanager
def exact_products() -> Iterator[None]:
    """Multiply float32 matrices in bfloat16 within the block: exact for small whole numbers.

    The switch belongs to the whole process, so the block should hold one product and no more.
    """
    setting = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        setting.fp32_precision = before


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices faster than float32 ones."""
    from torch import cpu

    return cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported()


def _exact_or_reason(x: Rows, z: Rows) -> Lattice | str:
    if not (isinstance(x, Tensor) and isinstance(z, Tensor)):
        return "sparse data are multiplied as they are"
    if x.dtype != torch.float32 or z.dtype != torch.float32:
        return "the exact fast product is for float32 data"
    if x.device.type != "cpu":
        return f"the exact fast product is for the CPU, the data are on {x.device}"
    if not (fast_bfloat16() or fast_whole_products()):
        return "this processor has no fast exact product"
    lattice = find_lattice(x.detach(), z.detach())
    if lattice is not None and not (lattice.eight_bits or fast_bfloat16()):
        return "this processor has no fast exact product for so wide a range of numbers"
    return lattice or "the data are not whole multiples of a common step"


def find_lattice(x: Float[Tensor, "n d"], z: Float[Tensor, "m d"]) -> Lattice | None:
    """Return the lattice that both blocks of rows lie on, if there is one of small numbers."""
    for step in _STEPS:
        # A few rows rule most steps out before all of the data are read.
        probe = torch.cat([x[:32], z[:32]])
        if not _on_lattice(probe, Lattice(step, probe[0]), float(probe.abs().max())):
            continue
        low = torch.minimum(x.amin(0), z.amin(0))
        high = torch.maximum(x.amax(0), z.amax(0))
        spread = ((high - low) / step).round()
        if float(spread.max()) > 2 * _LARGEST_EXACT:
            continue
        # The middle of each column as origin keeps the whole numbers, and their sums, small.
        # Of 256 numbers, that leaves -128 to 127.
        lattice = Lattice(step, low + step * (spread / 2).ceil(), _in_eight_bits(spread))
        size = float(torch.maximum(low.abs(), high.abs()).max())
        if _on_lattice(x, lattice, size) and (z is x or _on_lattice(z, lattice, size)):
            return lattice
    return None


def _in_eight_bits(spread: Tensor) -> bool:
    suits = _LEAST_WIDTH <= len(spread) <= _LARGEST_WIDTH and float(spread.max()) <= _EIGHT_BITS
    return suits and fast_whole_products()


def _on_lattice(rows: Tensor, lattice: Lattice, size: float) -> bool:
    # Rounding of the data themselves, in units of the step, is all that may be left over.
    tolerance = 8 * torch.finfo(torch.float32).eps * max(1.0, size / lattice.step)
    if tolerance > 0.05:
        return False
    for chunk in rows.split(max(1, _CHUNK_ENTRIES // rows.shape[1])):
        position = (chunk - lattice.origin).div_(lattice.step)
        if float((position - position.round()).abs().max()) > tolerance:
            return False
    return True


def _step_name(step: float) -> str:
    return "1" if step == 1 else f"1/{round(1 / step)}"
