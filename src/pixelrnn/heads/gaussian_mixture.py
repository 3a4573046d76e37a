"""A density of real numbers: a mixture of Gaussians over whole pixels, as in RNADE.

After Uria, Murray & Larochelle, *RNADE: The real-valued neural autoregressive density-estimator*,
2013, section 3; the colors are coupled as in `heads.mixture`.

    v ~ sum_m pi_m N(mu_m, s_m^2)

The numbers are standardised, see `models.scaling`, which also brings the density to the data's own
unit.
"""

import math

import torch

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads.head import Head, above_zero
from pixelrnn.heads.mixture import (
    HIGHEST,
    Parameters,
    choose,
    count_features,
    even_grid,
    leaning_mean,
    read_parameters,
)
from pixelrnn.types import Float, Tensor

HALVINGS = 60  # of an interval: more than a double tells apart
# A tempered density is drawn from a grid: so many points a component, out to so many deviations.
POINTS, REACH = 512, 8.0


class GaussianMixture(Head):
    """Mix `components` Gaussians. Raises InputError unless it is a whole number above 0."""

    levels = None  # a density

    def __init__(self, components: int = 5):
        check_whole(components=components)
        self.components = components

    def num_features(self, colors: int) -> int:
        return count_features(self.components, colors)

    def passes(self, colors: int) -> list[list[int]]:
        return [list(range(colors))]

    def initial_bias(self, colors: int) -> Float[Tensor, " f"]:
        """Return means on an even grid over [-1, 1] a color, and scales that make a variance of 1.

        So the first loss is close to that of one standard Gaussian, log(2 pi e) / 2.
        """
        side, bias = even_grid(self.components, colors)
        variance = (1 - side**-2) / 3  # of the grid
        bias[:, 1 + colors : 1 + 2 * colors] = 0.5 * math.log(1 - variance)
        return bias.flatten()

    def parameters(self, features: Float[Tensor, "b f *s"], colors: int) -> Parameters:
        """Read the mixture off the features."""
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        return read_parameters(features, self.components, colors, highest=HIGHEST)

    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Float[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        """Return the log-density of the standardised numbers `x`, in nats a pixel."""
        logits, means, log_scales, coefficients = self.parameters(features, x.shape[1])
        joint = logits.log_softmax(1)
        v = x.unsqueeze(1)
        for color in range(x.shape[1]):
            mean = leaning_mean(color, means, coefficients, v)
            joint = joint + _log_normal(v[:, :, color], mean, log_scales[:, :, color])
        return joint.logsumexp(1)

    def sample(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Float[Tensor, "b c *s"]:
        parameters = self.parameters(features, colors)
        size = (len(features), colors, *features.shape[2:])
        dtype, device = parameters.means.dtype, features.device
        if temperature != 1:
            numbers = torch.rand(size, generator=generator, device=device, dtype=dtype)
            x = torch.zeros_like(numbers)
            for color in range(colors):
                x[:, color] = self.draw_at(numbers[:, color], features, x, color, temperature)
            return x
        means, log_scales, coefficients = choose(parameters, generator)
        noise = torch.randn(size, generator=generator, device=device, dtype=dtype)
        x = torch.zeros_like(means)
        for color in range(colors):
            mean = leaning_mean(color, means, coefficients, x)
            x[:, :, color] = mean + log_scales[:, :, color].exp() * noise[:, None, color]
        return x[:, 0]

    def level_log_probs(
        self, features: Float[Tensor, "b f *s"], x: Float[Tensor, "b c *s"], color: int
    ) -> Float[Tensor, "b *s k"]:
        raise InputError("a density of real numbers has no levels with a probability each")

    def draw_at(
        self,
        numbers: Float[Tensor, "b *s"],
        features: Float[Tensor, "b f *s"],
        x: Float[Tensor, "b c *s"],
        color: int,
        temperature: float,
    ) -> Float[Tensor, "b *s"]:
        """Return where the distribution function passes a number: between those of the components.

        At another temperature than 1, from a grid as fine as the components are.
        """
        logits, means, log_scales, coefficients = self.parameters(features, x.shape[1])
        log_weights = logits.log_softmax(1)
        v = x.unsqueeze(1)
        for earlier in range(color):  # the components' posterior weights
            mean = leaning_mean(earlier, means, coefficients, v)
            log_weights = log_weights + _log_normal(
                v[:, :, earlier], mean, log_scales[:, :, earlier]
            )
        log_weights = log_weights.log_softmax(1).double()
        mean = leaning_mean(color, means, coefficients, v).double()
        log_scale = log_scales[:, :, color].double()
        u = numbers.double().clamp(1e-12, 1 - 1e-12)
        if temperature == 1:
            drawn = _quantile(u, log_weights.exp(), mean, log_scale.exp())
        else:
            drawn = _tempered_quantile(u, log_weights, mean, log_scale, temperature)
        return drawn.to(features.dtype)


def _log_normal(v: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Return the log-density of a Gaussian: -(v - mean)^2 / 2 scale^2 - log(2 pi scale^2) / 2."""
    return -0.5 * ((v - mean) * (-log_scale).exp()) ** 2 - log_scale - 0.5 * math.log(2 * math.pi)


def _quantile(u: Tensor, weights: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return where the distribution function of a mixture (b m *s) passes u (b *s), by halving."""
    each = mean + scale * torch.special.ndtri(u)[:, None]
    low, high = each.amin(1), each.amax(1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = (weights * torch.special.ndtr((middle[:, None] - mean) / scale)).sum(1)
        low, high = torch.where(below < u, middle, low), torch.where(below < u, high, middle)
    return (low + high) / 2


def _tempered_quantile(
    u: Tensor, log_weights: Tensor, mean: Tensor, log_scale: Tensor, temperature: float
) -> Tensor:
    """Return where that of the density^(1/T), made to integrate to one, passes u (b *s).

    On the points of all components together, each out to REACH deviations, by trapezoids. At T = 0
    it is the likeliest point.
    """
    widen = max(1.0, temperature**0.5)
    steps = torch.linspace(-REACH * widen, REACH * widen, POINTS + 1, device=u.device).to(u.dtype)
    points = mean[..., None] + log_scale.exp()[..., None] * steps
    points = points.movedim(1, -2).flatten(-2).sort(-1).values  # (b *s n)
    log_p = torch.full_like(points, -torch.inf)
    for m in range(mean.shape[1]):
        one = _log_normal(points, mean[:, m, ..., None], log_scale[:, m, ..., None])
        log_p = torch.logaddexp(log_p, log_weights[:, m, ..., None] + one)
    below_best = (log_p - log_p.amax(-1, keepdim=True)) / above_zero(temperature)
    if temperature < 1e-6:  # no interval between two points has a width any more
        return points.gather(-1, below_best.argmax(-1, keepdim=True))[..., 0]
    p = below_best.exp()
    masses = (p[..., 1:] + p[..., :-1]) / 2 * points.diff(dim=-1)
    shares = masses.cumsum(-1)
    goal = u[..., None] * shares[..., -1:]
    cell = (shares < goal).sum(-1, keepdim=True).clamp(max=masses.shape[-1] - 1)
    mass = masses.gather(-1, cell)
    inside = (goal - shares.gather(-1, cell) + mass) / mass.clamp(min=1e-300)
    left, right = points.gather(-1, cell), points.gather(-1, cell + 1)
    return (left + (right - left) * inside.clamp(0, 1))[..., 0]
