"""Who may see whom, for any order in which an image could be drawn.

An order is a rank for every color of every pixel, `(c h w)`. In raster order (section 2.1), pixel
by pixel and R before G before B:

    rank = (i * w + j) * c + color

An output may depend on what has a lower rank than the thing it describes. `groups` counts the
outputs of a pixel: one for each color, or a single one for all its colors together.
"""

from itertools import permutations

import torch

from pixelrnn.types import Bool, Int, Tensor

Shape = tuple[int, int, int]  # (colors, rows, columns)
Offset = tuple[int, int]  # (rows down, columns to the right)
Rank = Int[Tensor, "c h w"]
Probes = Int[Tensor, "p 3"]  # outputs: their group (0 where there is one), row and column

MOST_COLORS = 4  # whose orders are tried: 24 of them


def raster(shape: Shape) -> Rank:
    """Return the ranks of raster order, R before G before B."""
    c, h, w = shape
    return torch.arange(h * w * c).view(h, w, c).permute(2, 0, 1)


def legal(rank: Rank, probes: Probes, groups: int, own: bool = False) -> Bool[Tensor, "p c h w"]:
    """Return what each of the probed outputs may depend on.

    An output that describes all colors of its pixel may see none of them. With `own`, an output may
    also depend on what it describes, as the log-probability of a value depends on the value.
    """
    group, i, j = probes.T
    if groups > 1:
        ranks = rank[group, i, j]
    elif own:
        ranks = rank[:, i, j].amax(0)  # the last color of the pixel
    else:
        ranks = rank[:, i, j].amin(0)  # the first
    ranks = ranks[:, None, None, None]  # (p 1 1 1)
    return rank <= ranks if own else rank < ranks


def other_orders(shape: Shape) -> dict[str, Rank]:
    """Return orders that a network may follow instead of raster order, each under its name."""
    c, h, w = shape
    color = torch.arange(c)[:, None, None]  # (c 1 1)
    by_columns = torch.arange(w * h).view(w, h).T
    backwards = torch.arange(h * w).flip(0).view(h, w)
    orders = {
        "column by column": by_columns * c + color,
        "from the last pixel to the first": backwards * c + color,
    }
    if c > MOST_COLORS:
        return orders
    for colors in list(permutations(range(c)))[1:]:
        name = " before ".join(color_name(color, c) for color in colors)
        place_of_color = torch.tensor(colors).argsort()
        orders[name] = raster(shape)[place_of_color]
    return orders


def color_name(color: int, colors: int) -> str:
    """Return R, G or B where there are three colors, else `color 0` and so on."""
    return "RGB"[color] if colors == 3 else f"color {color}"


def place_name(offset: Offset) -> str:
    """Return a place as seen from an output's own pixel (i, j).

    `(i+1, j-2)` is one row down, two columns to the left.
    """
    rows, columns = offset
    row = f"i{rows:+d}" if rows else "i"
    column = f"j{columns:+d}" if columns else "j"
    return f"({row}, {column})"


def distance(offset: Offset) -> tuple[int, int]:
    """Return what to sort places by: the steps in the longer direction, then in both."""
    rows, columns = abs(offset[0]), abs(offset[1])
    return max(rows, columns), rows + columns


def choose_pixels(h: int, w: int, n: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """Choose `n` pixels, or all if there are no more: first where mistakes show, then at random.

    Mistakes show in the middle, in the corners, in the middles of the edges, beside the corners.
    """
    i, j, last_i, last_j = h // 2, w // 2, h - 1, w - 1
    middle = [(i, j)]
    corners = [(last_i, last_j), (last_i, 0), (0, last_j), (0, 0)]
    edges = [(i, last_j), (i, 0), (last_i, j), (0, j)]
    beside = [(1, last_j - 1), (last_i - 1, 1), (1, 0), (last_i - 1, last_j - 1)]
    chosen = [(i, j) for i, j in middle + corners + edges + beside if 0 <= i < h and 0 <= j < w]
    others = [divmod(place, w) for place in torch.randperm(h * w, generator=generator).tolist()]
    return list(dict.fromkeys(chosen + others))[:n]
