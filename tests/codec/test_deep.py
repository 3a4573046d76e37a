"""Images of more than 256 levels: two symbols a level, old files as they were."""

import math
import struct

import numpy as np
import pytest
import torch
from tests.support.zoo import build, random_images, sides

from pixelrnn.codec import compress, decompress
from pixelrnn.codec.coder import Coder
from pixelrnn.errors import InputError

HEADER = 44


@pytest.mark.slow
@pytest.mark.parametrize("levels", [257, 1000, 65_536])
@pytest.mark.parametrize(
    ("variant", "colors"), [("row_lstm", 1), ("row_lstm", 3), ("multi_scale", 1)]
)
def test_deep_images_come_back_at_the_price_of_their_nats(variant, colors, levels):
    """Payload within 0.1 % + 64 bits a stream of the NLL, for drawn images. Planted: the fine symbol given no coarse one."""
    model = build(variant, "logistic_mixture", (colors, *sides(variant, 6, 6)), levels, push=0.1)
    images = model.sample(24, torch.Generator().manual_seed(0))
    noise = random_images(model, 8)
    for x in (images, noise):
        data = compress(model, x)
        back = decompress(model, data)
        assert back.dtype == np.uint16
        assert (back == x.numpy()).all()
    if variant == "row_lstm":
        bits = -model.log_prob(images).sum().item() / math.log(2)
        payload = 8 * (len(compress(model, images)) - HEADER - 8)
        print(
            f"{levels} levels, {colors} colors: payload {payload / bits - 1:+.4%} of {bits:.0f} bits"
        )
        assert payload <= 1.001 * bits + 64


def test_the_header_says_which_arithmetic():
    """Planted: one number for both, so that an older program would decode noise."""
    few = build("row_lstm", "logistic_mixture", (1, 2, 2), 256)
    many = build("row_lstm", "logistic_mixture", (1, 2, 2), 65_536)
    x = torch.zeros(1, 1, 2, 2, dtype=torch.long)
    assert [compress(model, x)[5] for model in (few, many)] == [1, 2]
    assert [struct.unpack_from("<H", compress(model, x), 24)[0] for model in (few, many)] == [
        256,
        0,
    ]


def test_a_density_is_refused():
    with pytest.raises(InputError, match="real numbers can't be compressed"):
        Coder(build("row_lstm", "gaussian_mixture", (1, 2, 2)))
