"""Between the values of an image and the numbers that its network and its head take.

    levels 0..K-1   the network takes evenly spaced numbers from -1 to 1, the head the levels
    real numbers x  the head takes z = (x - mean) / scale, with the mean and the standard deviation
                    of the training images, so that

                        log p(x) = log p(z) - log scale        for each color of each pixel

                    is a density in the data's own unit (the change of variables)

The network takes asinh z, which is z near 0 and grows as a logarithm: a star of a hundred
deviations is told from one of fifty, and no number that is drawn makes the next one much larger,
and so on until they overflow. (What the network does with the past changes nothing of what is a
density.) A density may exceed one, so its NLL may be negative, and it is another number in another
unit.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from pixelrnn.ops.pixels import check_levels, check_reals, normalize
from pixelrnn.types import Float, Images, Int, Tensor


class LevelScaling(nn.Module):
    """Of levels 0..K-1. It has nothing to store."""

    def __init__(self, levels: int):
        super().__init__()
        self.levels = levels

    @property
    def guess(self) -> float:
        """The NLL of a uniform guess, nats per dimension."""
        return math.log(self.levels)

    @property
    def unit(self) -> float:
        """What the unit of the data adds to a NLL, nats per dimension: levels have none."""
        return 0.0

    def check(
        self,
        x: object,
        shape: Sequence[int],
        known: Tensor | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Raise InputError for other images, see `check_levels`."""
        check_levels(x, shape, self.levels, known, device)

    def blank(self, size: Sequence[int], parameter: Tensor) -> Images:
        """Return images of level 0, beside a parameter of the model."""
        return torch.zeros(*size, dtype=torch.long, device=parameter.device)

    def random(self, size: Sequence[int], generator: torch.Generator | None = None) -> Images:
        """Draw images on the CPU, every level as likely."""
        return torch.randint(self.levels, tuple(size), generator=generator)

    def to_network(self, x: Int[Tensor, "*s"], dtype: torch.dtype) -> Float[Tensor, "*s"]:
        """Return what the network takes."""
        return normalize(x, self.levels, dtype)

    def to_head(self, x: Int[Tensor, "*s"]) -> Int[Tensor, "*s"]:
        """Return what the head takes."""
        return x

    def from_head(self, drawn: Int[Tensor, "*s"]) -> Int[Tensor, "*s"]:
        """Return what the head drew as the image has it."""
        return drawn

    def in_own_unit(self, log_prob: Float[Tensor, "*s"], colors: int) -> Float[Tensor, "*s"]:
        """Return a pixel's log-probability in the unit of the data."""
        return log_prob


class RealScaling(nn.Module):
    """Of real numbers. `mean` and `scale` are stored with the weights; see `standardize`."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    @property
    def guess(self) -> float:
        """The NLL of independent Gaussians of this mean and scale, nats per dimension."""
        return 0.5 * math.log(2 * math.pi * math.e) + self.unit

    @property
    def unit(self) -> float:
        """What the unit of the data adds to a NLL, nats per dimension: log scale."""
        return math.log(self.scale)

    def check(
        self,
        x: object,
        shape: Sequence[int],
        known: Tensor | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Raise InputError for other images, see `check_reals`."""
        check_reals(x, shape, known, device)

    def blank(self, size: Sequence[int], parameter: Tensor) -> Images:
        """Return images of zeros, beside a parameter of the model."""
        dtype = torch.promote_types(parameter.dtype, torch.float32)
        return torch.zeros(*size, dtype=dtype, device=parameter.device)

    def random(self, size: Sequence[int], generator: torch.Generator | None = None) -> Images:
        """Draw images on the CPU, all numbers independent Gaussians."""
        z = torch.randn(tuple(size), generator=generator, dtype=self.mean.dtype)
        return self.from_head(z.to(self.mean.device)).cpu()

    def to_network(self, x: Float[Tensor, "*s"], dtype: torch.dtype) -> Float[Tensor, "*s"]:
        """Return what the network takes."""
        return self.to_head(x).asinh().to(dtype)

    def to_head(self, x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return what the head takes, in the precision of x or of the scale, if that is better."""
        x = x.to(torch.promote_types(x.dtype, self.mean.dtype))
        return (x - self.mean) / self.scale

    def from_head(self, drawn: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Return what the head drew as the image has it."""
        return drawn * self.scale + self.mean

    def in_own_unit(self, log_prob: Float[Tensor, "*s"], colors: int) -> Float[Tensor, "*s"]:
        """Return a pixel's log-density in the unit of the data."""
        return log_prob - colors * self.scale.log()


Scaling = LevelScaling | RealScaling


def scaling_of(levels: int | None) -> Scaling:
    """Return the scaling of so many levels; of real numbers where there are none."""
    return RealScaling() if levels is None else LevelScaling(levels)


def scaling_within(model: Any) -> Scaling:
    """Return the scaling of a `DensityModel`, which is that of all its scales."""
    parts = model.modules() if isinstance(model, nn.Module) else ()
    found = [part for part in parts if isinstance(part, LevelScaling | RealScaling)]
    return found[-1] if found else scaling_of(model.levels)


def standardize(model: nn.Module, mean: float, scale: float) -> None:
    """Let a model of real numbers, all its scales, take these for the mean and the deviation.

    They are those of the training images, as `prepare` wrote them to data.json. A model of levels
    stays as it is.
    """
    for part in model.modules():
        if isinstance(part, RealScaling):
            part.mean.fill_(mean)
            part.scale.fill_(scale)
