"""Diagonals as columns (section 3.2, figure 3): row `i` is shifted `i` places to the right.

    a b c            a b c . .
    d e f   skew ->  . d e f .
    g h i            . . g h i

Then (i, j-1) and (i-1, j), the two neighbors that a cell of the Diagonal LSTM needs, stand in the
column before that of (i, j), and a whole diagonal is one step of the scan.
"""

import torch.nn.functional as F

from pixelrnn.types import Float, Tensor


def skew(x: Float[Tensor, "*s h w"]) -> Float[Tensor, "*s h t"]:
    """Skew `(h, w) -> (h, w + h - 1)`: row i starts at column i; the rest is zero.

    >>> import torch
    >>> skew(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).tolist()
    [[1.0, 2.0, 3.0, 0.0], [0.0, 4.0, 5.0, 6.0]]
    """
    h, w = x.shape[-2:]
    # Rows of w + h read as rows of w + h - 1 slip by one place a row.
    padded = F.pad(x, (0, h)).flatten(-2)
    return padded[..., : h * (w + h - 1)].unflatten(-1, (h, w + h - 1))


def unskew(x: Float[Tensor, "*s h t"]) -> Float[Tensor, "*s h w"]:
    """Undo `skew`: `(h, w + h - 1) -> (h, w)`."""
    h, w = x.shape[-2], x.shape[-1] - x.shape[-2] + 1
    return F.pad(x.flatten(-2), (0, h)).unflatten(-1, (h, w + h))[..., :w]


def shift_down(x: Float[Tensor, "*s h w"]) -> Float[Tensor, "*s h w"]:
    """Move every row one place down; the first becomes zero, the last is dropped."""
    return F.pad(x, (0, 0, 1, 0))[..., :-1, :]
