"""Shapes as types, in one alphabet, so that a signature says what flows through it.

b batch · c colors · h w rows, columns · f g features in, out · k levels · m mixture components · s any spatial axes

Checked at run time under pytest only (`tests/conftest.py`); elsewhere they are plain documentation.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Images = Int[Tensor, "b c h w"]  # levels 0..K-1
Features = Float[Tensor, "b f h w"]  # a feature map
Context = Float[Tensor, "b e h w"]  # what a conditional model is told beforehand
Rows = Float[Tensor, "b r w f"]  # the last rows of a feature map, features last; the current row is [:, -1]
Nats = Float[Tensor, " b"]  # one number an image

__all__ = ["Bool", "Context", "Features", "Float", "Images", "Int", "Nats", "Rows", "Tensor"]
