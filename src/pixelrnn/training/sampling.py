"""Draw any number of images or completions: in batches, so that memory stays bounded."""

import math

import numpy as np
import torch

from pixelrnn.errors import InputError
from pixelrnn.training import Model
from pixelrnn.types import Bool, Tensor


def check_temperature(temperature: object) -> None:
    """Raise InputError unless it is a number of at least 0 (0: the likeliest level each time)."""
    is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not is_number or not 0 <= float(temperature) < math.inf:  # type: ignore[arg-type]
        raise InputError(
            f"temperature={temperature} must be a number of at least 0 (1: the model itself)"
        )


class Sampler:
    """A model and how to draw from it: the random numbers, the temperature, how many images at a time.

    The same seed and batch size give the same images on the same kind of device.
    """

    def __init__(
        self, model: Model, seed: int = 0, temperature: float = 1.0, batch_size: int = 256
    ) -> None:
        self.model, self.temperature, self.batch_size = model, float(temperature), batch_size
        self.generator = torch.Generator(next(model.parameters()).device).manual_seed(seed)

    def draw(self, n: int) -> np.ndarray:
        """`n` images, uint8 (n, c, h, w)."""
        sizes = [min(self.batch_size, n - first) for first in range(0, n, self.batch_size)]
        return _join(
            [
                self.model.sample(size, self.generator, temperature=self.temperature)
                for size in sizes
            ]
        )

    def complete(self, images: np.ndarray, known: Bool[Tensor, "h w"], times: int) -> np.ndarray:
        """Each image, then `times` completions of its `known` pixels: uint8 (n, c, h, w) -> (n, 1 + times, c, h, w)."""
        repeated = torch.from_numpy(images.repeat(times, axis=0).astype(np.int64)).to(
            self.generator.device
        )
        batches = repeated.split(self.batch_size)
        drawn = _join(
            [
                self.model.complete(x, known, self.generator, temperature=self.temperature)
                for x in batches
            ]
        )
        return np.concatenate(
            [images[:, None], drawn.reshape(len(images), times, *images.shape[1:])], axis=1
        )


def spread(images: np.ndarray, n: int) -> np.ndarray:
    """At most `n` of the images, evenly spaced: some data sets are sorted by what the images show."""
    return images[np.linspace(0, len(images) - 1, min(n, len(images))).astype(int)]


def _join(batches: list[Tensor]) -> np.ndarray:
    return np.concatenate([batch.cpu().numpy().astype(np.uint8) for batch in batches])
