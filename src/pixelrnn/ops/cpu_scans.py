"""The scans of `scans.py` on the CPU in float32, by the compiled loops of `kernels.py`.

Directions and groups of sixteen images are shared among threads. The gradient of the state-to-state
weights is a product of whole rows, a tap each, which torch does as fast.
"""

from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pixelrnn.types import Float, Tensor

FEWEST = 8  # images of a batch: with fewer, more than half of the kernels' lanes are empty


def fits(gates: Tensor, kernel: Tensor) -> bool:
    """Return whether the compiled loops can take these gates, and are the faster way."""
    single = gates.dtype == kernel.dtype == torch.float32
    here = gates.device.type == "cpu" and not torch.compiler.is_compiling()
    return single and here and len(gates) >= FEWEST


def row_scan(
    gates: Float[Tensor, "b g h w"], kernel: Float[Tensor, "g f k"], initial: Float[Tensor, "2 f"]
) -> Float[Tensor, "b f h w"]:
    """Run `recurrence.row_scan`, compiled."""
    side = kernel.shape[2] // 2
    neighbors = [(0, column) for column in range(-side, side + 1)]
    return _Scan.apply(gates, kernel[None], initial[None], neighbors)


def diagonal_scan(
    gates: Float[Tensor, "b g2 h w"],
    kernel: Float[Tensor, "2 g f 2"],
    initial: Float[Tensor, "2 2 f"],
) -> Float[Tensor, "b f h w"]:
    """Run `recurrence.diagonal_scan`, compiled."""
    return _Scan.apply(gates, kernel, initial, [(0, 0), (1, -1)])


class _Scan(Function):
    """Scan in d directions: gates (b d*4f h w), kernel (d 4f f k), initial (d 2 f).

    `neighbors` are k pairs (row, column) as in `kernels.py`. The second direction is on the
    mirrored map, and its output is shifted down by a row.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, kernel: Tensor, initial: Tensor, neighbors: list[tuple[int, int]]
    ) -> Tensor:
        # numba takes a fifth of a second to import, and is needed only here.
        from pixelrnn.ops import kernels

        b, _, h, w = gates.shape
        directions, f = len(kernel), kernel.shape[2]
        lanes = kernels.LANES
        groups = -(-b // lanes)
        kept = gates.new_empty(directions, groups, h * w * 4 * f * lanes)
        cells = gates.new_empty(directions, groups, h * w * f * lanes)
        hidden = gates.new_empty(directions, f, h, w, b)
        x, places = _flat(gates.permute(1, 2, 3, 0), directions), np.array(neighbors)
        taps, to = _flat(kernel.permute(0, 3, 2, 1), directions), _flat(hidden, directions)
        outside, of_gates, of_cells = initial.detach().numpy(), kept.numpy(), cells.numpy()
        # Beside the map the Diagonal BiLSTM has the initial state, the Row LSTM zeros.
        beside = outside[:, 0] if neighbors[-1][0] else np.zeros_like(outside[:, 0])

        def work(d: int, group: int) -> None:
            kernels.forward(
                x[d], taps[d], places, outside[d], beside[d], of_gates[d, group],
                of_cells[d, group], to[d], (h, w, b), group * lanes, d == 1,
            )  # fmt: skip

        _share(work, groups, directions)
        ctx.save_for_backward(kept, cells, hidden, kernel, initial)
        ctx.neighbors = neighbors
        y = hidden[0]
        if directions == 2:
            y = y.clone()
            y[:, 1:] += hidden[1, :, :-1]
        return y.permute(3, 0, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        from pixelrnn.ops import kernels

        kept, cells, hidden, kernel, initial = ctx.saved_tensors
        directions, f, h, w, b = hidden.shape
        groups = kept.shape[1]
        d_gates = hidden.new_empty(directions, 4 * f, h, w, b)
        d_initial = hidden.new_zeros(directions, groups, 2, f)
        arrived, places = _flat(grad.permute(1, 2, 3, 0), 1)[0], np.array(ctx.neighbors)
        taps, to = _flat(kernel.permute(0, 3, 1, 2), directions), _flat(d_gates, directions)
        outside, of_initial = initial.detach().numpy(), d_initial.numpy()
        of_gates, of_cells = kept.numpy(), cells.numpy()

        def work(d: int, group: int) -> None:
            kernels.backward(
                arrived, d, taps[d], places, outside[d], of_gates[d, group], of_cells[d, group],
                to[d], of_initial[d, group], (h, w, b), group * kernels.LANES, d == 1,
            )  # fmt: skip

        _share(work, groups, directions)
        d_kernel = torch.empty_like(kernel)
        for d in range(directions):
            for tap, neighbor in enumerate(ctx.neighbors):
                found = _of_tap(d_gates[d], hidden[d], initial[d, 0], neighbor, d == 1)
                d_kernel[d, ..., tap] = found
        return d_gates.flatten(0, 1).permute(3, 0, 1, 2), d_kernel, d_initial.sum(1), None


def _flat(x: Tensor, directions: int) -> np.ndarray:
    return x.detach().contiguous().view(directions, -1).numpy()


def _share(work: Callable[[int, int], None], groups: int, directions: int) -> None:
    """Call `work(direction, group of images)` for all, on as many threads as torch has.

    The threads end with the call, so that nothing is left for a forked child to miss.
    """
    tasks = [(d, group) for group in range(groups) for d in range(directions)]
    threads = min(torch.get_num_threads(), len(tasks))

    def run(thread: int) -> None:
        for task in tasks[thread::threads]:
            work(*task)

    others = [Thread(target=run, args=(thread,)) for thread in range(1, threads)]
    for other in others:
        other.start()
    run(0)
    for other in others:
        other.join()


def _of_tap(
    d_gates: Float[Tensor, "g h w b"],
    hidden: Float[Tensor, "f h w b"],
    initial: Float[Tensor, " f"],
    neighbor: tuple[int, int],
    mirrored: bool,
) -> Float[Tensor, "g f"]:
    """Return the gradient of one neighbor's weights: what arrived times what was seen."""
    same_row, column = neighbor
    column = -column if mirrored else column
    h, w = hidden.shape[1:3]
    inside = max(0, w - abs(column))  # columns whose neighbor is on the map
    here, there = max(0, -column), max(0, column)
    arrived = d_gates[:, 1 - same_row :, here : here + inside]
    seen = hidden[:, : h - 1 + same_row, there : there + inside]
    rows, states = (x.transpose(0, 1).flatten(2) for x in (arrived, seen))  # (h, g or f, w*b)
    # Where the neighbor is off the map and holds the initial state.
    edge = d_gates[:, 0, here : here + inside]
    if same_row:
        edge = d_gates[:, :, w - 1 if mirrored else 0]
    return (rows @ states.transpose(1, 2)).sum(0) + edge.sum((1, 2))[:, None] * initial
