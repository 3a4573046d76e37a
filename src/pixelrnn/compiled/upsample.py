"""The upsampling network, compiled: it turns small images into the contexts of large ones.

In torch, its last bits would depend on the batch and on the CPU, and with them the images.
"""

from itertools import product

import numpy as np
from torch import nn

from pixelrnn.compiled.groups import share
from pixelrnn.compiled.program import RELU, STEP, NoInstructionError, Place, Program
from pixelrnn.layers import Upsample

SMALL, LARGE = STEP, STEP + 1  # what is done at every place of the small map, and of the large one


class CompiledUpsample:
    """Turn levels (n c s1 s2) into contexts, float32 (n h w e), as `Upsample` does.

    `shape` is that of a small image. Raises NoInstructionError for a network derived from ours.
    """

    def __init__(self, upsample: Upsample, shape: tuple[int, int, int], levels: int):
        if type(upsample) is not Upsample:
            raise NoInstructionError(type(upsample).__name__)
        colors, self.height, self.width = shape
        self.factor, self.features = upsample.raise_.stride[0], upsample.after.out_channels
        self.to_number = np.float32(2 / (levels - 1))
        height, width = self.height * self.factor, self.width * self.factor
        # Each map has one more row, of zeros: it is above the first and below the last.
        program = Program(self.width, 0)
        self.x = program.map(colors, self.height + 1, 1)
        y = _convolve(program, SMALL, self.x, upsample.before)
        y = program.do(SMALL, RELU, y.size, program.register(y.size), y)
        program.columns = width
        raised = program.map(y.size, height + 1, 1)
        assert upsample.raise_.bias is not None
        start = program.constant(upsample.raise_.bias)
        for i, j in product(range(self.factor), repeat=2):
            weight = upsample.raise_.weight[:, :, i, j].T
            sum_ = program.product(SMALL, start, y, weight)
            program.do(SMALL, RELU, y.size, raised.every(self.factor, i, j), sum_)
        self.out = _convolve(
            program, LARGE, raised, upsample.after, program.map(self.features, height)
        )
        self.packed = program.pack(height)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the contexts of int64 images."""
        from pixelrnn.compiled import kernels  # only here, see network.py

        p, colors = self.packed, self.x.size
        height, width = self.height * self.factor, self.width * self.factor
        context = np.empty((len(x), height, width, self.features), np.float32)
        first, last = self.x.first - colors, self.x.first - colors + (self.height + 1) * self.x.row

        def run(group: slice) -> None:
            numbers = x[group].astype(np.float32) * self.to_number - np.float32(1)
            state = np.repeat(p.state[None], len(numbers), axis=0)
            image = state[:, first:last].reshape(len(numbers), self.height + 1, -1, colors)
            image[:, :-1, 1:-1] = numbers.transpose(0, 2, 3, 1)
            for phase, w, places in (
                (SMALL, self.width, p.places[: self.height]),
                (LARGE, width, p.places),
            ):
                begin, end = p.phases[phase : phase + 2]
                kernels.sweep(p.code, places, p.steps, p.weights, state, begin, end, w)
            last_of = self.out.first + height * self.out.row
            context[group] = state[:, self.out.first : last_of].reshape(context[group].shape)

        share(run, len(x))
        return context


def _convolve(
    program: Program, phase: int, x: Place, layer: nn.Conv2d, out: Place | None = None
) -> Place:
    """Write a 3x3 convolution without a mask."""
    assert layer.bias is not None
    sum_ = program.constant(layer.bias)
    out = out or program.register(sum_.size)
    for r in range(3):
        weight = layer.weight[:, :, r].transpose(1, 2).flatten(1)  # (g k*f)
        sum_ = program.product(phase, sum_, x.at(r - 1, -1, 3), weight, out)
    return sum_
