"""How the outputs of a network are laid out, as einops writes it: b, c colors, k numbers, h, w."""

from collections.abc import Sequence

import torch
from einops import EinopsError, rearrange

from pixelrnn.causality.order import Shape
from pixelrnn.errors import InputError
from pixelrnn.types import Float, Tensor

PER_COLOR = {  # outputs that tell colors apart
    "b c h w": "one number a color",
    "b h w c": "one number a color",
    "b (c k) h w": "all numbers of the first color, then all of the second, ...",
    "b (k c) h w": "the colors alternate",
    "b h w (c k)": "all numbers of the first color, then all of the second, ...",
    "b h w (k c)": "the colors alternate",
    "b c k h w": "",
    "b k c h w": "",
    "b h w c k": "",
    "b h w k c": "",
    "b (h w c) k": "a sequence of pixels, color by color",
}
PER_PIXEL = {  # outputs that describe a pixel with all of its colors
    "b h w": "",
    "b k h w": "a pixel as a whole: its colors are hidden from each other",
    "b h w k": "a pixel as a whole: its colors are hidden from each other",
    "b (h w) k": "a sequence of pixels",
    "b k (h w)": "a sequence of pixels",
}


def arrange(outputs: Tensor, layout: str, batch: int, shape: Shape) -> Float[Tensor, "b o k h w"]:
    """Outputs of any layout in one. Raises InputError if they aren't of this layout."""
    names = layout.replace("(", " ").replace(")", " ").split()
    sizes = {
        name: size for name, size in zip("bchw", (batch, *shape), strict=True) if name in names
    }
    order, number = ("c" if "c" in names else "1"), ("k" if "k" in names else "1")
    try:
        return rearrange(outputs, f"{layout} -> b {order} {number} h w", **sizes)
    except (EinopsError, RuntimeError) as error:
        raise InputError(
            f"layout={layout!r} doesn't fit outputs of shape {tuple(outputs.shape)} for {batch} images of shape "
            f"{shape}: write b, c (colors), k (numbers), h, w"
        ) from error


def fitting(outputs: Sequence[int], shape: Shape, log_probs: bool) -> list[str]:
    """The layouts that outputs of this size can have."""

    def fits(layout: str) -> bool:
        try:
            arrange(torch.empty(tuple(outputs), device="meta"), layout, outputs[0], shape)
        except InputError:
            return False
        return not log_probs or "k" not in layout

    if len(outputs) == 0:
        return []
    per_pixel = [layout for layout in PER_PIXEL if fits(layout)]
    if shape[0] == 1 and per_pixel:
        return per_pixel
    return per_pixel + [layout for layout in PER_COLOR if fits(layout)]


def find_layout(outputs: Sequence[int], shape: Shape, found: list[str]) -> str:
    """The one layout among those that fit. Raises InputError if there is none, or several."""
    found = [layout for layout in found if layout in ("b c h w", "b h w c")] or found
    if not found:
        raise InputError(
            f"outputs of shape {tuple(outputs)} for two images of shape {shape} are not numbers for each pixel, which "
            "have shape (b, k, h, w), (b, c, k, h, w) or (b, h, w, k)"
        )
    if len(found) > 1:
        meaning = PER_PIXEL | PER_COLOR if shape[0] > 1 else {}
        told = [
            f"'{name}'" + (f" ({meaning[name]})" if meaning.get(name) else "") for name in found
        ]
        raise InputError(
            f"outputs of shape {tuple(outputs)} can be read in several ways; choose a layout: {', '.join(told)}"
        )
    return found[0]
