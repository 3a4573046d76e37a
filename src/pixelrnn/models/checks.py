"""What a model asks of its arguments: a wrong one gets one line, before any work starts."""

from collections.abc import Iterable

import torch

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads import Head
from pixelrnn.heads.head import check_temperature
from pixelrnn.types import Tensor


def check_shape(shape: object) -> tuple[int, int, int]:
    """Return `shape` as (colors, rows, columns). Raises InputError unless it is that, each >= 1."""
    sizes = tuple(shape) if isinstance(shape, Iterable) else ()
    if len(sizes) != 3:
        raise InputError(f"an image's shape is (colors, rows, columns), not {shape!r}")
    colors, rows, columns = sizes
    check_whole(colors=colors, rows=rows, columns=columns)
    return int(colors), int(rows), int(columns)


def check_head(head: object) -> None:
    """Raise InputError unless it is a head, built and not only named."""
    if not isinstance(head, Head):
        raise InputError(f"head={head!r} must be a head, such as pixelrnn.Softmax(levels=256)")


def check_drawing(generator: object, temperature: object, device: torch.device) -> None:
    """Raise InputError unless images can be drawn on `device` with these random numbers."""
    check_temperature(temperature)
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise InputError(
            f"generator={generator!r} must be a torch.Generator, "
            "such as torch.Generator().manual_seed(0)"
        )
    if generator.device.type != device.type:
        raise InputError(
            f"the generator is on {generator.device}, the model is on {device}: "
            f"make it by torch.Generator({str(device)!r})"
        )


def check_context(context: object, x: Tensor) -> None:
    """Raise InputError unless it is None or a map `(b e h w)` of the number and size of `x`."""
    if context is None:
        return
    b, _, h, w = x.shape
    expected = f"a context is a torch.Tensor ({b}, features, {h}, {w})"
    if not isinstance(context, Tensor):
        raise InputError(f"{expected}, not of type {type(context).__name__}")
    if context.ndim != 4 or (len(context), *context.shape[2:]) != (b, h, w):
        raise InputError(f"{expected}, not {tuple(context.shape)}")
