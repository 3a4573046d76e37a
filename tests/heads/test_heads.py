"""Heads: probabilities sum to one, samples follow them, robust formulas equal simple ones."""

import itertools
from functools import partial

import pytest
import torch

from pixelrnn.errors import InputError
from pixelrnn.heads import Bernoulli, LogisticMixture, Softmax
from pixelrnn.ops.pixels import normalize

HEADS = [
    Bernoulli(),
    Softmax(4),
    LogisticMixture(4, components=3),
    LogisticMixture(2, components=2),
]


def every_pixel(head, colors):
    return torch.tensor(list(itertools.product(range(head.levels), repeat=colors)))


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_pixel_sums_to_one(head, colors):
    torch.manual_seed(0)
    x = every_pixel(head, colors)
    features = 2 * torch.randn(1, head.num_features(colors), dtype=torch.float64)
    total = head.log_prob(features.expand(len(x), -1), x).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_levels_color_by_color_multiply_to_the_pixel(head, colors):
    """p(R) p(G given R) p(B given R, G) is `log_prob`, each sums to one, and none sees later colors.

    Faults: components that keep their first weights, so that earlier colors are forgotten; the
    features of another color.
    """
    torch.manual_seed(0)
    x = every_pixel(head, colors)
    features = 2 * torch.randn(len(x), head.num_features(colors), dtype=torch.float64)
    total = torch.zeros(len(x), dtype=torch.float64)
    for color in range(colors):
        log_probs = head.level_log_probs(features, x, color)
        torch.testing.assert_close(log_probs.logsumexp(-1), torch.zeros_like(total))
        later = x.clone()
        later[:, color:] = head.levels - 1 - later[:, color:]
        assert (head.level_log_probs(features, later, color) == log_probs).all()
        total += log_probs.gather(-1, x[:, color, None])[:, 0]
    torch.testing.assert_close(total, head.log_prob(features, x))


def tempered(head, features, colors, temperature):
    """Return the probability of every pixel, color by color: p(level | colors before it)^(1/T).

    Made to sum to one.
    """
    x = every_pixel(head, colors)
    p = head.log_prob(features.expand(len(x), -1), x).exp().view(colors * (head.levels,))
    total = torch.ones_like(p)
    for color in range(colors):
        later = tuple(range(color + 1, colors))
        upto = p.sum(dim=later, keepdim=True) if later else p  # of the colors up to this one
        given = upto / upto.sum(color, keepdim=True)
        raised = given ** (1 / temperature)
        total = total * raised / raised.sum(color, keepdim=True)
    return total.flatten()


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_samples_follow_the_probabilities(head, colors, temperature):
    """Given fixed features the colors are drawn jointly: 100,000 times, within 5 sigma.

    Faults: scales multiplied by T instead of probabilities raised to 1/T; later colors drawn
    without the earlier ones.
    """
    torch.manual_seed(0)
    features = torch.randn(1, head.num_features(colors), dtype=torch.float64)
    p = tempered(head, features, colors, temperature)
    n = 100_000
    drawn = head.sample(
        features.expand(n, -1), colors, torch.Generator().manual_seed(0), temperature
    )
    place = (drawn * head.levels ** torch.arange(colors - 1, -1, -1)).sum(1)
    frequency = torch.bincount(place, minlength=len(p)) / n
    assert ((frequency - p).abs() <= 5 * (p * (1 - p) / n).sqrt() + 1e-6).all()


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_at_temperature_zero_the_likeliest_level_is_drawn(head, colors):
    """Of each color given those before it: the limit of small temperatures, not a division by 0."""
    torch.manual_seed(0)
    features = torch.randn(1, head.num_features(colors), dtype=torch.float64)
    best = tempered(head, features, colors, 0.01).argmax()
    for temperature in (0.0, 1e-30):
        drawn = head.sample(features.expand(50, -1), colors, temperature=temperature)
        assert (drawn == every_pixel(head, colors)[best]).all()


@pytest.mark.parametrize("head", [Bernoulli(), Softmax(4)], ids=repr)
def test_levels_that_are_as_likely_share_temperature_zero(head):
    drawn = head.sample(
        torch.zeros(200, head.num_features(1)), 1, torch.Generator().manual_seed(0), temperature=0.0
    )
    assert set(drawn.flatten().tolist()) == set(range(head.levels))


def test_temperature_one_draws_as_without_one():
    """The same random numbers are spent: seeds keep their images."""
    torch.manual_seed(0)
    features = torch.randn(100, 12)
    seeded = partial(torch.Generator().manual_seed, 5)
    plain = torch.multinomial(
        features.view(-1, 4, 3).movedim(1, -1).softmax(-1).flatten(0, 1), 1, generator=seeded()
    )
    assert (Softmax(4).sample(features, 3, seeded(), 1.0) == plain.view(-1, 3)).all()
    assert (
        Bernoulli().sample(features, 12, seeded(), 1.0)
        == torch.bernoulli(features.sigmoid(), generator=seeded())
    ).all()


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_maps_and_single_pixels_agree(head):
    torch.manual_seed(0)
    features = torch.randn(2, head.num_features(3), 2, 3, dtype=torch.float64)
    x = torch.randint(head.levels, (2, 3, 2, 3))
    together = head.log_prob(features, x)
    for i, j in itertools.product(range(2), range(3)):
        torch.testing.assert_close(
            head.log_prob(features[:, :, i, j], x[:, :, i, j]), together[:, i, j]
        )
    drawn = head.sample(features, 3, temperature=0.0)
    assert (drawn[:, :, 1, 2] == head.sample(features[:, :, 1, 2], 3, temperature=0.0)).all()


@pytest.mark.parametrize("levels", [2, 3, 256])
def test_logistic_bins_are_differences_of_the_cdf(levels):
    """The robust product of the module against log(cdf(upper) - cdf(lower)).

    One component, one color.
    """
    head = LogisticMixture(levels, components=1)
    x = torch.arange(levels)[:, None]
    mean, log_scale = 0.3, -1.0
    features = torch.tensor([[0.0, mean, log_scale]], dtype=torch.float64).expand(levels, -1)
    edges = (torch.arange(levels + 1, dtype=torch.float64) * 2 - 1) / (levels - 1) - 1
    edges[0], edges[-1] = -torch.inf, torch.inf
    cdf = ((edges - mean) / torch.tensor(log_scale, dtype=torch.float64).exp()).sigmoid()
    torch.testing.assert_close(head.log_prob(features, x), cdf.diff().log())


def test_logistic_mixture_survives_extremes_in_float32():
    """A sharp component far away has probability zero in float32, but a finite log and gradient."""
    head = LogisticMixture(256, components=2)
    features = torch.tensor([[0.0, 50.0, -9.0, 0.0, -50.0, -9.0]], requires_grad=True)
    log_prob = head.log_prob(features, torch.tensor([[128]]))
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(features.grad).all()


def test_later_means_lean_on_earlier_colors():
    """mu_G += alpha v_R: with tanh(coefficient) = 1/2 the mean of G moves by half of R."""
    head = LogisticMixture(5, components=1)
    half = torch.tensor(0.5, dtype=torch.float64).atanh()
    base = torch.tensor([[0, 0, 0, 0, -1, -1, -1, 0, 0, 0]], dtype=torch.float64)
    leaning, shifted = base.clone(), base.clone()
    leaning[0, 7] = half
    x = torch.tensor([[4, 3, 2]])
    shifted[0, 2] = 0.5 * normalize(x[0, 0], 5, torch.float64)
    torch.testing.assert_close(head.log_prob(leaning, x), head.log_prob(shifted, x))


@pytest.mark.parametrize(
    ("head", "arguments"),
    [
        (Softmax, (1,)),
        (Softmax, (257,)),
        (Bernoulli, (3,)),
        (LogisticMixture, (1,)),
        (LogisticMixture, (65_537,)),
        (LogisticMixture, (4, 0)),
    ],
)
def test_impossible_levels_are_refused(head, arguments):
    with pytest.raises(InputError):
        head(*arguments)
