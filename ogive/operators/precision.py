"""Exact fast products: which data allow them, and the one place where they are switched on.

Recent processors multiply bfloat16 numbers several times faster than float32 ones and add the
products up in float32. A float32 matrix of whole numbers between -256 and 256 loses nothing when
it is rounded to bfloat16, so its product is then exact (as long as sums stay below 2²⁴), not an
approximation. Pixels, counts and one-hot codes are such data up to a step and an origin.
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

_NAMES = ("auto", "full", "exact")

# Common steps of image, count and code data: whole numbers, fractions, 8-bit and 4-bit scales.
_STEPS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 15, 1 / 16, 1 / 255, 1 / 256)
_LARGEST_EXACT = 256  # bfloat16 has 8 significant bits
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
    """

    step: float
    origin: Float[Tensor, " d"]

    def coordinates(self, rows: Float[Tensor, "n d"], out: Float[Tensor, "n d"]) -> Tensor:
        """Write P = round((rows - origin) / step) into ``out``."""
        return torch.add(self.origin / -self.step, rows, alpha=1 / self.step, out=out).round_()


@dataclass(frozen=True)
class Precision:
    """How an operator forms its products, and why.

    Attributes
    ----------
    name : str
        "exact" (whole numbers in bfloat16, summed in float32) or "full" (the data's own type).
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
        "auto" takes the exact fast product where data and processor allow it; "exact" raises
        where they do not.

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
    if not fast_bfloat16():
        return "this processor has no fast bfloat16 product"
    lattice = find_lattice(x.detach(), z.detach())
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
        lattice = Lattice(step, low + step * (spread / 2).floor())
        size = float(torch.maximum(low.abs(), high.abs()).max())
        if _on_lattice(x, lattice, size) and (z is x or _on_lattice(z, lattice, size)):
            return lattice
    return None


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
