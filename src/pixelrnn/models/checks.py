"""What a model asks of its arguments: a wrong one gets one line, before any work starts."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads import Head
from pixelrnn.heads.head import check_temperature
from pixelrnn.types import Labels, Tensor


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


def check_labels(y: object, classes: int) -> Labels:
    """Return labels as a tensor, int64. Raises InputError unless they are whole, 0..classes-1.

    They are one for each image (b), or a single one.
    """
    if isinstance(y, int) and not isinstance(y, bool):
        y = torch.tensor(y)
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.ndim > 1:
        kind = f"{y.dtype} {tuple(y.shape)}" if isinstance(y, Tensor) else repr(y)
        raise InputError(f"labels are an int64 torch.Tensor (b), or a whole number, not {kind}")
    if y.numel() and (y.device.type == "cpu" or not torch.is_grad_enabled()):
        low, high = (int(bound) for bound in y.aminmax())
        if low < 0 or high >= classes:
            wrong = low if low < 0 else high
            raise InputError(f"class {wrong} is none of the model's, which are 0 to {classes - 1}")
    return y


def build_variant(name: str, variant: Callable[..., Any], **arguments: Any) -> Any:
    """Build a part of a model by the variant called `name`, which lacks these arguments.

    Raises InputError if it cannot be called so, or is a model already.
    """
    lacking = " and ".join(arguments)
    try:
        if isinstance(variant, nn.Module):
            raise TypeError("it is a model already")
        inspect.signature(variant).bind(**arguments)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} must be a variant that lacks its {lacking}, "
            f"such as partial(row_lstm, head=Softmax(256)): {error}"
        ) from error
    return variant(**arguments)
