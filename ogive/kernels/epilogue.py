"""Epilogues: the cheap scalar functions that turn a pairing into a kernel."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ogive._threads import run_tasks

_LOG2_E = 1 / math.log(2)
# Entries of a matrix from which a loop of our own pays for being loaded. torch takes tanh from a
# library that is slow on some processors (measured: six times as long).
_WORTH_A_LOOP = 2**18
_TANH_KNEE = math.atanh(math.sqrt(1 - 1 / 20))


class Epilogue(ABC):
    """A scalar function applied to every entry of a pairing."""

    @abstractmethod
    def formula(self, z: Any, xp: Any) -> Any:
        """Return φ(z) by the functions of the namespace ``xp`` (torch, numpy, keras.ops)."""

    @abstractmethod
    def overwrite(self, z: Tensor) -> Tensor:
        """Replace z by φ(z) in its own memory and return it."""

    @property
    def knee(self) -> tuple[float, float]:
        """The arguments between which the slope is above a twentieth of the steepest one.

        Beyond them a unit is saturated: hardly any gradient passes.
        """
        return -math.inf, math.inf

    def __call__(self, z: Tensor) -> Tensor:
        """Return φ(z) in new memory, differentiable."""
        return self.formula(z, torch)


@dataclass(frozen=True)
class Identity(Epilogue):
    """φ(z) = z."""

    def formula(self, z: Any, xp: Any) -> Any:
        """Return z."""
        return z

    def overwrite(self, z: Tensor) -> Tensor:
        """Return z."""
        return z


@dataclass(frozen=True)
class Power(Epilogue):
    """φ(z) = z^degree."""

    degree: float

    def formula(self, z: Any, xp: Any) -> Any:
        """Return z^degree."""
        return z**self.degree

    def overwrite(self, z: Tensor) -> Tensor:
        """Overwrite z by z^degree."""
        return z.pow_(self.degree)


@dataclass(frozen=True)
class Exp(Epilogue):
    """φ(z) = exp(z)."""

    def formula(self, z: Any, xp: Any) -> Any:
        """Return exp(z)."""
        return xp.exp(z)

    def overwrite(self, z: Tensor) -> Tensor:
        """Overwrite z by exp(z)."""
        # As 2^(z log₂ e), which rounds z once more. torch takes its exponentials from a library
        # that is slow on some processors (measured: three to eight times as long), not powers of 2.
        return z.mul_(_LOG2_E).exp2_()

    @property
    def knee(self) -> tuple[float, float]:
        """Of exp on z ≤ 0, which is where kernels use it: -log 20."""
        return -math.log(20), math.inf


@dataclass(frozen=True)
class Tanh(Epilogue):
    """φ(z) = tanh(z)."""

    def formula(self, z: Any, xp: Any) -> Any:
        """Return tanh(z)."""
        return xp.tanh(z)

    def overwrite(self, z: Tensor) -> Tensor:
        """Overwrite z by tanh(z)."""
        suits = z.dtype == torch.float32 and z.device.type == "cpu" and z.is_contiguous()
        if z.numel() < _WORTH_A_LOOP or not suits:
            return z.tanh_()
        from ogive.kernels.epilogue_loops import tanh

        threads = torch.get_num_threads()
        parts = np.array_split(z.detach().numpy().reshape(-1), threads)
        run_tasks([partial(tanh, part) for part in parts], threads=threads)
        return z

    @property
    def knee(self) -> tuple[float, float]:
        """Where 1 - tanh² = 1/20."""
        return -_TANH_KNEE, _TANH_KNEE


@dataclass(frozen=True)
class LogisticFunction(Epilogue):
    """φ(z) = 1 / (1 + exp(-z)), to full relative precision for very negative z."""

    def formula(self, z: Any, xp: Any) -> Any:
        """Return exp(-log(1 + exp(-z))), which neither overflows nor loses small values."""
        return xp.exp(-xp.logaddexp(xp.zeros_like(z), -z))

    def overwrite(self, z: Tensor) -> Tensor:
        """Overwrite z by σ(z)."""
        return z.sigmoid_()

    @property
    def knee(self) -> tuple[float, float]:
        """Where 4 σ (1 - σ) = 1/20."""
        return -2 * _TANH_KNEE, 2 * _TANH_KNEE

    def __call__(self, z: Tensor) -> Tensor:
        """Return σ(z); torch's own function has the same precision in one pass."""
        return torch.sigmoid(z)
