"""Diagonal BiLSTM (section 3.2): two LSTMs sweep the diagonals, from the left and the right.

Input-to-state: a 1x1 mask-B convolution. State-to-state: a kernel over the two neighbors (i-1, j)
and (i, j-1), which stand in one column of the skewed map. The right-to-left direction is the same
on the mirrored map; its output is shifted down by one row before it is added, so that it carries
finished rows only.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pixelrnn.layers.masked_conv import MaskedConv
from pixelrnn.layers.raster import RasterLayer
from pixelrnn.ops.recurrence import lstm_cell
from pixelrnn.ops.scans import diagonal_scan
from pixelrnn.types import Context, Features, Float, Output, Pixel, PixelOutput, Tensor


@dataclass
class DiagonalState:
    """The left-to-right state of the current row, the right-to-left one of the row above.

    Features last.
    """

    input_to_state: Any
    above: Float[Tensor, "d f g"]  # state-to-state weights of (i-1, j), for both directions
    left: Float[Tensor, "d f g"]  # ... of (i, j-1); in the right-to-left direction (i, j+1)
    # Left to right: the row above's state until the step at column j overwrites it, and what
    # (i-1, j) adds to the gates of the current row.
    hidden: Float[Tensor, "b w f"]
    cell: Float[Tensor, "b w f"]
    from_above: Float[Tensor, "b w g"]
    # Right to left: the input-to-state part of the current row, for the next one; the state of the
    # row above.
    right_gates: Float[Tensor, "b w g"]
    right_hidden: Float[Tensor, "b w f"]


class DiagonalBiLSTM(RasterLayer):
    """Run a Diagonal BiLSTM: `(b f h w) -> (b hidden h w)`.

    `learned_state`: the state outside the image is a parameter, else zero.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        *,
        colors: int = 1,
        learned_state: bool = True,
        context_features: int = 0,
    ):
        super().__init__()
        self.input_to_state = MaskedConv(
            features,
            2 * 4 * hidden,
            colors=colors,
            out_block=hidden,
            context_features=context_features,
        )
        bound = 1 / math.sqrt(2 * hidden)
        self.state_to_state = nn.Parameter(
            torch.empty(2, 4 * hidden, hidden, 2).uniform_(-bound, bound)
        )
        initial = torch.zeros(2, 2, hidden)  # direction; hidden, cell
        if learned_state:
            self.initial = nn.Parameter(initial)
        else:
            self.register_buffer("initial", initial, persistent=False)

    def forward(self, x: Features, context: Context | None = None) -> Output:
        return diagonal_scan(self.input_to_state(x, context), self.state_to_state, self.initial)

    def init_state(self, batch: int, width: int, context: Context | None = None) -> DiagonalState:
        above, left = (tap.transpose(1, 2).contiguous() for tap in self.state_to_state.unbind(-1))
        (hidden, cell), (right_hidden, _) = self.initial
        return DiagonalState(
            input_to_state=self.input_to_state.init_state(batch, width, context),
            above=above,
            left=left,
            hidden=hidden.repeat(batch, width, 1),
            cell=cell.repeat(batch, width, 1),
            from_above=hidden.new_empty(batch, width, above.shape[-1]),
            right_gates=hidden.new_empty(batch, width, above.shape[-1]),
            right_hidden=right_hidden.repeat(batch, width, 1),
        )

    def start_row(self, state: DiagonalState, i: int) -> None:
        self.input_to_state.start_row(state.input_to_state, i)
        state.from_above = state.hidden @ state.above[0]
        if i > 0:
            self._right_to_left(state)

    def _right_to_left(self, state: DiagonalState) -> None:
        """Run the right-to-left pass over the row above, which is finished now."""
        gates = state.right_gates + state.right_hidden @ state.above[1]
        batch, width, _ = gates.shape
        hidden, cell = (outside.expand(batch, -1) for outside in self.initial[1])
        for j in reversed(range(width)):
            hidden, cell = lstm_cell(torch.addmm(gates[:, j], hidden, state.left[1]), cell)
            state.right_hidden[:, j] = hidden

    def step(self, x: Pixel, state: DiagonalState, i: int, j: int) -> PixelOutput:
        both = self.input_to_state.step(x, state.input_to_state, i, j)
        gates, state.right_gates[:, j] = both.chunk(2, dim=1)
        if j == 0:
            hidden, cell = (outside.expand(x.shape[0], -1) for outside in self.initial[0])
        else:
            hidden, cell = state.hidden[:, j - 1], state.cell[:, j - 1]
        gates = torch.addmm(gates + state.from_above[:, j], hidden, state.left[0])
        hidden, cell = lstm_cell(gates, cell)
        state.hidden[:, j], state.cell[:, j] = hidden, cell
        return hidden if i == 0 else hidden + state.right_hidden[:, j]
