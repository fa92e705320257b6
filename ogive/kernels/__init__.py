"""Kernels: a pairing (one matrix product) and an epilogue (a cheap scalar function)."""

from ogive.kernels.additive import AdditiveSigmoid as AdditiveSigmoid
from ogive.kernels.algebra import Product as Product
from ogive.kernels.algebra import Scaled as Scaled
from ogive.kernels.algebra import Sum as Sum
from ogive.kernels.base import Kernel as Kernel
from ogive.kernels.base import PairedKernel as PairedKernel
from ogive.kernels.callable import CallableKernel as CallableKernel
from ogive.kernels.gaussian import Gaussian as Gaussian
from ogive.kernels.linear import Linear as Linear
from ogive.kernels.polynomial import Polynomial as Polynomial
from ogive.kernels.sigmoid import Logistic as Logistic
from ogive.kernels.sigmoid import Sigmoid as Sigmoid
from ogive.kernels.spectrum import Definiteness as Definiteness
from ogive.kernels.spectrum import definiteness as definiteness
