"""Who may see whom (section 3.4 and figure 2, right).

Pixels are ordered in raster order, colors within a pixel R, G, B. A feature map inherits that
order: its features are interleaved by color, feature `f` carries color `f mod c`, and a feature of
color G may depend on R features of its own pixel but never on B ones. Mask A (first layer, where
the input is the image itself) excludes a feature's own color, mask B (everywhere else) includes it:

    mask A, 7x7, one color      mask B, 3x3          center pixel, rows G, columns R G B
        xxxxxxx                     xxx                  A: x..    B: xx.
        xxxxxxx                     xo.
        xxxxxxx                 x seen, o seen by mask B only
        xxxo...

Only the causal rows of a kernel are kept: a "7x7" mask-A kernel is stored as its upper 4x7 part,
a "3x3" mask-B one as 2x3. The paper stores the whole square and multiplies its lower half by zero;
the function is the same.
"""

import torch

from pixelrnn.types import Bool, Int, Tensor


def feature_colors(features: int, colors: int, block: int | None = None) -> Int[Tensor, " f"]:
    """Return the color that each feature carries: `f mod c`, or `(f mod h) mod c` in blocks of h.

    A stack of four gates of `h` features is split by `chunk(4)`. Counting colors within a block
    keeps all four gates of a hidden unit on the same color, also where `h` is not a multiple of `c`
    (the paper's h = 128 with three colors).

    >>> feature_colors(8, colors=3, block=4).tolist()
    [0, 1, 2, 0, 0, 1, 2, 0]
    """
    return torch.arange(features) % (block or features) % colors


def raster_mask(rows: int, columns: int) -> Bool[Tensor, "rows columns"]:
    """Return the kernel positions strictly before the last row's middle one, in raster order.

    >>> raster_mask(2, 3).int().tolist()
    [[1, 1, 1], [1, 0, 0]]
    """
    before = torch.ones(rows, columns, dtype=torch.bool)
    before[-1, columns // 2 :] = False
    return before


def color_mask(
    kind: str, out_colors: Int[Tensor, " g"], in_colors: Int[Tensor, " f"]
) -> Bool[Tensor, "g f"]:
    """Return which input features of the same pixel an output feature may see.

    Kind "A": those of earlier colors; kind "B": also those of its own color.
    """
    if kind == "A":
        return in_colors[None, :] < out_colors[:, None]
    return in_colors[None, :] <= out_colors[:, None]


def causal_mask(
    kind: str, out_colors: Int[Tensor, " g"], in_colors: Int[Tensor, " f"], rows: int, columns: int
) -> Bool[Tensor, "g f rows columns"]:
    """Combine raster order and color order: the mask of a kernel whose last row is the pixel's."""
    mask = raster_mask(rows, columns).repeat(len(out_colors), len(in_colors), 1, 1)
    mask[:, :, -1, columns // 2] = color_mask(kind, out_colors, in_colors)
    return mask
