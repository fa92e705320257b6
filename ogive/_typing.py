"""Shape annotations and the array types that cross the public interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Bool as Bool
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from scipy.sparse import csr_matrix

    Matrix = np.ndarray | Tensor | csr_matrix
else:
    try:
        from jaxtyping import Bool, Float, Int
    except ImportError:

        class Float:
            """Stand-in where jaxtyping (a development tool) is absent: annotations mean nothing."""

            def __class_getitem__(cls, item: Any) -> Any:
                """Accept any shape and return a type that accepts anything."""
                return Any

        Bool = Int = Float

    Matrix = Any

Number = float | Tensor
ImageShape = tuple[int, int, int]  # height, width, channels
Progress = Callable[[str, int, int], None]  # called with what is done, how much of it, of how much
