"""Pixels are integers 0..K-1 everywhere outside the network; inside they are numbers from -1 to 1."""

import math

import torch

from pixelrnn.types import Float, Int, Tensor


def normalize(x: Int[Tensor, "*s"], levels: int, dtype: torch.dtype = torch.float32) -> Float[Tensor, "*s"]:
    """Levels 0..K-1 to evenly spaced numbers from -1 to 1."""
    return x.to(dtype) * (2 / (levels - 1)) - 1


def subsample(x: Int[Tensor, "b c h w"], factor: int) -> Int[Tensor, "b c h2 w2"]:
    """Every `factor`-th pixel of every `factor`-th row: the small image of the Multi-Scale PixelRNN (section 3.6)."""
    return x[..., ::factor, ::factor]


def bits_per_dim(nats: float, dims: int) -> float:
    """Negative log-likelihood in nats per image to bits per dimension; `dims` is c*h*w."""
    return nats / (dims * math.log(2))
