"""Keys and values as tiles want them, prepared at once or by the first task that needs a head."""

from __future__ import annotations

from threading import Lock

from torch import Tensor

from ogive._typing import Float


class Keys:
    """Keys with a last feature of one, and values, of heads that lose the same keys to padding.

    Offsets are then added within the product of queries and keys, not in a pass of their own.

    Parameters
    ----------
    key : Tensor of shape (batch, key heads, m, d)
    value : Tensor of shape (batch, key heads, m, e)
    items : slice
        The items of the batch; each has all key heads.
    kept : int64 Tensor, optional
        Which keys are left; None: all.
    like : Tensor
        Names type and device of the result.
    at_once : bool
        Whether all heads are prepared here, by operations with threads of their own.

    Attributes
    ----------
    key : Tensor of shape (heads, m, d + 1)
    value : Tensor of shape (heads, m, e)
        Undefined for heads that `prepare` was not asked for, as are their keys.
    """

    def __init__(
        self,
        key: Float[Tensor, "batch key_heads m d"],
        value: Float[Tensor, "batch key_heads m e"],
        *,
        items: slice,
        kept: Tensor | None,
        like: Tensor,
        at_once: bool,
    ) -> None:
        self._given = key[items], value[items]
        self._kept: Tensor | slice = slice(None) if kept is None else kept
        items_heads = self._given[0].shape[:2]
        m = key.shape[2] if kept is None else len(kept)
        self._key = like.new_empty(*items_heads, m, key.shape[3] + 1)
        self._value: Tensor | None = None
        if kept is not None or value.dtype != like.dtype:
            self._value = like.new_empty(*items_heads, m, value.shape[3])
        self.key = self._key.flatten(0, 1)
        self.value = (self._given[1] if self._value is None else self._value).flatten(0, 1)
        self._locks = [Lock() for _ in range(0 if at_once else len(self.key))]
        self._prepared = [at_once] * len(self.key)
        if at_once:
            self._fill((slice(None), slice(None)))

    def prepare(self, heads: slice) -> None:
        """Fill in these heads, once; any thread may ask."""
        for head in range(heads.start, heads.stop):
            if self._prepared[head]:
                continue
            with self._locks[head]:
                if not self._prepared[head]:
                    self._fill(divmod(head, self._key.shape[1]))
                    self._prepared[head] = True

    def _fill(self, heads: tuple[int | slice, ...]) -> None:
        key, value = self._given
        self._key[heads][..., :-1] = key[heads][..., self._kept, :]
        self._key[heads][..., -1] = 1
        if self._value is not None:
            self._value[heads] = value[heads][..., self._kept, :]
