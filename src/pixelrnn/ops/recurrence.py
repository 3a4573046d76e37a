"""The two sequential scans (sections 3.1 and 3.2, equation 3).

Both are one LSTM cell, run over rows or over diagonals. The input-to-state part of the gates, W*x,
comes ready-made for the whole map; what remains a step is the state-to-state part U*h and the cell:

    o, f, i = sigma(.)    g = tanh(.)    of  W*x + U*h, stacked as [o f i g] of 4h features
    c = f c_prev + i g
    h = o tanh(c)

They are the hot loops of training. Here they are as plain as the equations; `scans.py` holds the
same functions, made fast, which the layers call. The tests hold the one against the other.
"""

import torch
import torch.nn.functional as F

from pixelrnn.ops.skew import shift_down, skew, unskew
from pixelrnn.types import Float, Tensor


def lstm_cell(
    gates: Float[Tensor, "*s g"], cell: Float[Tensor, "*s f"]
) -> tuple[Float[Tensor, "*s f"], Float[Tensor, "*s f"]]:
    """Return the new hidden and cell state `(..., h)` by equation 3.

    `gates` are the summed gate inputs `(..., 4h)`, `cell` is the previous cell `(..., h)`.
    """
    f = cell.shape[-1]
    output, forget, write = gates[..., : 3 * f].sigmoid().split(f, dim=-1)
    cell = forget * cell + write * gates[..., 3 * f :].tanh()
    return output * cell.tanh(), cell


def row_scan(
    gates: Float[Tensor, "b g h w"], kernel: Float[Tensor, "g f k"], initial: Float[Tensor, "2 f"]
) -> Float[Tensor, "b f h w"]:
    """Run the Row LSTM's recurrence (section 3.1): row i from row i-1, all columns at once.

    `gates` is the input-to-state map (4h features), `kernel` the state-to-state convolution along
    the row above, `initial` the hidden and cell state of every pixel of the row above the first.
    Beyond the sides the state is zero.
    """
    b, _, _, w = gates.shape
    hidden = initial[0].expand(b, w, -1)
    cell = initial[1].expand(b, w, -1)
    rows = []
    for row in gates.permute(2, 0, 3, 1):
        above = F.conv1d(hidden.transpose(1, 2), kernel, padding=kernel.shape[-1] // 2).transpose(
            1, 2
        )
        hidden, cell = lstm_cell(row + above, cell)
        rows.append(hidden)
    return torch.stack(rows).permute(1, 3, 0, 2)


def diagonal_scan(
    gates: Float[Tensor, "b g2 h w"],
    kernel: Float[Tensor, "2 g f 2"],
    initial: Float[Tensor, "2 2 f"],
) -> Float[Tensor, "b f h w"]:
    """Run the Diagonal BiLSTM's recurrence (section 3.2): two directions, one on the mirrored map.

    `gates` holds 4h features of the left-to-right direction, then 4h of the other.
    `kernel[d, ..., 0]` multiplies the hidden state of (i-1, j), `kernel[d, ..., 1]` that of
    (i, j-1), in the mirrored map (i, j+1); `initial[d]` is the hidden and cell state outside the
    image. The right-to-left map is shifted down by one row before it is added.
    """
    left, right = gates.chunk(2, dim=1)
    left = one_direction(left, kernel[0], initial[0])
    right = one_direction(right.flip(-1), kernel[1], initial[1]).flip(-1)
    return left + shift_down(right)


def one_direction(
    gates: Float[Tensor, "b g h w"], kernel: Float[Tensor, "g f 2"], initial: Float[Tensor, "2 f"]
) -> Float[Tensor, "b f h w"]:
    """Sweep from the left: diagonal t of the map, column t of the skewed map, from diagonal t-1.

    Every cell outside the image holds `initial`, on all sides: the places that the skewed map has
    beyond the image must stay so while the diagonals run over them.
    """
    b, _, h, w = gates.shape
    skewed = skew(gates).permute(3, 0, 2, 1)  # (t, b, h, g): a diagonal a step
    inside = skew(gates.new_ones(h, w)).bool().T[:, None, :, None]
    outside_hidden, outside_cell = (state.expand(b, h, -1) for state in initial)
    hidden, cell = outside_hidden, outside_cell
    diagonals = []
    for t in range(h + w - 1):
        above = torch.cat([outside_hidden[:, :1], hidden[:, :-1]], dim=1)
        state = above @ kernel[..., 0].T + hidden @ kernel[..., 1].T
        new_hidden, new_cell = lstm_cell(skewed[t] + state, cell)
        hidden = torch.where(inside[t], new_hidden, outside_hidden)
        cell = torch.where(inside[t], new_cell, outside_cell)
        diagonals.append(hidden)
    return unskew(torch.stack(diagonals, dim=-1).transpose(1, 2))
