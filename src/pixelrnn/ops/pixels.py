"""Pixels: integers 0..K-1 outside the network, inside it numbers from -1 to 1; or real numbers."""

from collections.abc import Sequence
from numbers import Integral

import torch

from pixelrnn.errors import InputError
from pixelrnn.types import Bool, Float, Int, Num, Tensor


def normalize(
    x: Int[Tensor, "*s"], levels: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*s"]:
    """Turn levels 0..K-1 into evenly spaced numbers from -1 to 1."""
    return x.to(dtype) * (2 / (levels - 1)) - 1


def check_levels(
    x: object,
    shape: Sequence[int],
    levels: int,
    known: Tensor | None = None,
    device: torch.device | None = None,
) -> None:
    """Raise InputError unless `x` is an int64 tensor `(b, *shape)` of levels 0..K-1, b at least 1.

    With `known`, a mask `(h w)`, only the levels of those pixels matter; with `device`, the tensor
    must be there. The levels are looked at on the CPU and outside training only, since a look
    makes an accelerator wait. A compiled model leaves all of it out.
    """
    if torch.compiler.is_compiling():
        return
    if not isinstance(x, Tensor):
        kind = f"{type(x).__module__}.{type(x).__name__}".removeprefix("builtins.")
        raise InputError(
            f"images must be a torch.Tensor of int64 levels 0..{levels - 1}, not of type {kind}: "
            "convert whole numbers with torch.as_tensor(images).long()"
        )
    if x.dtype != torch.int64:
        convert = "convert them with .long()"
        if x.is_floating_point():
            convert = f"numbers v from 0 to 1 become levels by (v * {levels - 1}).round().long()"
        raise InputError(f"images are int64 levels 0..{levels - 1}, not {x.dtype}: {convert}")
    _check_form(x, shape, device)
    seen = _looked_at(x, known)
    if seen.numel():
        low, high = (int(bound) for bound in seen.aminmax())
        if low < 0 or high >= levels:
            wrong = low if low < 0 else high
            raise InputError(f"level {wrong} found, but the model's levels are 0..{levels - 1}")


def check_reals(
    x: object,
    shape: Sequence[int],
    known: Tensor | None = None,
    device: torch.device | None = None,
) -> None:
    """Raise InputError unless `x` is a tensor `(b, *shape)` of real numbers, b at least 1.

    In float32 or float64, and finite; as `check_levels` for the rest.
    """
    if torch.compiler.is_compiling():
        return
    if not isinstance(x, Tensor) or x.dtype not in (torch.float32, torch.float64):
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise InputError(
            f"images must be a float32 torch.Tensor, as the model is of real numbers, not {kind}: "
            "convert them with torch.as_tensor(images).float()"
        )
    _check_form(x, shape, device)
    if not _looked_at(x, known).isfinite().all():
        raise InputError("the images have numbers that are NaN or infinite")


def _check_form(x: Tensor, shape: Sequence[int], device: torch.device | None) -> None:
    if x.ndim != 4 or x.shape[1:] != torch.Size(shape):
        expected = ", ".join(map(str, shape))
        raise InputError(f"images of shape {tuple(x.shape)}, but the model's are (n, {expected})")
    if len(x) == 0:
        raise InputError("there is no image: the batch is empty")
    if device is not None and x.device != device:
        raise InputError(
            f"the images are on {x.device}, the model is on {device}: "
            f"move them with .to({str(device)!r})"
        )


def _looked_at(x: Tensor, known: Tensor | None) -> Tensor:
    """Return the known values, or none where a look would make an accelerator wait."""
    if x.device.type != "cpu" and torch.is_grad_enabled():
        return x[:0]
    return x if known is None else x[..., known.to(x.device)]


def known_pixels(known: object, rows: int, columns: int) -> Bool[Tensor, "h w"]:
    """Return the first `known` pixels in raster order as a mask, or the mask itself, on the CPU.

    Raises InputError for a number that is not whole or not in the image, and for any mask but a
    bool tensor `(rows columns)`.
    """
    if isinstance(known, Tensor):
        if known.dtype != torch.bool or known.shape != (rows, columns):
            raise InputError(
                f"known is {known.dtype} {tuple(known.shape)}, "
                f"expected a bool mask ({rows}, {columns})"
            )
        return known.cpu()
    if not isinstance(known, Integral) or isinstance(known, bool):
        raise InputError(
            f"known is of type {type(known).__name__}: give a whole number of pixels, "
            f"or a mask as a bool torch.Tensor ({rows}, {columns})"
        )
    count, pixels = int(known), rows * columns
    if not 0 <= count <= pixels:
        raise InputError(
            f"known={count}: an image of {rows}x{columns} has 0 to {pixels} known pixels"
        )
    return torch.arange(pixels).view(rows, columns) < count


def subsample(x: Num[Tensor, "b c h w"], factor: int) -> Num[Tensor, "b c h2 w2"]:
    """Return every `factor`-th pixel of every `factor`-th row: a Multi-Scale's small image.

    Section 3.6 of the paper.
    """
    return x[..., ::factor, ::factor]
