"""A mixture of discretised logistics over whole pixels (Salimans et al., PixelCNN++, 2017).

Sections 2.1 and 2.2 there; the colors are coupled as in `heads.mixture`:

    v ~ sum_m pi_m logistic(mu_m, s_m)
    p(level k) = mass of the bin of half-width 1/(K-1) around 2k/(K-1) - 1

where the outermost bins reach to infinity.

Up to 65,536 levels: beyond 256 it is computed in float64, since float32 has 2^-24 beside one and a
bin is no wider than 2^-15; and scales may be as many bins wide, or as few, as those of 256 levels.
"""

import math

import torch
import torch.nn.functional as F

from pixelrnn.errors import check_whole
from pixelrnn.heads.head import Head, check_number_of_levels, draw_levels
from pixelrnn.heads.mixture import (
    LOWEST,
    Parameters,
    choose,
    count_features,
    even_grid,
    leaning_mean,
    read_parameters,
)
from pixelrnn.ops.pixels import normalize
from pixelrnn.types import Float, Int, Tensor

MOST_LEVELS = 2**16
TABLE = 256  # levels that are few enough for a table of them all


class LogisticMixture(Head):
    """Mix `components` logistics over `levels` bins.

    Raises InputError unless both are whole numbers, 2 <= levels <= 65,536, components >= 1.
    """

    levels: int

    def __init__(self, levels: int | None, components: int = 10):
        self.levels = check_number_of_levels(levels, MOST_LEVELS)
        check_whole(components=components)
        self.components = components

    def num_features(self, colors: int) -> int:
        return count_features(self.components, colors)

    def passes(self, colors: int) -> list[list[int]]:
        return [list(range(colors))]

    def initial_bias(self, colors: int) -> Float[Tensor, " f"]:
        """Return means on an even grid over [-1, 1] a color, and scales of 0.4 of a cell.

        The distribution is flat to a few per cent.
        """
        side, bias = even_grid(self.components, colors)
        bias[:, 1 + colors : 1 + 2 * colors] = math.log(0.4 / side)
        return bias.flatten()

    def parameters(self, features: Float[Tensor, "b f *s"], colors: int) -> Parameters:
        """Read the mixture off the features."""
        deep = self.levels > TABLE
        least = torch.float64 if deep else torch.float32
        features = features.to(torch.promote_types(features.dtype, least))
        lowest = LOWEST - math.log((self.levels - 1) / (TABLE - 1)) if deep else LOWEST
        return read_parameters(features, self.components, colors, lowest)

    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        logits, means, log_scales, coefficients = self.parameters(features, x.shape[1])
        x = x.unsqueeze(1)
        v = normalize(x, self.levels, means.dtype if self.levels > TABLE else features.dtype)
        leaning = [leaning_mean(color, means, coefficients, v) for color in range(means.shape[2])]
        means = torch.stack(leaning, dim=2)  # (b m c *s)
        per_component = self._log_bin(x, v, means, log_scales).sum(2)
        log_prob = (logits.log_softmax(1) + per_component).logsumexp(1)
        return log_prob.to(torch.promote_types(features.dtype, torch.float32))

    def _log_bin(self, x: Tensor, v: Tensor, means: Tensor, log_scales: Tensor) -> Tensor:
        """Return the log of the logistic's mass in the bin of level `x`: simply

            log(sigma(upper) - sigma(lower)),    upper, lower = (v +- 1/(K-1) - mean) / scale

        which is written as a product, sigma(upper) sigma(-lower) (1 - exp(lower - upper)), since
        the difference of two numbers near one has no digits left. In the outermost bins one of the
        edges lies at infinity.
        """
        half = 1 / (self.levels - 1)
        inverse = (-log_scales).exp()
        upper = (v - means + half) * inverse
        lower = (v - means - half) * inverse
        below, above = F.logsigmoid(upper), F.logsigmoid(-lower)
        inside = below + above + (-torch.expm1(-2 * half * inverse)).log()
        return torch.where(x == 0, below, torch.where(x == self.levels - 1, above, inside))

    def sample(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Int[Tensor, "b c *s"]:
        if temperature != 1:
            return self._sample_tempered(features, colors, generator, temperature)
        parameters = self.parameters(features, colors)
        means, log_scales, coefficients = choose(parameters, generator)
        x = torch.zeros_like(means, dtype=torch.long)
        for color in range(colors):
            # Later means lean on the drawn *levels*, as in `log_prob`, not on the logistic's value
            # before rounding.
            mean = leaning_mean(color, means, coefficients, normalize(x, self.levels, means.dtype))
            u = torch.rand(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
            v = mean + log_scales[:, :, color].exp() * torch.logit(u, eps=1e-7)
            level = ((v + 1) / 2 * (self.levels - 1)).round()
            x[:, :, color] = level.clamp(0, self.levels - 1).long()
        return x[:, 0]

    def _sample_tempered(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None,
        temperature: float,
    ) -> Int[Tensor, "b c *s"]:
        """Draw color by color from all levels: a sharp mixture is no mixture of sharp logistics.

        Dividing the logits and multiplying the scales by T, as is often done, draws from another
        distribution, whose limit is the mean of the heaviest component rather than the likeliest
        level.
        """
        x = features.new_zeros(len(features), colors, *features.shape[2:], dtype=torch.long)
        for color in range(colors):
            log_probs = self.level_log_probs(features, x, color)
            x[:, color] = draw_levels(log_probs, generator, temperature)
        return x

    def level_log_probs(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"], color: int
    ) -> Float[Tensor, "b *s k"]:
        weights, mean, log_scales = self._given(features, x, color)
        every = torch.arange(self.levels, device=x.device)
        values = normalize(every, self.levels, weights.dtype)
        bins = self._log_bin(every, values, mean[..., None], log_scales[..., None])
        joint = (weights[..., None] + bins).logsumexp(1)  # (b *s k), with the colors before
        return joint.log_softmax(-1)

    def interval_log_probs(
        self,
        features: Float[Tensor, "b f"],
        x: Int[Tensor, "b c"],
        color: int,
        first: Int[Tensor, "b n"],
        last: Int[Tensor, "b n"],
    ) -> Float[Tensor, "b n"]:
        """Return the log-probability of each interval of levels, first to last, of one color.

        Given the colors before it, as `level_log_probs`. An interval that begins above the highest
        level has none: -inf.
        """
        weights, mean, log_scales = self._given(features, x, color)
        half, inverse = 1 / (self.levels - 1), (-log_scales).exp()[..., None]
        lower, upper = (
            (normalize(edge, self.levels, mean.dtype)[:, None] - mean[..., None] + side) * inverse
            for edge, side in ((first, -half), (last, half))
        )  # (b m n)
        below = F.logsigmoid(upper).where(last[:, None] < self.levels - 1, 0.0)
        above = F.logsigmoid(-lower).where(first[:, None] > 0, 0.0)
        ends = (first > 0) & (last < self.levels - 1)  # of the others, one factor is the mass
        width = (-torch.expm1(lower - upper)).log().where(ends[:, None], 0.0)
        joint = (weights.log_softmax(1)[..., None] + below + above + width).logsumexp(1)
        return joint.masked_fill(first >= self.levels, -torch.inf)

    def _given(self, features: Tensor, x: Tensor, color: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mixture of one color given the colors before it, (b m *s) each.

        The log-weights, which are the components' posterior ones up to a factor; means; log-scales.
        """
        weights, means, log_scales, coefficients = self.parameters(features, x.shape[1])
        weights = weights.log_softmax(1)
        x = x.unsqueeze(1)
        v = normalize(x, self.levels, weights.dtype)
        for earlier in range(color):
            mean = leaning_mean(earlier, means, coefficients, v)
            scales = log_scales[:, :, earlier]
            weights = weights + self._log_bin(x[:, :, earlier], v[:, :, earlier], mean, scales)
        return weights, leaning_mean(color, means, coefficients, v), log_scales[:, :, color]

    def draw_at(
        self,
        numbers: Float[Tensor, " b"],
        features: Float[Tensor, "b f"],
        x: Int[Tensor, "b c"],
        color: int,
        temperature: float,
    ) -> Int[Tensor, " b"]:
        if self.levels <= TABLE or temperature != 1:
            return super().draw_at(numbers, features, x, color, temperature)
        weights, mean, log_scales = self._given(features, x, color)
        shares, inverse, half = weights.softmax(1), (-log_scales).exp(), 1 / (self.levels - 1)
        low = torch.zeros_like(numbers, dtype=torch.long)
        high = torch.full_like(low, self.levels - 1)
        while (low < high).any():  # the distribution function by halving, 16 times at most
            middle = (low + high) // 2
            edge = normalize(middle, self.levels, mean.dtype)[:, None] + half
            below = (shares * ((edge - mean) * inverse).sigmoid()).sum(1) > numbers
            high = torch.where(below, middle, high)
            low = torch.where(below, low, (middle + 1).minimum(high))
        return low
