"""A mixture of discretised logistics over whole pixels (Salimans et al., PixelCNN++, 2017).

Sections 2.1 and 2.2 there:

    v ~ sum_m pi_m logistic(mu_m, s_m)
    p(level k) = mass of the bin of half-width 1/(K-1) around 2k/(K-1) - 1

where the outermost bins reach to infinity. The components share their index between colors, and the
means of G and B lean on the colors before them: mu_G += alpha v_R, mu_B += beta v_R + gamma v_G. So
the head itself orders the colors and the masks treat a pixel as one.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

from pixelrnn.errors import check_whole
from pixelrnn.heads.head import Head, check_number_of_levels, draw_levels
from pixelrnn.ops.pixels import normalize
from pixelrnn.types import Float, Int, Tensor


class Parameters(NamedTuple):
    """The mixture at each pixel, components in dimension 1."""

    logits: Float[Tensor, "b m *s"]
    means: Float[Tensor, "b m c *s"]
    log_scales: Float[Tensor, "b m c *s"]
    coefficients: Float[Tensor, "b m p *s"]  # of (R, G), (R, B), (G, B)


class LogisticMixture(Head):
    """Mix `components` logistics over `levels` bins.

    Raises InputError unless both are whole numbers, 2 <= levels <= 256, components >= 1.
    """

    def __init__(self, levels: int, components: int = 10):
        check_number_of_levels(levels)
        check_whole(components=components)
        self.levels = levels
        self.components = components

    def num_features(self, colors: int) -> int:
        return self.components * (1 + 2 * colors + colors * (colors - 1) // 2)

    def passes(self, colors: int) -> list[list[int]]:
        return [list(range(colors))]

    def initial_bias(self, colors: int) -> Float[Tensor, " f"]:
        """Return means on an even grid over [-1, 1] a color, and scales of 0.4 of a cell.

        The distribution is flat to a few per cent.
        """
        # As fine a grid as the components can fill; points with several components share a weight.
        side = int(self.components ** (1 / colors) + 1e-6)
        point = torch.arange(self.components) % side**colors
        bias = torch.zeros(self.components, self.num_features(colors) // self.components)
        share = (self.components - 1 - point) // side**colors + 1  # components at the same point
        bias[:, 0] = -share.log()
        for color in range(colors):
            bias[:, 1 + color] = (2 * (point // side**color % side) + 1) / side - 1
        bias[:, 1 + colors : 1 + 2 * colors] = math.log(0.4 / side)
        return bias.flatten()

    def parameters(self, features: Float[Tensor, "b f *s"], colors: int) -> Parameters:
        """Read the mixture off the features.

        Each component has a block of its own: weight, means, scales, coefficients.
        """
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        features = features.unflatten(1, (self.components, -1))  # (b m block *s)
        pairs = colors * (colors - 1) // 2
        weight, means, log_scales, coefficients = features.split([1, colors, colors, pairs], dim=2)
        return Parameters(weight.squeeze(2), means, log_scales.clamp(min=-7), coefficients.tanh())

    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        logits, means, log_scales, coefficients = self.parameters(features, x.shape[1])
        x = x.unsqueeze(1)
        v = normalize(x, self.levels, features.dtype)
        leaning = [_mean(color, means, coefficients, v) for color in range(means.shape[2])]
        means = torch.stack(leaning, dim=2)  # (b m c *s)
        per_component = self._log_bin(x, v, means, log_scales).sum(2)
        return (logits.log_softmax(1) + per_component).logsumexp(1)

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
        logits, means, log_scales, coefficients = self.parameters(features, colors)
        chances = logits.softmax(1).movedim(1, -1)
        component = torch.multinomial(chances.flatten(0, -2), 1, generator=generator)
        component = component.view(chances.shape[:-1])  # (b *s)
        means, log_scales, coefficients = (
            p.gather(1, component[:, None, None].expand(-1, 1, *p.shape[2:]))
            for p in (means, log_scales, coefficients)
        )  # (b 1 c *s), (b 1 c *s), (b 1 p *s)
        x = torch.zeros_like(means, dtype=torch.long)
        for color in range(colors):
            # Later means lean on the drawn *levels*, as in `log_prob`, not on the logistic's value
            # before rounding.
            mean = _mean(color, means, coefficients, normalize(x, self.levels, means.dtype))
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
        colors = x.shape[1]
        weights, means, log_scales, coefficients = self.parameters(features, colors)
        weights = weights.log_softmax(1)
        x = x.unsqueeze(1)
        v = normalize(x, self.levels, weights.dtype)
        for earlier in range(color):  # the components' posterior weights, up to a factor
            mean = _mean(earlier, means, coefficients, v)
            scales = log_scales[:, :, earlier]
            weights = weights + self._log_bin(x[:, :, earlier], v[:, :, earlier], mean, scales)
        every = torch.arange(self.levels, device=x.device)
        values = normalize(every, self.levels, weights.dtype)
        mean = _mean(color, means, coefficients, v)[..., None]
        bins = self._log_bin(every, values, mean, log_scales[:, :, color, ..., None])
        joint = (weights[..., None] + bins).logsumexp(1)  # (b *s k), with the colors before
        return joint.log_softmax(-1)


def _mean(color: int, means: Tensor, coefficients: Tensor, v: Tensor) -> Tensor:
    """Return the mean of one color given the values of the colors before it, `(b m *s)`."""
    mean = means[:, :, color]
    for earlier in range(color):
        mean = mean + coefficients[:, :, color * (color - 1) // 2 + earlier] * v[:, :, earlier]
    return mean
