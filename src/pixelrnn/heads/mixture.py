"""Mixtures over whole pixels, whose components couple the colors (PixelCNN++, section 2.2).

The components share their index between colors, and the means of G and B lean on the colors before
them: mu_G += alpha v_R, mu_B += beta v_R + gamma v_G. So the head itself orders the colors, and the
masks treat a pixel as one. Of what kind a component is, the heads say.
"""

from typing import NamedTuple

import torch

from pixelrnn.types import Float, Tensor

LOWEST = -7.0  # the smallest log of a scale, so that no component becomes a spike
HIGHEST = 7.0  # the largest, for numbers that have no end: so that what is drawn does not run away


class Parameters(NamedTuple):
    """The mixture at each pixel, components in dimension 1."""

    logits: Float[Tensor, "b m *s"]
    means: Float[Tensor, "b m c *s"]
    log_scales: Float[Tensor, "b m c *s"]
    coefficients: Float[Tensor, "b m p *s"]  # of (R, G), (R, B), (G, B)


def count_features(components: int, colors: int) -> int:
    """Return how many numbers a pixel's mixture takes."""
    return components * (1 + 2 * colors + colors * (colors - 1) // 2)


def read_parameters(
    features: Float[Tensor, "b f *s"],
    components: int,
    colors: int,
    lowest: float = LOWEST,
    highest: float | None = None,
) -> Parameters:
    """Read the mixture off the features.

    Each component has a block of its own: weight, means, scales, coefficients.
    """
    features = features.unflatten(1, (components, -1))  # (b m block *s)
    pairs = colors * (colors - 1) // 2
    weight, means, log_scales, coefficients = features.split([1, colors, colors, pairs], dim=2)
    log_scales = log_scales.clamp(min=lowest, max=highest)
    return Parameters(weight.squeeze(2), means, log_scales, coefficients.tanh())


def choose(
    parameters: Parameters, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a component for each pixel; return its means, log-scales and coefficients (b 1 . *s)."""
    logits, *others = parameters
    chances = logits.softmax(1).movedim(1, -1)
    component = torch.multinomial(chances.flatten(0, -2), 1, generator=generator)
    component = component.view(chances.shape[:-1])  # (b *s)
    means, log_scales, coefficients = (
        p.gather(1, component[:, None, None].expand(-1, 1, *p.shape[2:])) for p in others
    )
    return means, log_scales, coefficients


def leaning_mean(color: int, means: Tensor, coefficients: Tensor, v: Tensor) -> Tensor:
    """Return the mean of one color given the values of the colors before it, `(b m *s)`."""
    mean = means[:, :, color]
    for earlier in range(color):
        mean = mean + coefficients[:, :, color * (color - 1) // 2 + earlier] * v[:, :, earlier]
    return mean


def even_grid(components: int, colors: int) -> tuple[int, Tensor]:
    """Return first features (m block): the means on an even grid over [-1, 1] a color.

    Beside them the number of points of its side: as fine a grid as the components can fill; points
    with several components share a weight. The scales are left at 0.
    """
    side = int(components ** (1 / colors) + 1e-6)
    point = torch.arange(components) % side**colors
    bias = torch.zeros(components, count_features(components, colors) // components)
    share = (components - 1 - point) // side**colors + 1  # components at the same point
    bias[:, 0] = -share.log()
    for color in range(colors):
        bias[:, 1 + color] = (2 * (point // side**color % side) + 1) / side - 1
    return side, bias
