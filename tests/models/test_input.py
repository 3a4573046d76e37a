"""What a model asks of its arguments: its own shape and levels, numbers and masks that can be.

What a user gets for arguments of another type: `test_misuse.py`.
"""

import pytest
import torch
from tests.support.zoo import MULTI_SCALE, OF_LEVELS, VARIANTS, build, random_images

from pixelrnn.errors import InputError
from pixelrnn.ops.pixels import check_levels, known_pixels

SHAPE = (1, 4, 4)
every_head = pytest.mark.parametrize(
    ("variant", "head"), [(v, h) for v in VARIANTS for h in OF_LEVELS]
)


@every_head
@pytest.mark.parametrize("score", ["log_prob", "log_prob_map"])
def test_levels_out_of_range_have_no_likelihood(variant, head, score):
    """Two heads would give them one; softmax an error or, on a GPU, a dead process."""
    model = build(variant, head, SHAPE)
    for wrong in (-1, model.levels):
        x = random_images(model, 2)
        x[1, 0, 3, 3] = wrong  # not a pixel of the small image
        with pytest.raises(InputError, match=rf"level {wrong} found, .*0\.\.{model.levels - 1}"):
            getattr(model, score)(x)


@pytest.mark.parametrize("score", ["log_prob", "log_prob_map"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_images_of_another_shape_have_no_likelihood(variant, score):
    """The layers would take any size."""
    with pytest.raises(InputError, match=r"\(2, 1, 8, 8\), but the model's are \(n, 1, 4, 4\)"):
        getattr(build(variant, "softmax", SHAPE), score)(torch.zeros(2, 1, 8, 8, dtype=torch.long))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.bool])
def test_levels_are_int64(dtype):
    with pytest.raises(
        InputError, match=r"int64 levels 0\.\.3, not torch\..*: convert them with \.long"
    ):
        check_levels(torch.zeros(2, *SHAPE, dtype=dtype), SHAPE, 4)


@pytest.mark.parametrize("levels", [2, 4, 256])
def test_numbers_from_0_to_1_become_levels_as_the_message_says(levels):
    """Fault: `.long()` for floats, which makes all of them black."""
    x = torch.arange(levels).view(1, 1, 1, levels)
    fractions = x / (levels - 1)
    with pytest.raises(InputError) as refusal:
        check_levels(fractions, (1, 1, levels), levels)
    advice = str(refusal.value).partition("by ")[2]
    assert (eval(advice, {"v": fractions}) == x).all()


def test_training_on_an_accelerator_does_not_wait_for_a_look():
    """The meta device has no values to look at: it raises when asked."""
    x = torch.zeros(2, *SHAPE, dtype=torch.long, device="meta")
    check_levels(x, SHAPE, 4)
    with torch.no_grad(), pytest.raises(RuntimeError):
        check_levels(x, SHAPE, 4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_samples_are_counted_from_one(variant):
    for n in (0, -1):
        with pytest.raises(InputError, match=f"n={n} must be a whole number of at least 1"):
            build(variant, "softmax", SHAPE).sample(n)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("known", [-1, 17])
def test_what_is_known_must_be_in_the_image(variant, known):
    model = build(variant, "softmax", SHAPE)
    with pytest.raises(InputError, match=f"known={known}: .* 0 to 16"):
        model.complete(random_images(model, 1), known)


@pytest.mark.parametrize("mask", [torch.ones(4, 4), torch.ones(4, 5, dtype=torch.bool)])
def test_a_mask_is_bool_and_of_the_images_size(mask):
    with pytest.raises(InputError, match=r"known is torch\..* expected a bool mask \(4, 4\)"):
        known_pixels(mask, 4, 4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_known_pixels_are_looked_at(variant):
    """Unknown ones may hold anything; they are drawn."""
    model = build(variant, "softmax", SHAPE)
    x = random_images(model, 2)
    x.view(2, 16)[:, 6:] = 99
    full = model.complete(x, 6, torch.Generator().manual_seed(0))
    assert (full.view(2, 16)[:, :6] == x.view(2, 16)[:, :6]).all()
    assert full.max() < model.levels
    x.view(2, 16)[1, 5] = -3
    with pytest.raises(InputError, match="level -3 found"):
        model.complete(x, 6)


@pytest.mark.parametrize(
    ("variant", "form"),
    [(variant, {}) for variant in VARIANTS]
    + [(variant, {"clamp": True}) for variant in MULTI_SCALE],
)
def test_a_mask_keeps_what_it_covers(variant, form):
    """Also in smaller images, whose places it covers in part.

    A mask of the first pixels is the same as their number.
    """
    model = build(variant, "softmax", SHAPE, **form)
    x = random_images(model, 8)
    hole = torch.ones(4, 4, dtype=torch.bool)
    hole[1:3, 0:3] = False
    filled = model.complete(x, hole, torch.Generator().manual_seed(0))
    assert (filled == x)[..., hole].all()
    assert not (filled == x)[..., ~hole].all()
    first = model.complete(x, 7, torch.Generator().manual_seed(1))
    mask = torch.arange(16).view(4, 4) < 7
    assert (first == model.complete(x, mask, torch.Generator().manual_seed(1))).all()
