"""Densities of real numbers: their unit, their integral, how they are drawn, a process of known entropy."""

import math

import numpy as np
import pytest
import torch
from tests.support.zoo import DENSITIES, MEAN, SCALE, VARIANTS, build, random_images, sides

from pixelrnn.errors import InputError
from pixelrnn.heads import GaussianMixture
from pixelrnn.models import row_lstm
from pixelrnn.models.drawing import Drawing, Stepping
from pixelrnn.models.in_batches import Sampler, nll_maps
from pixelrnn.models.scaling import scaling_within, standardize

every_density = pytest.mark.parametrize("head", DENSITIES)
every_model = pytest.mark.parametrize(
    ("variant", "head", "colors"), [(v, h, c) for v in VARIANTS for h in DENSITIES for c in (1, 3)]
)


@every_density
@torch.no_grad()
def test_the_density_of_an_image_integrates_to_one(head):
    """Of two pixels together, by a grid. Planted: the log of the scale left out; it counted once an image."""
    model = build("row_lstm", head, (1, 1, 2), hidden=3, layers=1)
    one = MEAN + SCALE * torch.linspace(-12, 12, 201, dtype=torch.float64)
    images = torch.cartesian_prod(one, one).view(-1, 1, 1, 2)
    total = model.log_prob(images).exp().sum().item() * (24 * SCALE / 200) ** 2
    assert abs(total - 1) < 1e-9


@every_model
@torch.no_grad()
def test_in_another_unit_it_is_the_density_of_that_unit(variant, head, colors):
    """log p(ax + b) = log p(x) - log a for every number that is drawn. Planted: the log once a pixel."""
    model = build(variant, head, (colors, *sides(variant, 2, 4)))
    x = random_images(model, 3)
    before = model.log_prob(x)
    standardize(model, 60 * MEAN - 5, 60 * SCALE)
    drawn = sum(math.prod(shape) for shape in getattr(model, "shapes", [model.shape]))
    torch.testing.assert_close(model.log_prob(60 * x - 5), before - drawn * math.log(60))


@pytest.mark.parametrize("temperature", [1.0, 0.3, 4.0])
@torch.no_grad()
def test_a_color_is_drawn_where_its_distribution_passes_the_number(temperature):
    """By the integral up to there, each color given those before. Planted: components that keep their first weights."""
    torch.manual_seed(0)
    head, x = GaussianMixture(3), torch.randn(40, 3, dtype=torch.float64)
    features = torch.randn(40, head.num_features(3), dtype=torch.float64)
    numbers = torch.linspace(0.01, 0.99, 40, dtype=torch.float64)
    grid = torch.linspace(-60, 60, 40_001, dtype=torch.float64)
    for color in range(3):
        drawn = head.draw_at(numbers, features, x, color, temperature)
        for one in range(0, 40, 7):
            many = x[one].repeat(len(grid), 1)
            many[:, color] = grid
            # later colors integrate to one: a head of the first colors only has the same density
            log_p = _first_colors(head, features[one], color + 1, many[:, : color + 1])
            p = ((log_p - log_p.max()) / temperature).exp()
            below = np.interp(drawn[one], grid, (p.cumsum(0) - p / 2) / p.sum())
            assert below == pytest.approx(numbers[one].item(), abs=2e-4)


def _first_colors(head, features, colors, x):
    """The log-density of the first colors: their numbers of the features alone."""
    blocks = features.view(head.components, -1)  # weight, 3 means, 3 scales, 3 coefficients
    pairs = colors * (colors - 1) // 2
    kept = [
        blocks[:, :1],
        blocks[:, 1 : 1 + colors],
        blocks[:, 4 : 4 + colors],
        blocks[:, 7 : 7 + pairs],
    ]
    return head.log_prob(torch.cat(kept, 1).flatten().expand(len(x), -1), x)


def test_samples_follow_the_density():
    """The share of 100,000 draws below a number is the integral, within 5 sigma."""
    torch.manual_seed(1)
    head = GaussianMixture(4)
    features = torch.randn(1, head.num_features(1), dtype=torch.float64)
    drawn = head.sample(features.expand(100_000, -1), 1, torch.Generator().manual_seed(0))[:, 0]
    for number in (0.05, 0.3, 0.5, 0.9):
        place = head.draw_at(
            torch.tensor([number], dtype=torch.float64), features, drawn[:1, None], 0, 1.0
        )
        share = (drawn <= place).double().mean().item()
        assert abs(share - number) < 5 * math.sqrt(number * (1 - number) / 100_000)


@every_model
def test_images_are_drawn_in_any_batches_and_keep_what_is_known(variant, head, colors):
    """A density steps in torch. Planted: numbers that are drawn standardised and handed out so."""
    model = build(variant, head, (colors, *sides(variant, 2, 4))).float()
    assert isinstance(Drawing(model).step, Stepping)
    draw = lambda n, size: Sampler(model, 3, 1.0, size).sample(n)  # noqa: E731
    many = draw(64, 64)
    assert many.dtype == np.float32
    np.testing.assert_allclose(draw(3, 2), many[:3], rtol=1e-4, atol=1e-4)
    assert abs(many.mean() - MEAN) < SCALE
    known = torch.arange(many[0, 0].size).view(many.shape[2:]) < 5
    completed = Sampler(model).complete(many[:2], known, times=2)
    assert (completed[..., known.numpy()] == many[:2, None][..., known.numpy()]).all()
    assert (completed[:, 1:] != many[:2, None])[..., ~known.numpy()].all()


@every_density
def test_a_sample_scores_as_any_image(head):
    """In float32 as in float64 and by hand, where the unit is far from one. Planted: numbers that are rounded before their mean is taken away."""
    model = build("row_lstm", head, (1, 4, 4))
    standardize(model, 1000.0, 0.25)
    images = next(Sampler(model.float()).draw(4))
    nats = np.concatenate(list(nll_maps(model, images, 2)))
    standardize(model.double(), 0.0, 1.0)
    exact = math.log(0.25) - model.log_prob_map((torch.from_numpy(images).double() - 1000) / 0.25)
    np.testing.assert_allclose(nats, exact.detach().numpy(), atol=1e-3)


def test_far_away_the_density_has_a_finite_log_and_gradient():
    head = GaussianMixture(2)
    features = torch.tensor([[0.0, 50.0, -9.0, 0.0, -50.0, -9.0]], requires_grad=True)
    log_prob = head.log_prob(features, torch.tensor([[0.0]]))
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(features.grad).all()


@every_density
@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(1, 1, 4, 4, dtype=torch.long), "float32 torch.Tensor"),
        (np.zeros((1, 1, 4, 4)), "float32 torch.Tensor"),
        (torch.full((1, 1, 4, 4), math.nan), "NaN"),
        (torch.zeros(1, 1, 4, 5), "shape"),
    ],
)
def test_other_images_are_refused_in_a_line(head, images, words):
    with pytest.raises(InputError, match=words):
        scaling_within(build("row_lstm", head, (1, 4, 4))).check(images, (1, 4, 4))


def test_the_scaling_of_levels_stores_nothing():
    """So that weights of the time before real numbers load. Planted: buffers for all."""
    model = build("multi_scale", "softmax", (1, 4, 4))
    assert not [name for name in model.state_dict() if "scaling" in name]
    assert scaling_within(model).unit == 0


@pytest.mark.slow
@pytest.mark.parametrize("a", [0.8])
def test_a_gaussian_process_is_learned_to_its_entropy(a):
    """x_k = a x_(k-1) + noise along the raster, mean 100 and deviation 10: the NLL is its entropy within the error.

    No model is better, in the mean over images. Planted: the unit left out, off by 16 log 10.
    """
    entropy = 0.5 * (16 * math.log(2 * math.pi * math.e * 100) + 15 * math.log(1 - a * a))
    train, test = autoregressive_images(6000, a, seed=0), autoregressive_images(2000, a, seed=1)
    torch.manual_seed(0)
    model = row_lstm((1, 4, 4), GaussianMixture(1), hidden=8, layers=1, output_hidden=16)
    standardize(model, train.mean().item(), train.std().item())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    steps = 12 * len(train) // 100
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for step in range(steps):
        at = step * 100 % len(train)
        loss = -model.log_prob(train[at : at + 100]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        nats = -model.log_prob(test)
    error = nats.std().item() / math.sqrt(len(nats))
    print(f"entropy {entropy:.3f}, NLL {nats.mean():.3f} ± {error:.3f}")
    assert entropy - 3 * error < nats.mean() < entropy + 3 * error + 0.3


def autoregressive_images(n, a, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 16, generator=random)
    for k in range(1, 16):
        x[:, k] = a * x[:, k - 1] + math.sqrt(1 - a * a) * x[:, k]
    return (100 + 10 * x).view(n, 1, 4, 4)
