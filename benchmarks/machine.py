"""What a figure depends on besides the code: machine, versions, load."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
# Those that decide which matrix product is taken.
_FLAGS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "amx_int8", "asimd", "sve", "bf16", "i8mm"),
)
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "ogive")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory and system."""
    fields = _processor_fields()
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return {
        "processor": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "flags": [flag for flag in _FLAGS if flag in flags],
    }


def versions() -> dict[str, str | None]:
    """Return the versions of Python and the packages, and the commit where there is one."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    return found | {name: version(name) for name in _PACKAGES} | {"commit": _commit()}


def load() -> float:
    """Return how many processes wanted to run over the last minute: above 1, there was company."""
    return os.getloadavg()[0]


def _processor_fields() -> dict[str, str]:
    """Return what Linux tells of the first processor; elsewhere nothing."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _commit() -> str | None:
    """Return the commit of the working tree, marked if files differ from it."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or not a checkout
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
