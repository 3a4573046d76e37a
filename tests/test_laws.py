"""Every variant of conf/model, with every head, in one color and three, in float64: see `laws.py`."""

import math

import pytest
import torch
from tests.support import laws
from tests.support.zoo import HEADS, VARIANTS, build, random_images

WIDE = (4, 10)  # wider than the first kernel's reach on both sides
COLORS = (1, 3)

every_model = pytest.mark.parametrize(
    ("variant", "head", "colors"), [(v, h, c) for v in VARIANTS for h in HEADS for c in COLORS]
)


@every_model
@pytest.mark.parametrize(
    "law",
    [
        laws.raster_order,
        laws.step_is_forward,
        laws.sample_scores_as_drawn,
        laws.completion_scores_as_drawn,
        laws.gradient_reaches_every_parameter,
        laws.batches_do_not_mix,
    ],
)
def test_law(law, variant, head, colors):
    law(build(variant, head, (colors, *WIDE)))


@every_model
def test_probabilities_sum_to_one(variant, head, colors):
    """All images of 2x4 (one color, two levels), 2x2 (three colors, two levels) or 2x2 (one color, five levels)."""
    sizes = {"hidden": 3, "layers": 1}
    laws.sums_to_one(
        build(variant, head, (1, 2, 4) if colors == 1 else (3, 2, 2), levels=2, **sizes)
    )
    if head != "bernoulli" and colors == 1:
        laws.sums_to_one(build(variant, head, (1, 2, 2), levels=5, **sizes))


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v == "multi_scale"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("colors", COLORS)
def test_clamped_multi_scale(variant, head, colors):
    """With the small image's places copied, the sum is exact for images, and obeys the other laws as well."""
    model = build(variant, head, (colors, *WIDE))
    model.clamp = True
    laws.sample_scores_as_drawn(model)
    laws.gradient_reaches_every_parameter(model)
    tiny = build(variant, head, (colors, 2, 2), levels=2, hidden=3, layers=1)
    tiny.clamp = True
    laws.sums_to_one(tiny)


@every_model
def test_a_saved_model_loads_equal(variant, head, colors, tmp_path):
    from safetensors.torch import load_file, save_file

    model, other = (build(variant, head, (colors, *WIDE), seed=seed) for seed in (0, 1))
    x = random_images(model, 2)
    assert not torch.equal(model.log_prob(x), other.log_prob(x))
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(model.log_prob(x), other.log_prob(x))


@every_model
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_the_first_loss_is_log_k(variant, head, colors, levels):
    """Before training, a dimension of random pixels costs log K within a few per cent."""
    if head == "bernoulli" and levels != 2:
        pytest.skip("the Bernoulli head has two levels")
    model = build(
        variant,
        head,
        (colors, *WIDE),
        levels=levels,
        push=0.0,
        hidden=16,
        layers=4,
        output_hidden=32,
    )
    x = random_images(model, 32)
    dims = x[0].numel() + (
        x[0].numel() // 4 if variant == "multi_scale" else 0
    )  # the pair has a quarter more
    assert -model.log_prob(x).mean().item() / dims == pytest.approx(math.log(levels), rel=0.05)
