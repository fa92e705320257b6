"""New pictures, by flow matching with kernels.

A `PictureGenerator` turns noise into pictures along the velocities of a flow. `train_generator`
makes one from small pictures with classes, as a `GeneratorRecipe` says: its velocity is a network
of kernel layers trained by gradient (`FlowNetwork`), or, for pictures as small as digits of 8 × 8
pixels, kernel ridge regressions that are fitted in seconds (`KernelFlow`). ``ogive generate`` and
``ogive sample`` are the same on the command line.

Examples
--------
>>> from ogive.data import load
>>> recipe = GeneratorRecipe(method="closed-form", landmarks=50)
>>> generator = train_generator(load("digits"), recipe)
>>> generator.sample(4, label=3, seed=1, steps=8).shape
(4, 8, 8, 1)
"""

from ogive.images.generation.flow import VelocityField as VelocityField
from ogive.images.generation.generator import PictureGenerator as PictureGenerator
from ogive.images.generation.kernel_flow import KernelFlow as KernelFlow
from ogive.images.generation.network import FlowNetwork as FlowNetwork
from ogive.images.generation.network import NetworkShape as NetworkShape
from ogive.images.generation.network_training import planned_steps as planned_steps
from ogive.images.generation.recipe import GeneratorRecipe as GeneratorRecipe
from ogive.images.generation.training import train_generator as train_generator
