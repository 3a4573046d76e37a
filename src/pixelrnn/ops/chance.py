"""Random numbers that belong to an image: its number and a seed decide them, nothing else.

A counter-based generator, Philox (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*,
2011), has no state to share: image 7 of a thousand gets the same numbers as image 7 of ten, in any
batch, on any device.
"""

from collections.abc import Iterable

import numpy as np
from numpy.random import Philox


def uniform_numbers(
    seed: int, images: Iterable[int], shape: tuple[int, int, int], scale: int = 0
) -> np.ndarray:
    """Return a number from (0, 1) for each color of each pixel of the images with these numbers.

    float64 (n c h w). `scale` tells apart the images of a Multi-Scale that are drawn for one.
    """
    size, key = int(np.prod(shape)), np.array([seed, scale], np.uint64)
    bits = [Philox(key=key, counter=[0, 0, image, 0]).random_raw(size) for image in images]
    # The middles of 2^52 intervals, which a double holds exactly: neither end is ever drawn.
    return (((np.array(bits) >> 12) + 0.5) * 2.0**-52).reshape(-1, *shape)
