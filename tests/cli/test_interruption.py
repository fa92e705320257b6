"""A command that is interrupted or killed leaves a whole file or none."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import pytest

import ogive

# Everything is imported beforehand, so that the moments fall into the work itself.
_SCRIPT = """
import sys
from ogive.cli.main import run
import ogive.models.fit, ogive.report.model, ogive.report.evaluation
sys.argv = ["ogive", "fit", "digits", "--landmarks", "300", "-o", sys.argv[1]]
print("ready", flush=True)
while True:
    try:
        run()
    except SystemExit as end:
        if end.code:
            raise
"""


def _stopped(child, kind):
    """Send the signal until it has an effect, and return what the child printed last."""
    # An interrupt that happens to fall into a destructor is reported and dropped by Python itself.
    for _ in range(5):
        child.send_signal(kind)
        try:
            return child.communicate(timeout=15)[1]
        except subprocess.TimeoutExpired:
            continue
    child.kill()
    raise AssertionError("five interrupts had no effect")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_a_model_file_is_whole_or_absent(tmp_path, kind):
    generator = random.Random(int(kind))
    for attempt in range(4):
        path = tmp_path / f"{attempt}" / "model.ogive"
        child = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "ready\n"
        time.sleep(generator.uniform(0, 2.5))
        errors = _stopped(child, kind)
        if kind == signal.SIGINT:
            assert child.returncode == 130, errors
            assert "Traceback" not in errors and errors.splitlines()[-1] == "ogive: interrupted"
            assert [file.name for file in path.parent.glob("*")] in ([], ["model.ogive"])
        if path.exists():
            assert len(ogive.load(path).classes) == 10
