"""Kernels as layers of PyTorch networks: between layers, in convolutions, in attention, as a loss.

Examples
--------
>>> import torch
>>> from ogive.nn import KernelConv2d, KernelLinear
>>> network = torch.nn.Sequential(
...     KernelConv2d(1, 8, 3), torch.nn.Flatten(), KernelLinear(8 * 6 * 6, 10, "gaussian")
... )
>>> network(torch.randn(2, 1, 8, 8)).shape
torch.Size([2, 10])
"""

from ogive.nn.conv import KernelConv1d as KernelConv1d
from ogive.nn.conv import KernelConv2d as KernelConv2d
from ogive.nn.linear import KernelLinear as KernelLinear
