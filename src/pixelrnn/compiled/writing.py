"""What each layer writes into a program.

A layer that is not here, such as a user's own, has no instruction: `NoInstructionError`.
"""

from functools import singledispatch
from typing import Any

import torch
import torch.nn.functional as F

from pixelrnn.compiled.program import (
    ADD,
    BACK,
    BEFORE,
    CELL,
    GATE,
    RELU,
    STEP,
    NoInstructionError,
    Place,
    Program,
    flat,
)
from pixelrnn.layers import (
    Chain,
    DiagonalBiLSTM,
    Dropout,
    GatedConv,
    GatedStacks,
    MaskedConv,
    Pointwise,
    RasterLayer,
    Residual,
    RowLSTM,
)
from pixelrnn.types import Tensor


@singledispatch
def write(layer: RasterLayer, program: Program, x: Place) -> Place:
    """Add the layer's instructions, with its input at `x`; return where its output is.

    Raises NoInstructionError for a layer that has none.
    """
    raise NoInstructionError(type(layer).__name__)


@write.register
def _(layer: Pointwise, program: Program, x: Place) -> Place:
    if layer.function is not F.relu:
        raise NoInstructionError(f"Pointwise({layer.function})")
    return program.do(STEP, RELU, x.size, program.register(x.size), x)


@write.register
def _(layer: Dropout, program: Program, x: Place) -> Place:
    return x


@write.register
def _(layer: Residual, program: Program, x: Place) -> Place:
    y = write(layer.layer, program, x)
    return program.do(STEP, ADD, x.size, program.register(x.size), x, y)


@write.register
def _(layer: Chain, program: Program, x: Place) -> Place:
    sent = None
    skips: Any = layer.skips or [None] * len(layer.layers)
    for part, skip in zip(layer.layers, skips, strict=True):
        x = write(part, program, x)  # type: ignore[arg-type]
        if skip is not None:
            y = write(skip, program, x)
            sent = y if sent is None else program.do(STEP, ADD, y.size, y, sent, y)
    return x if sent is None else sent


@write.register
def _(layer: MaskedConv, program: Program, x: Place) -> Place:
    return _convolve(layer, program, x, slice(None), [])


def _convolve(
    layer: MaskedConv,
    program: Program,
    x: Place,
    features: slice,
    neighbors: list[tuple[Place, Tensor]],
    scale: Tensor | float = 1.0,
    out: Place | None = None,
) -> Place:
    """Write some output features of a masked convolution, to which the `neighbors` add theirs.

    Neighbors are places with their weights `(g f)`. The sum is multiplied by `scale`.
    """
    weight = (layer.weight * layer.mask)[features]  # (g f r k)
    parts = list(neighbors)
    if layer.project is not None:
        parts.append((program.context, layer.project.weight[features, :, 0, 0]))
    if layer.remembers:
        rows, reach = weight.shape[2], layer.reach
        seen = program.remember(x, rows, reach)
        for r in range(rows - 1):
            above = seen.at(r - rows + 1, -reach, 2 * reach + 1)
            parts.append((above, weight[:, :, r].transpose(1, 2).flatten(1)))
        left = weight[:, :, -1, :reach].transpose(1, 2).flatten(1)
        parts.append((seen.at(0, -reach, reach), left))
    start = program.constant(layer.bias[features] * scale)
    before = None
    for place, part in parts:
        before = program.product(BEFORE, before or start, place, _scaled(part, scale), before)
    here = weight[:, :, -1, layer.reach]
    return program.product(STEP, before or start, x, _scaled(here, scale), out)


def _scaled(weight: Tensor, scale: Tensor | float) -> Tensor:
    return weight * scale[:, None] if isinstance(scale, Tensor) else weight * scale


def _doubled_candidate(hidden: int) -> Tensor:
    """Return what the gates' inputs are multiplied by, see `kernels.cell`."""
    return torch.tensor([1.0, 1.0, 1.0, 2.0]).repeat_interleave(hidden)


@write.register
def _(layer: RowLSTM, program: Program, x: Place) -> Place:
    h = layer.initial.shape[1]
    side = layer.state_to_state.shape[2] // 2
    hidden = _surrounded(program, layer.initial[0], side)
    cell = program.map(h, 2, 0, layer.initial[1])
    kernel = layer.state_to_state.transpose(1, 2).flatten(1)  # (4h k*h)
    above = (hidden.at(-1, -side, 2 * side + 1), kernel)
    gates = _convolve(layer.input_to_state, program, x, slice(None), [above], _doubled_candidate(h))
    return program.do(STEP, CELL, h, hidden, cell, gates, cell.at(-1, 0))


def _surrounded(program: Program, around: Tensor, sides: int) -> Place:
    """Return a map of two rows that starts as `around`, but for zeros at its sides."""
    hidden = program.map(len(around), 2, sides)
    start = torch.zeros(2, program.columns + 2 * sides, len(around))
    start[:, sides : sides + program.columns] = around.detach()
    program.state[-1] = flat(start)
    return hidden


@write.register
def _(layer: DiagonalBiLSTM, program: Program, x: Place) -> Place:
    h, scale = layer.initial.shape[2], _doubled_candidate(layer.initial.shape[2])
    above, left = layer.state_to_state.unbind(-1)  # (2 4h h) each
    # From the left: the neighbors' hidden state, the left one's cell.
    hidden = program.map(h, 2, 1, layer.initial[0, 0])
    cell = program.map(h, 1, 1, layer.initial[0, 1])
    neighbors = [(hidden.at(-1, 0), above[0]), (hidden.at(0, -1), left[0])]
    gates = _convolve(layer.input_to_state, program, x, slice(4 * h), neighbors, scale)
    program.do(STEP, CELL, h, hidden, cell, gates, cell.at(0, -1))
    # From the right, over each row when it is finished; shown in the row below.
    right = program.map(4 * h)
    _convolve(layer.input_to_state, program, x, slice(4 * h, None), [], scale, out=right)
    back, back_cell = (program.map(h, 1, 1, outside) for outside in layer.initial[1])
    gates = program.product(BACK, right, back, _scaled(above[1], scale))
    program.product(BACK, gates, back.at(0, 1), _scaled(left[1], scale), out=gates)
    program.do(BACK, CELL, h, back, back_cell, gates, back_cell.at(0, 1))
    shown = program.copy(BACK, back, program.map(h))
    return program.do(STEP, ADD, h, program.register(h), hidden, shown)


@write.register
def _(layer: GatedStacks, program: Program, x: Place) -> Place:
    h, sent, gates, phase = x, None, None, BEFORE
    skips: Any = layer.skips or [None] * len(layer.layers)
    parts: Any = layer.layers
    for part, skip in zip(parts, skips, strict=True):
        features, (height, width) = part.vertical.in_channels, part.vertical.kernel_size
        if gates is None:
            v = program.remember(x, height + 1, width // 2).at(-1, 0)
        else:
            v = program.map(features, height, width // 2)
            program.do(phase, GATE, features, v, gates)
        phase = program.sweep()
        gates = _vertical(part, program, phase, v)
        link = (gates, part.link.weight[:, :, 0, 0])
        across = _convolve(part.horizontal, program, h, slice(None), [link])
        gated = program.register(gates.size // 2)
        y = write(part.out, program, program.do(STEP, GATE, gated.size, gated, across))
        h = program.do(STEP, ADD, y.size, program.register(y.size), h, y) if part.residual else y
        if skip is not None:
            y = write(skip, program, h)
            sent = y if sent is None else program.do(STEP, ADD, y.size, y, sent, y)
    return h if sent is None else sent


def _vertical(layer: GatedConv, program: Program, phase: int, v: Place) -> Place:
    """Write the vertical convolution; return the map of its gates, before their functions."""
    weight = layer.vertical.weight  # (g f r k)
    assert layer.vertical.bias is not None
    gates = program.map(len(weight))
    sum_ = program.constant(layer.vertical.bias)
    if layer.project is not None:
        context = layer.project.weight[:, :, 0, 0]
        sum_ = program.product(phase, sum_, program.context, context, gates)
    rows, columns = weight.shape[2:]
    for r in range(rows):
        seen = v.at(r - rows + 1, -(columns // 2), columns)
        part = weight[:, :, r].transpose(1, 2).flatten(1)  # (g k*f)
        sum_ = program.product(phase, sum_, seen, part, gates)
    return gates
