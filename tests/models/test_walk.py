"""The walk through an image: whoever fills it in meets each pixel once, and what the model says of it."""

import pytest
import torch
from tests.support import zoo

from pixelrnn.errors import InputError
from pixelrnn.models import ClassConditional, MultiScale

SHAPES = [(1, 4, 4), (3, 4, 4)]


@torch.no_grad()
def replay(model, x, known):
    """Walk as a decoder does: the levels of `x` are written where the walk asks, and nowhere else."""
    filled = torch.where(known, x, 0)
    nats = torch.zeros(len(x), dtype=torch.float64)
    answers = iter(order(model, x, known))
    for head, levels, passes in model.walk(filled, known):
        answer = next(answers)
        for drawn, features in passes:
            for color in drawn:
                log_probs = head.level_log_probs(features, levels, color)
                nats += log_probs.gather(1, answer[:, color, None])[:, 0]
                levels[:, color] = answer[:, color]
    assert next(answers, None) is None
    return filled, nats


def order(model, x, known):
    """The levels (b, c) of each pixel in the order of the walk: written out a second time."""
    if isinstance(model, MultiScale):
        f = model.factor
        yield from order(model.small, x[..., ::f, ::f], known[::f, ::f])
        known = known | model.grid
    for i, j in (~known).nonzero().tolist():
        yield x[:, :, i, j]


@pytest.mark.parametrize("shape", SHAPES, ids=["gray", "color"])
@pytest.mark.parametrize("head", zoo.HEADS)
@pytest.mark.parametrize("variant", zoo.VARIANTS)
def test_walking_an_image_adds_up_to_its_nats(variant, head, shape):
    """Color by color, written as the walk goes on, the levels cost what `log_prob` says.

    Multi-Scale as if it clamped, a class-conditional model told the labels. Faults: a color that isn't handed back to the network before the
    next pass; the small image's places visited twice, or the large model not told of them.
    """
    model = zoo.build(variant, head, (shape[0], *zoo.sides(variant, *shape[1:])))
    if isinstance(model, ClassConditional):
        model = model.given(torch.tensor([2, 0, 1]))
    x = zoo.random_images(model, 3)
    filled, nats = replay(model, x, torch.zeros(model.shape[1:], dtype=torch.bool))
    assert (filled == x).all()
    for part in model.modules():
        if isinstance(part, MultiScale):
            part.clamp = True
    torch.testing.assert_close(nats, model.log_prob(x))


def test_known_pixels_are_not_visited():
    model = zoo.build("multi_scale", "softmax", (3, 4, 4))
    x = zoo.random_images(model, 2)
    known = torch.rand(4, 4, generator=torch.Generator().manual_seed(0)) < 0.4
    assert (replay(model, x, known)[0] == x).all()


def test_a_small_model_without_a_walk_is_refused():
    model = zoo.build("multi_scale", "softmax", (1, 4, 4))
    model.small = torch.nn.Identity()
    x = zoo.random_images(model, 1)
    with pytest.raises(InputError, match="no walk through a small model of type Identity"):
        next(model.walk(x, torch.zeros(4, 4, dtype=torch.bool)))
