import numpy as np
import pytest
import torch
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.models.in_batches import full_precision, nll_maps

IMAGES = np.random.default_rng(0).integers(0, tiny.LEVELS, (5, *tiny.SHAPE)).astype(np.uint8)


def scored(model, batch_size=2):
    return np.concatenate(list(nll_maps(model, IMAGES, batch_size)))


def test_maps_are_the_models_and_add_up_to_the_images():
    """Fault: the last, uneven batch dropped."""
    model = tiny.model(seed=3)
    nats = scored(model)
    assert nats.dtype == np.float64
    assert nats.shape == (5, 4, 4)
    with torch.no_grad():
        exact = -tiny.model(seed=3).double().log_prob(torch.from_numpy(IMAGES.astype(np.int64)))
    np.testing.assert_allclose(nats.sum((1, 2)), exact, rtol=1e-6)
    np.testing.assert_allclose(scored(model, batch_size=5), nats, rtol=1e-6)


def test_precision_is_float32_whatever_surrounds_it():
    """Faults: inside autocast; a model of bfloat16 weights left as it is."""
    expected = scored(tiny.model(seed=3))
    with torch.autocast("cpu", torch.bfloat16):
        assert (scored(tiny.model(seed=3)) == expected).all()
    low = scored(tiny.model(seed=3).bfloat16())
    rounded = scored(tiny.model(seed=3).bfloat16().float())
    assert (low == rounded).all()


def test_tf32_is_off_inside_and_as_before_outside(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with full_precision(torch.device("cpu")):
            assert not torch.backends.cudnn.allow_tf32
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_no_number_is_an_error_that_names_the_image():
    model = tiny.model()
    next(model.parameters()).data.fill_(torch.nan)
    with pytest.raises(InputError, match="image 0 no finite likelihood"):
        scored(model)
