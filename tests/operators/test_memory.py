"""A product stays within its memory budget, seen from outside: the process's peak."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BUDGET = 8_000_000
N, D = 6000, 64
MATRIX = N * N * 4  # 144 MB
# Beside the budget: workspaces of the matrix product, and the allocator's pages of small objects.
SLACK = 6_000_000

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from ogive.kernels import Sigmoid
from ogive.operators import KernelOperator

torch.set_num_threads(1)
mode, n, d, budget = sys.argv[1], *map(int, sys.argv[2:])
kernel = Sigmoid(0.01, -0.5)


def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(l.split()[1]) * 1024 for l in lines if l.startswith(name))


def work(x, z, v):
    if mode == "dense":
        return kernel(x, z) @ v
    if mode == "backward":
        x.requires_grad_()
        (KernelOperator(kernel, x, z, memory=budget) @ v).sum().backward()
        return x.grad
    op = KernelOperator(kernel, x, None if mode == "symmetric" else z, memory=budget)
    if mode == "row_blocks":
        return torch.stack([block.sum() for _, block in op.row_blocks()])
    if mode == "mixed":
        v = v.double()
    if mode == "transpose":
        return op.T @ v
    return op @ v


torch.manual_seed(0)

def rows(count):
    return torch.randint(0, 256, (count, d)).float() if mode == "exact" else torch.randn(count, d)


work(rows(600), rows(600), torch.randn(600, 1))
x, z = rows(n), rows(n)
v = torch.randn(n, 1)
Path("/proc/self/clear_refs").write_text("5")
before, reset = status("VmRSS:"), status("VmHWM:")
answer = work(x, z, v)
print(json.dumps({"before": before, "reset": reset, "peak": status("VmHWM:")}))
"""


def peak_growth(mode, budget=BUDGET):
    """Return by how many bytes the process grew at most during one piece of work."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from Linux's /proc")
    command = [sys.executable, "-c", SCRIPT, mode, str(N), str(D), str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if "clear_refs" in done.stderr:
        pytest.skip("this system does not let a process reset its peak")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if found["reset"] > found["before"] + 2_000_000:
        pytest.skip("this system does not reset the peak")
    return found["peak"] - found["before"]


def test_the_measure_sees_a_dense_matrix():
    assert peak_growth("dense") > 0.95 * MATRIX


@pytest.mark.parametrize("mode", ["product", "symmetric", "transpose", "mixed", "row_blocks"])
def test_a_product_stays_within_its_budget(mode):
    assert peak_growth(mode) < BUDGET + 8 * N + SLACK


def test_an_exact_product_stays_within_its_budget():
    sides = 4 * 4 * N  # norms and corrections of both
    search = 4 * 4096 * D * 4  # while the lattice is sought: a few copies of 4096 rows
    assert peak_growth("exact") < BUDGET + 8 * N + sides + search + SLACK


def test_blocks_of_rows_share_their_budget_with_the_tiles():
    # Here a block and a tile of the full budget each would be 11 MB too much.
    assert peak_growth("row_blocks", 4 * BUDGET) < 4 * BUDGET + SLACK


def test_a_backward_pass_stays_within_its_budget():
    answer = 4 * N + 3 * 4 * N * D  # the product, sums of gradients for both sides, x.grad
    assert peak_growth("backward") < BUDGET + answer + SLACK
