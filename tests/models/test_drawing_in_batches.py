import numpy as np
import pytest
import torch
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.models.drawing import Drawing
from pixelrnn.models.in_batches import Sampler

HALF = torch.arange(4)[:, None].expand(4, 4) < 2


def test_batches_bound_what_is_drawn_at_once(monkeypatch):
    model, sizes, fill = tiny.model(seed=1), [], Drawing.fill
    monkeypatch.setattr(
        Drawing, "fill", lambda self, x, *rest: sizes.append(len(x)) or fill(self, x, *rest)
    )
    images = Sampler(model, batch_size=3).sample(7)
    assert sizes == [3, 3, 1]
    assert images.dtype == np.uint8
    assert images.shape == (7, *tiny.SHAPE)
    assert len(np.unique(images, axis=0)) > 1
    assert (images == Sampler(model, batch_size=3).sample(7)).all()
    assert (images != Sampler(model, seed=1, batch_size=3).sample(7)).any()


class Theirs:
    """A DensityModel that is nobody's but its own, and tells how it is called."""

    shape, levels, exact = tiny.SHAPE, tiny.LEVELS, True

    def __init__(self):
        self.inner, self.sizes = tiny.model(seed=1), []

    def log_prob(self, x):
        return self.inner.log_prob(x)

    log_prob_map = sample_and_log_prob = log_prob

    def sample(self, n, generator=None, *, temperature=1.0):
        self.sizes.append(n)
        return self.inner.sample(n, generator, temperature=temperature)

    def complete(self, x, known, generator=None, *, temperature=1.0):
        self.sizes.append(len(x))
        return self.inner.complete(x, known, generator, temperature=temperature)


def test_anyones_model_draws_by_its_own_methods():
    """Fault: a model taken for one of ours, which has a network."""
    model = Theirs()
    images = Sampler(model, batch_size=3).sample(7)
    assert (images == Sampler(model, batch_size=3).sample(7)).all()
    completed = Sampler(model, batch_size=3).complete(images[:2], HALF, times=2)
    assert (completed[..., :2, :] == images[:2, None, :, :2]).all()
    assert model.sizes == [3, 3, 1, 3, 3, 1, 3, 1]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_each_image_is_followed_by_its_own_completions(batch_size):
    """Faults: completions of image i beside image j; the known half drawn anew."""
    images = np.stack([np.full(tiny.SHAPE, level, np.uint8) for level in range(3)])
    completed = Sampler(tiny.model(seed=1), batch_size=batch_size).complete(images, HALF, times=5)
    assert completed.shape == (3, 6, *tiny.SHAPE)
    assert completed.dtype == np.uint8
    assert (completed[:, 0] == images).all()
    assert (completed[..., :2, :] == images[:, None, :, :2]).all()
    assert len(np.unique(completed[:, 1:, :, 2:].reshape(15, -1), axis=0)) > 5


def test_a_number_of_pixels_is_a_mask():
    """Fault: pixels counted from the end, or columns for rows."""
    model = tiny.model(seed=1)
    images = Sampler(model).sample(2)
    by_number, by_mask = (Sampler(model, 3).complete(images, known, 2) for known in (8, HALF))
    assert (by_number == by_mask).all()
    assert Sampler(model).complete(images, known=8).shape == (2, 2, *tiny.SHAPE)


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", True])
def test_a_number_of_images_that_cannot_be(n):
    with pytest.raises(InputError, match="must be a whole number"):
        Sampler(tiny.model()).sample(n)
