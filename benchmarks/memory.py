"""Peak memory of a way: it is run alone in a fresh process, whose account the system keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_LAUNCHER = Path(__file__).with_name("launcher.py")
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


class ChildError(Exception):
    """The process in which memory was to be measured failed."""


def peak_bytes(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Return the largest resident memory of a command, as the system accounts for it.

    Raises
    ------
    ChildError
        If the command fails; the message holds what it said last.
    """
    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *command],
        env=None if environment is None else dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    code, peak = map(int, launched.stdout.split())
    if code:
        raise ChildError(
            f"{' '.join(command)} ended with status {code}:\n{launched.stderr[-2000:]}"
        )
    return peak * _UNIT


def child_peak(reference: str, way: str | None, *, quick: bool, threads: int) -> int:
    """Return the peak memory of a process that runs one way, imports and data included.

    Parameters
    ----------
    reference : str
        Where the case is found: "module:NAME".
    way : str or None
        With None nothing is run: what is left is the imports and the data.
    quick : bool
    threads : int
    """
    command = [sys.executable, "-m", "benchmarks.child", reference, str(threads)]
    command += ["quick" if quick else "full"] + ([] if way is None else [way])
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return peak_bytes(command, {**os.environ, "PYTHONPATH": path})
