"""A softmax over all levels (section 2.2): any distribution, and no notion of order."""

import torch
import torch.nn.functional as F

from pixelrnn.heads.head import Head, check_number_of_levels, draw_levels
from pixelrnn.types import Float, Int, Tensor


class Softmax(Head):
    """Read `levels` logits a color.

    Feature `k * c + color` is the logit of level k, so that colors stay interleaved.

    Raises InputError unless `levels` is a whole number from 2 to 256.
    """

    levels: int

    def __init__(self, levels: int | None):
        self.levels = check_number_of_levels(levels)

    def num_features(self, colors: int) -> int:
        return self.levels * colors

    def passes(self, colors: int) -> list[list[int]]:
        return [[color] for color in range(colors)]

    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        logits = features.to(torch.promote_types(features.dtype, torch.float32)).unflatten(
            1, (self.levels, -1)
        )
        return -F.cross_entropy(logits, x, reduction="none").sum(1)

    def sample(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Int[Tensor, "b c *s"]:
        logits = features.float().unflatten(1, (self.levels, -1)).movedim(1, -1)
        return draw_levels(logits, generator, temperature)

    def level_log_probs(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"], color: int
    ) -> Float[Tensor, "b *s k"]:
        logits = features.unflatten(1, (self.levels, -1))[:, :, color].movedim(1, -1)
        return logits.to(torch.promote_types(features.dtype, torch.float32)).log_softmax(-1)
