"""Masked convolution (section 3.4 and figure 2): the PixelCNN's layer, and the input-to-state part of both LSTMs.

`weight * mask`, where the mask follows raster order between pixels and R, G, B order within one (`ops/masks.py`).
A step splits the kernel: the rows above are convolved once a row, the current row is one small product a pixel.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from pixelrnn.layers.raster import RasterLayer
from pixelrnn.ops.masks import causal_mask, feature_colors
from pixelrnn.ops.products import row_product
from pixelrnn.types import Context, Features, Float, Output, Pixel, PixelOutput, Tensor


@dataclass
class ConvState:
    """What a masked convolution remembers while it steps; features last."""

    rows: Float[
        Tensor, "b r w f"
    ]  # the last rows of the input, the current one in [:, -1]; empty for a 1x1 kernel
    from_above: (
        Float[Tensor, "b w g"] | Float[Tensor, "1 w g"]
    )  # bias, context and the rows above, for the current row
    above: Float[Tensor, "g f r_above k"]  # the kernel's part above the current row
    left: Float[Tensor, "q g"]  # its part in the current row, the current pixel's features last
    bias: Float[Tensor, " g"]
    context: Float[Tensor, "b h w g"] | None


class MaskedConv(RasterLayer):
    """A convolution with mask "A" or "B" over `kernel` = (rows, columns); the last row is the current pixel's.

    `out_block`: features of one gate where the output is a stack of gates (its colors are counted within a block).
    `context_features`: a conditioning map `(b e h w)` is added through a 1x1 unmasked projection (section 3.6).
    """

    mask: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel: tuple[int, int] = (1, 1),
        kind: str = "B",
        colors: int = 1,
        out_block: int | None = None,
        context_features: int = 0,
    ):
        super().__init__()
        self.reach = kernel[1] // 2  # columns seen on either side
        self.remembers = kernel != (1, 1)
        out_colors = feature_colors(out_features, colors, out_block)
        mask = causal_mask(kind, out_colors, feature_colors(in_features, colors), *kernel)
        self.register_buffer("mask", mask, persistent=False)
        self.weight = nn.Parameter(torch.empty(out_features, in_features, *kernel))
        self.bias = nn.Parameter(torch.zeros(out_features))
        # Each output's own fan-in: what its mask leaves of the kernel.
        bound = 1 / mask.flatten(1).sum(1).clamp(min=1).sqrt()
        nn.init.uniform_(self.weight, -1, 1)
        self.weight.data *= bound[:, None, None, None]
        self.project = (
            nn.Conv2d(context_features, out_features, 1, bias=False) if context_features else None
        )

    def forward(self, x: Features, context: Context | None = None) -> Output:
        weight = self.weight * self.mask
        features_first = x.permute(1, 2, 3, 0).is_contiguous()  # as the scans leave a map
        if weight.shape[2] == 1 and (features_first or self.reach):
            taps = (
                weight[:, :, 0, : self.reach + 1].flip(-1).permute(2, 0, 1)
            )  # without the masked ones
            y = row_product(x, taps, self.bias)
        else:
            rows_above = weight.shape[2] - 1
            # Zero rows below as well as above, then the surplus cut off: cheaper than padding the top alone by a copy.
            y = F.conv2d(x, weight, self.bias, padding=(rows_above, self.reach))[:, :, : x.shape[2]]
        return y if self.project is None else y + self.project(context)

    def init_state(self, batch: int, width: int, context: Context | None = None) -> ConvState:
        weight = self.weight * self.mask
        out_features, in_features, height, _ = weight.shape
        left = weight[:, :, -1, : self.reach + 1].permute(2, 1, 0).reshape(-1, out_features)
        return ConvState(
            rows=weight.new_zeros(batch, height if self.remembers else 0, width, in_features),
            from_above=self.bias.expand(1, width, -1),
            above=weight[:, :, :-1],
            left=left.contiguous(),
            bias=self.bias,
            context=None if self.project is None else self.project(context).permute(0, 2, 3, 1),
        )

    def start_row(self, state: ConvState, i: int) -> None:
        if state.above.shape[2]:
            state.rows[:, :-1] = state.rows[:, 1:].clone()
            above = state.rows[:, :-1].permute(0, 3, 1, 2)
            row = F.conv2d(above, state.above, state.bias, padding=(0, self.reach))
            state.from_above = row[:, :, 0].transpose(1, 2)
        if state.context is not None:
            base = state.from_above if state.above.shape[2] else state.bias
            state.from_above = base + state.context[:, i]

    def step(self, x: Pixel, state: ConvState, i: int, j: int) -> PixelOutput:
        if not self.remembers:
            return torch.addmm(state.from_above[:, j], x, state.left)
        state.rows[:, -1, j] = x
        # Pixels left of the image are zero: leave out their part of the kernel.
        first = max(0, j - self.reach)
        missing = (self.reach - (j - first)) * x.shape[1]
        seen = state.rows[:, -1, first : j + 1].flatten(1)
        return torch.addmm(state.from_above[:, j], seen, state.left[missing:])

    def write(self, x: Pixel, state: ConvState, i: int, j: int) -> None:
        if self.remembers:
            state.rows[:, -1, j] = x

    def extra_repr(self) -> str:
        out_features, in_features, rows, columns = self.weight.shape
        return f"{in_features} -> {out_features}, kernel={rows}x{columns}"
