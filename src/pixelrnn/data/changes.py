"""Changes of a training image at random, by a generator that is set for it: see `sampler`."""

from collections.abc import Callable

import torch

from pixelrnn.types import Tensor

Change = Callable[[Tensor, torch.Generator], Tensor]  # of an image, uint8 (c, h, w)


def draw_levels(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Draw ink with a probability of gray/255: 0 or 1 for each pixel of (c, h, w), uint8."""
    # uniform over 0..254, it is below x with a probability of exactly x/255
    threshold = torch.randint(255, gray.shape, dtype=torch.uint8, generator=generator)
    return (threshold < gray).to(torch.uint8)


def flip_half(image: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror an image (c, h, w) left to right with a probability of one half."""
    flipped = torch.rand((), generator=generator) < 0.5
    return image.flip(-1) if flipped else image


class Mutate:
    """Replace each color of each pixel by any level, with a probability of `rate`.

    What is left to learn are the pixels' frequencies and the smoothness, not what images show: a
    background model (Ren et al., Likelihood ratios for out-of-distribution detection, 2019).
    """

    def __init__(self, rate: float, levels: int) -> None:
        self.rate, self.levels = rate, levels

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Change an image (c, h, w), uint8."""
        anew = torch.rand(image.shape, generator=generator) < self.rate
        drawn = torch.randint(self.levels, image.shape, generator=generator)
        return torch.where(anew, drawn.to(torch.uint8), image)
