import numpy as np
import pytest
import torch
from tests.support import tiny

from pixelrnn.models.in_batches import Sampler


def drawn(sampler):
    return np.concatenate(list(sampler.draw(7)))


HALF = torch.arange(4)[:, None].expand(4, 4) < 2


def test_batches_bound_what_is_drawn_at_once(monkeypatch):
    model, sizes = tiny.model(seed=1), []
    sample = model.sample
    monkeypatch.setattr(
        model, "sample", lambda n, *rest, **options: sizes.append(n) or sample(n, *rest, **options)
    )
    images = drawn(Sampler(model, batch_size=3))
    assert sizes == [3, 3, 1]
    assert images.dtype == np.uint8
    assert images.shape == (7, *tiny.SHAPE)
    assert len(np.unique(images, axis=0)) > 1
    assert (images == drawn(Sampler(model, batch_size=3))).all()
    assert (images != drawn(Sampler(model, seed=1, batch_size=3))).any()


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
