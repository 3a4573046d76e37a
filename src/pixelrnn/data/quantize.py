"""Bytes to levels and back: the one place where 8-bit pictures become integers 0..K-1."""

import numpy as np


def quantize(values: np.ndarray, levels: int) -> np.ndarray:
    """Convert bytes 0..255 to levels 0..K-1 by equal bins, floor(v K / 256).

    They stay as they are for K = 256, and K = 2 is a threshold at 128. uint8 of any shape, in and
    out.
    """
    return (values.astype(np.uint16) * levels >> 8).astype(np.uint8)


def stretch(images: np.ndarray, levels: int) -> np.ndarray:
    """Convert levels 0..K-1 to bytes, black to white: ceil(255 x / (K-1)).

    `quantize` brings them back exactly for every K. Integers of any shape in, uint8 out.
    """
    return (-(-255 * images.astype(np.int64) // (levels - 1))).astype(np.uint8)
