"""The two sequential scans (sections 3.1 to 3.3, equation 3).

Both are one LSTM cell, run over rows or over diagonals. The input-to-state part of the gates, W*x, comes ready-made for
the whole map; what remains a step is the state-to-state part U*h and the cell:

    o, f, i = sigma(.)    g = tanh(.)    of  W*x + U*h, stacked as [o f i g] of 4h features
    c = f c_prev + i g
    h = o tanh(c)

They are the hot loops of training.
"""

import torch
import torch.nn.functional as F

from pixelrnn.ops.skew import skew, unskew
from pixelrnn.types import Float, Tensor


def lstm_cell(
    gates: Float[Tensor, "*s g"], cell: Float[Tensor, "*s f"]
) -> tuple[Float[Tensor, "*s f"], Float[Tensor, "*s f"]]:
    """Equation 3 from the summed gate inputs `(..., 4h)` and the previous cell `(..., h)`: the new hidden and cell."""
    f = cell.shape[-1]
    output, forget, write = gates[..., : 3 * f].sigmoid().split(f, dim=-1)
    cell = forget * cell + write * gates[..., 3 * f :].tanh()
    return output * cell.tanh(), cell


def row_scan(
    gates: Float[Tensor, "b g h w"], kernel: Float[Tensor, "g f k"], initial: Float[Tensor, "2 f"]
) -> Float[Tensor, "b f h w"]:
    """The Row LSTM's recurrence (section 3.1): row i from row i-1, all columns at once.

    `gates` is the input-to-state map (4h features), `kernel` the state-to-state convolution along the row above,
    `initial` the hidden and cell state of every pixel of the row above the first. Beyond the sides the state is zero.
    """
    b, _, _, w = gates.shape
    hidden = initial[0].expand(b, w, -1)
    cell = initial[1].expand(b, w, -1)
    rows = []
    for row in gates.permute(2, 0, 3, 1):
        above = F.conv1d(hidden.transpose(1, 2), kernel, padding=kernel.shape[-1] // 2).transpose(1, 2)
        hidden, cell = lstm_cell(row + above, cell)
        rows.append(hidden)
    return torch.stack(rows).permute(1, 3, 0, 2)


def diagonal_scan(
    gates: Float[Tensor, "d b g h w"], kernel: Float[Tensor, "d g f 2"], initial: Float[Tensor, "d 2 f"]
) -> Float[Tensor, "d b f h w"]:
    """The Diagonal LSTM's recurrence (section 3.3), left to right, over `d` independent directions at once.

    `kernel[..., 0]` multiplies the hidden state of (i-1, j), `kernel[..., 1]` that of (i, j-1); the cell state comes
    from (i, j-1). Every cell outside the image holds `initial` (hidden, cell), on all sides: the places that the skewed
    map has beyond the image must stay so while the diagonals run over them.
    """
    d, b, _, h, w = gates.shape
    skewed = skew(gates).permute(4, 0, 3, 1, 2)  # (t, d, h, b, g): a diagonal a step
    inside = skew(gates.new_ones(h, w)).bool().T[:, None, :, None, None]
    outside_hidden, outside_cell = (state[:, None, None, :].expand(d, h, b, -1) for state in initial.unbind(1))
    weight = kernel.permute(0, 3, 2, 1).flatten(1, 2)  # (d, 2f, g): from above, then from the left
    hidden, cell = outside_hidden, outside_cell
    diagonals = []
    for t in range(h + w - 1):
        above = torch.cat([outside_hidden[:, :1], hidden[:, :-1]], dim=1)
        neighbors = torch.cat([above, hidden], dim=-1).flatten(1, 2)
        new_hidden, new_cell = lstm_cell(skewed[t] + (neighbors @ weight).unflatten(1, (h, b)), cell)
        hidden = torch.where(inside[t], new_hidden, outside_hidden)
        cell = torch.where(inside[t], new_cell, outside_cell)
        diagonals.append(hidden)
    return unskew(torch.stack(diagonals, dim=-1).permute(0, 2, 3, 1, 4))
