"""New pictures, by flow matching with a network of kernel layers."""

from ogive.images.generation.generator import PictureGenerator as PictureGenerator
from ogive.images.generation.recipe import GeneratorRecipe as GeneratorRecipe
from ogive.images.generation.training import train_generator as train_generator
