"""Gated PixelCNN (van den Oord et al., 2016b, arXiv:1606.05328, section 2): no blind spot.

Two stacks of convolutions run side by side (their figure 2 and equation 2):

    vertical    v <- gate(W_v * v)                              the rows above, without a mask
    horizontal  h <- h + W_1 gate(W_h * h + W_l (W_v * v))      the row itself, masked, and v
                gate(a, b) = tanh(a) sigmoid(b)

The vertical stack never reads the horizontal one, which has seen pixels of its own row. Its input
is the image moved down by one row; from there on its kernels may read the row of their output,
since that holds finished rows only. (The paper moves each vertical map on its way to the horizontal
stack: the same, but for the first row, where its map is zero.) A row of the vertical stack is there
before the row's first pixel: it is `start_row`, and the horizontal stack is `step`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from pixelrnn.layers.masked_conv import MaskedConv
from pixelrnn.layers.raster import Chain, Dropout, RasterLayer
from pixelrnn.types import Context, Features, Float, Output, Pixel, PixelOutput, Tensor


def gate(x: Float[Tensor, "b g *s"]) -> Float[Tensor, "b f *s"]:
    """Return tanh of the first half of the features, times the sigmoid of the second."""
    a, b = x.chunk(2, dim=1)
    return a.tanh() * b.sigmoid()


@dataclass
class GatedState:
    """What a layer of both stacks remembers while it steps; features last."""

    horizontal: Any
    out: Any
    rows: Float[Tensor, "b r w f"]  # of the vertical input, that of the current row in [:, -1]
    from_above: Float[Tensor, "b w g"]  # the vertical stack's part of the current row's gates
    context: Float[Tensor, "b g h w"] | None


class GatedConv(nn.Module):
    """Convolve both maps, one layer of figure 2: `(b f h w)` -> `(b hidden h w)` each.

    `kernel` n: the vertical kernel is (n + 1) / 2 x n, the horizontal one 1 x n with mask `kind`.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        *,
        kernel: int = 3,
        kind: str = "B",
        colors: int = 1,
        residual: bool = True,
        dropout: float = 0.0,
        context_features: int = 0,
    ):
        super().__init__()
        self.residual = residual
        size, reach = (kernel // 2 + 1, kernel), kernel // 2
        self.vertical = nn.Conv2d(features, 2 * hidden, size, padding=(reach, reach))
        self.horizontal = MaskedConv(
            features,
            2 * hidden,
            kernel=(1, kernel),
            kind=kind,
            colors=colors,
            out_block=hidden,
            context_features=context_features,
        )
        self.link = nn.Conv2d(2 * hidden, 2 * hidden, 1, bias=False)
        self.out = Chain(MaskedConv(hidden, hidden, colors=colors), Dropout(dropout))
        self.project = (
            nn.Conv2d(context_features, 2 * hidden, 1, bias=False) if context_features else None
        )

    def forward(
        self, v: Features, h: Features, context: Context | None = None
    ) -> tuple[Output, Output]:
        """Return the vertical and the horizontal map, given those of the layer before."""
        across = self.horizontal(h, context)
        down = self.vertical(v)[:, :, : v.shape[2]]  # what lies below the image is cut off
        if self.project is not None:
            down = down + self.project(context)
        y = self.out(gate(across + self.link(down)))
        return gate(down), y + h if self.residual else y

    def init_state(self, batch: int, width: int, context: Context | None = None) -> GatedState:
        """Return what `start_row` and `step` must remember, before the first row."""
        gates, features, height, _ = self.vertical.weight.shape
        new = self.vertical.weight.new_zeros
        return GatedState(
            horizontal=self.horizontal.init_state(batch, width, context),
            out=self.out.init_state(batch, width),
            rows=new(batch, height, width, features),
            from_above=new(batch, width, gates),
            context=None if self.project is None else self.project(context),
        )

    def start_row(
        self, v: Float[Tensor, "b w f"], state: GatedState, i: int
    ) -> Float[Tensor, "b w g"]:
        """Return row `i` of the vertical map, given that of the layer before."""
        self.horizontal.start_row(state.horizontal, i)
        self.out.start_row(state.out, i)
        state.rows = torch.cat([state.rows[:, 1:], v[:, None]], dim=1)
        rows, vertical = state.rows.permute(0, 3, 1, 2), self.vertical
        padding = (0, vertical.kernel_size[1] // 2)
        down = F.conv2d(rows, vertical.weight, vertical.bias, padding=padding)
        if state.context is not None:
            down = down + state.context[:, :, i : i + 1]
        state.from_above = self.link(down)[:, :, 0].transpose(1, 2)
        return gate(down)[:, :, 0].transpose(1, 2)

    def step(self, h: Pixel, state: GatedState, i: int, j: int) -> PixelOutput:
        """Return the horizontal map at (i, j), given that of the layer before."""
        across = self.horizontal.step(h, state.horizontal, i, j)
        y = self.out.step(gate(across + state.from_above[:, j]), state.out, i, j)
        return h + y if self.residual else y


@dataclass
class StacksState:
    """The states of the layers and of their skips, and the current row of the image."""

    layers: list[GatedState]
    skips: list[Any]
    row: Float[Tensor, "b w f"]


class GatedStacks(RasterLayer):
    """Run both stacks over an image: `(b c h w)` -> the horizontal stack's last map `(b g h w)`.

    One layer of the contract, since a vertical map on its own is no map in raster order: it shows a
    pixel all of the rows above. With `skips`, one for each layer, return the sum of what they make
    of the horizontal maps.
    """

    def __init__(self, *layers: GatedConv, skips: Sequence[RasterLayer] = ()):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.skips = nn.ModuleList(skips)

    def forward(self, x: Features, context: Context | None = None) -> Output:
        v, h, sent = F.pad(x, (0, 0, 1, 0))[:, :, :-1], x, []
        layers, skips = self._all()
        for n, layer in enumerate(layers):
            v, h = layer(v, h, context)
            if skips:
                sent.append(skips[n](h))
        return sum(sent[1:], sent[0]) if sent else h

    def init_state(self, batch: int, width: int, context: Context | None = None) -> StacksState:
        layers, skips = self._all()
        states = [layer.init_state(batch, width, context) for layer in layers]
        row = torch.zeros_like(states[0].rows[:, -1])
        return StacksState(states, [skip.init_state(batch, width) for skip in skips], row)

    def start_row(self, state: StacksState, i: int) -> None:
        layers, skips = self._all()
        v = state.row  # the row above, as long as row i has no pixel
        for layer, layer_state in zip(layers, state.layers, strict=True):
            v = layer.start_row(v, layer_state, i)
        for skip, skip_state in zip(skips, state.skips, strict=True):
            skip.start_row(skip_state, i)

    def step(self, x: Pixel, state: StacksState, i: int, j: int) -> PixelOutput:
        state.row[:, j] = x
        h, sent = x, []
        layers, skips = self._all()
        for n, layer in enumerate(layers):
            h = layer.step(h, state.layers[n], i, j)
            if skips:
                sent.append(skips[n].step(h, state.skips[n], i, j))
        return sum(sent[1:], sent[0]) if sent else h

    def write(self, x: Pixel, state: StacksState, i: int, j: int) -> None:
        state.row[:, j] = x
        first, *_ = self._all()[0]
        first.horizontal.write(x, state.layers[0].horizontal, i, j)

    def _all(self) -> tuple[list[GatedConv], list[RasterLayer]]:
        """Return the layers and the skips."""
        return [*self.layers], [*self.skips]
