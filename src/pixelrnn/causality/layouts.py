"""How the outputs of a network are laid out, as einops writes it: b, c colors, k numbers, h, w."""

from collections.abc import Sequence

import torch
from einops import EinopsError, rearrange

from pixelrnn.causality.order import Shape
from pixelrnn.errors import InputError
from pixelrnn.types import Float, Tensor

BY_BLOCKS = "all numbers of the first color, then all of the second, ..."
ALTERNATING = "the colors alternate"
PER_COLOR = {  # outputs that tell colors apart
    "b c h w": "one number a color",
    "b h w c": "one number a color",
    "b (c k) h w": BY_BLOCKS,
    "b (k c) h w": ALTERNATING,
    "b h w (c k)": BY_BLOCKS,
    "b h w (k c)": ALTERNATING,
    "b c k h w": "",
    "b k c h w": "",
    "b h w c k": "",
    "b h w k c": "",
    "b (h w c) k": "a sequence of pixels, color by color",
}
WHOLE = "a pixel as a whole: its colors are hidden from each other"
PER_PIXEL = {  # outputs that describe a pixel with all of its colors
    "b h w": "",
    "b k h w": WHOLE,
    "b h w k": WHOLE,
    "b (h w) k": "a sequence of pixels",
    "b k (h w)": "a sequence of pixels",
}


def arrange(outputs: Tensor, layout: str, batch: int, shape: Shape) -> Float[Tensor, "b o k h w"]:
    """Return outputs of any layout in one: o counts the groups of colors, k the numbers of each.

    `shape` is (colors, rows, columns) of an image. Raises InputError if the outputs don't have this
    layout.
    """
    names = layout.replace("(", " ").replace(")", " ").split()
    sizes = {"b": batch, "c": shape[0], "h": shape[1], "w": shape[2]}
    sizes = {name: size for name, size in sizes.items() if name in names}
    groups = "c" if "c" in names else "1"
    numbers = "k" if "k" in names else "1"
    try:
        return rearrange(outputs, f"{layout} -> b {groups} {numbers} h w", **sizes)
    except (EinopsError, RuntimeError) as error:
        raise InputError(
            f"layout={layout!r} doesn't fit outputs of shape {tuple(outputs.shape)} for {batch} "
            f"images of shape {shape}: write b, c (colors), k (numbers), h, w"
        ) from error


def fitting_layouts(size: Sequence[int], shape: Shape, log_probs: bool) -> list[str]:
    """Return the layouts that outputs of this size can have, for images of this shape.

    Log-probabilities are one number each: for them, layouts with k are left out.
    """
    if len(size) == 0:
        return []
    outputs = torch.empty(tuple(size), device="meta")  # a shape without values

    def fits(layout: str) -> bool:
        if log_probs and "k" in layout:
            return False
        try:
            arrange(outputs, layout, size[0], shape)
        except InputError:
            return False
        return True

    per_pixel = [layout for layout in PER_PIXEL if fits(layout)]
    if shape[0] == 1 and per_pixel:
        return per_pixel
    return per_pixel + [layout for layout in PER_COLOR if fits(layout)]


def choose_layout(size: Sequence[int], shape: Shape, fitting: Sequence[str]) -> str:
    """Return the only layout among the `fitting` ones, or the plainest: one number a color.

    Raises InputError if there is none, or if there are several.
    """
    plainest = [layout for layout in fitting if layout in ("b c h w", "b h w c")]
    candidates = plainest or fitting
    if not candidates:
        raise InputError(
            f"outputs of shape {tuple(size)} for two images of shape {shape} are not numbers for "
            "each pixel, which have shape (b, k, h, w), (b, c, k, h, w) or (b, h, w, k)"
        )
    if len(candidates) > 1:
        meanings = PER_PIXEL | PER_COLOR if shape[0] > 1 else {}
        choices = [_with_meaning(layout, meanings.get(layout)) for layout in candidates]
        raise InputError(
            f"outputs of shape {tuple(size)} can be read in several ways; choose a layout: "
            f"{', '.join(choices)}"
        )
    return candidates[0]


def _with_meaning(layout: str, meaning: str | None) -> str:
    return f"'{layout}' ({meaning})" if meaning else f"'{layout}'"
