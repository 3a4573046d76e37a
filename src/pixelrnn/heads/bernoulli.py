"""Two levels, one logit a color, for binarised images."""

import torch
import torch.nn.functional as F

from pixelrnn.errors import InputError
from pixelrnn.heads.head import Head, above_zero, check_number_of_levels
from pixelrnn.types import Float, Int, Tensor


class Bernoulli(Head):
    """Give level 1 the probability sigma(feature).

    Raises InputError unless there are two levels.
    """

    levels: int

    def __init__(self, levels: int = 2):
        check_number_of_levels(levels, most=2**16)
        if levels != 2:
            raise InputError(
                f"the Bernoulli head has 2 levels, the data has {levels}: use head=softmax"
            )
        self.levels = levels

    def num_features(self, colors: int) -> int:
        return colors

    def passes(self, colors: int) -> list[list[int]]:
        return [[color] for color in range(colors)]

    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        logits = features.to(torch.promote_types(features.dtype, torch.float32))
        return -F.binary_cross_entropy_with_logits(
            logits, x.to(logits.dtype), reduction="none"
        ).sum(1)

    def sample(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Int[Tensor, "b c *s"]:
        logits = features / above_zero(temperature)
        return torch.bernoulli(logits.sigmoid(), generator=generator).long()

    def level_log_probs(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"], color: int
    ) -> Float[Tensor, "b *s k"]:
        logits = features[:, color].to(torch.promote_types(features.dtype, torch.float32))
        return torch.stack([F.logsigmoid(-logits), F.logsigmoid(logits)], dim=-1)
