"""Every variant of conf/model, with every head, in one color and three, in float64: see `laws.py`.

A Multi-Scale in both forms: scales that may disagree, so that `log_prob` is a bound, and clamped.
"""

import math

import pytest
import torch
from tests.support import laws
from tests.support.zoo import HEADS, MULTI_SCALE, VARIANTS, build, parts, random_images, sides

WIDE = (4, 10)  # wider than the first kernel's reach on both sides
COLORS = (1, 3)
PLAIN = [(variant, {}) for variant in VARIANTS]
CLASSES = [variant for variant in VARIANTS if variant.startswith("class_")]
CLAMPED = [(variant, {"clamp": True}) for variant in MULTI_SCALE]
EXACT = [(variant, form) for variant, form in PLAIN if variant not in MULTI_SCALE] + CLAMPED
# What is likeliest of all may be of another class than what is likeliest after its beginning.
SINGLE = [(variant, form) for variant, form in EXACT if variant not in CLASSES]


def every(forms):
    """Run a test for every one of the forms, head and number of colors."""
    cases = [
        pytest.param(variant, form, head, colors, id="-".join([variant, *form, head, str(colors)]))
        for variant, form in forms
        for head in HEADS
        for colors in COLORS
    ]
    return pytest.mark.parametrize(("variant", "form", "head", "colors"), cases)


@every(PLAIN + CLAMPED)
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
def test_law(law, variant, form, head, colors):
    law(build(variant, head, (colors, *sides(variant, *WIDE)), **form))


@every(PLAIN + CLAMPED)
def test_probabilities_sum_to_one(variant, form, head, colors):
    """Of all images of 2x4 pixels (one color, two levels), 2x2 (three colors), 2x2 (five levels).

    Three scales need 4x4. There three colors or five levels make too many images: then of every
    pixel given those before it.
    """
    sizes = {"hidden": 3, "layers": 1, **form}
    if variant in MULTI_SCALE:
        sizes["features"] = 2
    shapes = [((1, 2, 4), 2) if colors == 1 else ((3, 2, 2), 2)]
    if head != "bernoulli" and colors == 1:
        shapes.append(((1, 2, 2), 5))
    for (c, h, w), levels in shapes:
        shape = (c, *sides(variant, h, w))
        model = build(variant, head, shape, levels, **sizes)
        if levels ** math.prod(shape) <= 2**16:
            laws.sums_to_one(model)
        else:
            laws.every_pixel_sums_to_one(model)


@every(SINGLE)
def test_completion_continues_the_drawing(variant, form, head, colors):
    laws.completion_continues_the_drawing(
        build(variant, head, (colors, *sides(variant, 3, 4)), **form)
    )


@every([(variant, {}) for variant in CLASSES])
@pytest.mark.parametrize(
    "law",
    [
        laws.sample_scores_as_drawn,
        laws.batches_do_not_mix,
        laws.completion_continues_the_drawing,
        laws.sums_to_one,
    ],
)
def test_law_given_a_class(law, variant, form, head, colors):
    """The model of the images of one class is a model: of each class."""
    small = {"hidden": 3, "layers": 1} if law is laws.sums_to_one else {}
    sides_ = (2, 2) if law is laws.sums_to_one else (3, 4)
    model = build(variant, head, (colors, *sides_), 2 if small else 4, **small)
    for label in range(model.classes):
        law(model.given(label))


@every([(variant, {}) for variant in CLASSES])
def test_labels_act_on_their_images_alone(variant, form, head, colors):
    laws.labels_act_on_their_images_alone(build(variant, head, (colors, *WIDE)))


@every(PLAIN)
def test_a_saved_model_loads_equal(variant, form, head, colors, tmp_path):
    from safetensors.torch import load_file, save_file

    shape = (colors, *sides(variant, *WIDE))
    model, other = (build(variant, head, shape, seed=seed) for seed in (0, 1))
    x = random_images(model, 2)
    assert not torch.equal(model.log_prob(x), other.log_prob(x))
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(model.log_prob(x), other.log_prob(x))


@every(PLAIN)
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_the_first_loss_is_log_k(variant, form, head, colors, levels):
    """Before training, a dimension of random pixels costs log K within a few per cent."""
    if head == "bernoulli" and levels != 2:
        pytest.skip("the Bernoulli head has two levels")
    model = build(
        variant,
        head,
        (colors, *sides(variant, *WIDE)),
        levels=levels,
        push=0.0,
        hidden=16,
        layers=4,
        output_hidden=32,
    )
    x = random_images(model, 32)
    dims = sum(math.prod(part.shape) for part, _ in parts(model))  # of all scales
    assert -model.log_prob(x).mean().item() / dims == pytest.approx(math.log(levels), rel=0.05)
