"""Who may see whom, for any order in which an image could be drawn.

An order is a rank for every color of every pixel, `(c h w)`. In raster order (section 2.1) pixel by pixel, R before G
before B:

    rank = (i * w + j) * c + color

An output may depend on what has a lower rank than the thing it describes.
"""

from itertools import permutations

import torch

from pixelrnn.types import Bool, Int, Tensor

Shape = tuple[int, int, int]  # (colors, rows, columns)
Offset = tuple[int, int]  # (rows down, columns to the right)
Rank = Int[Tensor, "c h w"]
Probes = Int[
    Tensor, "p 3"
]  # outputs: which color's (0 where an output describes all of its pixel), row, column


def raster(shape: Shape) -> Rank:
    """Raster order, R before G before B."""
    c, h, w = shape
    return torch.arange(h * w * c).view(h, w, c).permute(2, 0, 1)


def legal(rank: Rank, probes: Probes, orders: int, own: bool = False) -> Bool[Tensor, "p c h w"]:
    """What each of the outputs may depend on.

    `orders`: how many outputs a pixel has, one a color or one for all of them, which then may see none of its colors.
    `own`: an output may depend on what it describes, as the log-probability of a value does on the value.
    """
    o, i, j = probes.T
    ranks = rank[o, i, j] if orders > 1 else rank[:, i, j].amax(0) if own else rank[:, i, j].amin(0)
    return rank < (ranks + own)[:, None, None, None]


def other_orders(shape: Shape) -> dict[str, Rank]:
    """Orders that a network may follow instead of raster order, by what one would say of it."""
    c, h, w = shape
    rank = raster(shape)
    backwards = torch.arange(h * w).flip(0).view(1, h, w) * c
    orders = {
        "column by column": torch.arange(w * h * c).view(w, h, c).permute(2, 1, 0),
        "from the last pixel to the first": backwards + torch.arange(c)[:, None, None],
    }
    for order in list(permutations(range(c)))[1:] if c <= 4 else []:
        orders[" before ".join(color_name(color, c) for color in order)] = rank[
            torch.tensor(order).argsort()
        ]
    return orders


def color_name(color: int, colors: int) -> str:
    """R, G, B where there are three."""
    return "RGB"[color] if colors == 3 else f"color {color}"


def choose_pixels(h: int, w: int, n: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """`n` pixels (all, if there are no more): the middle, the corners, the edges' middles, their neighbors, random."""
    mid_i, mid_j = h // 2, w // 2
    strategic = [(mid_i, mid_j), (h - 1, w - 1), (h - 1, 0), (0, w - 1), (0, 0)]
    strategic += [(mid_i, w - 1), (mid_i, 0), (h - 1, mid_j), (0, mid_j)]
    strategic += [
        (i, j) for i, j in [(1, w - 2), (h - 2, 1), (1, 0), (h - 2, w - 2)] if i >= 0 and j >= 0
    ]
    others = [divmod(place, w) for place in torch.randperm(h * w, generator=generator).tolist()]
    pixels = [(i, j) for i, j in dict.fromkeys(strategic + others) if i < h and j < w]
    return pixels[:n]


def distance(offset: Offset) -> tuple[int, int]:
    """To sort places by: how many steps away in the larger direction, then in both."""
    rows, columns = abs(offset[0]), abs(offset[1])
    return max(rows, columns), rows + columns


def written(offset: Offset) -> str:
    """Against the output's own pixel (i, j): `(i+1, j-2)` is one row down, two columns to the left."""
    return "({}, {})".format(
        *(name + (f"{by:+d}" if by else "") for name, by in zip("ij", offset, strict=True))
    )
