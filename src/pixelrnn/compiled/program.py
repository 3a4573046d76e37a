"""A network written as a program: each layer writes its part, see `writing.py`.

An instruction is a row of whole numbers: what to do, with how many numbers, with which weights, at
which places. A place is an address in the image's `state`, one array of float32 that holds all that
`step` would remember: registers, which are for one pixel, and maps, of which the last few rows are
kept.

Instructions run in four phases:

    BEFORE  once a pixel: what comes from rows above, from the left and from the context
    STEP    once a color: what depends on the pixel itself
    AFTER   once a pixel: remember it, now that it is complete
    BACK    from right to left over a row that is finished (the Diagonal BiLSTM's other direction)

and before a row's first pixel in any number of further ones, one after the other, each over the
whole row (`Program.sweep`: a layer of the Gated PixelCNN's vertical stack each).
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from pixelrnn.types import Tensor

PRODUCT, ADD, RELU, CELL, GATE = range(5)  # opcodes
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

    def sweep(self) -> int:
        """Return a new phase: over the whole row, before its first pixel."""
        self.code.append([])
        return len(self.code) - 1

    def register(self, size: int) -> Place:
        """Return a place for numbers of one pixel."""
        return self.constant(torch.zeros(size))

    def constant(self, numbers: Tensor) -> Place:
        """Return the place of numbers that are there from the beginning."""
        first = sum(map(len, self.state))
        self.state.append(flat(numbers))
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
        self.weights.append(flat(weight.T))
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
            phases=np.cumsum([0, *map(len, self.code)]),
            places=places,
            steps=steps,
            weights=np.concatenate(self.weights),
            state=np.concatenate(self.state),
        )


@dataclass(frozen=True)
class Packed:
    """A program of n instructions as arrays; the state is that of one image."""

    code: np.ndarray  # (n, 4): opcode, numbers, inputs, first weight
    phases: np.ndarray  # where each begins, and the last ends
    places: np.ndarray  # (rows, n, 4): of the operands, at the first column
    steps: np.ndarray  # (n, 4): from a column to the next
    weights: np.ndarray
    state: np.ndarray


def flat(numbers: Tensor) -> np.ndarray:
    """Return the numbers one after the other, as the state and the weights hold them."""
    return numbers.detach().float().cpu().numpy().ravel()
