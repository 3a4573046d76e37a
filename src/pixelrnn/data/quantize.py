"""Pixels to levels and back: the one place where pictures become integers 0..K-1."""

import numpy as np


def quantize(values: np.ndarray, levels: int) -> np.ndarray:
    """Convert bytes 0..255 to levels 0..K-1 by equal bins, floor(v K / 256).

    They stay as they are for K = 256, and K = 2 is a threshold at 128. Of 16 bits, uint16, it is
    floor(v K / 65536); bytes for more than 256 levels become v (1 + 256) before, so that white
    stays white. Any shape in, uint8 out, or uint16 where K needs it.
    """
    if values.dtype == np.uint8 and levels > 256:
        values = values.astype(np.uint16) * 257
    bits = 8 * values.dtype.itemsize
    binned = values.astype(np.uint32) * np.uint32(levels) >> np.uint32(bits)
    return binned.astype(np.uint8 if levels <= 256 else np.uint16)


def stretch(images: np.ndarray, levels: int, dtype: type = np.uint8) -> np.ndarray:
    """Convert levels 0..K-1 to bytes, black to white: ceil(255 x / (K-1)).

    With `dtype` uint16 to 16 bits, where 65535 is white. `quantize` brings them back exactly for
    every K that the type has room for. Integers of any shape in, `dtype` out.
    """
    white = np.iinfo(dtype).max
    return (-(-white * images.astype(np.int64) // (levels - 1))).astype(dtype)
