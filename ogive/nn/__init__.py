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

from ogive.nn import init as init
from ogive.nn.additive_attention import AdditiveAttention as AdditiveAttention
from ogive.nn.additive_linear import AdditiveKernelLinear as AdditiveKernelLinear
from ogive.nn.additive_sums import additive_attention as additive_attention
from ogive.nn.additive_sums import additive_attention_bound as additive_attention_bound
from ogive.nn.conv import KernelConv1d as KernelConv1d
from ogive.nn.conv import KernelConv2d as KernelConv2d
from ogive.nn.head import HeadFit as HeadFit
from ogive.nn.head import fit_head_ as fit_head_
from ogive.nn.kernel_attention import kernel_attention as kernel_attention
from ogive.nn.linear import KernelLinear as KernelLinear
from ogive.nn.nystroem_layer import NystroemConv2d as NystroemConv2d
from ogive.nn.nystroem_layer import NystroemLayer as NystroemLayer
from ogive.nn.pairwise_loss import PairwiseSigmoidLoss as PairwiseSigmoidLoss
from ogive.nn.pairwise_loss import positive_prior as positive_prior
from ogive.nn.patch_features import PatchFeatures as PatchFeatures
from ogive.nn.sigmoid_attention import SigmoidAttention as SigmoidAttention
