"""Shapes as types, in one alphabet, so that a signature says what flows through it.

b batch · c colors · h w rows, columns · f g features in, out · k levels or classes
m mixture components · s any spatial axes

Checked at run time under pytest only (`tests/conftest.py`); elsewhere they are plain documentation.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Images = Int[Tensor, "b c h w"]  # levels 0..K-1
SmallImages = Int[Tensor, "b c s1 s2"]  # the small images of the Multi-Scale PixelRNN
Scales = list[Int[Tensor, "b c _ _"]]  # ... its images of every scale, the smallest first
Features = Float[Tensor, "b f h w"]  # a feature map into a layer
Output = Float[Tensor, "b g h w"]  # ... and out of it
Pixel = Float[Tensor, "b f"]  # the features of one pixel, into a layer
PixelOutput = Float[Tensor, "b g"]  # ... and out of it
Context = Float[Tensor, "b e h w"]  # what a conditional model is given beforehand
Nats = Float[Tensor, " b"]  # one number an image
Labels = Int[Tensor, "*n"]  # the class of each image; a single one where all have the same

__all__ = [
    "Bool",
    "Context",
    "Features",
    "Float",
    "Images",
    "Int",
    "Labels",
    "Nats",
    "Output",
    "Pixel",
    "PixelOutput",
    "Scales",
    "SmallImages",
    "Tensor",
]
