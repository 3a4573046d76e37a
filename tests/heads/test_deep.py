"""The mixture of logistics over more than 256 levels: sums, tails, intervals, drawing."""

import math

import pytest
import torch
from tests.support import laws
from tests.support.zoo import MULTI_SCALE, VARIANTS, build, random_images, sides

from pixelrnn.errors import InputError
from pixelrnn.heads import LogisticMixture, Softmax
from pixelrnn.heads.head import level_at
from pixelrnn.ops.pixels import normalize

DEEP = 65_536
PLAIN = [variant for variant in VARIANTS if variant not in MULTI_SCALE]


@pytest.mark.slow
@pytest.mark.parametrize("variant", PLAIN)
@torch.no_grad()
def test_all_images_of_a_thousand_levels_sum_to_one(variant):
    """Of every pair of pixels, a million of them. Planted: an outermost bin that ends."""
    model = build(variant, "logistic_mixture", (1, 1, 2), levels=1000, hidden=3, layers=1)
    total = 0.0
    for first in range(0, 1000, 50):
        pair = torch.cartesian_prod(torch.arange(first, first + 50), torch.arange(1000))
        total += model.log_prob(pair.view(-1, 1, 1, 2)).exp().sum().item()
    assert abs(total - 1) < 1e-9


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "law", [laws.step_is_forward, laws.sample_scores_as_drawn, laws.completion_scores_as_drawn]
)
def test_law(law, variant):
    law(build(variant, "logistic_mixture", (3, *sides(variant, 3, 4)), levels=DEEP))


@pytest.mark.parametrize("log_scale", [-3.0, -7.0, -12.0])
def test_float32_features_cost_what_float64_ones_do(log_scale):
    """Near the mean and far out. Planted: the bins' edges in float32, off by nats where scales are small."""
    head = LogisticMixture(DEEP, components=2)
    torch.manual_seed(0)
    features = torch.randn(500, head.num_features(1))
    features[:, 2::3] = log_scale + 0.1 * features[:, 2::3]
    x = torch.randint(DEEP, (500, 1))
    x[:250, 0] = (
        ((features[:250, 1].clamp(-1, 1) + 1) / 2 * (DEEP - 1)).round().long()
    )  # at the mean
    x[:10], x[10:20] = 0, DEEP - 1
    cost, exact = head.log_prob(features, x), head.log_prob(features.double(), x)
    assert cost.dtype == torch.float32
    torch.testing.assert_close(cost.double(), exact, rtol=1e-6, atol=1e-5)
    assert torch.isfinite(cost).all()


def test_scales_are_as_sharp_as_those_of_few_levels():
    """A level may have nearly all of the mass. Planted: scales bounded as those of 256 levels, 30 bins wide."""
    head = LogisticMixture(DEEP, components=1)
    features = torch.tensor(
        [[0.0, float(normalize(torch.tensor(1234), DEEP, torch.float64)), -99.0]]
    )
    assert head.log_prob(features.double(), torch.tensor([[1234]])).exp() > 0.9


@pytest.mark.parametrize("levels", [1000, 5000])
def test_intervals_have_the_mass_of_their_levels(levels):
    """Planted: an interval that ends in the middle of its last level; the end that reaches to infinity."""
    torch.manual_seed(0)
    head = LogisticMixture(levels, components=3)
    features = torch.randn(4, head.num_features(3), dtype=torch.float64)
    x = torch.randint(levels, (4, 3))
    every = torch.arange(-(-levels // 256)).expand(4, -1) * 256
    for color in range(3):
        table = head.level_log_probs(features, x, color)
        last = (every + 255).clamp(max=levels - 1)
        got = head.interval_log_probs(features, x, color, every, last)
        parts = [part.logsumexp(-1) for part in table.split(256, dim=-1)]
        torch.testing.assert_close(got.log_softmax(-1), torch.stack(parts, -1))
        one = torch.arange(levels + 3).expand(4, -1)
        single = head.interval_log_probs(features, x, color, one, one)
        assert (single[:, levels:] == -torch.inf).all()
        torch.testing.assert_close(single[:, :levels].log_softmax(-1), table)


def test_drawing_by_halves_gives_the_level_of_the_table():
    """Planted: an edge at the lower side of the bin; a lane that goes on after it is found."""
    torch.manual_seed(0)
    head = LogisticMixture(1000, components=3)
    features = torch.randn(200, head.num_features(3), dtype=torch.float64)
    features[:100, :] *= 4
    x, numbers = torch.randint(1000, (200, 3)), torch.rand(200, dtype=torch.float64)
    numbers[:2] = torch.tensor([1e-9, 1 - 1e-9])
    for color in range(3):
        table = level_at(numbers, head.level_log_probs(features, x, color), 1.0)
        assert (head.draw_at(numbers, features, x, color, 1.0) == table).all()


def test_the_first_loss_of_many_levels_is_log_k():
    model = build("row_lstm", "logistic_mixture", (1, 4, 10), DEEP, push=0.0)
    cost = -model.log_prob(random_images(model, 32)).mean().item() / 40
    assert cost == pytest.approx(math.log(DEEP), rel=0.05)


def test_a_softmax_of_many_levels_is_refused_with_what_to_do():
    with pytest.raises(InputError, match="at most 256: set head=logistic_mixture"):
        Softmax(257)
    with pytest.raises(InputError, match="null, real numbers, are for a density"):
        Softmax(None)
