"""The CIFAR-10 example: its parts on drawn pictures, and the whole on a few real ones."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from ogive.data import Dataset, available
from ogive.nn import KernelConv2d, KernelLinear

_FILE = Path(__file__).parents[2] / "examples" / "cifar10_torch.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("cifar10_torch", _FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(count, seed):
    """Return pictures whose classes differ in the colour of their upper or lower half."""
    random = np.random.default_rng(seed)
    y = np.arange(count) % 6
    pixels = random.integers(0, 100, (count, 32, 32, 3))
    for picture, label in zip(pixels, y, strict=True):
        picture[16 * (label // 3) : 16 * (label // 3) + 16, :, label % 3] += 120
    x = pixels.astype(np.uint8).reshape(count, -1)
    return Dataset("drawn", x, y, tuple("abcdef"), (32, 32, 3))


def test_pictures_keep_their_pixels(example):
    data = drawn(3, 0)
    x, y = example.pictures(data)
    assert x.shape == (3, 3, 32, 32)
    assert x.dtype == torch.float32
    assert float(x[2, 1, 5, 7]) == pytest.approx(data.images()[2, 5, 7, 1] / 255)
    assert y.tolist() == [0, 1, 2]


def test_standardised_by_the_training_pictures_alone(example):
    x = 3 + 2 * torch.randn(20, 3, 32, 32)
    train, test = example.standardised(x, x[:1] + 1)
    torch.testing.assert_close(train.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(train.std((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(test, train[:1] + 1 / x.std((0, 2, 3), keepdim=True))


def test_the_networks_have_the_same_sizes(example):
    x = torch.randn(40, 3, 32, 32)
    article, kernel = example.article_network(), example.kernel_network(x)
    assert article(x).shape == kernel(x).shape == (40, 10)
    assert bool(((article(x) >= 0) & (article(x) <= 1)).all())

    def weights(network):
        return [tuple(p.shape) for p in network.parameters() if p.ndim > 1]

    assert weights(article) == weights(kernel)
    assert [type(part) for part in kernel if hasattr(part, "gamma")] == [
        KernelConv2d,
        KernelConv2d,
        KernelLinear,
    ]


def test_the_kernel_network_learns_drawn_pictures(example):
    share, seconds = example.run("kernel", drawn(300, 0), drawn(60, 1), epochs=2)
    assert share > 0.9
    assert seconds > 0


def test_without_data_it_says_how_to_get_them(example, monkeypatch, capsys):
    monkeypatch.setattr(example, "available", lambda name: False)
    assert example.main([]) == 1
    assert "ogive datasets fetch cifar10" in capsys.readouterr().err


@pytest.mark.skipif(not available("cifar10"), reason="CIFAR-10 is not on this machine")
def test_it_runs_on_few_rows(example, capsys):
    assert example.main(["--rows", "128", "--epochs", "1", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "128 pictures, 1 epochs" in printed
    assert len(re.findall(r"^(?:article|kernel) +accuracy 0\.\d+ +\d+ s$", printed, re.M)) == 2
