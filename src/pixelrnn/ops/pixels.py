"""Pixels are integers 0..K-1 everywhere outside the network; inside they are numbers from -1 to 1."""

import math
from collections.abc import Sequence

import torch

from pixelrnn.errors import InputError
from pixelrnn.types import Bool, Float, Int, Tensor


def normalize(
    x: Int[Tensor, "*s"], levels: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*s"]:
    """Levels 0..K-1 to evenly spaced numbers from -1 to 1."""
    return x.to(dtype) * (2 / (levels - 1)) - 1


def check_levels(x: Tensor, shape: Sequence[int], levels: int, known: Tensor | None = None) -> None:
    """`x` must be int64 `(b, *shape)` with levels 0..K-1, at the pixels `known` (h w) if given; else an `InputError`.

    The levels themselves are looked at on the CPU and outside training: a look makes an accelerator wait. A compiled
    model leaves all of it out.
    """
    if torch.compiler.is_compiling():
        return
    if x.dtype != torch.int64:
        raise InputError(
            f"images are int64 levels 0..{levels - 1}, not {x.dtype}: convert them with .long()"
        )
    if x.ndim != 4 or x.shape[1:] != torch.Size(shape):
        raise InputError(
            f"images of shape {tuple(x.shape)}, but the model's are (n, {', '.join(map(str, shape))})"
        )
    seen = x if known is None else x[..., known.to(x.device)]
    if (x.device.type == "cpu" or not torch.is_grad_enabled()) and seen.numel():
        low, high = (int(bound) for bound in seen.aminmax())
        if low < 0 or high >= levels:
            raise InputError(
                f"level {low if low < 0 else high} found, but the model's levels are 0..{levels - 1}"
            )


def known_pixels(known: int | Tensor, rows: int, columns: int) -> Bool[Tensor, "h w"]:
    """The first `known` pixels in raster order as a mask, or the mask itself. Raises `InputError` if it cannot be."""
    if isinstance(known, Tensor):
        if known.dtype != torch.bool or known.shape != (rows, columns):
            raise InputError(
                f"known is {known.dtype} {tuple(known.shape)}, expected a bool mask ({rows}, {columns})"
            )
        return known
    if not 0 <= known <= rows * columns:
        raise InputError(
            f"known={known}: an image of {rows}x{columns} has 0 to {rows * columns} known pixels"
        )
    return torch.arange(rows * columns).view(rows, columns) < known


def subsample(x: Int[Tensor, "b c h w"], factor: int) -> Int[Tensor, "b c h2 w2"]:
    """Every `factor`-th pixel of every `factor`-th row: the small image of the Multi-Scale PixelRNN (section 3.6)."""
    return x[..., ::factor, ::factor]


def bits_per_dim(nats: float, dims: int) -> float:
    """Negative log-likelihood in nats per image to bits per dimension; `dims` is c*h*w."""
    return nats / (dims * math.log(2))
