import numpy as np
import pytest

from pixelrnn.data.quantize import quantize, stretch

BYTES = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("levels", range(2, 257))
def test_what_is_stretched_is_read_back(levels):
    """Fault: rounding to the nearest byte, which 209 of these 255 numbers don't survive."""
    x = np.arange(levels)
    assert (quantize(stretch(x, levels), levels) == x).all()
    assert stretch(x, levels)[[0, -1]].tolist() == [0, 255]


def test_bins_are_equal():
    assert (quantize(BYTES, 256) == BYTES).all()
    assert (quantize(BYTES, 2) == (BYTES >= 128)).all()
    assert np.bincount(quantize(BYTES, 17)).tolist().count(15) == 16  # 256 = 16 * 15 + 16
    assert quantize(BYTES, 17).dtype == np.uint8
