"""The upsampling network (section 3.6): an ordinary, unmasked deconvolutional network.

The whole small image is drawn before the first pixel of the large one: nothing here needs a mask.
"""

import torch.nn.functional as F
from torch import nn

from pixelrnn.types import Context, Float, Tensor


class Upsample(nn.Module):
    """Turn a small image into a context of the large one: `(b c s s) -> (b e n n)`, n = factor * s.

    A 3x3 convolution, a transposed one of stride `factor`, a 3x3 one.
    """

    def __init__(self, colors: int, features: int, factor: int):
        super().__init__()
        self.before = nn.Conv2d(colors, features, 3, padding=1)
        # The weights of runs hold this name, so that another one would not load them.
        self.raise_ = nn.ConvTranspose2d(features, features, factor, stride=factor)
        self.after = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c s1 s2"]) -> Context:
        """Return the context `(b e n n)` of small images of numbers from -1 to 1."""
        return self.after(F.relu(self.raise_(F.relu(self.before(x)))))
