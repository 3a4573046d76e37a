"""Multi-Scale of any number of scales: what is exact, what is a bound, what is impossible."""

import itertools
from functools import partial

import pytest
import torch
from tests.support import laws
from tests.support.zoo import MULTI_SCALE, build, parts, random_images, sides

from pixelrnn.heads import Softmax
from pixelrnn.models import MultiScale, multi_scale, pixel_cnn
from pixelrnn.ops.pixels import subsample


def own_scales(model, x):
    """Return the images of every scale that agree with x, the smallest first."""
    if not isinstance(model, MultiScale):
        return [x]
    return [*own_scales(model.small, subsample(x, model.factor)), x]


def wide(variant, **form):
    return build(variant, "softmax", (1, *sides(variant, 4, 8)), **form)


def nested(clamps, factors=None, shape=(1, 8, 8), levels=2):
    """Build a model of a scale more than there are `clamps`, which go from the smallest up."""
    variant = partial(pixel_cnn, head=Softmax(levels), hidden=2, layers=1, output_hidden=2)
    small = variant
    for clamp, factor in zip(clamps, factors or [2] * len(clamps), strict=True):
        small = partial(
            multi_scale, small=small, large=variant, factor=factor, features=2, clamp=clamp
        )
    torch.manual_seed(0)
    model = small(shape=shape).double()
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("clamps", list(itertools.product([False, True], repeat=3)))
def test_exact_only_if_every_scale_is_clamped(clamps):
    """Fault: `exact` that asks the largest scale only."""
    assert nested(clamps).exact == all(clamps)


@pytest.mark.parametrize("clamps", list(itertools.product([False, True], repeat=2)))
def test_every_mixture_of_clamped_and_free_scales_obeys_the_laws(clamps):
    model = nested(clamps, shape=(1, 4, 4))
    laws.sample_scores_as_drawn(model)
    laws.sums_to_one(model.small)
    laws.batches_do_not_mix(model)


def test_factors_may_differ():
    model = nested([True, False], [3, 2], shape=(1, 6, 12))
    assert model.shapes == [(1, 1, 2), (1, 3, 6), (1, 6, 12)]
    laws.sample_scores_as_drawn(model)
    x = random_images(model, 2)
    assert (model.complete(x, 6 * 12 - 3) == x)[..., :-1, :].all()


def test_scales_of_the_configuration():
    """The paper's "one or more conditional" networks."""
    assert wide("multi_scale").shapes == [(1, 2, 4), (1, 4, 8)]
    assert wide("multi_scale_3").shapes == [(1, 1, 2), (1, 2, 4), (1, 4, 8)]
    assert len(parts(wide("multi_scale_3"))) == 3


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("variant", MULTI_SCALE)
def test_log_prob_is_that_of_drawing_the_scales_of_the_image_itself(variant, clamp):
    """And `log_prob_map` adds up to it. Fault: a scale counted twice, or not at all."""
    model = wide(variant, clamp=clamp)
    x = random_images(model, 5)
    expected = model.scales_log_prob(own_scales(model, x))
    torch.testing.assert_close(model.log_prob(x), expected, **laws.TIGHT)
    torch.testing.assert_close(model.log_prob_map(x).sum((1, 2)), expected, **laws.TIGHT)


@pytest.mark.parametrize("variant", MULTI_SCALE)
def test_images_that_disagree_are_impossible_where_clamped(variant):
    """At any scale. Fault: the line with -inf left out, which scores the pair as if it agreed."""
    free, clamped = wide(variant), wide(variant, clamp=True)
    x = random_images(free, 2)
    for scale in range(len(free.shapes) - 1):
        scales = own_scales(free, x)
        assert clamped.scales_log_prob(scales).isfinite().all()
        scales[scale] = scales[scale].clone()
        scales[scale][1, 0, -1, -1] = (scales[scale][1, 0, -1, -1] + 1) % free.levels
        assert free.scales_log_prob(scales).isfinite().all()
        nats = clamped.scales_log_prob(scales)
        assert nats[0].isfinite()
        assert nats[1] == -torch.inf


@pytest.mark.parametrize("variant", MULTI_SCALE)
def test_free_scales_do_disagree_and_clamped_ones_never(variant):
    """Fault: small images that are not those which the large ones were drawn from."""
    free, clamped = wide(variant), wide(variant, clamp=True)
    for model, agree in ((free, False), (clamped, True)):
        scales, _ = model.sample_scales(8, torch.Generator().manual_seed(0))
        for mine, own in zip(scales[:-1], own_scales(model, scales[-1])[:-1], strict=True):
            assert (mine == own).all() == agree


@torch.no_grad()
def test_a_bound_is_below_the_likelihood():
    """log p(x) adds up over all small images; `log_prob` keeps one of them. Of every 2x2 image."""
    model = build("multi_scale", "softmax", (1, 2, 2), levels=3)
    x = laws.every_image(model)
    smalls = laws.every_image(model.small).split(1)
    joint = [model.scales_log_prob([small.expand(len(x), -1, -1, -1), x]) for small in smalls]
    likelihood = torch.stack(joint).logsumexp(0)
    torch.testing.assert_close(likelihood.exp().sum(), torch.ones(()).double())
    assert (model.log_prob(x) < likelihood).all()


@pytest.mark.parametrize("clamp", [False, True])
def test_smaller_scales_are_completed_from_their_own_known_pixels(clamp):
    """Where an image is known at the places of a smaller one, this one is known.

    So the large image is conditioned on it, whatever the random numbers. Fault: the smaller image
    drawn anew, or completed from a mask of another scale.
    """
    model = wide("multi_scale_3", clamp=clamp)
    given = []
    model.context = lambda small, context=model.context: given.append(small) or context(small)
    x = random_images(model, 3)
    known = model.grid
    model.complete(x, known, torch.Generator().manual_seed(0))
    assert (given[0] == subsample(x, 2)).all()
    known = torch.zeros_like(model.grid)
    known[::4, ::4] = True
    for seed in range(2):
        model.complete(x, known, torch.Generator().manual_seed(seed))
    assert all((small[..., ::2, ::2] == x[..., ::4, ::4]).all() for small in given)
    assert not (given[1] == given[2]).all()
