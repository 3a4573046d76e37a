"""A network written as a program: each layer writes its part, `kernels.py` runs it.

An instruction is a row of whole numbers: what to do, with how many numbers, with which weights, at
which places. A place is an address in the image's `state`, one array of float32 that holds all that
`step` would remember: registers, which are for one pixel, and maps, of which the last few rows are
kept. A layer that is not here, such as a user's own, has no instruction: `NoInstructionError`.

Instructions run in four phases:

    BEFORE  once a pixel: what comes from rows above, from the left and from the context
    STEP    once a color: what depends on the pixel itself
    AFTER   once a pixel: remember it, now that it is complete
    BACK    from right to left over a row that is finished (the Diagonal BiLSTM's other direction)
"""

from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from pixelrnn.layers import (
    Chain,
    DiagonalBiLSTM,
    MaskedConv,
    Pointwise,
    RasterLayer,
    Residual,
    RowLSTM,
)
from pixelrnn.types import Tensor

PRODUCT, ADD, RELU, CELL = range(4)  # opcodes
BEFORE, STEP, AFTER, BACK = range(4)  # phases
OPERANDS = 4  # places of an instruction, at most


class NoInstructionError(Exception):
    """Says that a layer cannot be compiled, and must step in torch."""


@dataclass(frozen=True)
class Place:
    """Where `size` numbers lie: at (i, j), first + ((i + shift) mod rows) * row + j * column."""

    first: int
    size: int
    shift: int = 0
    rows: int = 1
    row: int = 0
    column: int = 0

    def at(self, row: int, column: int, columns: int = 1) -> "Place":
        """Return the place of `columns` pixels, which many rows and columns further on."""
        first, size = self.first + column * self.column, self.size * columns
        return replace(self, first=first, size=size, shift=self.shift + row)

    def every(self, factor: int, i: int, j: int) -> "Place":
        """Return the place of (factor * i' + i, factor * j' + j), at any (i', j')."""
        first = self.first + i * self.row + j * self.column
        return replace(self, first=first, row=factor * self.row, column=factor * self.column)

    def find(self, i: np.ndarray) -> np.ndarray:
        """Return the addresses at (i, 0)."""
        return self.first + (i + self.shift) % self.rows * self.row


# Opcode, numbers, inputs, first weight, places.
Instruction = tuple[int, int, int, int, tuple[Place, ...]]


@dataclass
class Program:
    """Instructions, weights and the state of an image before its first pixel.

    `columns` of the map; `colors` of a pixel; `shared` features of the context.
    """

    columns: int
    colors: int
    shared: int = 0
    code: list[list[Instruction]] = field(init=False)  # by phase
    weights: list[np.ndarray] = field(init=False, default_factory=list)
    state: list[np.ndarray] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.code = [[], [], [], []]
        self.pixel = self.register(self.colors)
        self.context = self.register(self.shared)

    def register(self, size: int) -> Place:
        """Return a place for numbers of one pixel."""
        return self.constant(torch.zeros(size))

    def constant(self, numbers: Tensor) -> Place:
        """Return the place of numbers that are there from the beginning."""
        first = sum(map(len, self.state))
        self.state.append(_flat(numbers))
        return Place(first, numbers.numel())

    def map(self, size: int, rows: int = 1, sides: int = 0, around: Tensor | None = None) -> Place:
        """Return the place (i, j) of a map of which `rows` rows are kept, the current one included.

        It has `sides` more columns left and right. Before the first pixel all of it is `around`,
        or zero.
        """
        columns = self.columns + 2 * sides
        start = torch.zeros(size) if around is None else around
        first = self.constant(start.repeat(rows * columns)).first + sides * size
        return Place(first, size, rows=rows, row=columns * size, column=size)

    def do(self, phase: int, opcode: int, n: int, *places: Place, inputs: int = 0) -> Place:
        """Add an instruction; return where its result is, the first place."""
        self.code[phase].append((opcode, n, inputs, sum(map(len, self.weights)), places))
        return places[0]

    def product(
        self, phase: int, start: Place, x: Place, weight: Tensor, out: Place | None = None
    ) -> Place:
        """Return the place of `start + weight x`, for a weight `(g f)`."""
        g, f = weight.shape
        out = self.register(g) if out is None else out
        self.do(phase, PRODUCT, g, out, start, x, inputs=f)
        self.weights.append(_flat(weight.T))
        return out

    def copy(self, phase: int, x: Place, out: Place) -> Place:
        """Copy `x` to `out`: a product with no inputs."""
        return self.do(phase, PRODUCT, x.size, out, x)

    def remember(self, x: Place, rows: int, sides: int) -> Place:
        """Return a map that `x` is written to: the pixel itself again when it is complete."""
        kept = self.map(x.size, rows, sides)
        for phase in (STEP, AFTER) if x == self.pixel else (STEP,):
            self.copy(phase, x, kept)
        return kept

    def pack(self, rows: int) -> "Packed":
        """Return all of it as the arrays that `kernels.py` takes, for images of so many rows."""
        code = [instruction for phase in self.code for instruction in phase]
        places = np.zeros((rows, len(code), OPERANDS), np.uint64)
        steps = np.zeros((len(code), OPERANDS), np.uint64)
        for k, instruction in enumerate(code):
            for operand, place in enumerate(instruction[-1]):
                places[:, k, operand] = place.find(np.arange(rows))
                steps[k, operand] = place.column
        return Packed(
            code=np.array([instruction[:-1] for instruction in code], np.uint64),
            phases=(0, *np.cumsum([len(phase) for phase in self.code]).tolist()),
            places=places,
            steps=steps,
            weights=np.concatenate(self.weights),
            state=np.concatenate(self.state),
        )


@dataclass(frozen=True)
class Packed:
    """A program of n instructions as arrays; the state is that of one image."""

    code: np.ndarray  # (n, 4): opcode, numbers, inputs, first weight
    phases: tuple[int, ...]  # where each begins, and the last ends
    places: np.ndarray  # (rows, n, 4): of the operands, at the first column
    steps: np.ndarray  # (n, 4): from a column to the next
    weights: np.ndarray
    state: np.ndarray


def _flat(numbers: Tensor) -> np.ndarray:
    return numbers.detach().float().cpu().numpy().ravel()


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
    program.state[-1] = _flat(start)
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
