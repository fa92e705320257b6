"""Kernels as layers of Keras 3 models, on any backend: the same numbers as `ogive.nn`.

It needs Keras, which ``pip install 'ogive[keras]'`` brings. Where Keras would take TensorFlow only
because nobody has chosen, and TensorFlow is not installed, it runs on PyTorch.

Examples
--------
>>> from ogive.keras import KernelConv2D, KernelDense
>>> import keras
>>> model = keras.Sequential(
...     [
...         keras.Input((28, 28, 1)),
...         KernelConv2D(8, 3, "sigmoid", strides=2),
...         keras.layers.Flatten(),
...         KernelDense(10, "gaussian"),
...     ]
... )
>>> model.output_shape
(None, 10)
"""

from ogive.keras.additive import AdditiveKernelDense as AdditiveKernelDense
from ogive.keras.attention import SigmoidAttention as SigmoidAttention
from ogive.keras.conv import KernelConv2D as KernelConv2D
from ogive.keras.dense import KernelDense as KernelDense
from ogive.keras.sigmoid_kernel_nn import SigmoidKernelNN as SigmoidKernelNN
