"""A softmax over all levels: any distribution, multimodal or skewed, and no notion of order (section 2.2)."""

import torch
import torch.nn.functional as F

from pixelrnn.errors import InputError
from pixelrnn.heads.head import Head, draw_levels
from pixelrnn.types import Float, Int, Tensor


class Softmax(Head):
    """`levels` logits a color: feature `k * c + color` is the logit of level k, so that colors stay interleaved."""

    def __init__(self, levels: int):
        if not 2 <= levels <= 256:
            raise InputError(f"the softmax head takes 2 to 256 levels, not {levels}")
        self.levels = levels

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
