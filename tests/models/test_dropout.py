"""Dropout is for training: a model is evaluated, drawn from and audited as if there were none."""

import pytest
import torch
from tests.support import laws
from tests.support.zoo import MULTI_SCALE, VARIANTS, build, describe, random_images, sides

from pixelrnn.layers import Dropout
from pixelrnn.models.description import build_model


def dropping(variant, probability=0.5):
    """A model of the zoo, and how many of its layers drop features."""
    model = build(variant, "softmax", (1, *sides(variant, 3, 4)))
    layers = [layer for layer in model.modules() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.probability = probability
    return model, len(layers)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_changes_training_only(variant):
    """Fault: a model that is evaluated with features dropped, or none that are in training."""
    model, layers = dropping(variant)
    plain, _ = dropping(variant, 0.0)
    x = random_images(model, 3)
    assert layers >= 2
    model.train()
    assert not torch.equal(model.log_prob(x), model.log_prob(x))
    model.eval()
    assert torch.equal(model.log_prob(x), plain.log_prob(x))
    laws.raster_order(model)
    laws.sample_scores_as_drawn(model)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_does_not_change_what_is_drawn_in_training(variant):
    """Fault: a `step` that drops features."""
    drawn = []
    for model in (dropping(variant)[0].train(), dropping(variant, 0.0)[0].eval()):
        drawn.append(model.sample_and_log_prob(2, torch.Generator().manual_seed(0)))
    (x, nats), (expected, expected_nats) = drawn
    assert torch.equal(x, expected)
    assert torch.equal(nats, expected_nats)


@pytest.mark.parametrize("variant", [one for one in VARIANTS if one not in MULTI_SCALE])
def test_runs_with_and_without_it_are_built(variant):
    """Those of before it had a name, too; the weights have the same names. Fault: a key forgotten."""
    described = describe(variant, "softmax", (1, 3, 4), 4)
    assert "dropout" not in described
    without, with_it = build_model(described), build_model(described | {"dropout": 0.25})
    assert without.state_dict().keys() == with_it.state_dict().keys()
    for model, probability in ((without, 0.0), (with_it, 0.25)):
        layers = [layer for layer in model.modules() if isinstance(layer, Dropout)]
        assert {layer.probability for layer in layers} == {probability}


def test_none_takes_no_random_numbers():
    """So that a training without it is the one that it was before there was any."""
    model, _ = dropping("pixel_cnn", 0.0)
    x = random_images(model, 2)
    before = torch.get_rng_state()
    model.train().log_prob(x)
    assert torch.equal(torch.get_rng_state(), before)
