"""Pseudo-counts: those of a model that counts are its counts; a network's fall as an image repeats."""

import math

import pytest
import torch
from tests.support import zoo
from torch import nn

from pixelrnn.errors import InputError
from pixelrnn.exploration import PseudoCount


class Counter(nn.Module):
    """A table of how often each image was seen, which begins at one for each: p = count / n."""

    def __init__(self, kinds):
        super().__init__()
        self.counts = nn.Parameter(torch.ones(kinds, dtype=torch.float64))

    def log_prob(self, x):
        return (self.counts[x.flatten()] / self.counts.sum().detach()).log()


class CountOnce:
    """Its optimizer: adds one where there is a gradient, that of the image that was seen."""

    def __init__(self, model):
        self.counts = model.counts

    def zero_grad(self):
        self.counts.grad = None

    @torch.no_grad()
    def step(self):
        self.counts += self.counts.grad != 0


def image(kind):
    return torch.full((1, 1, 1, 1), kind)


def test_counts_of_a_model_that_counts():
    """Bellemare's closed form. Faults: the probability before taken for the one after; n for n + 1."""
    model = Counter(5)
    count = PseudoCount(model, CountOnce(model))
    seen = torch.ones(5)
    for kind in torch.randint(5, (60,), generator=torch.Generator().manual_seed(0)).tolist():
        assert count.count(image(kind)) == pytest.approx(seen[kind].item())
        seen[kind] += 1
    assert count.seen == 60
    assert count.bonus(image(2)) == pytest.approx((seen[2].item() + 0.01) ** -0.5)


def test_new_images_earn_more_and_repeated_ones_less():
    """A PixelCNN that sees one image again and again, then another. Fault: the sign of the gain."""
    model = zoo.build("pixel_cnn", "softmax", (1, 4, 4))
    count = PseudoCount(model, torch.optim.SGD(model.parameters(), lr=0.01), c=1.0)
    torch.manual_seed(1)
    old, new = zoo.random_images(model, 1), zoo.random_images(model, 1)
    earned = [count.bonus(old) for _ in range(40)]
    assert earned[0] > earned[10] > earned[39]
    assert count.bonus(new) > 2 * earned[39]


def test_c_makes_gains_smaller_with_time():
    """Times c / sqrt(n), Ostrovski's. Fault: n from 0."""
    for c in (0.1, 3.0):
        count = PseudoCount(nn.Identity(), None, c)
        for count.seen in (1, 9):
            gain = c / math.sqrt(count.seen) * 2
            assert count._solve(-5.0, -3.0) == pytest.approx(
                (1 - math.exp(-3)) / (math.exp(gain) - 1)
            )


def test_ends_of_the_scale():
    """Nothing learned: an infinite count, no bonus. Everything: a count of 0, without an overflow."""
    count = PseudoCount(nn.Identity(), None)
    assert count._solve(-3.0, -3.0) == count._solve(-3.0, -4.0) == math.inf
    assert (math.inf + 0.01) ** -0.5 == 0
    assert count._solve(-5000.0, -2.0) == 0


def test_what_cannot_be():
    model = zoo.build("pixel_cnn", "softmax", (1, 4, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e300)
    for c in (0, -1, math.nan, math.inf, "0.1", True):
        with pytest.raises(InputError, match="must be a number above 0"):
            PseudoCount(model, optimizer, c)
    with pytest.raises(InputError, match="2 images"):
        PseudoCount(model, optimizer).bonus(zoo.random_images(model, 2))
    with pytest.raises(InputError, match="lower the learning rate"):
        PseudoCount(model, optimizer).bonus(zoo.random_images(model, 1))
