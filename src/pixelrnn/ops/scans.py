"""The scans of `recurrence.py`, fast: the same functions, with a hand-written backward.

Batches of float32 on the CPU go to `cpu_scans.py`. What all others gain over the plain loops:

- features first, batch last in memory: the gates of a step are contiguous runs, and a step's
  products need no copy;
- all views that the steps need are cut beforehand, a few calls for the whole map instead of several
  a step;
- tanh x = 2 sigma(2x) - 1, so that one call serves all four gates; torch's sigmoid is also several
  times faster than its tanh on a CPU. The gates' inputs of g are doubled beforehand, and its
  activations are kept as s = sigma(2x);
- of the skewed map only the cells inside the image: the rest, half of it, is never computed;
- both directions of the Diagonal BiLSTM in one batched product a step;
- going back, every factor that does not depend on the incoming gradient is computed for all steps
  at once, and the weights' gradient is one product at the end.

With o, f, i, g the gates after their nonlinearity, u = tanh(c), and dh, dc the gradients that
arrive at a cell,

    dc += dh o (1 - u^2)                  then dc f goes to the previous cell
    d pre-o = dh u o (1 - o)              d pre-f = dc c_prev f (1 - f)
    d pre-g = dc i (1 - g^2)              d pre-i = dc g i (1 - i)

In the code, `to_output` multiplies dh on its way to pre-o, `to_rest` multiplies dc on its way to
pre-f, pre-i and pre-g, `to_cell` multiplies dh on its way to dc, and `forgets` is f. In shapes, f
counts the features of the state, k the taps of the kernel, t = h + w - 1 the diagonals.
`recurrence.py` is the oracle: the tests hold values and gradients of both against each other in
float64.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pixelrnn.ops import cpu_scans
from pixelrnn.types import Float, Tensor

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # (dy, y): dy y (1 - y)
_tanh_backward = torch.ops.aten.tanh_backward.grad_input  # (dy, y): dy (1 - y^2)


def _activate(
    gates: Tensor, parts: tuple[Tensor, ...], cell_before: Tensor, cell: Tensor, hidden: Tensor
) -> None:
    """Apply equation 3 in place: gate inputs become gates, `cell` and `hidden` are written.

    `parts` are views of `gates`, one for each of o, f, i and s.
    """
    gates.sigmoid_()
    output, forget, write, s = parts
    # c = f c_prev + i g, where g = 2 s - 1
    torch.mul(forget, cell_before, out=cell).addcmul_(write, s, value=2).sub_(write)
    torch.mul(cell, 2, out=hidden).sigmoid_().mul_(2).sub_(1).mul_(output)


def _factors(gates: Tensor, cell_before: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return what multiplies dh and dc on the way to the gates' inputs, and dh on the way to dc.

    `gates` (... 4f n), the cells (... f n); the factors (... 4f n) and (... f n).
    """
    output, forget, write, s = gates.chunk(4, dim=-2)  # (... f n) each
    candidate = 2 * s - 1
    factors = torch.empty_like(gates)
    to_cell = torch.empty_like(output)
    u = (2 * cell).sigmoid_().mul_(2).sub_(1)
    to_output, to_forget, to_write, to_candidate = factors.chunk(4, dim=-2)
    _sigmoid_backward(u, output, grad_input=to_output)
    _sigmoid_backward(cell_before, forget, grad_input=to_forget)
    _sigmoid_backward(candidate, write, grad_input=to_write)
    _tanh_backward(write, candidate, grad_input=to_candidate)
    _tanh_backward(output, u, grad_input=to_cell)
    return factors, to_cell


def _doubled_candidate(x: Tensor, dim: int) -> Tensor:
    """Double the part of g, the last of four along `dim`, in place."""
    x.chunk(4, dim)[3].mul_(2)
    return x


class _RowScan(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, kernel: Tensor, initial: Tensor) -> Tensor:
        b, _, h, w = gates.shape
        f, k = kernel.shape[1:]
        side = k // 2
        gates = gates.permute(1, 2, 3, 0).clone(memory_format=torch.contiguous_format)
        gates = _doubled_candidate(gates.flatten(2), 0)  # (4f, h, w*b)
        # Row 0 and the columns at the sides are outside the image.
        hidden = gates.new_zeros(f, h + 1, w + 2 * side, b)
        cell = gates.new_empty(f, h + 1, w * b)
        hidden[:, 0, side : side + w] = initial[0, :, None, None]
        cell[:, 0] = initial[1, :, None]
        taps = kernel.permute(2, 0, 1).clone(memory_format=torch.contiguous_format)
        taps = _doubled_candidate(taps, 1)  # (k, 4f, f)
        rows, cells = gates.unbind(1), cell.unbind(1)  # h of (4f, w*b), h + 1 of (f, w*b)
        parts = list(zip(*(part.unbind(1) for part in gates.chunk(4)), strict=True))  # o f i s
        # By tap: the hidden rows that it reads, h + 1 of (f, w*b).
        seen = [hidden[:, :, tap : tap + w].flatten(2).unbind(1) for tap in range(k)]
        for i in range(h):
            for tap in range(k):
                rows[i].addmm_(taps[tap], seen[tap][i])
            _activate(rows[i], parts[i], cells[i], cells[i + 1], seen[side][i + 1])
        ctx.save_for_backward(gates, hidden, cell, kernel)
        return hidden[:, 1:, side : side + w].contiguous().permute(3, 0, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, hidden, cell, kernel = ctx.saved_tensors
        b, f, h, w = grad.shape
        k = kernel.shape[2]
        side = k // 2
        grads = grad.permute(1, 2, 3, 0).flatten(2).unbind(1)  # h of (f, w*b)
        before, after = cell[:, :-1].flatten(1), cell[:, 1:].flatten(1)  # (f, h*w*b)
        factors, to_cell = _factors(gates.flatten(1), before, after)
        factors = factors.view(4 * f, h, w * b)
        rows = factors.unbind(1)  # h of (4f, w*b), whose parts are views:
        to_output = factors[:f].unbind(1)  # h of (f, w*b)
        to_rest = factors[f:].unflatten(0, (3, f)).unbind(2)  # h of (3, f, w*b)
        to_cells = to_cell.view(f, h, w * b).unbind(1)  # h of (f, w*b)
        forgets = gates[f : 2 * f].unbind(1)  # h of (f, w*b)
        back = kernel.permute(2, 1, 0).contiguous()  # (k, f, 4f)
        d_row = hidden.new_zeros(f, w + 2 * side, b)
        d_cell = hidden.new_zeros(f, w * b)
        d_seen = [d_row[:, tap : tap + w].flatten(1) for tap in range(k)]  # (f, w*b)
        dh = torch.empty_like(d_cell)
        for i in reversed(range(h)):
            torch.add(grads[i], d_seen[side], out=dh)
            d_cell.addcmul_(dh, to_cells[i])
            to_output[i].mul_(dh)
            to_rest[i].mul_(d_cell)
            d_cell.mul_(forgets[i])
            d_row.zero_()
            for tap in range(k):
                d_seen[tap].addmm_(back[tap], rows[i])
        flat = factors.flatten(1)  # (4f, h*w*b)
        d_taps = [flat @ hidden[:, :-1, tap : tap + w].reshape(f, -1).T for tap in range(k)]
        d_kernel = torch.stack(d_taps, dim=-1)  # (4f, f, k)
        d_initial = torch.stack([d_seen[side].sum(1), d_cell.sum(1)])  # (2, f)
        return factors.view(4 * f, h, w, b).permute(3, 0, 1, 2), d_kernel, d_initial


def row_scan(
    gates: Float[Tensor, "b g h w"], kernel: Float[Tensor, "g f k"], initial: Float[Tensor, "2 f"]
) -> Float[Tensor, "b f h w"]:
    """Run `recurrence.row_scan`, fast.

    Under autocast it computes in the precision of the kernel, since the cell state adds up.
    """
    with torch.autocast(gates.device.type, enabled=False):
        gates = gates.to(kernel.dtype)
        scan = cpu_scans.row_scan if cpu_scans.fits(gates, kernel) else _RowScan.apply
        return scan(gates, kernel, initial)


class _Diagonals(NamedTuple):
    """Where the cells of an h x w image lie when its diagonals are stored one after the other.

    `cells` number the image's cells by diagonal, then row. `slots` are the same with one more place
    before and after each diagonal, and two before the first: neighbors outside the image, which
    hold the initial state. The neighbors of a diagonal's cells are then a run of slots of the
    diagonal before, from above and, one slot on, from the left.
    """

    # By diagonal: first cell, number of cells, first slot, first slot of the neighbors above.
    steps: list[tuple[int, int, int, int]]
    slots: int
    outside: Tensor  # slots that no cell has
    slot: Tensor  # (cells,) of each cell
    above: Tensor  # (cells,) the slot of its neighbor above; the one to the left is the next
    source: Tensor  # (2, cells) the pixel i * w + j of each cell; then on the mirrored map
    cell: Tensor  # (2, h * w) the cell of each pixel, the inverse of `source`


# Bounded: each size and device that a process meets keeps five index tensors.
@lru_cache(maxsize=16)
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
    indices = (torch.tensor(places) for places in (outside, slot, above))
    tensors = (*indices, source, source.argsort(1))
    return _Diagonals(steps, first_slot, *(tensor.to(device) for tensor in tensors))


class _DiagonalScan(Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, kernel: Tensor, initial: Tensor) -> Tensor:
        b, _, h, w = gates.shape
        f = kernel.shape[2]
        plan = _diagonals(h, w, gates.device)
        gates = gates.permute(1, 2, 3, 0).reshape(2, 4 * f, h * w, b)
        gates = _take(gates, plan.source).flatten(2)
        gates = _doubled_candidate(gates, 1)  # (2, 4f, cells*b)
        hidden, cell = (gates.new_empty(2, f, plan.slots, b) for _ in range(2))
        hidden[:, :, plan.outside], cell[:, :, plan.outside] = initial[..., None, None].unbind(1)
        taps = kernel.permute(3, 0, 1, 2).clone(memory_format=torch.contiguous_format)
        above_tap, left_tap = _doubled_candidate(taps, 2)  # (2, 4f, f) each
        sizes = [n * b for _, n, _, _ in plan.steps]
        parts = zip(*(part.split(sizes, 2) for part in gates.chunk(4, 1)), strict=True)  # o f i s
        hiddens, cells = hidden.flatten(2), cell.flatten(2)  # (2, f, slots*b) each
        for (_, n, slot, above), step, step_parts in zip(
            plan.steps, gates.split(sizes, 2), parts, strict=True
        ):
            here, left, size = slot * b, (above + 1) * b, n * b
            step.baddbmm_(above_tap, hiddens.narrow(2, above * b, size))
            step.baddbmm_(left_tap, hiddens.narrow(2, left, size))
            before, after = cells.narrow(2, left, size), cells.narrow(2, here, size)
            _activate(step, step_parts, before, after, hiddens.narrow(2, here, size))
        ctx.save_for_backward(gates, hidden, cell, kernel)
        return _unpack(hidden, plan.slot[plan.cell], h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, hidden, cell, kernel = ctx.saved_tensors
        b, f, h, w = grad.shape
        plan = _diagonals(h, w, gates.device)
        # The right-to-left map was shifted down by a row: so is its gradient shifted up.
        grad = grad.permute(1, 2, 3, 0)  # (f, h, w, b)
        both = grad.new_zeros(2, f, h, w, b)
        both[0], both[1, :, :-1] = grad, grad[:, 1:]
        sizes = [n * b for _, n, _, _ in plan.steps]  # t: a diagonal's cells, all images
        grads = _take(both.flatten(2, 3), plan.source).flatten(2).split(sizes, 2)
        before, after = (cell[:, :, places].flatten(2) for places in (plan.above + 1, plan.slot))
        factors, to_cell = _factors(gates, before, after)  # (2, 4f, cells*b), (2, f, cells*b)
        steps = factors.split(sizes, 2)  # t of (2, 4f, n*b), whose parts are views:
        to_output = factors[:, :f].split(sizes, 2)  # t of (2, f, n*b)
        to_rest = factors[:, f:].unflatten(1, (3, f)).split(sizes, 3)  # t of (2, 3, f, n*b)
        to_cells = to_cell.split(sizes, 2)  # t of (2, f, n*b)
        forgets = gates[:, f : 2 * f].split(sizes, 2)  # t of (2, f, n*b)
        above_back, left_back = kernel.permute(3, 0, 2, 1).contiguous()  # (2, f, 4f) each
        # (2, f, slots*b) each
        d_hidden, d_cell = (torch.zeros_like(x).flatten(2) for x in (hidden, cell))
        for t in reversed(range(len(sizes))):
            _, n, slot, above = plan.steps[t]
            here, left, size = slot * b, (above + 1) * b, n * b
            dh = grads[t].add_(d_hidden.narrow(2, here, size))
            dc = d_cell.narrow(2, here, size).addcmul_(dh, to_cells[t])
            to_output[t].mul_(dh)
            to_rest[t].mul_(dc.unsqueeze(1))
            torch.mul(dc, forgets[t], out=d_cell.narrow(2, left, size))
            d_hidden.narrow(2, above * b, size).baddbmm_(above_back, steps[t])
            d_hidden.narrow(2, left, size).baddbmm_(left_back, steps[t])
        neighbors = (hidden[:, :, plan.above + side].flatten(2).transpose(1, 2) for side in (0, 1))
        d_kernel = torch.stack([factors @ states for states in neighbors], dim=-1)  # (2, 4f, f, 2)
        outside = (d.view_as(hidden)[:, :, plan.outside].sum((2, 3)) for d in (d_hidden, d_cell))
        d_gates = _take(factors.view(2, 4 * f, h * w, b), plan.cell).view(8 * f, h, w, b)
        return d_gates.permute(3, 0, 1, 2), d_kernel, torch.stack(list(outside), dim=1)


def _take(x: Tensor, places: Tensor) -> Tensor:
    """Pick `x[d, :, places[d]]` for both directions: `(2, f, m, b) -> (2, f, n, b)`."""
    taken = x.new_empty(2, x.shape[1], places.shape[1], x.shape[3])
    for direction in (0, 1):
        torch.index_select(x[direction], 1, places[direction], out=taken[direction])
    return taken


def _unpack(hidden: Tensor, slot: Tensor, h: int, w: int) -> Tensor:
    """Add the right-to-left map, a row further down, to the left-to-right one.

    `(2, f, slots, b) -> (b, f, h, w)`
    """
    left, right = _take(hidden, slot).unflatten(2, (h, w))  # (f, h, w, b) each
    left[:, 1:] += right[:, :-1]
    return left.permute(3, 0, 1, 2)


def diagonal_scan(
    gates: Float[Tensor, "b g2 h w"],
    kernel: Float[Tensor, "2 g f 2"],
    initial: Float[Tensor, "2 2 f"],
) -> Float[Tensor, "b f h w"]:
    """Run `recurrence.diagonal_scan`, fast.

    Under autocast it computes in the precision of the kernel, since the cell state adds up.
    """
    with torch.autocast(gates.device.type, enabled=False):
        gates = gates.to(kernel.dtype)
        scan = cpu_scans.diagonal_scan if cpu_scans.fits(gates, kernel) else _DiagonalScan.apply
        return scan(gates, kernel, initial)
