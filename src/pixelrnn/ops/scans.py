"""The scans of `recurrence.py`, fast: the same functions, with a hand-written backward.

What is gained over the plain loops:

- position before batch before feature in memory, so that a step is one contiguous block and its products need no copy;
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


def _activate(gates: Tensor, cell_before: Tensor, cell: Tensor, hidden: Tensor) -> None:
    """Equation 3 in place: summed gate inputs become gates, `cell` and `hidden` are written."""
    f = cell.shape[-1]
    output, forget, write, candidate = gates.split(f, dim=-1)
    gates[..., : 3 * f].sigmoid_()
    candidate.tanh_()
    torch.mul(write, candidate, out=cell).addcmul_(forget, cell_before)
    torch.tanh(cell, out=hidden).mul_(output)


def _factors(gates: Tensor, cell_before: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """What multiplies dh and dc on the way to the gates' inputs, `(..., 4f)`, and dh on the way to dc, `(..., f)`."""
    output, forget, write, candidate = gates.split(cell.shape[-1], dim=-1)
    u = cell.tanh()
    factors = torch.empty_like(gates)
    to_output, to_forget, to_write, to_candidate = factors.split(cell.shape[-1], dim=-1)
    torch.mul(output, 1 - output, out=to_output).mul_(u)
    torch.mul(forget, 1 - forget, out=to_forget).mul_(cell_before)
    torch.mul(write, 1 - write, out=to_write).mul_(candidate)
    torch.addcmul(write, write * candidate, candidate, value=-1, out=to_candidate)
    return factors, output.addcmul(output * u, u, value=-1)


def _backward_step(factors: Tensor, dh: Tensor, dc: Tensor) -> None:
    """Turn a step's `factors` into the gradients of its gates' inputs, in place."""
    f = dh.shape[-1]
    factors[..., :f].mul_(dh)
    factors[..., f:].unflatten(-1, (3, f)).mul_(dc.unsqueeze(-2))


class _RowScan(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, kernel: Tensor, initial: Tensor) -> Tensor:
        b, _, h, w = gates.shape
        f, k = kernel.shape[1:]
        side = k // 2
        gates = gates.permute(2, 3, 0, 1).clone(memory_format=torch.contiguous_format)  # (h, w, b, 4f)
        hidden = gates.new_zeros(h + 1, w + 2 * side, b, f)  # row 0 and the columns at the sides are outside
        cell = gates.new_empty(h + 1, w, b, f)
        hidden[0, side : side + w], cell[0] = initial
        taps = kernel.permute(2, 1, 0).contiguous()  # (k, f, 4f)
        for i in range(h):
            row = gates[i].flatten(0, 1)
            for tap in range(k):
                row.addmm_(hidden[i, tap : tap + w].flatten(0, 1), taps[tap])
            _activate(gates[i], cell[i], cell[i + 1], hidden[i + 1, side : side + w])
        ctx.save_for_backward(gates, hidden, cell, taps)
        return hidden[1:, side : side + w].permute(2, 3, 0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, hidden, cell, taps = ctx.saved_tensors
        h, w, b, f = cell[1:].shape
        k = len(taps)
        side = k // 2
        grad = grad.permute(2, 3, 0, 1)
        factors, to_cell = _factors(gates, cell[:-1], cell[1:])
        back = taps.transpose(1, 2).contiguous()  # (k, 4f, f)
        d_row = hidden.new_zeros(w + 2 * side, b, f)
        d_cell = hidden.new_zeros(w, b, f)
        for i in reversed(range(h)):
            dh = grad[i] + d_row[side : side + w]
            d_cell.addcmul_(dh, to_cell[i])
            _backward_step(factors[i], dh, d_cell)
            d_cell.mul_(gates[i, ..., f : 2 * f])
            d_row.zero_()
            for tap in range(k):
                d_row[tap : tap + w].flatten(0, 1).addmm_(factors[i].flatten(0, 1), back[tap])
        d_kernel = torch.stack(
            [factors.flatten(0, 2).T @ hidden[:-1, tap : tap + w].reshape(-1, f) for tap in range(k)],
            dim=-1,
        )
        d_initial = torch.stack([d_row[side : side + w].sum((0, 1)), d_cell.sum((0, 1))])
        return factors.permute(2, 3, 0, 1), d_kernel, d_initial


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
        gates = _pack(gates.permute(0, 2, 3, 1).reshape(b, h * w, 2, 4 * f), plan.source)
        hidden, cell = (gates.new_empty(2, plan.slots, b, f) for _ in range(2))
        hidden[:, plan.outside], cell[:, plan.outside] = initial[:, :, None, None].unbind(1)
        taps = kernel.permute(3, 0, 2, 1).contiguous()  # (from above, from the left), (2, f, 4f)
        for first, n, slot, above in plan.steps:
            step = gates[:, first : first + n]
            flat = step.flatten(1, 2)
            flat.baddbmm_(hidden[:, above : above + n].flatten(1, 2), taps[0])
            flat.baddbmm_(hidden[:, above + 1 : above + 1 + n].flatten(1, 2), taps[1])
            before = cell[:, above + 1 : above + 1 + n]
            _activate(step, before, cell[:, slot : slot + n], hidden[:, slot : slot + n])
        ctx.save_for_backward(gates, hidden, cell, taps)
        ctx.size = h, w
        return _unpack(hidden[:, plan.slot], plan.cell, h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, hidden, cell, taps = ctx.saved_tensors
        h, w = ctx.size
        f = hidden.shape[-1]
        plan = _diagonals(h, w, gates.device)
        # The right-to-left map was shifted down by a row: so is its gradient shifted up.
        grad = grad.permute(0, 2, 3, 1)
        shifted = torch.cat([grad[:, 1:], torch.zeros_like(grad[:, :1])], dim=1)
        grad = _pack(torch.stack([grad, shifted], dim=3).flatten(1, 2), plan.source)
        factors, to_cell = _factors(gates, cell[:, plan.above + 1], cell[:, plan.slot])
        back = taps.transpose(2, 3).contiguous()  # (from above, from the left), (2, 4f, f)
        d_hidden, d_cell = torch.zeros_like(hidden), torch.zeros_like(cell)
        for first, n, slot, above in reversed(plan.steps):
            step = slice(first, first + n)
            dh = grad[:, step].add_(d_hidden[:, slot : slot + n])
            dc = d_cell[:, slot : slot + n].addcmul_(dh, to_cell[:, step])
            _backward_step(factors[:, step], dh, dc)
            torch.mul(dc, gates[:, step, :, f : 2 * f], out=d_cell[:, above + 1 : above + 1 + n])
            flat = factors[:, step].flatten(1, 2)
            d_hidden[:, above : above + n].flatten(1, 2).baddbmm_(flat, back[0])
            d_hidden[:, above + 1 : above + 1 + n].flatten(1, 2).baddbmm_(flat, back[1])
        flat = factors.flatten(1, 2).transpose(1, 2)
        d_kernel = torch.stack([flat @ hidden[:, plan.above + side].flatten(1, 2) for side in (0, 1)], dim=-1)
        d_initial = torch.stack([d[:, plan.outside].sum((1, 2)) for d in (d_hidden, d_cell)], dim=1)
        d_gates = torch.stack([d[cell] for d, cell in zip(factors, plan.cell, strict=True)], dim=2)
        return d_gates.unflatten(0, (h, w)).permute(2, 3, 4, 0, 1).flatten(1, 2), d_kernel, d_initial


def _pack(x: Tensor, source: Tensor) -> Tensor:
    """`(b, pixels, 2, f) -> (2, cells, b, f)`: the pixels of each direction in the order of its cells."""
    by_pixel = x.permute(2, 1, 0, 3)
    return torch.stack([pixels[order] for pixels, order in zip(by_pixel, source, strict=True)])


def _unpack(hidden: Tensor, cell: Tensor, h: int, w: int) -> Tensor:
    """`(2, cells, b, f) -> (b, f, h, w)`: the left-to-right map plus the right-to-left one, a row further down."""
    left, right = (cells[order].unflatten(0, (h, w)) for cells, order in zip(hidden, cell, strict=True))
    left[1:] += right[:-1]
    return left.permute(2, 3, 0, 1)


def diagonal_scan(
    gates: Float[Tensor, "b g2 h w"], kernel: Float[Tensor, "2 g f 2"], initial: Float[Tensor, "2 2 f"]
) -> Float[Tensor, "b f h w"]:
    """`recurrence.diagonal_scan`, fast."""
    return _DiagonalScan.apply(gates, kernel, initial)
