"""Row LSTM (section 3.1): unidirectional, row by row from top to bottom, a whole row at a time.

Input-to-state: a 1x3 masked convolution of the row itself, over the entire map at once.
State-to-state: a 1x3 convolution of the row above's hidden state, unmasked, since all of that row
lies in the past. Together a pixel sees a triangle above itself.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from pixelrnn.layers.masked_conv import MaskedConv
from pixelrnn.layers.raster import RasterLayer
from pixelrnn.ops.recurrence import lstm_cell
from pixelrnn.ops.scans import row_scan
from pixelrnn.types import Context, Features, Float, Output, Pixel, PixelOutput, Tensor


@dataclass
class RowState:
    """The state of the row above and of the current row, features last."""

    input_to_state: Any
    # The row above's until the step at column j overwrites it; read in `start_row` only.
    hidden: Float[Tensor, "b w f"]
    cell_above: Float[Tensor, "b w f"]
    cell: Float[Tensor, "b w f"]
    from_above: Float[Tensor, "b w g"]  # the state-to-state part of the gates of the current row


class RowLSTM(RasterLayer):
    """Run a Row LSTM: `(b f h w) -> (b hidden h w)`.

    `learned_state`: the state above the first row is a parameter, else zero.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        *,
        kernel: int = 3,
        colors: int = 1,
        learned_state: bool = True,
        context_features: int = 0,
    ):
        super().__init__()
        self.input_to_state = MaskedConv(
            features,
            4 * hidden,
            kernel=(1, kernel),
            colors=colors,
            out_block=hidden,
            context_features=context_features,
        )
        bound = 1 / math.sqrt(kernel * hidden)
        self.state_to_state = nn.Parameter(
            torch.empty(4 * hidden, hidden, kernel).uniform_(-bound, bound)
        )
        initial = torch.zeros(2, hidden)  # hidden, cell
        if learned_state:
            self.initial = nn.Parameter(initial)
        else:
            self.register_buffer("initial", initial, persistent=False)

    def forward(self, x: Features, context: Context | None = None) -> Output:
        return row_scan(self.input_to_state(x, context), self.state_to_state, self.initial)

    def init_state(self, batch: int, width: int, context: Context | None = None) -> RowState:
        hidden, cell = (state.repeat(batch, width, 1) for state in self.initial)
        inputs = self.input_to_state.init_state(batch, width, context)
        return RowState(
            inputs, hidden, cell, cell.clone(), hidden.new_empty(batch, width, 4 * hidden.shape[-1])
        )

    def start_row(self, state: RowState, i: int) -> None:
        self.input_to_state.start_row(state.input_to_state, i)
        above = F.conv1d(
            state.hidden.transpose(1, 2),
            self.state_to_state,
            padding=self.state_to_state.shape[-1] // 2,
        )
        state.from_above = above.transpose(1, 2)
        state.cell_above, state.cell = state.cell, state.cell_above

    def step(self, x: Pixel, state: RowState, i: int, j: int) -> PixelOutput:
        gates = self.input_to_state.step(x, state.input_to_state, i, j) + state.from_above[:, j]
        hidden, cell = lstm_cell(gates, state.cell_above[:, j])
        state.hidden[:, j], state.cell[:, j] = hidden, cell
        return hidden
