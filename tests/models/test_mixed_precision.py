"""Under autocast every variant trains, and stays near its float32 likelihood."""

import pytest
import torch
from tests.support.zoo import VARIANTS, build, random_images, sides


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("colors", [1, 3])
def test_bfloat16_trains(variant, colors):
    """Fault to plant: a scan that adds products of one precision to gates of another."""
    model = build(variant, "softmax", (colors, *sides(variant, 4, 10))).float()
    x = random_images(model, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        log_prob = model.log_prob(x)
    log_prob.sum().backward()
    assert log_prob.dtype == torch.float32
    torch.testing.assert_close(log_prob, model.log_prob(x), rtol=0.03, atol=0)
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
