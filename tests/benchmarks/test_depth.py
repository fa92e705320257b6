"""The benchmark of depth runs, and its network is what it says."""

import pytest
import torch
from torch import nn

from benchmarks import depth
from benchmarks.depth import Pixels, Size
from ogive.nn import KernelLinear

TINY = Size(depth=6, width=16, rows=128, batch=32)


def pixels(rows):
    generator = torch.Generator().manual_seed(rows)
    inputs = torch.randn(rows, 20, generator=generator)
    return Pixels(inputs, inputs[:, :10].argmax(1))


@pytest.mark.parametrize("weights", ["critical-batch", "critical-line", "critical", "torch"])
@pytest.mark.parametrize("kernel", ["sigmoid", "logistic"])
def test_networks_are_plain_and_as_deep_as_asked(kernel, weights):
    model = depth.network(kernel, weights, TINY, torch.randn(64, 20))
    layers = [m for m in model if isinstance(m, nn.Linear | KernelLinear)]
    assert len(layers) == 6
    allowed = nn.Linear | KernelLinear | nn.Tanh | nn.Sigmoid
    assert all(isinstance(module, allowed) for module in model)
    assert all(layer.weight.shape[0] == 16 for layer in layers[:-1])


def test_the_same_seed_gives_the_same_outcome():
    data = pixels(1200), pixels(300)
    outcomes = [depth.run("sigmoid", "critical", TINY, data, seed=1) for _ in "ab"]
    assert outcomes[0].accuracy == outcomes[1].accuracy
    assert 0.5 < outcomes[0].growth <= 1.01
    assert depth.run("sigmoid", "torch", TINY, data, seed=1).growth < 0.4


def test_the_command_prints_a_table(monkeypatch, capsys):
    monkeypatch.setattr(depth, "QUICK", TINY)
    monkeypatch.setattr(depth, "_data", lambda source: (pixels(1200), pixels(300)))
    assert depth.main(["--quick", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    for kernel in ("sigmoid", "logistic"):
        assert printed.count(f"\n{kernel} ") == 4
    assert "6 layers of 16 units" in printed
    assert torch.zeros(1).add(1e-40).item() > 0, "denormal numbers are back"
