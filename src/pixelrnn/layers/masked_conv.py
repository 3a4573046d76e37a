"""Masked convolution (section 3.4, figure 2): PixelCNN's layer, and what feeds both LSTMs.

`weight * mask`, where the mask follows raster order between pixels and R, G, B order within one
(`ops/masks.py`). A step splits the kernel: the rows above are convolved once a row, the current row
is one small product a pixel.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from pixelrnn.errors import InputError
from pixelrnn.layers.raster import RasterLayer
from pixelrnn.ops.masks import causal_mask, feature_colors
from pixelrnn.ops.products import features_first, row_product
from pixelrnn.types import Context, Features, Float, Output, Pixel, PixelOutput, Tensor


@dataclass
class ConvState:
    """What a masked convolution remembers while it steps; features last."""

    # The last rows of the input, the current one in [:, -1]; empty for a 1x1 kernel.
    rows: Float[Tensor, "b r w f"]
    # Bias, context and the rows above, for the current row.
    from_above: Float[Tensor, "b w g"] | Float[Tensor, "1 w g"]
    above: Float[Tensor, "g f r_above k"]  # the kernel's part above the current row
    left: Float[Tensor, "q g"]  # its part in the current row, the current pixel's features last
    bias: Float[Tensor, " g"]
    context: Float[Tensor, "b h w g"] | None


class MaskedConv(RasterLayer):
    """Convolve with mask "A" or "B" over `kernel` = (rows, columns).

    The kernel's last row is the current pixel's. `out_block`: features of one gate where the output
    is a stack of gates (its colors are counted within a block). `context_features`: a conditioning
    map `(b e h w)` is added through a 1x1 unmasked projection (section 3.6); InputError without it.
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
        with torch.no_grad():
            self.weight.mul_(bound[:, None, None, None])
        self.project = (
            nn.Conv2d(context_features, out_features, 1, bias=False) if context_features else None
        )

    def forward(self, x: Features, context: Context | None = None) -> Output:
        weight = self.weight * self.mask
        if weight.shape[2] == 1 and (features_first(x) or self.reach):
            seen = weight[:, :, 0, : self.reach + 1]  # (g f k), the rest is masked
            y = row_product(x, seen.flip(-1).permute(2, 0, 1), self.bias)
        else:
            rows_above = weight.shape[2] - 1
            # Zero rows below as well as above, then the surplus cut off: cheaper than padding the
            # top alone by a copy.
            y = F.conv2d(x, weight, self.bias, padding=(rows_above, self.reach))[:, :, : x.shape[2]]
        projected = self._projected(context)
        return y if projected is None else y + projected

    def _projected(self, context: Context | None) -> Output | None:
        """Return what the context adds to the output; None for an unconditional layer."""
        if self.project is None:
            return None
        features = self.project.in_channels
        if context is None or context.shape[1] != features:
            given = "none" if context is None else tuple(context.shape)
            raise InputError(
                f"the network is conditional: its context is (n, {features}, h, w), not {given}"
            )
        return self.project(context)

    def init_state(self, batch: int, width: int, context: Context | None = None) -> ConvState:
        weight = self.weight * self.mask
        out_features, in_features, height, _ = weight.shape
        left = weight[:, :, -1, : self.reach + 1].permute(2, 1, 0).reshape(-1, out_features)
        projected = self._projected(context)
        return ConvState(
            rows=weight.new_zeros(batch, height if self.remembers else 0, width, in_features),
            from_above=self.bias.expand(1, width, -1),
            above=weight[:, :, :-1],
            left=left.contiguous(),
            bias=self.bias,
            context=None if projected is None else projected.permute(0, 2, 3, 1),
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
