"""What a checkpoint keeps of a training: every name of it checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from ogive._container import path_text
from ogive._errors import InvalidModelError
from ogive._training.checkpoint import read_checkpoint, write_checkpoint
from ogive._training.identity import check_identity

_KINDS = {"identity": dict, "done": int, "seconds": float, "parts": dict}


class Stateful(Protocol):
    """A part of a training: a model, an optimiser, an average of weights."""

    def state_dict(self) -> Any:
        """Return its state: tensors and plain values, nested."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Take a state."""


@dataclass(frozen=True)
class Kept:
    """A training as its checkpoint has it.

    Attributes
    ----------
    path : Path
        Of the checkpoint.
    identity : mapping
        Recipe and data; see `check_identity`.
    done : int
        Steps that were taken.
    seconds : float
        That they took.
    parts : mapping
        The state of each part by its name.
    """

    path: Path
    identity: Mapping[str, Any]
    done: int
    seconds: float
    parts: Mapping[str, Any]

    def write(self) -> None:
        """Write the checkpoint, whole or not at all."""
        write_checkpoint(self.path, {name: getattr(self, name) for name in _KINDS})

    def give(self, parts: Mapping[str, Stateful]) -> None:
        """Give each of these parts its state.

        Raises
        ------
        InvalidModelError
            If there is none for it, or one that it cannot take.
        """
        for name, part in parts.items():
            if name not in self.parts:
                raise _foreign(self.path, f"it has no {name!r}")
            try:
                part.load_state_dict(self.parts[name])
            except (MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:  # whatever a part makes of a state that is not its own
                told = " ".join(f"{type(error).__name__}: {error}".split())
                raise _foreign(self.path, f"{name!r} does not fit: {told:.200}") from error

    @classmethod
    def read(cls, path: Path | None, identity: Mapping[str, Any] | None = None) -> Kept | None:
        """Return what the checkpoint of a training holds; None if it is not there.

        Parameters
        ----------
        path : Path or None
        identity : mapping, optional
            What the training must be.

        Raises
        ------
        InvalidModelError
            If it is damaged, or holds something else.
        InvalidParameterError
            If it belongs to another training.

        Examples
        --------
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.checkpoint"
        >>> Kept.read(path) is None
        True
        >>> Kept(path, {"steps": 9}, 3, 0.5, {}).write()
        >>> Kept.read(path).done
        3
        """
        path = None if path is None else path.expanduser()
        if path is None or not path.exists():
            return None
        state = read_checkpoint(path)
        state = state if isinstance(state, dict) else {}
        for name, kind in _KINDS.items():
            if type(state.get(name)) is not kind:
                raise _foreign(path, f"its {name!r} is {state.get(name)!r:.40}")
        kept = cls(path, **{name: state[name] for name in _KINDS})
        if identity is not None:
            check_identity(kept.identity, identity, path_text(path))
        return kept


def _foreign(path: Path, reason: str) -> InvalidModelError:
    """Return the error of a checkpoint that is whole, and not one of this training."""
    return InvalidModelError(
        f"{path_text(path)} does not hold this training: {reason}; delete it, or name another"
    )
