"""A user's own function as a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ogive._checks import from_numpy
from ogive._errors import InvalidDataError
from ogive.kernels.base import Kernel
from ogive.kernels.pairing import Products, RowwiseProducts


@dataclass(frozen=True, eq=False, repr=False)
class CallableKernel(Kernel):
    """The kernel k(X, Z) = function(X, Z), where the function returns the whole matrix.

    Parameters
    ----------
    function : callable
        Takes arrays (n, d) and (m, d) and returns an array (n, m). It is taken to be symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> k = CallableKernel(lambda X, Z: np.minimum(X[:, :1], Z[:, 0]))
    >>> k(np.array([[1.0], [3.0]]))
    array([[1., 1.],
           [1., 3.]])
    """

    function: Callable[[Any, Any], Any]

    def evaluate(self, products: Products) -> Tensor:
        """Call the function on numpy views of both sides."""
        x, z = products.sides()
        given = tuple(r.detach().numpy() if isinstance(r, Tensor) else r for r in (x, z))
        if isinstance(products, RowwiseProducts):
            each = (slice(i, i + 1) for i in range(x.shape[0]))
            pairs = (self.function(given[0][i], given[1][i]) for i in each)
            return from_numpy(np.array([np.asarray(p).item() for p in pairs], dtype=given[0].dtype))
        matrix = np.asarray(self.function(*given))
        if matrix.shape != (x.shape[0], z.shape[0]):
            raise InvalidDataError(
                f"the kernel function returned shape {matrix.shape} for {x.shape[0]} and "
                f"{z.shape[0]} rows; it must return one row for each row of X and one column "
                "for each row of Z"
            )
        return from_numpy(np.array(matrix, dtype=given[0].dtype))
