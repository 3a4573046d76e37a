"""Temperature means the same for every variant and head.

Every color is drawn from p(level | all before)^(1/T).
"""

import itertools

import pytest
import torch
from tests.support import laws
from tests.support.zoo import HEADS, VARIANTS, build, parts, sides

from pixelrnn.errors import InputError
from pixelrnn.models import MultiScale

pytestmark = pytest.mark.slow

every_model = pytest.mark.parametrize(
    ("variant", "head", "colors"), [(v, h, c) for v in VARIANTS for h in HEADS for c in (1, 3)]
)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def every_level(model, context, x, i, j):
    """Return log p of every value of the pixel (i, j) given those before: a dimension a color."""
    colors = model.shape[0]
    pixels = torch.tensor(list(itertools.product(range(model.levels), repeat=colors)))
    images = x.repeat(len(pixels), 1, 1, 1)
    images[:, :, i, j] = pixels
    contexts = None if context is None else context.expand(len(pixels), -1, -1, -1)
    return model.log_prob_map(images, contexts)[:, i, j].view(colors * (model.levels,))


def given_earlier_colors(log_p, pixel, color):
    """Return log p(level | colors of the pixel before `color`), up to a constant."""
    log_p = log_p[tuple(pixel[:color])]
    later = tuple(range(1, log_p.ndim))
    return log_p.logsumexp(later) if later else log_p


@every_model
@torch.no_grad()
def test_zero_draws_the_likeliest_level(variant, head, colors):
    """Faults: the temperature not handed to a pass; a mixture's mean taken for its mode."""
    model = build(variant, head, (colors, *sides(variant, 2, 4)), levels=3)
    for part, context in parts(model):
        x = part.sample(1, context=context, temperature=0.0)
        for i, j in itertools.product(range(part.shape[1]), range(part.shape[2])):
            log_p, pixel = every_level(part, context, x, i, j), x[0, :, i, j].tolist()
            for color in range(colors):
                levels = given_earlier_colors(log_p, pixel, color)
                assert levels[pixel[color]] > levels.max() - 1e-5  # the heads draw in float32


@every_model
@pytest.mark.parametrize("temperature", [0.4, 3.0])
@torch.no_grad()
def test_the_first_pixel_has_its_tempered_distribution(variant, head, colors, temperature):
    """By counting the values of 4,000 images' first pixel, within 5 sigma."""
    n = 4000
    shape = (colors, *sides(variant, 2, 2))
    for part, context in parts(build(variant, head, shape, levels=2, hidden=3, layers=1)):
        contexts = None if context is None else context.expand(n, -1, -1, -1)
        x = part.sample(n, torch.Generator().manual_seed(0), contexts, temperature=temperature)
        log_p = every_level(part, context, x[:1], 0, 0)
        p = torch.ones_like(log_p)
        for pixel in itertools.product(range(2), repeat=colors):
            for color in range(colors):
                tempered = (given_earlier_colors(log_p, pixel, color) / temperature).softmax(0)
                p[pixel] *= tempered[pixel[color]]
        place = (x[:, :, 0, 0] * 2 ** torch.arange(colors - 1, -1, -1)).sum(1)
        frequency = torch.bincount(place, minlength=p.numel()) / n
        assert (
            (frequency - p.flatten()).abs() <= 5 * (p * (1 - p) / n).sqrt().flatten() + 1e-6
        ).all()


@every_model
def test_zero_leaves_nothing_to_chance(variant, head, colors):
    """All parts of a Multi-Scale take the temperature, and completions as well as samples do."""
    model = build(variant, head, (colors, *sides(variant, 2, 4)))
    x = model.sample(2, seeded(0), temperature=0.0)
    assert (x[0] == x[1]).all()
    assert (x == model.sample(2, seeded(1), temperature=0.0)).all()
    assert not (x[:1] == model.sample(20, seeded(1))).all()
    flipped = x.flip(1, 2)
    half = model.complete(flipped, 3, seeded(2), temperature=0.0)
    assert (half == model.complete(flipped, 3, seeded(3), temperature=0.0)).all()


@every_model
def test_one_is_no_temperature(variant, head, colors):
    model = build(variant, head, (colors, *sides(variant, 2, 4)))
    plain, one = (model.sample(2, seeded(0), **t) for t in ({}, {"temperature": 1.0}))
    assert (plain == one).all()


@every_model
def test_nats_are_the_models_own_at_any_temperature(variant, head, colors):
    model = build(variant, head, (colors, *sides(variant, 2, 4)))
    x, nats = model.sample_and_log_prob(2, seeded(0), temperature=0.5)
    if isinstance(model, MultiScale):
        scales, _ = model.sample_scales(2, seeded(0), temperature=0.5)
        assert (scales[-1] == x).all()
        scored = model.scales_log_prob(scales)
    else:
        scored = model.log_prob(x)
    torch.testing.assert_close(scored, nats, **laws.TIGHT)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf")])
def test_impossible_temperatures(variant, temperature):
    model = build(variant, "softmax", (1, 4, 4))
    with pytest.raises(InputError, match="temperature="):
        model.sample(1, temperature=temperature)
    with pytest.raises(InputError, match="temperature="):
        model.complete(torch.zeros(1, 1, 4, 4, dtype=torch.long), 3, temperature=temperature)
