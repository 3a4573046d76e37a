"""The scans of `recurrence.py`, fast: the same functions, with a hand-written backward.

What is gained over the plain loops:

- features first, batch last in memory: the gates of a step are contiguous runs, and a step's products need no copy;
- of the skewed map only the cells inside the image: the rest, half of it, is never computed;
- both directions of the Diagonal BiLSTM in one batched product a step;
- going back, every factor that does not depend on the incoming gradient is computed for all steps at once, and the
  weights' gradient is one product at the end.

With o, f, i, g the gates after their nonlinearity, u = tanh(c), and dh, dc the gradients that arrive at a cell,

    dc += dh o (1 - u^2)                  then dc f goes to the previous cell
    d pre-o = dh u o (1 - o)              d pre-f = dc c_prev f (1 - f)
    d pre-g = dc i (1 - g^2)              d pre-i = dc g i (1 - i)

`recurrence.py` is the oracle: the tests hold values and gradients of both against each other in float64.
"""

from functools import cache
from typing import Any, NamedTuple

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pixelrnn.types import Float, Tensor

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # (dy, y): dy y (1 - y)
_tanh_backward = torch.ops.aten.tanh_backward.grad_input  # (dy, y): dy (1 - y^2)


def _activate(gates: Tensor, cell_before: Tensor, cell: Tensor, hidden: Tensor) -> None:
    """Equation 3 in place, features in dimension -3: gate inputs become gates, `cell` and `hidden` are written."""
    f = cell.shape[-3]
    gates.narrow(-3, 0, 3 * f).sigmoid_()
    gates.narrow(-3, 3 * f, f).tanh_()
    output, forget, write, candidate = gates.split(f, dim=-3)
    torch.mul(forget, cell_before, out=cell).addcmul_(write, candidate)
    torch.tanh(cell, out=hidden).mul_(output)


def _factors(gates: Tensor, cell_before: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """What multiplies dh and dc on the way to the gates' inputs (4f features), and dh on the way to dc (f)."""
    f = cell.shape[-3]
    output, forget, write, candidate = gates.split(f, dim=-3)
    factors, to_cell, u = torch.empty_like(gates), torch.empty_like(cell), cell.tanh()
    to_output, to_forget, to_write, to_candidate = factors.split(f, dim=-3)
    _sigmoid_backward(u, output, grad_input=to_output)
    _sigmoid_backward(cell_before, forget, grad_input=to_forget)
    _sigmoid_backward(candidate, write, grad_input=to_write)
    _tanh_backward(write, candidate, grad_input=to_candidate)
    _tanh_backward(output, u, grad_input=to_cell)
    return factors, to_cell


def _backward_step(factors: Tensor, dh: Tensor, dc: Tensor) -> None:
    """Turn a step's `factors` into the gradients of its gates' inputs, in place."""
    f = dh.shape[-3]
    factors.narrow(-3, 0, f).mul_(dh)
    factors.narrow(-3, f, 3 * f).unflatten(-3, (3, f)).mul_(dc.unsqueeze(-4))


class _RowScan(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, kernel: Tensor, initial: Tensor) -> Tensor:
        b, _, h, w = gates.shape
        f, k = kernel.shape[1:]
        side = k // 2
        gates = gates.permute(1, 2, 3, 0).clone(memory_format=torch.contiguous_format)  # (4f, h, w, b)
        hidden = gates.new_zeros(f, h + 1, w + 2 * side, b)  # row 0 and the columns at the sides are outside
        cell = gates.new_empty(f, h + 1, w, b)
        hidden[:, 0, side : side + w], cell[:, 0] = initial[:, :, None, None]
        taps = kernel.permute(2, 0, 1).contiguous()  # (k, 4f, f)
        for i in range(h):
            row = gates[:, i]
            flat = row.flatten(1)
            for tap in range(k):
                flat.addmm_(taps[tap], hidden[:, i, tap : tap + w].flatten(1))
            _activate(row, cell[:, i], cell[:, i + 1], hidden[:, i + 1, side : side + w])
        ctx.save_for_backward(gates, hidden, cell, taps)
        return hidden[:, 1:, side : side + w].contiguous().permute(3, 0, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, hidden, cell, taps = ctx.saved_tensors
        f, h, w, b = cell[:, 1:].shape
        k = len(taps)
        side = k // 2
        grad = grad.permute(1, 2, 3, 0)
        factors, to_cell = _factors(gates.flatten(1, 2), cell[:, :-1].flatten(1, 2), cell[:, 1:].flatten(1, 2))
        factors, to_cell = factors.view_as(gates), to_cell.view_as(grad)
        back = taps.transpose(1, 2).contiguous()  # (k, f, 4f)
        d_row, d_cell = hidden.new_zeros(f, w + 2 * side, b), hidden.new_zeros(f, w, b)
        for i in reversed(range(h)):
            dh = grad[:, i] + d_row[:, side : side + w]
            d_cell.addcmul_(dh, to_cell[:, i])
            row = factors[:, i]
            _backward_step(row, dh, d_cell)
            d_cell.mul_(gates[f : 2 * f, i])
            d_row.zero_()
            flat = row.flatten(1)
            for tap in range(k):
                d_row[:, tap : tap + w].flatten(1).addmm_(back[tap], flat)
        flat = factors.flatten(1)
        d_kernel = torch.stack([flat @ hidden[:, :-1, t : t + w].reshape(f, -1).T for t in range(k)], dim=-1)
        d_initial = torch.stack([d_row[:, side : side + w].sum((1, 2)), d_cell.sum((1, 2))])
        return factors.permute(3, 0, 1, 2), d_kernel, d_initial


def row_scan(
    gates: Float[Tensor, "b g h w"], kernel: Float[Tensor, "g f k"], initial: Float[Tensor, "2 f"]
) -> Float[Tensor, "b f h w"]:
    """`recurrence.row_scan`, fast."""
    return _RowScan.apply(gates, kernel, initial)


class _Diagonals(NamedTuple):
    """Where the cells of an h x w image lie when its diagonals are stored one after the other.

    `cells` number the image's cells by diagonal, then row. `slots` are the same with one more place before and after
    each diagonal, and two before the first: neighbors outside the image, which hold the initial state. The neighbors of
    a diagonal's cells are then a run of slots of the diagonal before, from above and, one slot on, from the left.
    """

    steps: list[tuple[int, int, int, int]]  # first cell, number of cells, first slot, first slot of the neighbors above
    slots: int
    outside: Tensor  # slots that no cell has
    slot: Tensor  # (cells,) of each cell
    above: Tensor  # (cells,) the slot of its neighbor above; the one to the left is the next
    source: Tensor  # (2, cells) the pixel i * w + j of each cell, left to right and right to left (mirrored)
    cell: Tensor  # (2, h * w) the cell of each pixel, the inverse of `source`


@cache
def _diagonals(h: int, w: int, device: torch.device) -> _Diagonals:
    steps: list[tuple[int, int, int, int]] = []
    slot: list[int] = []
    above: list[int] = []
    rows: list[tuple[int, int]] = []
    first_slot, low_before, start_before = 2, 0, 0
    for t in range(h + w - 1):
        low, high = max(0, t - w + 1), min(h, t + 1)
        neighbors = start_before + low - low_before
        steps.append((len(slot), high - low, first_slot + 1, neighbors))
        slot += range(first_slot + 1, first_slot + 1 + high - low)
        above += range(neighbors, neighbors + high - low)
        rows += [(i, t - i) for i in range(low, high)]
        low_before, start_before = low, first_slot
        first_slot += high - low + 2
    outside = sorted(set(range(first_slot)) - set(slot))
    source = torch.tensor([[i * w + j for i, j in rows], [i * w + w - 1 - j for i, j in rows]])
    tensors = (torch.tensor(outside), torch.tensor(slot), torch.tensor(above), source, source.argsort(1))
    return _Diagonals(steps, first_slot, *(tensor.to(device) for tensor in tensors))


class _DiagonalScan(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, kernel: Tensor, initial: Tensor) -> Tensor:
        b, _, h, w = gates.shape
        f = kernel.shape[2]
        plan = _diagonals(h, w, gates.device)
        gates = gates.permute(1, 2, 3, 0).reshape(2, 4 * f, h * w, b)
        gates = _take(gates, plan.source)  # (2, 4f, cells, b)
        hidden, cell = (gates.new_empty(2, f, plan.slots, b) for _ in range(2))
        hidden[:, :, plan.outside], cell[:, :, plan.outside] = initial[..., None, None].unbind(1)
        above_tap, left_tap = kernel.permute(3, 0, 1, 2).contiguous()  # (2, 4f, f) each
        for first, n, slot, above in plan.steps:
            step = gates.narrow(2, first, n)
            left = above + 1
            flat = step.flatten(2)
            flat.baddbmm_(above_tap, hidden.narrow(2, above, n).flatten(2))
            flat.baddbmm_(left_tap, hidden.narrow(2, left, n).flatten(2))
            _activate(step, cell.narrow(2, left, n), cell.narrow(2, slot, n), hidden.narrow(2, slot, n))
        ctx.save_for_backward(gates, hidden, cell, kernel)
        ctx.size = h, w
        return _unpack(hidden, plan.slot[plan.cell], h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, hidden, cell, kernel = ctx.saved_tensors
        h, w = ctx.size
        f, b = hidden.shape[1], hidden.shape[3]
        plan = _diagonals(h, w, gates.device)
        # The right-to-left map was shifted down by a row: so is its gradient shifted up.
        grad = grad.permute(1, 2, 3, 0)
        both = grad.new_zeros(2, *grad.shape)
        both[0], both[1, :, :-1] = grad, grad[:, 1:]
        grad = _take(both.flatten(2, 3), plan.source)
        factors, to_cell = _factors(gates, cell[:, :, plan.above + 1], cell[:, :, plan.slot])
        above_back, left_back = kernel.permute(3, 0, 2, 1).contiguous()  # (2, f, 4f) each
        d_hidden, d_cell = torch.zeros_like(hidden), torch.zeros_like(cell)
        for first, n, slot, above in reversed(plan.steps):
            left = above + 1
            dh = grad.narrow(2, first, n).add_(d_hidden.narrow(2, slot, n))
            dc = d_cell.narrow(2, slot, n).addcmul_(dh, to_cell.narrow(2, first, n))
            step = factors.narrow(2, first, n)
            _backward_step(step, dh, dc)
            torch.mul(dc, gates[:, f : 2 * f, first : first + n], out=d_cell.narrow(2, left, n))
            flat = step.flatten(2)
            d_hidden.narrow(2, above, n).flatten(2).baddbmm_(above_back, flat)
            d_hidden.narrow(2, left, n).flatten(2).baddbmm_(left_back, flat)
        flat = factors.flatten(2)
        neighbors = (hidden[:, :, plan.above + side].flatten(2).transpose(1, 2) for side in (0, 1))
        d_kernel = torch.stack([flat @ states for states in neighbors], dim=-1)
        d_initial = torch.stack([d[:, :, plan.outside].sum((2, 3)) for d in (d_hidden, d_cell)], dim=1)
        d_gates = _take(factors, plan.cell).view(8 * f, h, w, b).permute(3, 0, 1, 2)
        return d_gates, d_kernel, d_initial


def _take(x: Tensor, places: Tensor) -> Tensor:
    """`x[d, :, places[d]]` for both directions: `(2, f, m, b) -> (2, f, n, b)`."""
    taken = x.new_empty(2, x.shape[1], places.shape[1], x.shape[3])
    for direction in (0, 1):
        torch.index_select(x[direction], 1, places[direction], out=taken[direction])
    return taken


def _unpack(hidden: Tensor, slot: Tensor, h: int, w: int) -> Tensor:
    """`(2, f, slots, b) -> (b, f, h, w)`: the left-to-right map plus the right-to-left one, a row further down."""
    left, right = _take(hidden, slot).unflatten(2, (h, w))
    left[:, 1:] += right[:, :-1]
    return left.permute(3, 0, 1, 2)


def diagonal_scan(
    gates: Float[Tensor, "b g2 h w"], kernel: Float[Tensor, "2 g f 2"], initial: Float[Tensor, "2 2 f"]
) -> Float[Tensor, "b f h w"]:
    """`recurrence.diagonal_scan`, fast."""
    return _DiagonalScan.apply(gates, kernel, initial)
