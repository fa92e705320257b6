"""CIFAR-10 in PyTorch: a network as articles have it, and the same one of kernel units.

python examples/cifar10_torch.py --rows 10000 --epochs 3

Both have convolutions of 32 and 64 channels and 512 hidden units, see the same pictures in the same
batches, and are trained by stochastic gradient descent with momentum. The article's ends in sigmoid
units, so that cross-entropy gets numbers between 0 and 1 and can hardly tell one class from nine
others, on pixels from 0 to 1, at a constant learning rate of 0.001. The other one has kernel units
tanh(gamma ⟨x, w⟩ + coef0), critical weights, standardised pixels, logits for cross-entropy, and a
learning rate that rises and falls.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive.data import Dataset, available, load
from ogive.nn import KernelConv2d, KernelLinear
from ogive.nn.init import critical_

BATCH = 32
KERNEL_RATE = 0.02


def article_network() -> nn.Sequential:
    """Return the article's network."""
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 8 * 8, 512), nn.ReLU()),
        *(nn.Linear(512, 10), nn.Sigmoid()),  # the mistake
    )


def kernel_network(x: Tensor) -> nn.Sequential:
    """Return the same of kernel units, critical on some of the pictures it will see."""
    network = nn.Sequential(
        *(KernelConv2d(3, 32, 3, "sigmoid", padding=1), nn.MaxPool2d(2)),
        *(KernelConv2d(32, 64, 3, "sigmoid", padding=1), nn.MaxPool2d(2)),
        *(nn.Flatten(), KernelLinear(64 * 8 * 8, 512, "sigmoid")),
        nn.Linear(512, 10),
    )
    return critical_(network, x[:256])


def pictures(data: Dataset) -> tuple[Tensor, Tensor]:
    """Return pixels between 0 and 1 of shape (n, 3, 32, 32), float32, and the classes."""
    x = torch.from_numpy(data.features()).unflatten(1, data.image_shape).permute(0, 3, 1, 2)
    return x.contiguous(), torch.from_numpy(data.y)


def standardised(x: Tensor, test_x: Tensor) -> tuple[Tensor, Tensor]:
    """Return both with mean 0 and variance 1 in every channel of the first."""
    spread, mean = torch.std_mean(x, (0, 2, 3), keepdim=True)
    return (x - mean) / spread, (test_x - mean) / spread


def train(network: nn.Module, x: Tensor, y: Tensor, epochs: int, highest: float | None) -> None:
    """Train by SGD at rate 0.001; or at one that rises to the highest, and falls to 0."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    schedule = None
    if highest is not None:
        steps = epochs * -(-len(x) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, highest, total_steps=steps + 1, cycle_momentum=False
        )
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()


@torch.no_grad()
def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the share of pictures whose class gets the largest output."""
    right = [network(a).argmax(1) == b for a, b in zip(x.split(500), y.split(500), strict=True)]
    return float(torch.cat(right).float().mean())


def run(name: str, data: Dataset, test: Dataset, epochs: int) -> tuple[float, float]:
    """Make and train one of the networks; return its accuracy on the test data, and seconds."""
    start = time.perf_counter()
    (x, y), (test_x, test_y) = pictures(data), pictures(test)
    if name == "kernel":
        x, test_x = standardised(x, test_x)
        network, highest = kernel_network(x), KERNEL_RATE
    else:
        network, highest = article_network(), None
    train(network, x, y, epochs, highest)
    return accuracy(network, test_x, test_y), time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one network or both, and print what they reach."""
    parser = argparse.ArgumentParser(description="CIFAR-10 by an article's network and by kernels")
    add = parser.add_argument
    add("--network", choices=("both", "article", "kernel"), default="both")
    add("--epochs", type=int, default=3)
    add("--rows", type=int, help="only so many pictures of each set")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    if not available("cifar10"):
        print("CIFAR-10 is not here; get it by: ogive datasets fetch cifar10", file=sys.stderr)
        return 1
    torch.set_num_threads(options.threads)
    data, test = load("cifar10"), load("cifar10", "test")
    if options.rows is not None:
        data, test = data.take(range(options.rows)), test.take(range(min(options.rows, len(test))))
    print(f"{len(data):,} pictures, {options.epochs} epochs; tested on {len(test):,}")
    for name in ("article", "kernel") if options.network == "both" else (options.network,):
        torch.manual_seed(options.seed)
        share, seconds = run(name, data, test, options.epochs)
        print(f"{name:8} accuracy {share:.3f}  {seconds:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
